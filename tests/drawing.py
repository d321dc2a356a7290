"""Servers in any state for hypothesis to draw."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from rotator import naming
from rotator.census import View
from rotator.models import UNLIMITED, Id, Keep, Pair, Policy, Server, Snapshot, Span, State
from rotator.progress import Progress
from tests.building import DAY, MINUTE, NOW, make_policy, make_server, make_snapshot, make_view
from tests.strategies import ZONES, keeps

NAMES = ("nightly", "weekly", "hourly")
STATES = (State.READY, State.READY, State.READY, State.FAILED, State.IN_PROGRESS, State.UNKNOWN)
SIZES = (5000, 5000, 2000, None)
HOMES = (1, 1, 1, 1, "1", 2)
DAYS = (0, 0, 0, 1, 2, 3, 8, 40)
ODD = (1, 46 * 60, 45 * 60, 44 * 60, 7200, -60, -301, -9 * 86400)
SLOTS = tuple(NOW - days * DAY for days in DAYS) + tuple(NOW - timedelta(seconds=ago) for ago in ODD)
"""Nights; and near misses of `wait.timeout` and of the tolerance for the future."""

KEEPS = (
    Keep(last=3),
    Keep(last=1),
    Keep(last=2, daily=2),
    Keep(daily=3, weekly=2),
    Keep(within_daily=Span(days=7), yearly=1),
    Keep(weekly=1, monthly=UNLIMITED),
    Keep(),
)
PROTECTED = ((), (), ("golden-*",), ("*-2027030*",), ("legacy-1", "nightly-20270313*"))


def picks(*tables: Sequence[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """One entry of each table, by a single drawn number: drawing is what takes the time."""
    every = math.prod(map(len, tables))
    return st.integers(0, every - 1).map(lambda number: _entries(number, tables))


def _entries(number: int, tables: Iterable[Sequence[Any]]) -> tuple[Any, ...]:
    found = []
    for table in tables:
        number, at = divmod(number, len(table))
        found.append(table[at])
    return tuple(found)


def policies(name: str) -> st.SearchStrategy[Policy]:
    fields = ("keep", "zone", "min_ready", "max_deletes", "adopt", "enabled")
    tables = (KEEPS, ZONES, (1, 1, 0, 2, 3), (2, 2, 0, 1, 5), ((), ("legacy-*",)), (True, True, False))
    return picks(*tables).map(lambda entries: make_policy(name, **dict(zip(fields, entries, strict=True))))


@st.composite
def servers(draw: st.DrawFn) -> Server:
    """One to three policies, the first of which is the one that rotates."""
    count, protect, cap = draw(picks((1, 2, 3), PROTECTED, (5, 4, 3, 6, 7, 2, 1)))
    first, *others = (draw(policies(name)) for name in NAMES[:count])
    if draw(st.integers(0, 9)) == 9:
        first = replace(first, keep=draw(keeps))
    return make_server(replace(first, enabled=True), *others, protect=protect, cap=cap)


Row = tuple[datetime, int, datetime | None, State, float | None, Id]
rows: st.SearchStrategy[Any] = picks(SLOTS, range(16), (None,) * 32 + SLOTS, STATES, SIZES, HOMES)


def snapshot(server: Server, id: int, row: Row) -> Snapshot:
    """A snapshot of any kind, state and age, sometimes of another server."""
    slot, whose, created_at, state, size, home = row
    names = [naming.snapshot_name(server, policy, slot) for policy in server.policies]
    names += [f"{word}-{naming.slot_text(slot)}" for word in ("old", "safety")]
    names += ["by-hand", f"golden-{id}", f"legacy-{id}"]
    name = names[whose] if whose < len(names) else names[0]
    return make_snapshot(id, name, created_at=created_at or slot, state=state, size_mb=size, server_id=home)


@st.composite
def stocks(draw: st.DrawFn, server: Server) -> list[Snapshot]:
    least = draw(st.sampled_from((5, 7, 0)))
    drawn = draw(st.lists(rows, min_size=least, max_size=9))
    return [snapshot(server, id, row) for id, row in enumerate(drawn)]


NO_SKEW = timedelta(0)
SOME_IDS = (frozenset[str](), frozenset[str](), frozenset({"0"}), frozenset({"1", "3"}))


@st.composite
def any_views(draw: st.DrawFn) -> View:
    """Mostly a sure one, with a clock that is right."""
    server = draw(servers())
    unsure, skew, gone = draw(
        picks(
            (None, None, None, None, "a row is missing"),
            (NO_SKEW, NO_SKEW, NO_SKEW, 6 * MINUTE, -6 * MINUTE, 5 * MINUTE),
            SOME_IDS,
        )
    )
    pair = Pair(server, server.policies[0])
    return make_view(draw(stocks(server)), pair, unsure=unsure, skew=skew, gone=gone)


@st.composite
def full_views(draw: st.DrawFn) -> View:
    """A sure one of a server without a free place, and without the slot's snapshot."""
    view = draw(any_views())
    name = naming.snapshot_name(view.pair.server, view.pair.policy, NOW)
    stock = tuple(replace(s, server_id=1) for s in view.snapshots if s.name != name)
    server = replace(view.pair.server, cap=max(1, len(stock) - draw(st.sampled_from((0, 1)))))
    return make_view(stock, Pair(server, view.pair.policy))


def views() -> st.SearchStrategy[View]:
    return st.one_of(any_views(), full_views())


progresses = picks((0, 0, 0, 1, 2, 7), (None, None, None, 0, 1, 2), (0, 0, 1), SOME_IDS).map(
    lambda entries: Progress(NOW, *entries)
)

many = settings(max_examples=300)
"""Cheap enough for many examples."""
