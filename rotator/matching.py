"""Which servers of the account the `match` entries stand for.

Law 1: an entry with an id wins over every match, and of two matches the first.
Law 2: a name fits as shells have it, case and all.
Law 3: the provider has two kinds of ids, numbers and UUIDs. A server that is shown by the other kind than its
       own entry's is known by its name: it would be rotated twice otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from rotator.models import Server, ServerInfo
from rotator.settings import ConfigWarning, Match, Settings

IDLE = "match_fits_nothing"
"""The code of a warning that a match stands for nobody: a slip in the glob, mostly."""


def resolved(settings: Settings, account: Iterable[ServerInfo]) -> Settings:
    """The settings with the servers that their matches stand for, after those with an entry of their own."""
    if not settings.matches:
        return settings
    entries, shown = _Entries(settings.servers), tuple(account)
    found = {
        str(info.id): _server(info, match)
        for info in shown
        if not entries.have(info) and (match := _first(info, settings.matches))
    }
    servers = (*settings.servers, *found.values())
    return replace(settings, servers=servers, warnings=(*settings.warnings, *idle(settings, shown)))


def idle(settings: Settings, account: Sequence[ServerInfo]) -> tuple[ConfigWarning, ...]:
    """A warning for each match that fits none of the account's servers; none where the account shows none."""
    unfit = [m for m in settings.matches if account and not any(_fits(info.name, m) for info in account)]
    return tuple(
        ConfigWarning(m.line, m.column, m.path, IDLE, f"{m.glob!r} fits no server of the account")
        for m in unfit
    )


class _Entries:
    """The entries with an id, by id and by name."""

    def __init__(self, servers: Iterable[Server]) -> None:
        self._keys = {server.key for server in servers}
        self._names = {(server.name, server.key.isdigit()) for server in servers if server.name}

    def have(self, info: ServerInfo) -> bool:
        key = str(info.id)
        return key in self._keys or (info.name, not key.isdigit()) in self._names


def _first(info: ServerInfo, matches: Iterable[Match]) -> Match | None:
    return next((match for match in matches if _fits(info.name, match)), None)


def _fits(name: str, match: Match) -> bool:
    return fnmatchcase(name, match.glob) and not any(fnmatchcase(name, glob) for glob in match.exclude)


def _server(info: ServerInfo, match: Match) -> Server:
    return Server(info.id, match.policies, name=info.name or None, protect=match.protect, cap=match.cap)
