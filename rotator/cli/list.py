"""`rotator list`: what stands on the servers, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import click

from rotator import naming
from rotator.cli import exits, output, rollcall
from rotator.cli.age import age
from rotator.cli.complaints import Ended, fault_json
from rotator.cli.exits import Exit
from rotator.cli.invocation import Invocation, invocation, json_option, shared_options
from rotator.cli.selection import select_servers, server_option
from rotator.cli.signals import run_to_end
from rotator.cli.wiring import looking
from rotator.errors import ApiError, Fault
from rotator.models import FUTURE_TOLERANCE, Kind, Problem, Server, Snapshot, State, Verdict
from rotator.naming import Owner
from rotator.redact import printable
from rotator.report import snapshot_json
from rotator.settings import Settings
from rotator.showing import show
from rotator.sight import Sight

HEAD = ("SNAPSHOT", "KIND", "POLICY", "SLOT", "AGE", "SIZE", "STATE", "ID")

COLOURS: Mapping[State, str] = {
    State.READY: "green",
    State.IN_PROGRESS: "blue",
    State.FAILED: "red",
    State.UNKNOWN: "yellow",
}


KIND_COLOURS: Mapping[Kind, str] = {Kind.FOREIGN: "cyan", Kind.ORPHAN: "yellow"}


@dataclass(frozen=True, slots=True)
class Row:
    """One snapshot and whose it is."""

    server: Server
    snapshot: Snapshot
    owner: Owner | None
    kind: Kind
    reasons: tuple[str, ...]

    @property
    def well(self) -> bool:
        """Nobody has to look at it."""
        at_work = self.snapshot.state in (State.READY, State.IN_PROGRESS)
        return at_work and self.kind is not Kind.ORPHAN and "future" not in self.reasons


@click.command("list")
@server_option
@json_option
@shared_options
def command(*, servers: tuple[str, ...], as_json: bool) -> int:
    """List the snapshots of the configured servers.

    managed: made by one of the server's policies, or adopted. foreign: anybody else's, never deleted by a
    rotation. orphan: foreign, but named as rotator names its own: what a renamed policy leaves behind.

    --quiet leaves servers that cannot be listed, orphans, and what failed, is dated in the future or is in a
    state that nobody documented.
    """
    asked = invocation()
    written = asked.settings()
    asked.log_for(written)
    settings = rollcall.everybody(asked, written, servers)
    chosen = select_servers(settings, servers)
    sights = run_to_end(look(asked, settings, chosen))
    now = asked.clock.now()
    rows = {server.key: _rows(server, sights[server.key], now) for server in chosen}
    wrong = {server.key: fault for server in chosen if (fault := _wrong(sights[server.key])) is not None}
    if as_json:
        output.say_json(_document(rows, wrong))
    else:
        shown = {
            key: [row for row in listed if not (asked.quiet and row.well)] for key, listed in rows.items()
        }
        unwell = [server for server in chosen if server.key in wrong or shown[server.key]]
        taken = {key: len(listed) for key, listed in rows.items()}
        output.say(*_lines(unwell if asked.quiet else chosen, shown, taken, wrong, now))
    return Exit.FAILED if wrong else Exit.OK


def _wrong(sight: Sight) -> Problem | None:
    """Why what is shown of a server is not all, or nothing."""
    if sight.missing:
        return Problem("not_found", "the account has no server with this id")
    return None if sight.unsure is None else Problem("list_unsure", sight.unsure)


async def look(asked: Invocation, settings: Settings, servers: Sequence[Server]) -> dict[str, Sight]:
    """The servers by their ids' texts. Raises Ended where the account cannot be looked at."""
    async with looking(asked, settings) as account:
        try:
            return await show(account.office, servers)
        except ApiError as error:
            raise Ended(error, exits.of_error(error, answered=account.answered)) from None


def _rows(server: Server, sight: Sight, now: datetime) -> list[Row]:
    """The server's snapshots, newest first."""
    newest_first = sorted(sight.snapshots, key=lambda s: (s.created_at, s.key), reverse=True)
    return [row_of(server, snapshot, now) for snapshot in newest_first]


def row_of(server: Server, snapshot: Snapshot, now: datetime) -> Row:
    """One snapshot of that server, and whose it is."""
    name, created_at = snapshot.name, snapshot.created_at
    owner = naming.owner(server, name, created_at)
    latest = max(created_at, owner.slot if owner else created_at)
    marks = {
        "future": latest > now + FUTURE_TOLERANCE,
        "protected": naming.is_protected(server, name),
        "adopted": owner is not None and owner.adopted,
    }
    reasons = tuple(mark for mark, applies in marks.items() if applies)
    return Row(server, snapshot, owner, naming.kind(server, name, created_at), reasons)


def _document(rows: Mapping[str, Sequence[Row]], wrong: Mapping[str, Problem]) -> dict[str, object]:
    """The contract's document; what is wrong with a server stands among its errors."""
    document: dict[str, object] = {
        "version": 1,
        "ok": not wrong,
        "snapshots": [row_json(row) for listed in rows.values() for row in listed],
    }
    if wrong:
        faults = (Fault("", 0, 0, "", f"server {key}: {it.message}", it.code) for key, it in wrong.items())
        document["errors"] = [fault_json(fault) for fault in faults]
    return document


def row_json(row: Row) -> dict[str, object]:
    """One entry of the contract's document."""
    return {
        **snapshot_json(Verdict(row.snapshot, row.reasons)),
        "server_id": row.snapshot.server_id,
        "server": row.server.label,
        "policy": row.owner.policy.name if row.owner else None,
        "kind": row.kind.value,
        "size_mb": row.snapshot.size_mb,
        "description": row.snapshot.description,
    }


def _lines(
    servers: Sequence[Server],
    rows: Mapping[str, Sequence[Row]],
    taken: Mapping[str, int],
    wrong: Mapping[str, Problem],
    now: datetime,
) -> Iterator[str]:
    """A table for each server; `taken`: how many of its places are, shown or not."""
    for server in servers:
        listed, problem = rows[server.key], wrong.get(server.key)
        label = click.style(printable(server.label), bold=True)
        yield f"{label}  {taken[server.key]} of {output.counted(server.cap, 'place')} taken"
        if problem is not None:
            yield f"  {click.style(problem.code, fg='red')}: {printable(problem.message)}"
        if listed:
            yield from output.columns([HEAD, *(_cells(row, now) for row in listed)], indent="  ")
        for row in listed:
            if row.kind is Kind.ORPHAN:
                yield (
                    f"  {row.snapshot.name} is an orphan: a policy takes it over with  "
                    + naming.adopt_line(row.snapshot.name)
                )


def _cells(row: Row, now: datetime) -> Sequence[str]:
    snapshot, owner = row.snapshot, row.owner
    return (
        printable(snapshot.name),
        click.style(row.kind.value, fg=KIND_COLOURS.get(row.kind)),
        owner.policy.name if owner else "",
        naming.slot_text(owner.slot) if owner and not owner.adopted else "",
        age(snapshot.created_at, now),
        f"{snapshot.size_mb:g} MB" if snapshot.size_mb is not None else "",
        click.style(printable(snapshot.status), fg=COLOURS[snapshot.state]),
        printable(snapshot.key),
    )
