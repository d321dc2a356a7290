"""Which servers of the account the `match` entries stand for.

Law 1: an entry with an id wins over every match, and of two matches the first.
Law 2: a name fits as shells have it, case and all.
Law 3: the provider has two kinds of ids, numbers and UUIDs. A server that is shown by the other kind than its
       own entry's is known by its name: it would be rotated twice otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase

from rotator.models import Server, ServerInfo
from rotator.settings import Match, Settings


def resolved(settings: Settings, account: Iterable[ServerInfo]) -> Settings:
    """The settings with the servers that their matches stand for, after those with an entry of their own."""
    if not settings.matches:
        return settings
    entries = _Entries(settings.servers)
    found = {
        str(info.id): _server(info, match)
        for info in account
        if not entries.have(info) and (match := _first(info, settings.matches))
    }
    return replace(settings, servers=(*settings.servers, *found.values()))


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
