"""Room for a create: who goes first, and what forbids it."""

from __future__ import annotations

from typing import Any

import pytest

from rotator.models import Keep, Mode, Outcome, Snapshot, State
from rotator.plan import Step
from rotator.progress import Progress
from tests.building import DAY, HOUR, MINUTE, NOW, make_managed
from tests.planning import (
    BOTH,
    FAILED,
    KEEPING_ALL,
    MOVING,
    OLD,
    SKEWED,
    UNKNOWN,
    code,
    decide,
    hand,
    hands,
    night,
    nights,
    reasons,
    week,
    with_nightly,
)


@pytest.mark.parametrize("count", range(5))
def test_with_a_free_place_the_create_comes_first(count: int) -> None:
    planned = decide(nights(*range(1, count + 1)))
    assert (planned.step, planned.mode, planned.now) == (Step.CREATE, Mode.CREATE_FIRST, ())
    assert (planned.outcome, planned.room_needed) == (Outcome.ROTATED, 0)


@pytest.mark.parametrize("count", [5, 6])
def test_without_a_free_place_as_many_go_as_one_create_needs(count: int) -> None:
    planned = decide(nights(*range(1, count + 1)))
    assert (planned.step, planned.mode, planned.outcome) == (Step.CLEAR, Mode.DELETE_FIRST, Outcome.ROTATED)
    assert planned.now == tuple(nights(*range(count, 4, -1)))
    assert planned.room_needed == count - 4


RANKED_POLICY: dict[str, Any] = {"keep": Keep(last=3, daily=4), "min_ready": 0, "max_deletes": 10}
"""With tonight's there `last` keeps three, one of them yesterday's extra one; `daily` one a day of four."""
EXTRA = make_managed(BOTH, NOW - DAY - HOUR)
RANKING = [
    (night(6, MOVING, created_at=OLD), ("stuck",)),
    (night(4, FAILED, id="failed"), ("failed",)),
    (night(5), ("not_kept",)),
    (night(4), ("not_kept",)),
    (EXTRA, ("cap",)),  # kept by `last`, the finest rule, alone
    (night(3), ("cap",)),
    (night(2), ("cap",)),
    (night(1), ("cap",)),
]
"""The whole order in which an own snapshot makes room, most dispensable first."""


@pytest.mark.parametrize("needed", range(1, len(RANKING) + 1))
def test_the_most_dispensable_make_room_first(needed: int) -> None:
    pair = with_nightly(cap=len(RANKING) + 1 - needed, **RANKED_POLICY)
    planned = decide((snapshot for snapshot, _ in reversed(RANKING)), pair)
    assert planned.step is Step.CLEAR
    assert planned.now == tuple(snapshot for snapshot, _ in RANKING[:needed])
    assert [verdict.reasons for verdict in planned.buckets.deleted[:needed]] == [
        why for _, why in RANKING[:needed]
    ]
    assert planned.room_needed == max(0, needed - 2)


AGO = {minutes: make_managed(BOTH, NOW - minutes * MINUTE) for minutes in (65, 95, 180)}
"""Two of the hour from 05:00, and one of 04:00."""

FINEST = [
    pytest.param(Keep(hourly=9), list(AGO.values()), AGO[95], id="an older one that is kept goes later"),
    pytest.param(Keep(daily=4, weekly=2), nights(1, 2, 7), night(2), id="the coarser one holds the oldest"),
    pytest.param(Keep(daily=3), [night(1), EXTRA], EXTRA, id="an oldest_ of the finest is the finest's"),
    pytest.param(Keep(weekly=1, yearly=9), nights(1, 90), night(1), id="whichever is the finest in use"),
]


@pytest.mark.parametrize(("keep", "snapshots", "first"), FINEST)
def test_what_only_the_finest_rule_keeps_makes_room_before_the_rest(
    keep: Keep, snapshots: list[Snapshot], first: Snapshot
) -> None:
    pair = with_nightly(cap=len(snapshots), keep=keep, min_ready=0)
    assert decide(snapshots, pair).now == (first,)


LIMITS = [
    pytest.param(
        {"keep": Keep(last=3), "min_ready": 5}, Progress(NOW), nights(1, 2, 3, 4, 5), id="the floor"
    ),
    pytest.param(
        {"min_ready": 2, "keep": KEEPING_ALL}, Progress(NOW), [*nights(1, 2), *hands(3)], id="a floor of two"
    ),
    pytest.param({"max_deletes": 0}, Progress(NOW), nights(1, 2, 3, 4, 5), id="max_deletes"),
    pytest.param({}, Progress(NOW, deleted=2), nights(1, 2, 3, 4, 5), id="max_deletes spent"),
    pytest.param({}, Progress(NOW, room_limit=0), nights(1, 2, 3, 4, 5), id="none was needed at first"),
    pytest.param(
        {}, Progress(NOW, room_limit=1, room_deleted=1), nights(1, 2, 3, 4, 5), id="the needed one is gone"
    ),
    pytest.param({"keep": Keep()}, Progress(NOW), nights(1, 2, 3, 4, 5), id="no keep rule"),
    pytest.param(
        {"keep": KEEPING_ALL, "cap": 3}, Progress(NOW), nights(1, 2, 3, 4, 5), id="two are not enough"
    ),
    pytest.param({"protect": ("nightly-*",)}, Progress(NOW), nights(1, 2, 3, 4, 5), id="protected"),
    pytest.param({}, Progress(NOW), hands(5), id="foreign"),
    pytest.param({}, Progress(NOW), [week(n) for n in range(1, 6)], id="another policy's"),
    pytest.param({}, Progress(NOW), [night(n, UNKNOWN) for n in range(1, 6)], id="unknown"),
    pytest.param(
        {}, Progress(NOW), [night(n, created_at=NOW + DAY) for n in range(1, 6)], id="made in the future"
    ),
    pytest.param(
        {}, Progress(NOW), [make_managed(BOTH, NOW + n * DAY) for n in range(1, 6)], id="for a future slot"
    ),
    pytest.param(
        {"keep": KEEPING_ALL},
        Progress(NOW),
        [*nights(2, 3, 4, 5), night(1, UNKNOWN)],
        id="an own unknown one is newer than the newest ready one",
    ),
    pytest.param({}, Progress(NOW), [*nights(2, 3, 4, 5), night(1, UNKNOWN)], id="unknown and newest"),
    pytest.param({"protect": ("*",)}, Progress(NOW), [*hands(4), night(1, FAILED)], id="failed, protected"),
]


@pytest.mark.parametrize(("changes", "progress", "snapshots"), LIMITS)
def test_where_a_limit_forbids_room_nothing_goes(
    changes: dict[str, Any], progress: Progress, snapshots: list[Snapshot]
) -> None:
    planned = decide(snapshots, with_nightly(**changes), progress)
    assert (planned.step, planned.outcome, code(planned)) == (Step.STOP, Outcome.CAP_REACHED, "cap_reached")
    assert (planned.now, planned.buckets.deleted) == ((), ())


def test_an_own_unknown_one_that_is_older_than_a_ready_one_stops_nothing() -> None:
    assert decide([*nights(1, 3, 4, 5), night(2, UNKNOWN)]).now == (night(5),)


@pytest.mark.parametrize(
    "unknown",
    [
        pytest.param(week(1, UNKNOWN), id="another policy's"),
        pytest.param(hand(1, UNKNOWN), id="foreign"),
        pytest.param(night(1, UNKNOWN, created_at=NOW + HOUR), id="future"),
    ],
)
def test_only_an_own_unknown_one_blocks(unknown: Snapshot) -> None:
    assert decide([*nights(2, 3, 4, 5), unknown]).step is Step.CLEAR


def test_a_future_one_blocks_nothing_but_its_place() -> None:
    future = make_managed(BOTH, NOW + 30 * DAY)
    planned = decide([future, *nights(1, 2, 3, 4)])
    assert planned.now == (night(4),)
    assert reasons(planned, future) == ("quarantined", ("future",))


@pytest.mark.parametrize("state", [FAILED, MOVING])
def test_failed_and_stuck_ones_make_room_with_no_keep_rule_at_the_floor_and_with_no_deletes_left(
    state: State,
) -> None:
    broken = night(1, state, created_at=OLD)
    pair = with_nightly(keep=Keep(), min_ready=9, max_deletes=0)
    planned = decide([*nights(2, 3, 4, 5), broken], pair, Progress(NOW, deleted=2, room_limit=0))
    assert (planned.step, planned.now, planned.room_needed) == (Step.CLEAR, (broken,), 0)


def test_a_failed_one_goes_instead_of_a_ready_one_and_not_beside_it() -> None:
    planned = decide([*nights(1, 2, 3, 4), night(5, FAILED)])
    assert (planned.now, planned.room_needed) == ((night(5, FAILED),), 0)


def test_a_failed_one_of_another_policy_makes_no_room() -> None:
    planned = decide([*hands(4), week(1, FAILED)])
    assert (planned.outcome, planned.now) == (Outcome.CAP_REACHED, ())


def test_the_floor_counts_protected_and_adopted_ones_but_not_the_one_to_come() -> None:
    pair = with_nightly(min_ready=2, adopt=("by-hand-*",), protect=("by-hand-1",), keep=KEEPING_ALL)
    full = [week(n) for n in (1, 2)]
    assert decide([hand(1), *nights(2, 3), *full], pair).now == (night(3),)
    assert decide([hand(1), night(2), hand(3, FAILED), *full], pair).now == (hand(3, FAILED),)
    assert decide([hand(1), night(2), *full, week(3)], pair).outcome is Outcome.CAP_REACHED


def test_clocks_that_differ_forbid_making_room() -> None:
    planned = decide(nights(1, 2, 3, 4, 5), skew=SKEWED)
    assert (planned.step, planned.outcome, code(planned)) == (Step.STOP, Outcome.FAILED, "clock_skewed")
    assert (planned.now, planned.buckets.deleted) == ((), ())
    assert planned.room_needed == 1


def test_a_bound_on_room_outlives_a_skewed_first_look() -> None:
    first = decide(nights(1, 2, 3, 4, 5), skew=SKEWED)
    again = Progress(NOW).planned(first.room_needed).next_try()
    assert decide(nights(1, 2, 3, 4, 5), progress=again).now == (night(5),)


@pytest.mark.parametrize(
    ("snapshots", "unsure"),
    [
        pytest.param(nights(1, 2, 3, 4, 5), "short", id="unsure"),
        pytest.param([night(0, MOVING, created_at=OLD)], None, id="stuck"),
    ],
)
def test_a_look_that_planned_no_room_sets_no_bound(snapshots: list[Snapshot], unsure: str | None) -> None:
    first = decide(snapshots, unsure=unsure)
    again = Progress(NOW).planned(first.room_needed).next_try()
    assert decide(nights(1, 2, 3, 4, 5), progress=again).now == (night(5),)


def test_what_one_slot_deletes_for_room_is_bounded_by_its_first_plan_across_tries() -> None:
    first = decide(nights(1, 2, 3, 4, 5))
    spent = Progress(NOW).planned(first.room_needed).deleted_ready(before_create=True)
    refilled = [*nights(1, 2, 3, 4), hand(1)]
    for progress in (spent, spent.next_try(), spent.next_try().planned(3).next_try()):
        planned = decide(refilled, progress=progress)
        assert (planned.step, planned.outcome) == (Step.STOP, Outcome.CAP_REACHED)


# --- the slot's own failed one, and what was tried before -------------------------------------------


def test_beside_the_slots_own_failed_one_a_ready_one_makes_the_place() -> None:
    planned = decide([night(0, FAILED), *nights(1, 2, 3, 4, 5)])
    assert (planned.step, planned.now) == (Step.CLEAR, (night(0, FAILED), night(5)))
    assert planned.room_needed == 1


def test_a_newer_failed_one_makes_the_place_beside_the_slots_own() -> None:
    newer = make_managed(BOTH, NOW + MINUTE, state=FAILED)
    planned = decide([night(0, FAILED), newer, *hands(2)], with_nightly(cap=3))
    assert (planned.step, planned.now) == (Step.CLEAR, (night(0, FAILED), newer))
    assert planned.room_needed == 0


def test_what_makes_the_place_counts_against_the_deletes_after_the_create() -> None:
    tried = Progress(NOW, room_limit=1, room_deleted=1, tried=frozenset({night(2).key}))
    planned = decide(nights(1, 2, 3, 4, 5), with_nightly(keep=Keep(last=1), max_deletes=2), tried)
    assert planned.now == (night(2),)
    assert [verdict.snapshot for verdict in planned.buckets.deleted] == [night(2), night(5)]


def test_where_no_place_can_be_made_it_is_said_how_many_ready_ones_that_would_take() -> None:
    planned = decide([*nights(1, 2), *hands(5)], with_nightly(keep=KEEPING_ALL))
    assert (planned.outcome, planned.room_needed) == (Outcome.CAP_REACHED, 3)


def test_below_the_floor_no_ready_one_makes_room() -> None:
    planned = decide([*nights(1, 2, 3), *hands(2)], with_nightly(keep=Keep(last=1), min_ready=4))
    assert (planned.outcome, planned.now) == (Outcome.CAP_REACHED, ())


def test_one_that_was_tried_and_still_stands_may_go_again_and_no_other_with_it() -> None:
    tried = Progress(NOW, room_limit=1, room_deleted=1, tried=frozenset({night(6).key}))
    planned = decide(nights(1, 2, 3, 4, 5, 6), with_nightly(keep=Keep(last=3)), tried)
    assert (planned.outcome, planned.now) == (Outcome.CAP_REACHED, (night(6),))


def test_a_slot_that_deleted_more_than_it_needed_deletes_no_more() -> None:
    spent = Progress(NOW, room_limit=0, room_deleted=1, tried=frozenset({"gone"}))
    planned = decide(nights(1, 2, 3, 4, 5), with_nightly(keep=Keep(last=3)), spent)
    assert (planned.outcome, planned.now) == (Outcome.CAP_REACHED, ())


def test_no_ready_one_makes_room_while_the_newest_of_several_unknown_ones_is_newer() -> None:
    planned = decide([night(5, UNKNOWN), night(1, UNKNOWN), *nights(2, 3, 4)])
    assert (planned.outcome, planned.now) == (Outcome.CAP_REACHED, ())
