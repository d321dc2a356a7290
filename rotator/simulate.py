"""The real plan over a virtual future: what a server's policies will make and delete, all of them together.

Law 1: nothing is decided here. Every rotation is `plan` on what the ones before it left, with the server's
       own cap, floors and limits; what it would do is done, on a copy.
Law 2: the future is kind. A snapshot is ready the moment that it is asked for, nobody else touches the
       server, and what is being made when the future begins turns out well, unless it is stuck already.
Law 3: the daemon runs all the time: each slot comes when it is due, splay included, policies that fall due
       together go in the server's order, and what can pass is tried again as the daemon does it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rotator import cron, foresight, naming
from rotator.census import View
from rotator.due import RETRY_AFTER, RETRY_FOR
from rotator.models import Outcome, Pair, Problem, Server, Snapshot, State, Verdict
from rotator.plan import Plan, plan
from rotator.progress import Progress


@dataclass(frozen=True, slots=True)
class Turn:
    """One rotation of the future. `deleted` in the order of deleting, each with its reasons."""

    at: datetime
    pair: Pair
    slot: datetime
    outcome: Outcome
    created: Snapshot | None = None
    deleted: tuple[Verdict, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Future:
    """A server from `start` to `end`: what stood there at first, and every rotation in its order."""

    server: Server
    start: datetime
    end: datetime
    seed: tuple[Snapshot, ...]
    turns: tuple[Turn, ...]

    @property
    def broken(self) -> tuple[Turn, ...]:
        """The last try of each slot that did not get its snapshot."""
        last = {(turn.pair.key, turn.slot): turn for turn in self.turns}
        return tuple(turn for turn in last.values() if turn.problem is not None)


@dataclass(frozen=True, slots=True)
class Life:
    """How long one snapshot stands there. `policy` None: it is foreign; `ends` None: beyond the future's end.

    `ended_by` is the rotation that deletes it, `why` its reasons for that.
    """

    snapshot: Snapshot
    policy: str | None
    begins: datetime
    ends: datetime | None = None
    ended_by: Turn | None = None
    why: tuple[str, ...] = ()

    @property
    def foreseen(self) -> bool:
        """Whether it does not exist yet."""
        return self.snapshot.status == foresight.FORESEEN

    def stands(self, at: datetime) -> bool:
        """Whether it is there at that moment, the rotations of that very moment done."""
        return self.begins <= at and (self.ends is None or at < self.ends)


def simulate(server: Server, start: datetime, end: datetime, seed: tuple[Snapshot, ...] = ()) -> Future:
    """Let every enabled policy of the server rotate at each of its slots after `start`, up to `end`.

    `seed` is what stands on the server at `start`, from a list that can be trusted; empty for a new server.
    """
    stock = tuple(_turned_out_well(server, snapshot, start) for snapshot in seed)
    turns = []
    agenda = _Agenda(server, start)
    while agenda.next_at is not None and agenda.next_at <= end:
        task = agenda.pop()
        view = View(Pair(server, task.pair.policy), stock, task.at)
        made = plan(view, task.progress)
        stock = foresight.after(view, made, task.progress.slot).snapshots
        turns.append(_turn(task, made, stock))
        agenda.again(task, made)
    return Future(server, start, end, tuple(seed), tuple(turns))


def lives(future: Future) -> tuple[Life, ...]:
    """Every snapshot that stands on the server at some time, in the order in which they began."""
    found = {s.key: Life(s, _policy(future.server, s), s.created_at) for s in future.seed}
    for turn in future.turns:
        for verdict in turn.deleted:
            key = verdict.snapshot.key
            found[key] = replace(found[key], ends=turn.at, ended_by=turn, why=verdict.reasons)
        if turn.created is not None:
            found[turn.created.key] = Life(turn.created, turn.pair.policy.name, turn.at)
    return tuple(sorted(found.values(), key=lambda life: (life.begins, life.snapshot.key)))


# --- what comes when ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class _Task:
    """A rotation that is to come. Ordered by time, then by the server's order of policies."""

    at: datetime
    rank: int
    pair: Pair = field(compare=False)
    progress: Progress = field(compare=False)
    began: datetime = field(compare=False)
    tries: int = field(compare=False, default=0)


class _Agenda:
    """The slots of all policies, and the next tries of what did not succeed, in the order of their times."""

    def __init__(self, server: Server, start: datetime) -> None:
        self._tasks: list[_Task] = []
        self._coming: list[Iterator[_Task]] = []
        self._next_slot: dict[int, datetime | None] = {}
        for policy in server.enabled:
            self._coming.append(_tasks(Pair(server, policy), len(self._coming), start))
            self._slot_after(len(self._coming) - 1)

    @property
    def next_at(self) -> datetime | None:
        """When the next rotation is; None if there is none any more."""
        return self._tasks[0].at if self._tasks else None

    def pop(self) -> _Task:
        """Take the next rotation; a slot's successor takes its place."""
        task = heapq.heappop(self._tasks)
        if task.tries == 0:
            self._slot_after(task.rank)
        return task

    def again(self, task: _Task, made: Plan) -> None:
        """Try it again as the daemon would, unless the next slot comes first."""
        if made.problem is None or not made.problem.passing:
            return
        pause = RETRY_AFTER[min(task.tries, len(RETRY_AFTER) - 1)]
        at, following = task.at + pause, self._next_slot[task.rank]
        if at - task.began <= RETRY_FOR and (following is None or at < following):
            progress = _spent(task.progress, made).next_try()
            heapq.heappush(self._tasks, replace(task, at=at, progress=progress, tries=task.tries + 1))

    def _slot_after(self, rank: int) -> None:
        task = next(self._coming[rank], None)
        self._next_slot[rank] = task.at if task is not None else None
        if task is not None:
            heapq.heappush(self._tasks, task)


def _tasks(pair: Pair, rank: int, start: datetime) -> Iterator[_Task]:
    """The pair's slots that begin after `start`, splay included."""
    policy = pair.policy
    offset = cron.splay_offset(pair.server.key, policy.splay)
    for slot in cron.slots(policy.schedule, policy.zone, start - offset):
        yield _Task(slot + offset, rank, pair, Progress(slot), slot + offset)


def _spent(progress: Progress, made: Plan) -> Progress:
    """What the slot has used up of what it may delete before its create."""
    progress = progress.planned(made.room_needed)
    for snapshot in (s for s in made.now if s.state is State.READY):
        progress = progress.deleted_ready(before_create=True, key=snapshot.key)
    return progress


# --- what comes of it -----------------------------------------------------------------------------


def _turn(task: _Task, made: Plan, stock: tuple[Snapshot, ...]) -> Turn:
    return Turn(
        at=task.at,
        pair=task.pair,
        slot=task.progress.slot,
        outcome=made.outcome,
        created=stock[-1] if made.outcome is Outcome.ROTATED else None,
        deleted=made.buckets.deleted,
        problem=made.problem,
    )


def _turned_out_well(server: Server, snapshot: Snapshot, start: datetime) -> Snapshot:
    """The snapshot as it will be once it is done; one that hangs already stays as it is."""
    patience = max((p.wait.timeout for p in server.policies), default=timedelta(0))
    if snapshot.state is State.IN_PROGRESS and start - snapshot.created_at <= patience:
        return replace(snapshot, state=State.READY)
    return snapshot


def _policy(server: Server, snapshot: Snapshot) -> str | None:
    owner = naming.owner(server, snapshot.name, snapshot.created_at)
    return owner.policy.name if owner is not None else None
