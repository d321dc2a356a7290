"""A server without a provider: plans are performed on it step by step, and every act is put down.

It is as small as the promises allow: a create stands at once, waiting makes of a snapshot what the caller's
fates say, and a rotation can be killed ahead of any act. Nothing here decides anything; `plan` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from rotator import naming
from rotator.census import View
from rotator.models import Outcome, Pair, Problem, Server, Snapshot, State
from rotator.plan import Plan, Step, plan
from rotator.progress import Progress
from tests.building import WORDS, make_managed


class Fate(StrEnum):
    """What becomes of a snapshot that is waited for."""

    READY = "ready"
    FAILED = "failed"
    NOTHING = "nothing"


class Killed(Exception):
    """The process is gone; only what stands on the server is left."""


@dataclass(frozen=True, slots=True)
class Act:
    """A create, or a delete ahead of one (`clear`) or after it (`prune`), and what stood there before it."""

    kind: str
    snapshot: Snapshot
    at: datetime
    before: tuple[Snapshot, ...]


@dataclass(slots=True)
class World:
    """The server and the clock. `lives`: how many acts may happen before the process is killed."""

    server: Server
    now: datetime
    snapshots: list[Snapshot] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    lives: int | None = None
    made: int = 0

    def view(self, pair: Pair) -> View:
        """What a list shows at this moment."""
        return View(pair, tuple(self.snapshots), self.now)

    def delete(self, kind: str, snapshot: Snapshot) -> None:
        """Delete it; the provider refuses nothing."""
        self._act(kind, snapshot)
        self.snapshots = [standing for standing in self.snapshots if standing.key != snapshot.key]

    def create(self, pair: Pair, slot: datetime) -> None:
        """Begin the slot's snapshot. A create on a full server is refused by the test itself."""
        self.made += 1
        new = make_managed(pair, slot, f"made-{self.made}", state=State.IN_PROGRESS, created_at=self.now)
        self._act("create", new)
        assert len(self.snapshots) < self.server.cap
        self.snapshots.append(new)

    def wait(self, snapshot: Snapshot, fate: Fate, timeout: timedelta) -> bool:
        """Let the fate befall it in five minutes, or let the time run out; whether it came to an end."""
        self._live()
        if fate is Fate.NOTHING:
            self.now += timeout
            return False
        state = State(fate.value)
        ended = replace(snapshot, state=state, status=WORDS[state], size_mb=5000)
        self.snapshots = [ended if s.key == snapshot.key else s for s in self.snapshots]
        self.now += min(timedelta(minutes=5), timeout)
        return True

    def _act(self, kind: str, snapshot: Snapshot) -> None:
        self._live()
        self.acts.append(Act(kind, snapshot, self.now, tuple(self.snapshots)))

    def _live(self) -> None:
        if self.lives is not None:
            self.lives -= 1
            if self.lives < 0:
                raise Killed


@dataclass(frozen=True, slots=True)
class Ending:
    """How a rotation ended, its last plan, and how many it took."""

    outcome: Outcome
    problem: Problem | None
    last: Plan
    progress: Progress
    plans: int


def perform(world: World, pair: Pair, progress: Progress, fates: Iterator[Fate]) -> Ending:
    """One rotation, planned anew after every step. Raises Killed where the world's lives run out."""
    attended, plans = False, 0
    name = naming.snapshot_name(pair.server, pair.policy, progress.slot)
    while True:
        planned, plans = plan(world.view(pair), progress), plans + 1
        if planned.step in {Step.CLEAR, Step.CREATE, Step.STOP}:
            progress = progress.planned(planned.room_needed)
        if attended and planned.step in {Step.CLEAR, Step.CREATE}:
            problem = Problem("snapshot_failed", f"{name} failed", passing=True)
            return Ending(Outcome.FAILED, problem, planned, progress, plans)
        if planned.step is Step.CREATE:
            world.create(pair, progress.slot)
        elif planned.awaited is not None:
            attended = attended or planned.awaited.name == name
            if not world.wait(planned.awaited, next(fates), pair.policy.wait.timeout):
                progress = progress.gave_up_on(planned.awaited.key)
        else:
            progress = _delete_all(world, planned, progress)
            if planned.step is not Step.CLEAR:
                return Ending(planned.outcome, planned.problem, planned, progress, plans)


def _delete_all(world: World, planned: Plan, progress: Progress) -> Progress:
    clearing = planned.step is Step.CLEAR
    for snapshot in planned.now:
        if snapshot.state is State.READY:
            progress = progress.deleted_ready(before_create=clearing)
        world.delete("clear" if clearing else "prune", snapshot)
    return progress
