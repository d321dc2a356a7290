"""One rotation: look, ask `plan` for the next step, perform it, look again.

Law 1: no rule lives here. Every create and every delete is one that the plan of this very turn asked for.
Law 2: a turn runs under the server's lock, from its list to the answer of its last write; a wait never does.
Law 3: after everything that took time, the next step is planned from a fresh list.
Law 4: what a killed rotation left is found in the list by its name; nothing else has to survive.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog
from structlog.contextvars import bound_contextvars

from rotator import endings, naming, notices
from rotator.api import Patience, counting
from rotator.census import Judgement, Reasons, View, sort_into_buckets, take_census
from rotator.endings import Ending
from rotator.errors import BadRequest, LockHeld, RotatorError, ServerRestoring
from rotator.hands import Hands
from rotator.lock import Room
from rotator.models import Mode, Outcome, Pair, Problem, Snapshot, State
from rotator.office import Office
from rotator.plan import Plan, Step, plan
from rotator.progress import Progress
from rotator.report import Created, Report, problem_of
from rotator.sight import Sight
from rotator.surround import Surround
from rotator.waiting import wait_for

log = structlog.stdlib.get_logger()


@dataclass(slots=True)
class Rotation:
    """One pass over one pair for one slot. `progress` is what earlier passes of the slot did, `on_begun` is
    called, maybe more than once, when it has had a turn or waits for another one of its server."""

    office: Office
    pair: Pair
    progress: Progress
    on_begun: Callable[[], None] = lambda: None
    patience: Patience = field(default_factory=Patience)
    around: Surround = field(init=False)
    first: Plan | None = None
    first_view: View | None = None
    last: Plan | None = None
    mode: Mode | None = None
    created: Snapshot | None = None
    attended: bool = False
    overtaken: bool = False
    awaited: str | None = None
    writing: bool = False
    leaving: bool = False
    deleted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    places: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.around = Surround(self.office, self.pair, self.slot)

    @property
    def slot(self) -> datetime:
        """The slot that this rotation is for."""
        return self.progress.slot

    async def run(self) -> Report:
        """Go through with it. Never raises but for cancellation; what went wrong stands in the report."""
        server, policy = self.pair.server, self.pair.policy
        facts = {"server_id": server.id, "server": server.label, "policy": policy.name}
        ids = {"slot": naming.slot_text(self.slot), "rotation_id": uuid.uuid4().hex[:12]}
        queue = self.office.queue(server)
        if queue.locked():
            self.on_begun()  # it waits for its own server, maybe for long: no other server may wait for that
        with bound_contextvars(**facts, **ids):
            async with queue:
                return await self._report()

    def leave(self) -> bool:
        """Go no further than the end of the present turn, if there is one. False: there is none to wait for.

        A rotation that leaves ends as if it had been cancelled; the next start takes it up from the list.
        """
        self.leaving = True
        return self.around.leave() or self.writing

    async def _report(self) -> Report:
        began = self.office.clock.monotonic()
        log.info("rotation.started")
        self.office.spectator.started(self.pair)
        with counting() as counter:
            ending = await self._until_the_end()
        seconds = self.office.clock.monotonic() - began
        report = replace(self._result(ending), api_calls=counter.calls, seconds=seconds)
        notices.finished(report)
        self.office.spectator.finished(report)
        return report

    async def _until_the_end(self) -> Ending:
        ending = None
        try:
            ending = await self._turn_by_turn()
        except (LockHeld, ServerRestoring) as busy:
            ending = Ending(Outcome.BUSY, problem_of(busy))
        except RotatorError as error:
            ending = Ending(Outcome.FAILED, problem_of(error))
        except Exception as error:
            # A defect of ours met on one server must not stop the others; the traceback says where it is.
            log.exception("rotation.failed", error="bad_answer")
            ending = endings.unforeseen(error)
        finally:
            await self.around.after(ending.outcome if ending else None)
        return ending

    async def _turn_by_turn(self) -> Ending:
        """Turns and waits until it ends; the turn that creates has the hooks around it."""
        while True:
            next_up = await self._take_turn()
            if next_up is None and not self.leaving:
                async with self.around.create():
                    next_up = await self._take_turn()
            if isinstance(next_up, Ending):
                return next_up
            if self.leaving:
                raise asyncio.CancelledError
            if next_up is not None:
                await self._wait(next_up)

    # --- a turn: under the lock -----------------------------------------------------------------------

    async def _take_turn(self) -> Ending | Snapshot | None:
        office = self.office
        async with office.turn(self.pair.server) as held:
            self.writing = True
            self.on_begun()
            try:
                return await self._turn(Hands.of(office, self.pair, held))
            finally:
                self.writing = False

    async def _turn(self, hands: Hands) -> Ending | Snapshot | None:
        """Steps, until there is something to wait for, or nothing left. None: hooks come first."""
        sight = await hands.settling.look()
        self.progress = self.progress.recalled(hands.deletion.room_made(self._name))
        self.patience.spent += sight.failing
        while True:
            planned = self._planned(self._view(sight))
            if self.attended and planned.outcome in {Outcome.ROTATED, Outcome.CAP_REACHED}:
                made = self.created is not None
                return endings.came_to_nothing(planned, self._name, made=made, overtaken=self.overtaken)
            if self.around.comes_before(planned):
                return None
            if planned.step is Step.CLEAR:
                failure = await self._delete_all(hands, planned, before_create=True)
                if failure is not None:
                    return Ending(Outcome.FAILED, failure)
                sight = self.office.inventory.overlaid(self.pair.server, sight)
            elif planned.step is Step.CREATE:
                return await self._create(hands)
            elif planned.step is Step.WAIT and planned.awaited is not None:
                return planned.awaited
            else:
                return await self._finish(hands, planned)

    def _view(self, sight: Sight) -> View:
        """The sight as the pure core wants it; a row of ours that names no server makes the list unsure."""
        stray = f"a row without a server bears the name {self._name}" if self._name in sight.strays else None
        view = View(
            pair=self.pair,
            snapshots=sight.snapshots,
            now=self.office.clock.now(),
            unsure=sight.unsure or stray,
            skew=sight.skew,
        )
        notices.oddities(self.office, view)
        notices.strays(self.office, sight.strays)
        return view

    def _planned(self, view: View) -> Plan:
        planned = plan(view, self.progress)
        if self.first is None:
            self.first, self.first_view = planned, view
        if planned.step in {Step.CLEAR, Step.CREATE, Step.STOP}:
            self.progress = self.progress.planned(planned.room_needed)
        self.mode = self.mode or planned.mode
        self.last = planned
        census = take_census(view)
        self.places = {item.key for item in census.items}
        self.overtaken = any(item.slot > self.slot for item in census.own_ready)
        return planned

    async def _create(self, hands: Hands) -> Ending | Snapshot:
        described = naming.description(self.pair.server, self.pair.policy)
        try:
            self.created = await hands.creation.ask(self._name, described, self.patience)
        except BadRequest as refused:
            made_room = bool(self.deleted) or self.progress.room_deleted > 0
            return endings.refused(refused, self.pair.server, made_room=made_room)
        self.patience = Patience()
        self.places.add(self.created.key)
        if self.created.name != self._name:
            message = (
                f"asked for {self._name}, the provider made {self.created.name}: no rotation would know it"
            )
            return Ending(Outcome.FAILED, Problem("bad_answer", message))
        return self.created

    async def _finish(self, hands: Hands, planned: Plan) -> Ending:
        """The last step: prune, or stop where nothing more can be done, and nothing is to be deleted."""
        failure = await self._delete_all(hands, planned, before_create=False)
        notices.held_back(planned)
        rotated = self.created is not None and planned.outcome is Outcome.PRUNED
        outcome = Outcome.ROTATED if rotated else planned.outcome
        return Ending(outcome, planned.problem or failure)

    # --- deletes --------------------------------------------------------------------------------------

    async def _delete_all(self, hands: Hands, planned: Plan, *, before_create: bool) -> Problem | None:
        """Delete what the plan names, in its order; ahead of a create the first failure ends it."""
        failure = None
        for snapshot in planned.now:
            reasons = planned.judgement.doomed[snapshot.key]
            problem = await self._delete(hands, snapshot, reasons, before_create)
            failure = failure or problem
            if problem is not None and (before_create or problem.passing):
                break
        return failure

    async def _delete(
        self, hands: Hands, snapshot: Snapshot, reasons: tuple[str, ...], before_create: bool
    ) -> Problem | None:
        """Delete one; a ready one is counted as spent before anything is known of the answer."""
        room = None
        if snapshot.state is State.READY:
            self.progress = self.progress.deleted_ready(before_create=before_create, key=snapshot.key)
            room = Room(self._name, self.progress.room_limit or 0) if before_create else None
        problem = await hands.deletion.delete(snapshot, reasons, self.patience, room)
        if problem is None:
            self.patience = Patience()
            self.deleted[snapshot.key] = reasons
            self.places.discard(snapshot.key)
        return problem

    # --- waiting, and the end -------------------------------------------------------------------------

    async def _wait(self, awaited: Snapshot) -> None:
        """Wait outside the lock; what came of it is for the next turn's plan to judge."""
        own = awaited.name == self._name
        made_now = self.created is not None and awaited.key == self.created.key
        again = awaited.key == self.awaited  # two lists disagree about it: no reason to ask without a pause
        fresh = made_now or again
        if not fresh:
            log.info("rotation.resumed", snapshot=awaited.name, snapshot_id=awaited.id)
        self.attended = self.attended or own
        self.awaited = awaited.key
        if not await wait_for(self.office, self.pair, awaited, fresh=fresh):
            self.progress = self.progress.gave_up_on(awaited.key)

    @property
    def _name(self) -> str:
        return naming.snapshot_name(self.pair.server, self.pair.policy, self.slot)

    def _result(self, ending: Ending) -> Report:
        """The first plan's list, sorted by what really became of it."""
        made = self.created
        report = Report(
            pair=self.pair,
            slot=self.slot,
            outcome=ending.outcome,
            problem=ending.problem,
            mode=self.mode,
            created=Created(made.id, made.name) if made is not None else None,
            cap=self.pair.server.cap,
            server_id=self.office.inventory.id_of(self.pair.server),
        )
        if self.first is None or self.first_view is None or self.last is None:
            return report
        free_after = max(0, self.pair.server.cap - len(self.places))
        buckets = sort_into_buckets(take_census(self.first_view), self._judgement(self.last.judgement))
        return replace(report, buckets=buckets, free_before=self.first.free_before, free_after=free_after)

    def _judgement(self, last: Judgement) -> Judgement:
        """What was doomed and still stands was deferred, whatever stopped it."""
        left: Reasons = {key: ("deferred",) for key in last.doomed if key not in self.deleted}
        return Judgement(doomed=self.deleted, deferred={**last.deferred, **left}, kept=last.kept)
