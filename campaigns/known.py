"""What is known of a snapshot without asking rotator, from the contract: plans are held to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from functools import cached_property

from campaigns import naive
from campaigns.judge import belonging
from rotator.census import Buckets, View
from rotator.models import Pair, Snapshot, State
from rotator.plan import Plan, Step
from rotator.progress import Progress

TOLERANCE = timedelta(minutes=5)


def here(view: View) -> list[Snapshot]:
    """The rows that stand on the view's server, whatever the list holds besides."""
    return [
        s for s in view.snapshots if str(s.server_id) == str(view.pair.server.id) and s.key not in view.gone
    ]


def own(pair: Pair, snapshot: Snapshot) -> bool:
    """Whether the pair's policy made or adopted it."""
    policy, _ = belonging(pair.server, snapshot.name, snapshot.created_at)
    return policy is not None and policy.name == pair.policy.name


def slot_of(pair: Pair, snapshot: Snapshot) -> datetime:
    """The slot in its name, or created_at where there is none."""
    return belonging(pair.server, snapshot.name, snapshot.created_at)[1]


def future(pair: Pair, snapshot: Snapshot, now: datetime) -> bool:
    """Whether its slot or created_at is more than five minutes after now."""
    return max(snapshot.created_at, slot_of(pair, snapshot)) > now + TOLERANCE


def protected(pair: Pair, snapshot: Snapshot) -> bool:
    """Whether one of the server's globs protects it."""
    return any(fnmatchcase(snapshot.name, glob) for glob in pair.server.protect)


def stuck(pair: Pair, snapshot: Snapshot, now: datetime) -> bool:
    """Whether it is in progress for longer than the policy waits."""
    too_old = now - snapshot.created_at > pair.policy.wait.timeout
    return snapshot.state is State.IN_PROGRESS and too_old


def counts(pair: Pair, snapshot: Snapshot, now: datetime) -> bool:
    """Whether it is one of the restore points that the floor speaks of."""
    return snapshot.state is State.READY and own(pair, snapshot) and not future(pair, snapshot, now)


def may_go(pair: Pair, snapshot: Snapshot, now: datetime) -> bool:
    """Whether a rotation of the pair may delete it at all."""
    harmless = snapshot.state in {State.READY, State.FAILED} or stuck(pair, snapshot, now)
    mine = own(pair, snapshot) and not protected(pair, snapshot)
    return harmless and mine and not future(pair, snapshot, now)


def listed(buckets: Buckets) -> list[Snapshot]:
    """Everything that stands in a plan's lists."""
    return [verdict.snapshot for entry in fields(Buckets) for verdict in getattr(buckets, entry.name)]


def by_id(rows: Iterable[Snapshot]) -> list[Snapshot]:
    """In an order that two lists can be compared in."""
    return sorted(rows, key=lambda snapshot: snapshot.key)


def ready_among(rows: Iterable[Snapshot]) -> int:
    """How many restore points there are among them."""
    return sum(1 for snapshot in rows if snapshot.state is State.READY)


@dataclass(frozen=True)
class Case:
    """A view, what was done before, and what the plan made of them."""

    view: View
    progress: Progress
    planned: Plan

    @cached_property
    def here(self) -> list[Snapshot]:
        """What stands on the server."""
        return here(self.view)

    @property
    def pair(self) -> Pair:
        """The pair in question."""
        return self.view.pair

    @property
    def now(self) -> datetime:
        """The view's clock."""
        return self.view.now

    @cached_property
    def going(self) -> list[Snapshot]:
        """What the whole rotation would delete."""
        return [verdict.snapshot for verdict in self.planned.buckets.deleted]

    @cached_property
    def ready(self) -> list[Snapshot]:
        """The policy's restore points, newest first."""
        mine = [s for s in self.here if counts(self.pair, s, self.now)]
        return sorted(mine, key=self.age, reverse=True)

    @cached_property
    def foreseen(self) -> list[Snapshot]:
        """The policy's other ones that are being made, where the plan waits for another than the slot's.

        What comes after that wait is announced as if they had turned out ready.
        """
        if self.planned.step is not Step.WAIT or self.planned.awaited in self.of_slot:
            return []
        return [
            s
            for s in self.here
            if s.state is State.IN_PROGRESS
            and own(self.pair, s)
            and s.key not in self.progress.waited_out
            and not (future(self.pair, s, self.now) or stuck(self.pair, s, self.now))
        ]

    @cached_property
    def of_slot(self) -> list[Snapshot]:
        """The policy's snapshots that bear the slot's name."""
        return [s for s in self.here if s.name == self.name]

    @property
    def unknown_is_newest(self) -> bool:
        """Whether an own one in an unknown state is newer than the newest ready one."""
        mine = [s for s in self.here if own(self.pair, s) and not future(self.pair, s, self.now)]
        unknown = [self.age(s) for s in mine if s.state is State.UNKNOWN]
        return bool(unknown) and (not self.ready or max(unknown) > self.age(self.ready[0]))

    @property
    def skewed(self) -> bool:
        """Whether the clocks differ too much for a delete."""
        return abs(self.view.skew) > TOLERANCE

    @property
    def name(self) -> str:
        """What the slot's snapshot is called."""
        server, policy = self.pair.server, self.pair.policy
        values = (("{policy}", policy.name), ("{server}", server.label))
        name = policy.template
        for placeholder, value in values:
            name = name.replace(placeholder, value)
        return name.replace("{slot}", f"{self.progress.slot:%Y%m%dT%H%M%SZ}")

    def age(self, snapshot: Snapshot) -> tuple[datetime, datetime, str]:
        """The sort key from oldest to newest."""
        return slot_of(self.pair, snapshot), snapshot.created_at, snapshot.key

    def kept_with(self, slot: datetime | None = None) -> dict[str, tuple[str, ...]] | None:
        """The naive reasons for each ready one by id, as if one of `slot` were ready too.

        None where two have the same slot: which of them serves a rule is nobody's business.
        """
        dated = [(slot_of(self.pair, s), s.key) for s in self.ready]
        if slot is not None:
            dated.append((slot, ""))
        dated.sort(key=lambda entry: entry[0], reverse=True)
        moments = [moment for moment, _ in dated]
        if len(set(moments)) < len(moments):
            return None
        reasons = naive.keeps(moments, self.pair.policy.keep, self.pair.policy.zone)
        return {key: why for (_, key), why in zip(dated, reasons, strict=True)}
