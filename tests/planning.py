"""What the tables of the plan are written in: nights, weeks, snapshots made by hand, and a word to decide."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from rotator.models import Keep, Pair, Snapshot, State, Verdict
from rotator.plan import Plan, plan
from rotator.progress import Progress
from rotator.report import BUCKET_ORDER
from tests.building import (
    DAY,
    NOW,
    make_managed,
    make_pair,
    make_policy,
    make_server,
    make_snapshot,
    make_view,
)

TIMEOUT = make_policy().wait.timeout
SKEWED = timedelta(minutes=5, seconds=1)
OLD = NOW - TIMEOUT - timedelta(seconds=1)
"""Old enough for one in progress to be stuck."""

BOTH = make_pair(make_server(make_policy(), make_policy("weekly", keep=Keep(last=1))))
"""The nightly policy of a server that has a weekly one too."""
WEEKLY = make_pair(BOTH.server, "weekly")

KEEPING_ALL = Keep(last=9)

FAILED, UNKNOWN, MOVING = State.FAILED, State.UNKNOWN, State.IN_PROGRESS


def night(age: int, state: State = State.READY, pair: Pair = BOTH, **changes: Any) -> Snapshot:
    """The nightly snapshot of so many nights ago; 0 is that of the slot in question."""
    return make_managed(pair, NOW - age * DAY, state=state, **changes)


def week(age: int, state: State = State.READY, **changes: Any) -> Snapshot:
    """The weekly policy's snapshot of so many days ago."""
    return make_managed(WEEKLY, NOW - age * DAY, state=state, **changes)


def hand(id: int, state: State = State.READY, **changes: Any) -> Snapshot:
    """A snapshot made by hand."""
    return make_snapshot(id, f"by-hand-{id}", state=state, **changes)


def hands(count: int, start: int = 100) -> list[Snapshot]:
    """So many snapshots made by hand, ready."""
    return [hand(id) for id in range(start, start + count)]


def nights(*ages: int, pair: Pair = BOTH) -> list[Snapshot]:
    """The ready nightly snapshots of so many nights ago."""
    return [night(age, pair=pair) for age in ages]


def with_nightly(cap: int = 5, protect: tuple[str, ...] = (), **changes: Any) -> Pair:
    """The pair of both policies with these fields of the nightly one changed."""
    policies = (replace(BOTH.policy, **changes), WEEKLY.policy)
    return make_pair(replace(BOTH.server, policies=policies, cap=cap, protect=protect))


def decide(
    snapshots: Iterable[Snapshot],
    pair: Pair = BOTH,
    progress: Progress | None = None,
    *,
    unsure: str | None = None,
    skew: timedelta = timedelta(0),
    missing: bool = False,
) -> Plan:
    """The plan for the slot NOW."""
    view = replace(make_view(snapshots, pair, unsure=unsure, skew=skew), missing=missing)
    return plan(view, progress or Progress(NOW))


def names(verdicts: Iterable[Verdict]) -> list[str]:
    return [verdict.snapshot.name for verdict in verdicts]


def reasons(plan: Plan, snapshot: Snapshot) -> tuple[str, tuple[str, ...]]:
    """The list that a snapshot stands in, and why."""
    standing = [
        (bucket, verdict.reasons)
        for bucket in BUCKET_ORDER
        for verdict in getattr(plan.buckets, bucket)
        if verdict.snapshot == snapshot
    ]
    assert len(standing) == 1
    return standing[0]


def code(plan: Plan) -> str | None:
    return plan.problem.code if plan.problem else None
