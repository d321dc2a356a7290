"""--server and --policy: which pairs are meant, and what to say where there are none of that name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

from rotator.cli import completing
from rotator.models import Pair, Server
from rotator.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

SHOWN = 20
"""How many known names a message lists; nobody reads a thousand."""


def server_option(function: F) -> F:
    """Add `--server ID`, any number of times."""
    text = "Only this server, by its id; more than once for several."
    option = click.option(
        "--server", "servers", multiple=True, metavar="ID", help=text, shell_complete=completing.servers
    )
    return option(function)


def policy_option(function: F) -> F:
    """Add `--policy NAME`, any number of times."""
    text = "Only this policy; more than once for several."
    option = click.option(
        "--policy", "policies", multiple=True, metavar="NAME", help=text, shell_complete=completing.policies
    )
    return option(function)


def select_servers(settings: Settings, ids: Sequence[str]) -> tuple[Server, ...]:
    """The servers of those ids, all of them if none is named. Raises UsageError for an unknown one."""
    known = {server.key: server for server in settings.servers}
    labels = {server.name: server.key for server in settings.servers if server.name is not None}
    for id_ in ids:
        if id_ in labels and id_ not in known:
            raise click.UsageError(f"--server takes ids: {id_} is the name of the server {labels[id_]}.")
        if id_ not in known:
            raise click.UsageError(_unknown("server", id_, known))
    return tuple(server for server in settings.servers if not ids or server.key in ids)


def select_pairs(settings: Settings, ids: Sequence[str], names: Sequence[str]) -> list[Pair]:
    """The enabled pairs of those servers and policies, in the order of the file.

    Raises UsageError for an unknown server or policy, for a policy that is disabled and yet named, and where
    no pair is left of what was named.
    """
    servers = select_servers(settings, ids)
    every = [policy for server in settings.servers for policy in server.policies]
    for name in names:
        if name not in {policy.name for policy in every}:
            raise click.UsageError(_unknown("policy", name, (policy.name for policy in every)))
        if not any(policy.enabled for policy in every if policy.name == name):
            raise click.UsageError(f"the policy {name} is disabled: set enabled: true to rotate it.")
    chosen = {server.key for server in servers}
    pairs = [pair for pair in settings.pairs if pair.server.key in chosen]
    pairs = [pair for pair in pairs if not names or pair.policy.name in names]
    if not pairs and (ids or names):
        what = " or ".join(names) if names else "an enabled policy"
        where = ", ".join(ids) if ids else "any server"
        raise click.UsageError(f"nothing is selected: there is no {what} on {where}.")
    return pairs


def _unknown(what: str, word: str, known: Iterable[str]) -> str:
    from rotator.config.spelling import closest  # noqa: PLC0415  # only where a name is wrong

    names = list(dict.fromkeys(known))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    listed = ", ".join(names[:SHOWN])
    return f"there is no {what} {word!r}{closest(word, names) or '.'} Known: {listed}{more}."
