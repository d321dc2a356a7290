"""A bounded share of the oracle campaign, and proof that it would notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from campaigns import naive, seeds, views
from campaigns.known import Case
from campaigns.oracle import Tally, history_differs, shrunk, view_differs
from campaigns.steps import wrong
from rotator.census import Buckets, View
from rotator.models import Keep, Outcome, Snapshot, Span, State, Verdict
from rotator.plan import Plan, Step, plan
from rotator.progress import Progress
from rotator.retention import apply_keep
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

SEEDS = (*seeds.FIXED, seeds.fresh())
ZULU = ZoneInfo("UTC")


@pytest.mark.parametrize("seed", SEEDS)
def test_retention_agrees_with_the_naive_count(seed: int) -> None:
    tally = Tally()
    assert [found for at in range(3000) if (found := history_differs(seed, at, tally))] == []
    assert tally["histories"] == 3000


@pytest.mark.parametrize("seed", SEEDS)
def test_plans_keep_what_the_contract_promises(seed: int) -> None:
    tally = Tally()
    assert [found for at in range(600) if (found := view_differs(seed, at, tally))] == []
    assert tally["views"] == 600


def test_the_views_lead_to_every_step_and_outcome() -> None:
    drawn = [views.case(Random(number)) for number in range(400)]
    plans = [plan(view, progress) for view, progress in drawn]
    assert {planned.step for planned in plans} == set(Step)
    assert {planned.outcome for planned in plans} == {
        Outcome.ROTATED,
        Outcome.PRUNED,
        Outcome.CAP_REACHED,
        Outcome.FAILED,
    }


# --- what it found --------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [Keep(last=2), Keep(daily=2), Keep(within=Span(years=9000))])
def test_a_snapshot_from_the_first_instant_of_the_calendar_is_kept_like_any_other(keep: Keep) -> None:
    """`0001-01-01T00:00:00Z` is what Go's programs write for a time that was never set."""
    moments = [NOW, datetime(1, 1, 1, tzinfo=UTC)]
    assert all(apply_keep(moments, keep, ZULU))
    assert list(apply_keep(moments, keep, ZULU)) == naive.keeps(moments, keep, ZULU)


# --- that it would notice ---------------------------------------------------------------------------

PAIR = make_pair(make_server(make_policy(keep=Keep(last=2)), cap=4, protect=("golden-*",)))
FULL = [make_managed(PAIR, NOW - age * DAY) for age in (1, 2, 3)] + [make_snapshot("by-hand")]
READY_NOW = [make_managed(PAIR, NOW), *FULL[:3]]


def going(rows: list[int], **changes: Any) -> Callable[[Plan, View], Plan]:
    """A plan that deletes other rows than it should, or says something else."""

    def changed(planned: Plan, view: View) -> Plan:
        doomed = tuple(view.snapshots[at] for at in rows)
        left = tuple(Verdict(s) for s in view.snapshots if s not in doomed)
        buckets = Buckets(deleted=tuple(Verdict(s, ("not_kept",)) for s in doomed), kept=left)
        return replace(planned, now=doomed, buckets=buckets, **changes)

    return changed


@pytest.mark.parametrize(
    ("rows", "progress", "damage", "promise"),
    [
        pytest.param(FULL, Progress(NOW), going([3]), "untouchable", id="a foreign one"),
        pytest.param(FULL, Progress(NOW), going([0]), "newest_goes_last", id="the newest"),
        pytest.param(FULL, Progress(NOW), going([1]), "order_of_room", id="not the oldest"),
        pytest.param(FULL, Progress(NOW), going([0, 1, 2]), "floor", id="all of them"),
        pytest.param(FULL, Progress(NOW, deleted=2), going([2]), "most_deletes", id="one too many"),
        pytest.param(FULL, Progress(NOW), going([2, 1]), "only_what_makes_the_place", id="more than needed"),
        pytest.param(
            FULL, Progress(NOW), going([], step=Step.CREATE), "create", id="a create on a full server"
        ),
        pytest.param(FULL, Progress(NOW), going([], step=Step.STOP), "creates_where_it_may", id="idle"),
        pytest.param(READY_NOW, Progress(NOW), going([1]), "prune_by_the_rules", id="one that is kept"),
        pytest.param(READY_NOW, Progress(NOW), going([0]), "prune_needs_the_slots_own", id="its own"),
        pytest.param(READY_NOW, Progress(NOW), going([], step=Step.CREATE), "the_slots_own", id="twice"),
        pytest.param(
            [replace(READY_NOW[0], size_mb=1), *READY_NOW[1:]],
            Progress(NOW),
            going([3], suspicious="small"),
            "suspicious",
            id="after a suspicious one",
        ),
        pytest.param(
            [*READY_NOW, make_managed(PAIR, NOW - 4 * DAY, state=State.FAILED)],
            Progress(NOW),
            going([2, 3]),
            "broken_ones_outlived",
            id="a failed one spared",
        ),
    ],
)
def test_a_plan_that_goes_wrong_is_noticed(
    rows: list[Snapshot], progress: Progress, damage: Callable[[Plan, View], Plan], promise: str
) -> None:
    view = make_view(rows, PAIR)
    planned = plan(view, progress)
    assert wrong(Case(view, progress, planned)) == []
    broken = {what.partition(":")[0] for what in wrong(Case(view, progress, damage(planned, view)))}
    assert promise in broken


def test_a_case_is_made_small() -> None:
    moments = [NOW - timedelta(hours=hours) for hours in range(20)]
    keep = Keep(last=3, daily=2, within=Span(days=1))
    needed = moments[7]
    fewer, simpler = shrunk(moments, keep, lambda left, rules: needed in left and rules.daily == 2)
    assert (fewer, simpler) == ([needed], Keep(daily=2))


def test_the_naive_rules_are_none_of_rotators_own() -> None:
    import campaigns.naive as module

    names = {getattr(value, "__module__", "") for value in vars(module).values()}
    assert {name for name in names if name and name.startswith("rotator")} == {"rotator.models"}
