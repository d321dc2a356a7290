"""`rotator restore`: overwrite a server with one of its snapshots, once somebody has said so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import click

from rotator.byhand import pair_of
from rotator.census import take_census
from rotator.cli import exits, output, rollcall, target
from rotator.cli.age import age
from rotator.cli.complaints import advise, fault_json, faults_of
from rotator.cli.handwork import perform
from rotator.cli.invocation import invocation, json_option, shared_options
from rotator.cli.selection import select_servers, server_option
from rotator.cli.signals import Interrupted
from rotator.cli.target import Target
from rotator.errors import BadRequest, RotatorError
from rotator.models import Pair, State
from rotator.office import Office
from rotator.once import view_of
from rotator.redact import printable
from rotator.report import snapshot_json
from rotator.restore import Phase, Restore
from rotator.room import Room, make_room
from rotator.settings import Settings


@dataclass(slots=True)
class Attempt:
    """What was begun, as far as it came. `state` is the server's after a wait, None where nobody told."""

    restore: Restore | None = None
    error: RotatorError | None = None
    state: str | None = None

    @property
    def phase(self) -> Phase:
        """How far it came."""
        return self.restore.phase if self.restore is not None else Phase.NOT_BEGUN


INTERRUPTED = {
    Phase.NOT_BEGUN: "interrupted; the restore was not begun, and a safety snapshot that was asked for is"
    " made all the same",
    Phase.MAYBE_BEGUN: "interrupted; the restore may have begun, and then goes on without this command: look"
    " at the server before you ask for it again",
    Phase.BEGUN: "interrupted; the restore was begun, and goes on without this command",
}
"""What is said of a restore whose command was interrupted, by how far it had come."""


@click.command("restore")
@click.argument("snapshot")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--safety-snapshot",
    "safety",
    is_flag=True,
    help="Take a snapshot of the server as it is first, and restore only once that is ready.",
)
@click.option("--wait", is_flag=True, help="Follow the server's state until the restore is over.")
@server_option
@json_option
@shared_options
def command(
    *, snapshot: str, yes: bool, safety: bool, wait: bool, servers: tuple[str, ...], as_json: bool
) -> int:
    """Overwrite a server with one of its snapshots, by its id, or by its name if only one bears it.

    Everything on the server is replaced, and it is stopped for that; it takes 5 to 15 minutes and cannot be
    undone but by another restore. A safety snapshot is offered first: it takes a free place or makes room as
    a rotation would, never at the cost of the one that is restored.

    The request is sent once and never repeated. Rotations of the server wait until the restore is over.
    """
    asked = invocation()
    if not yes and not target.can_ask():
        target.refuse_unasked(f"restore {snapshot}")
    settings = rollcall.everybody(asked, asked.settings(), servers)
    chosen = select_servers(settings, servers)
    asked.log_for(settings, level="warning")
    found = target.find(asked, settings, chosen, snapshot)
    if found.snapshot.state is not State.READY:
        raise BadRequest(f"{found.snapshot.name} is no restore point: its state is {found.snapshot.status!r}")
    if not yes:
        safety = _ask(found, settings, asked.clock.now(), safety=safety)
    attempt = Attempt()

    async def work(office: Office, pair: Pair) -> None:
        await _attempt(attempt, Restore(office, pair, found.snapshot), safety=safety, wait=wait)

    try:
        perform(asked, settings, found.server, work, as_json=as_json)
    except Interrupted as interrupted:
        interrupted.hint = INTERRUPTED.get(attempt.phase, interrupted.hint)
        interrupted.done = _document(attempt, found)
        output.say(*(() if as_json else _made(attempt)))
        raise
    if as_json:
        output.say_json(_document(attempt, found))
    else:
        _tell(attempt, found, wait=wait)
    return exits.of_error(attempt.error) if attempt.error is not None else exits.Exit.OK


async def _attempt(attempt: Attempt, restore: Restore, *, safety: bool, wait: bool) -> None:
    """Go as far as it goes; what ended it stands in the attempt."""
    attempt.restore = restore
    try:
        if safety:
            await restore.save()
        await restore.begin()
        if wait:
            attempt.state = await restore.follow()
    except RotatorError as error:
        attempt.error = error


# --- the question -------------------------------------------------------------------------------------


def _ask(found: Target, settings: Settings, now: datetime, *, safety: bool) -> bool:
    """Tell what will be lost, offer the safety snapshot, and want the server's name. True: take one first."""
    output.tell(*_loss(found, now))
    view = view_of(pair_of(found.server, settings.wait), found.sight, now)
    room, free = make_room(view, found.snapshot), take_census(view).free
    output.tell("", *_offer(room, free))
    if not safety and room.problem is None:
        safety = click.confirm("Take a safety snapshot first?", default=True, err=True)
    target.confirm(found.server, [])
    return safety


def _loss(found: Target, now: datetime) -> Iterator[str]:
    where = printable(found.server.label)
    since = age(found.snapshot.created_at, now)
    yield f"This overwrites {click.style(where, bold=True)} with"
    yield from target.described(found, now)
    lost = f"All that was written to {where} in the last {since} is lost"
    yield click.style(f"{lost}, and it is stopped while this runs (5 to 15 minutes).", fg="red")
    yield from _newer(found, now)


def _newer(found: Target, now: datetime) -> Iterator[str]:
    """What would have lost less, whosever it is."""
    made = found.snapshot.created_at
    ready = [s for s in found.sight.snapshots if s.created_at > made and s.state is State.READY]
    if ready:
        newest = max(ready, key=lambda s: s.created_at)
        are = "is" if len(ready) == 1 else "are"
        counted = f"{output.counted(len(ready), 'newer snapshot')} of it {are} ready"
        yield f"{counted}: the newest is {printable(newest.name)}, {age(newest.created_at, now)} old."


def _offer(room: Room, free: int) -> Iterator[str]:
    """What a safety snapshot would cost."""
    if room.problem is not None:
        yield f"A safety snapshot cannot be taken: {printable(room.problem.message)}"
    elif room.goes:
        names = ", ".join(f"{printable(s.name)} ({reason})" for s, reason in room.goes)
        yield f"There is no free place: a safety snapshot of the server as it is costs {names}."
    else:
        yield f"A safety snapshot of the server as it is takes one of {output.counted(free, 'free place')}."


# --- the answer ---------------------------------------------------------------------------------------


def _tell(attempt: Attempt, found: Target, *, wait: bool) -> None:
    name, where = printable(found.snapshot.name), printable(found.server.label)
    error = attempt.error
    output.say(*_made(attempt))
    told = {
        Phase.NOT_BEGUN: f"The restore was not begun: {where} is as it was.",
        Phase.MAYBE_BEGUN: f"The restore of {where} to {name} may have begun: its answer was lost, and it is"
        " not asked for again. Look at the server before you do.",
        Phase.BEGUN: f"The restore of {where} to {name} has begun; it takes 5 to 15 minutes.",
        Phase.DONE: f"The restore of {where} to {name} is over: the server is {attempt.state}.",
    }
    output.say(told[attempt.phase])
    if wait and error is None and attempt.phase is Phase.BEGUN:
        output.say("The API does not tell the server's state, so the end cannot be waited for.")
    if error is not None:
        output.tell(f"rotator: {printable(error.message)}")
        advise({error.code})


def _made(attempt: Attempt) -> Iterator[str]:
    """What became of the server's snapshots, however far the restore came."""
    if (restore := attempt.restore) is None:
        return
    for verdict in restore.deleted:
        yield f"{printable(verdict.snapshot.name)} was deleted to make room ({verdict.reasons[0]})."
    if (safety := restore.safety) is not None:
        ready = safety.state is State.READY
        kept = "The server as it was is kept in" if ready else "Not ready to go back to:"
        yield f"{kept} {safety.name} (id {safety.key})."


def _document(attempt: Attempt, found: Target) -> dict[str, object]:
    restore, error = attempt.restore, attempt.error
    safety = restore.safety if restore is not None else None
    document: dict[str, object] = {
        "version": 1,
        "ok": error is None,
        "restore": {
            "server_id": found.snapshot.server_id,
            "server": found.server.label,
            "snapshot": {"id": found.snapshot.id, "name": found.snapshot.name},
            "phase": attempt.phase.value,
            "server_state": attempt.state,
            "safety_snapshot": None if safety is None else {"id": safety.id, "name": safety.name},
            "deleted": [
                snapshot_json(verdict) for verdict in (restore.deleted if restore is not None else ())
            ],
        },
    }
    if error is not None:
        document["errors"] = [fault_json(fault) for fault in faults_of(error)]
    return document
