"""The places of a server as cells: what stands in each, and what becomes of it next.

Law: every snapshot has one cell, oldest first; what is left of the cap is free. A server that holds more than
its cap has more cells than places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rotator import naming, wording
from rotator.census import Item, View, take_census
from rotator.draw.style import hue
from rotator.models import Kind, Pair, State
from rotator.sight import Sight
from rotator.simulate import Turn

WORDS: Mapping[str, str] = {
    "managed": "restore point",
    "foreign": "not made by rotator",
    "orphan": "left behind by an older name",
    "in_progress": "being made",
    "failed": "failed",
    "stuck": "being made for too long",
    "unknown": "in a state that nobody documented",
    "free": "free",
}
"""What stands in a place, and how that is said."""


@dataclass(frozen=True, slots=True)
class Cell:
    """`at` is the slot, or created_at where there is none; `goes` why the next rotation deletes it."""

    kind: str
    name: str = ""
    policy: str | None = None
    hue: str = ""
    at: datetime | None = None
    created: datetime | None = None
    status: str = ""
    protected: bool = False
    goes: str = ""

    @property
    def word(self) -> str:
        """What stands there."""
        return WORDS[self.kind]


def cells(pair: Pair, sight: Sight, now: datetime, coming: tuple[Turn, ...]) -> tuple[Cell, ...]:
    """The cells of the pair's server. `coming` are the rotations that come next."""
    server = pair.server
    census = take_census(View(pair, sight.snapshots, now))
    goes = {
        verdict.snapshot.key: wording.all_in_words(verdict.reasons, turn.pair.policy)
        for turn in coming
        for verdict in turn.deleted
    }
    taken = tuple(_cell(pair, item, now, goes) for item in census.items)
    return taken + (Cell("free"),) * max(0, server.cap - len(taken))


def _cell(pair: Pair, item: Item, now: datetime, goes: Mapping[str, str]) -> Cell:
    snapshot = item.snapshot
    policy = item.policy.name if item.policy is not None else None
    return Cell(
        kind=_kind(pair, item, now),
        name=snapshot.name,
        policy=policy,
        hue=hue(pair.server, policy),
        at=item.slot,
        created=snapshot.created_at,
        status=snapshot.status,
        protected=item.protected,
        goes=goes.get(item.key, ""),
    )


def _kind(pair: Pair, item: Item, now: datetime) -> str:
    """The first that applies: a state that is no restore point says more than whose it is."""
    snapshot = item.snapshot
    if snapshot.state is not State.READY:
        policy = item.policy or pair.policy
        stuck = snapshot.state is State.IN_PROGRESS and now - snapshot.created_at > policy.wait.timeout
        return "stuck" if stuck else snapshot.state.value
    if item.policy is not None:
        return "managed"
    whose = naming.kind(pair.server, snapshot.name, snapshot.created_at)
    return "orphan" if whose is Kind.ORPHAN else "foreign"
