"""SNAPSHOT of a command line: which one is meant, what it is, and whether it is really meant."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, NoReturn

import click

from rotator import naming
from rotator.cli import exits, output
from rotator.cli.age import age
from rotator.cli.complaints import Ended
from rotator.cli.invocation import Invocation
from rotator.cli.list import Row, row_of
from rotator.cli.signals import run_to_end
from rotator.cli.wiring import looking
from rotator.errors import ApiError, ListUnsure, NotFound
from rotator.models import Kind, Server, Snapshot, State
from rotator.redact import printable
from rotator.settings import Settings
from rotator.sight import Sight

NAMED = 3
"""So many servers are named where something is on none of them."""


@dataclass(frozen=True, slots=True)
class Target:
    """The snapshot that is meant, whose it is, and what stands beside it."""

    row: Row
    sight: Sight

    @property
    def server(self) -> Server:
        """Its server."""
        return self.row.server

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot as it was seen."""
        return self.row.snapshot


def find(asked: Invocation, settings: Settings, servers: Sequence[Server], word: str) -> Target:
    """The snapshot of that id, or of that name if there is only one.

    Raises UsageError for what is ambiguous, Ended where there is none or nobody answers.
    """
    return run_to_end(_find(asked, settings, servers, word))


async def _find(asked: Invocation, settings: Settings, servers: Sequence[Server], word: str) -> Target:
    async with looking(asked, settings) as account:
        try:
            sights = await account.office.inventory.survey(servers)
            return _chosen(servers, sights, word, asked.clock.now())
        except ApiError as error:
            raise Ended(error, exits.of_error(error, answered=account.answered)) from None


def _chosen(servers: Sequence[Server], sights: Mapping[str, Sight], word: str, now: datetime) -> Target:
    rows = [row_of(server, s, now) for server in servers for s in sights[server.key].snapshots]
    meant = [row for row in rows if word in (row.snapshot.key, row.snapshot.name)]
    unsure = [f"{s.label}: {why}" for s in servers if (why := sights[s.key].unsure) is not None]
    if len(meant) > 1:
        listed = ", ".join(
            f"{row.snapshot.key} ({printable(row.snapshot.name)} on {row.server.label})" for row in meant
        )
        raise click.UsageError(f"{word} can be any of {listed}: say which by its id.")
    if unsure and (not meant or meant[0].snapshot.key != word):
        raise ListUnsure(f"a list cannot be trusted: {'; '.join(unsure)}")
    if not meant:
        raise NotFound(f"there is no snapshot {word} on {_named(servers)}")
    return Target(meant[0], sights[meant[0].server.key])


def _named(servers: Sequence[Server]) -> str:
    """Where it was looked for."""
    if len(servers) > NAMED:
        return f"the {len(servers)} servers that were looked at"
    return " and ".join(printable(server.label) for server in servers)


# --- what it is ---------------------------------------------------------------------------------------


def described(target: Target, now: datetime) -> Iterator[str]:
    """The snapshot for a person who is about to lose something."""
    snapshot = target.snapshot
    size = f", {snapshot.size_mb:g} MB" if snapshot.size_mb is not None else ""
    name = click.style(printable(snapshot.name), bold=True)
    yield f"  {name}  (id {snapshot.key}, {printable(snapshot.status)}{size})"
    created = f"{snapshot.created_at:%Y-%m-%d %H:%M:%S} UTC"
    yield f"  of {printable(target.server.label)}, created {created}, {age(snapshot.created_at, now)} ago"
    if snapshot.description:
        yield f"  {printable(snapshot.description)}"
    yield f"  {whose(target.row)}"


def whose(row: Row) -> str:
    """Whose it is, in words."""
    marked = ", protected" if naming.is_protected(row.server, row.snapshot.name) else ""
    if row.owner is not None:
        return f"managed: a restore point of the policy {row.owner.policy.name}{marked}"
    made = "foreign, though named as rotator names its own" if row.kind is Kind.ORPHAN else "foreign"
    return click.style(f"{made}: no policy of rotator made it{marked}", fg="yellow")


def is_last_of_its_policy(target: Target) -> str | None:
    """The policy that is left without a restore point if this one goes."""
    owner = target.row.owner
    if owner is None or target.snapshot.state is not State.READY:
        return None
    ready = [s for s in target.sight.snapshots if s.state is State.READY and s.key != target.snapshot.key]
    owners = (naming.owner(target.server, s.name, s.created_at) for s in ready)
    return None if any(o and o.policy.name == owner.policy.name for o in owners) else owner.policy.name


# --- is it really meant -------------------------------------------------------------------------------


def can_ask() -> bool:
    """Whether somebody is there to answer: prompts go to stderr, so that stdout stays the result's."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(server: Server, lines: Sequence[str]) -> None:
    """Tell what will be lost and want the server's name typed. Raises UsageError if it is not.

    Raises Abort at Ctrl-C and at the end of the input.
    """
    output.tell(*lines)
    typed = click.prompt(f"Type the server's name, {printable(server.label)}, to go on", err=True)
    if typed.strip() != server.label:
        raise NotMeant("that is not the server's name: nothing was changed.")


class NotMeant(click.UsageError):
    """Who was asked did not confirm: no slip in the command line, whose usage would be no help."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Only what was wrong."""
        click.echo(f"rotator: {self.format_message()}", file=file or sys.stderr)


def refuse_unasked(what: str) -> NoReturn:
    """Nobody is there to ask, and nobody said yes beforehand. Raises UsageError."""
    raise click.UsageError(f"there is no terminal to ask whether to {what}: say --yes if it is really meant.")
