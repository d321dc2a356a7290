"""What stands on a server, sorted out for one pair.

Law 1: a row of another server, or one known to be gone, is not here at all, whatever the list says.
Law 2: every snapshot is exactly one thing: one policy's own, or foreign. Nothing is guessed from its state.
Law 3: a future one is quarantined alone: it takes a place and is otherwise as if it were not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rotator import naming
from rotator.models import FUTURE_TOLERANCE, Pair, Policy, Snapshot, State, Verdict


@dataclass(frozen=True, slots=True)
class View:
    """All that a decision may rest on.

    `snapshots` are the rows of the provider's list, own writes overlaid. `unsure` says why the list cannot be
    trusted, None where it can. `skew` is how far the API's clock is ahead of `now`. `gone` holds the texts
    of ids known to be deleted. `missing`: the account has no such server, as far as was asked.
    """

    pair: Pair
    snapshots: tuple[Snapshot, ...]
    now: datetime
    unsure: str | None = None
    skew: timedelta = timedelta(0)
    gone: frozenset[str] = frozenset()
    missing: bool = False

    @property
    def skewed(self) -> bool:
        """Whether the two clocks differ too much for ages, and so for deletes, to mean anything."""
        return abs(self.skew) > FUTURE_TOLERANCE


@dataclass(frozen=True, slots=True)
class Item:
    """One snapshot as this pair sees it. `slot` is the scheduled time, or created_at where there is none."""

    snapshot: Snapshot
    policy: Policy | None
    slot: datetime
    adopted: bool
    own: bool
    protected: bool
    future: bool
    stuck: bool

    @property
    def key(self) -> str:
        """The id's text."""
        return self.snapshot.key

    @property
    def age(self) -> tuple[datetime, datetime, str]:
        """The sort key from oldest to newest; total, so that the order of the list never matters."""
        return self.slot, self.snapshot.created_at, self.key

    @property
    def ready(self) -> bool:
        """Usable as a restore point."""
        return self.snapshot.state is State.READY

    @property
    def unknown(self) -> bool:
        """In a state that nobody documented."""
        return self.snapshot.state is State.UNKNOWN

    @property
    def broken(self) -> bool:
        """Failed or stuck: no restore point will come of it."""
        return self.snapshot.state is State.FAILED or self.stuck

    @property
    def moving(self) -> bool:
        """In progress and worth waiting for."""
        return self.snapshot.state is State.IN_PROGRESS and not self.stuck

    @property
    def deletable(self) -> bool:
        """May a rotation of this pair delete it at all?"""
        return self.own and not self.protected and not self.future and not self.unknown and not self.moving


@dataclass(frozen=True, slots=True)
class Census:
    """Every snapshot of the server, oldest first."""

    view: View
    items: tuple[Item, ...]

    @property
    def policy(self) -> Policy:
        """The pair's policy."""
        return self.view.pair.policy

    @property
    def used(self) -> int:
        """Places taken: whatever stands on the server takes one (the cautious reading of the API)."""
        return len(self.items)

    @property
    def free(self) -> int:
        """Free places, never negative."""
        return max(0, self.view.pair.server.cap - self.used)

    @property
    def own_ready(self) -> tuple[Item, ...]:
        """This policy's restore points, oldest first: what the keep rules and the floor count."""
        return tuple(i for i in self.items if i.own and i.ready and not i.future)

    def of_slot(self, slot: datetime) -> tuple[Item, ...]:
        """This policy's snapshots named for the slot, most useful first; future ones count here."""
        named = [i for i in self.items if i.own and not i.adopted and i.slot == slot]
        return tuple(sorted(named, key=_usefulness))


def _usefulness(item: Item) -> int:
    """Ready, being made, unknown, stuck, failed: the first of several decides for its slot."""
    grades = (item.ready, item.moving, item.unknown, item.stuck)
    return grades.index(True) if True in grades else len(grades)


def take_census(view: View) -> Census:
    """Sort out the view's snapshots for its pair."""
    rows = (s for s in view.snapshots if str(s.server_id) == view.pair.server.key and s.key not in view.gone)
    return Census(view, tuple(sorted((_item(view, s) for s in rows), key=lambda item: item.age)))


def _item(view: View, snapshot: Snapshot) -> Item:
    server, policy = view.pair.server, view.pair.policy
    owner = naming.owner(server, snapshot.name, snapshot.created_at)
    slot = owner.slot if owner else snapshot.created_at
    latest = view.now + FUTURE_TOLERANCE
    return Item(
        snapshot=snapshot,
        policy=owner.policy if owner else None,
        slot=slot,
        adopted=owner.adopted if owner else False,
        own=owner is not None and owner.policy.name == policy.name,
        protected=naming.is_protected(server, snapshot.name),
        future=slot > latest or snapshot.created_at > latest,
        stuck=snapshot.state is State.IN_PROGRESS and view.now - snapshot.created_at > policy.wait.timeout,
    )


Reasons = Mapping[str, tuple[str, ...]]
"""Id's text -> reasons."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """Each snapshot in exactly one list: `deleted` in the order of deleting, the others newest first."""

    deleted: tuple[Verdict, ...] = ()
    quarantined: tuple[Verdict, ...] = ()
    foreign: tuple[Verdict, ...] = ()
    other: tuple[Verdict, ...] = ()
    failed: tuple[Verdict, ...] = ()
    in_progress: tuple[Verdict, ...] = ()
    unknown: tuple[Verdict, ...] = ()
    deferred: tuple[Verdict, ...] = ()
    kept: tuple[Verdict, ...] = ()


BUCKETS: tuple[tuple[str, Callable[[Item], bool]], ...] = (
    ("quarantined", lambda i: i.future),
    ("foreign", lambda i: i.policy is None),
    ("other", lambda i: not i.own),
    ("failed", lambda i: i.broken),
    ("in_progress", lambda i: i.moving),
    ("unknown", lambda i: i.unknown),
)
"""Where an undeleted snapshot stands: the first that fits; a ready one of our own is deferred or kept."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Reasons by id: what goes (in order), what should go but does not now, and what the rules keep."""

    doomed: Reasons = field(default_factory=dict)
    deferred: Reasons = field(default_factory=dict)
    kept: Reasons = field(default_factory=dict)


def sort_into_buckets(census: Census, judgement: Judgement) -> Buckets:
    """Put every item of the census into the one list where it belongs."""
    lists: dict[str, list[Verdict]] = {}
    for item in reversed(census.items):
        bucket = _bucket(item, judgement)
        lists.setdefault(bucket, []).append(Verdict(item.snapshot, _reasons(item, bucket, judgement)))
    order = list(judgement.doomed)
    lists.get("deleted", []).sort(key=lambda verdict: order.index(verdict.snapshot.key))
    return Buckets(**{name: tuple(verdicts) for name, verdicts in lists.items()})


def _bucket(item: Item, judgement: Judgement) -> str:
    if item.key in judgement.doomed:
        return "deleted"
    standing = (name for name, fits in BUCKETS if fits(item))
    return next(standing, "deferred" if item.key in judgement.deferred else "kept")


def _reasons(item: Item, bucket: str, judgement: Judgement) -> tuple[str, ...]:
    given = {"deleted": judgement.doomed, "deferred": judgement.deferred, "kept": judgement.kept}
    if bucket in given:
        return given[bucket].get(item.key, ())
    return ("future",) * item.future + ("protected",) * item.protected
