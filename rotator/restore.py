"""Overwrite a server with one of its snapshots, asked for once, with a way back if that is wanted.

Law 1: the request is never repeated. An answer that was lost means that the restore may have begun.
Law 2: the safety snapshot is ready before the restore is asked for, and its room never costs the one that is
       to be restored (see `room`).
Law 3: a note beside the lock tells of the restore before its safety snapshot is asked for, and before it goes
       out itself: no rotation of the server starts from this host until it is over (see `restoring`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

import structlog

from rotator import naming
from rotator.api import Patience
from rotator.byhand import Refused, Turn, ready, turn
from rotator.census import take_census
from rotator.errors import AnswerLost, ApiError, LockHeld, LockUnusable
from rotator.lock import RestoreNote
from rotator.models import RESTORING, Pair, Problem, Snapshot, State, Verdict
from rotator.office import Office
from rotator.restoring import BEGINS_WITHIN
from rotator.room import make_room
from rotator.waiting import wait_for

log = structlog.stdlib.get_logger()

SAFETY_DESCRIPTION = "taken before a restore by rotator"

PREPARES_AND_SOME = timedelta(minutes=5)
"""For how much longer than its wait for the safety snapshot a prepared restore keeps rotations away."""

SAME_MOMENT = timedelta(seconds=2)
"""By how much the provider's clock may be behind ours where a snapshot was made after the note of it."""

SILENT_AT_MOST = 3
"""So often in a row the server's state may not be told before nobody waits for it any more."""


class Phase(StrEnum):
    """How far it came. MAYBE_BEGUN: the answer was lost."""

    NOT_BEGUN = "not_begun"
    MAYBE_BEGUN = "maybe_begun"
    BEGUN = "begun"
    DONE = "done"


@dataclass(slots=True)
class Restore:
    """One restore of `target`. Whatever it raises, its fields tell what was done until then.

    `safety` is the safety snapshot, `deleted` what made room for it.
    """

    office: Office
    pair: Pair
    target: Snapshot
    safety: Snapshot | None = None
    deleted: list[Verdict] = field(default_factory=list)
    phase: Phase = Phase.NOT_BEGUN
    noted: RestoreNote | None = None

    async def save(self) -> None:
        """Take the safety snapshot and wait until it is ready; rotations keep away from then on.

        Raises Refused where it cannot be had, and as `byhand.turn` does; the restore must not begin then.
        """
        async with self._called_off_on_failure():
            waited_out: set[str] = set()
            while self.safety is None:
                async with turn(self.office, self.pair) as now:
                    self._still_there(now)
                    left = now.held.restore_note()
                    self._note(now, prepares=self.pair.policy.wait.timeout + PREPARES_AND_SOME)
                    awaited = _moving(now, waited_out)
                    if awaited is None:
                        self.safety = await self._ask(now)
                    elif self._is_ours(awaited, left):
                        self.safety = awaited
                if self.safety is not None or awaited is None:
                    break
                if not await wait_for(self.office, self.pair, awaited, fresh=False):
                    waited_out.add(awaited.key)
            if self.safety is None:
                raise AssertionError("the loop ends with a safety snapshot, or raises")
            self.safety = await ready(self.office, self.pair, self.safety)

    async def begin(self) -> None:
        """Ask for the restore, once.

        Raises AnswerLost where it may have begun; after any other error it has not.
        """
        async with self._called_off_on_failure(), turn(self.office, self.pair) as now:
            found = self._still_there(now)
            self._safety_still_there(now)
            facts = {"snapshot": found.name, "snapshot_id": found.id, "server_id": found.server_id}
            log.info("restore.requested", server=self.pair.server.label, **facts)
            self._note(now)
            self.office.states.forget()
            self.phase = Phase.MAYBE_BEGUN  # from here on whatever cuts it off leaves that open
            try:
                await self.office.provider.restore_snapshot(found.id)
            except AnswerLost:
                raise
            except ApiError:
                self.phase = Phase.NOT_BEGUN
                now.held.clear_restore()
                raise
            self.phase = Phase.BEGUN
            log.info("restore.started", server=self.pair.server.label, **facts)

    async def follow(self) -> str | None:
        """Wait until the server is not being restored any more and return its state; None: nobody tells.

        Raises Refused where that takes longer than `wait.timeout`.
        """
        clock, wait = self.office.clock, self.pair.policy.wait
        began, seen, silent = clock.monotonic(), False, 0
        await clock.sleep(wait.first.total_seconds())
        while silent < SILENT_AT_MOST:
            state = await self.office.states.of(self.pair.server)
            passed = clock.monotonic() - began
            seen = seen or state == RESTORING
            silent = silent + 1 if state is None else 0
            started = seen or passed > BEGINS_WITHIN.total_seconds()
            if started and state is not None and state != RESTORING:
                await self._is_over()
                return state
            if passed > wait.timeout.total_seconds():
                after = f"{wait.timeout.total_seconds():g} s (wait.timeout)"
                message = (
                    f"{self.pair.server.label} is still being restored after {after}: that goes on by itself"
                )
                raise Refused(Problem("server_restoring", message, passing=True))
            self.office.spectator.waiting(self.pair, self.target, passed)
            await clock.sleep(wait.interval.total_seconds())
        return None

    async def _is_over(self) -> None:
        self.phase = Phase.DONE
        self.office.states.forget()
        await self._forget()

    # --- the note -------------------------------------------------------------------------------------

    def _note(self, now: Turn, *, prepares: timedelta | None = None) -> None:
        self.noted = RestoreNote(self.target.key, self.target.name, self.office.clock.now(), prepares)
        now.held.note_restore(self.noted)

    @asynccontextmanager
    async def _called_off_on_failure(self) -> AsyncIterator[None]:
        """What was only prepared will not begin after a failure: rotations need not keep away any longer."""
        try:
            yield
        except BaseException:
            if self.noted is not None and self.noted.prepares is not None:
                with suppress(LockHeld, LockUnusable):
                    await self._forget()
            raise

    async def _forget(self) -> None:
        """Take our own note away; another restore's stays."""
        async with self.office.turn(self.pair.server, even_restoring=True) as held:
            found, ours = held.restore_note(), self.noted
            if found is None or ours is None:
                return
            # A clock that was set back since then has moved its time, never forward.
            if (found.key, found.prepares) == (ours.key, ours.prepares) and found.at <= ours.at:
                held.clear_restore()

    # --- the safety snapshot --------------------------------------------------------------------------

    def _is_ours(self, moving: Snapshot, left: RestoreNote | None) -> bool:
        """Whether it is the safety snapshot of this very restore, begun by a process that was killed."""
        if left is None or left.prepares is None or left.key != self.target.key:
            return False
        return moving.name.startswith(naming.RESERVED_PREFIX) and moving.created_at >= left.at - SAME_MOMENT

    async def _ask(self, now: Turn) -> Snapshot:
        """Make room, if there is none, and ask for it."""
        room = make_room(now.view, self.target)
        if room.problem is not None:
            raise Refused(room.problem)
        for snapshot, reason in room.goes:
            problem = await now.hands.deletion.delete(snapshot, (reason,), Patience())
            if problem is not None:
                raise Refused(problem)
            self.deleted.append(Verdict(snapshot, (reason,)))
        name = naming.RESERVED_PREFIX + naming.slot_text(now.view.now)
        return await now.hands.creation.ask(name, SAFETY_DESCRIPTION, Patience())

    # --- what must still be true ----------------------------------------------------------------------

    def _still_there(self, now: Turn) -> Snapshot:
        found = now.find(self.target.key)
        if found is None:
            raise Refused(
                Problem("not_found", f"{self.target.name} is not there any more: nothing to restore")
            )
        if found.name != self.target.name:
            message = f"{self.target.key} is now {found.name}, and was {self.target.name}"
            raise Refused(Problem("bad_request", message))
        if found.state is not State.READY:
            raise Refused(Problem("bad_request", f"{found.name} is no restore point: it is {found.status!r}"))
        return found

    def _safety_still_there(self, now: Turn) -> None:
        found = now.find(self.safety.key) if self.safety is not None else None
        if self.safety is not None and (found is None or found.state is not State.READY):
            message = f"the safety snapshot {self.safety.name} is not there any more: nothing was restored"
            raise Refused(Problem("snapshot_failed", message))


def _moving(now: Turn, waited_out: set[str]) -> Snapshot | None:
    """What is being made on the server: a create has to wait for it."""
    items = take_census(now.view).items
    return next((i.snapshot for i in items if i.moving and i.key not in waited_out), None)
