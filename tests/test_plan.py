"""The plan, sentence by sentence: the list, the slot's snapshot, and others in progress."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import permutations

import pytest

from rotator.census import Buckets
from rotator.models import Mode, Outcome, Pair, Snapshot, State
from rotator.plan import Step
from rotator.progress import Progress
from tests.building import HOUR, MINUTE, NOW, make_managed
from tests.planning import (
    BOTH,
    FAILED,
    MOVING,
    OLD,
    SKEWED,
    TIMEOUT,
    UNKNOWN,
    code,
    decide,
    hand,
    hands,
    names,
    night,
    nights,
    reasons,
    week,
    with_nightly,
)

# --- 1: the list ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "snapshots",
    [
        pytest.param([], id="empty"),
        pytest.param(nights(1), id="a free place"),
        pytest.param(nights(1, 2, 3, 4, 5), id="full"),
        pytest.param(nights(0, 1, 2, 3, 4), id="the slot is ready and there is something to prune"),
        pytest.param([night(0, FAILED), *nights(1)], id="the slot failed"),
        pytest.param([night(0, MOVING)], id="the slot is in progress"),
        pytest.param([night(1, FAILED), *nights(0)], id="an old failed one"),
    ],
)
def test_an_unsure_list_allows_no_create_and_no_delete(snapshots: list[Snapshot]) -> None:
    planned = decide(snapshots, unsure="count is 3, rows are 2")
    assert (planned.step, planned.outcome, code(planned)) == (Step.STOP, Outcome.FAILED, "list_unsure")
    assert (planned.now, planned.buckets.deleted) == ((), ())
    assert planned.problem is not None
    assert planned.problem.passing
    assert "count is 3, rows are 2" in planned.problem.message


def test_what_an_unsure_list_saves_is_deferred_for_that_reason() -> None:
    assert reasons(decide(nights(0, 1, 2, 3), unsure="short"), night(3)) == ("deferred", ("list_unsure",))


def test_the_rows_of_another_server_are_not_there_whatever_the_filter_did() -> None:
    strangers = [night(age, server_id=2) for age in range(5)]
    planned = decide(strangers)
    assert planned.step is Step.CREATE
    assert (planned.buckets, planned.free_before) == (Buckets(), 5)


def test_ids_of_servers_are_compared_by_their_text() -> None:
    assert decide([night(0, server_id="1")]).step is Step.PRUNE


# --- 2: the slot's snapshot -------------------------------------------------------------------------


SLOT_STATES = [
    pytest.param(night(0), Step.PRUNE, Outcome.PRUNED, None, id="ready: prune"),
    pytest.param(night(0, MOVING), Step.WAIT, Outcome.PRUNED, None, id="in progress: wait"),
    pytest.param(night(0, FAILED), Step.CLEAR, Outcome.ROTATED, None, id="failed: cleared, asked for again"),
    pytest.param(night(0, UNKNOWN), Step.WAIT, Outcome.PRUNED, None, id="unknown: waited for"),
    pytest.param(
        night(0, UNKNOWN, created_at=OLD), Step.STOP, Outcome.FAILED, "snapshot_stuck", id="unknown for long"
    ),
    pytest.param(
        night(0, MOVING, created_at=NOW - TIMEOUT), Step.WAIT, Outcome.PRUNED, None, id="almost stuck"
    ),
    pytest.param(night(0, MOVING, created_at=OLD), Step.STOP, Outcome.FAILED, "snapshot_stuck", id="stuck"),
    pytest.param(
        night(0, created_at=NOW + HOUR), Step.PRUNE, Outcome.PRUNED, None, id="future and ready: done"
    ),
    pytest.param(
        night(0, MOVING, created_at=NOW + HOUR), Step.WAIT, Outcome.PRUNED, None, id="future, in progress"
    ),
    pytest.param(
        night(0, FAILED, created_at=NOW + HOUR),
        Step.STOP,
        Outcome.FAILED,
        "snapshot_failed",
        id="future and failed",
    ),
]


@pytest.mark.parametrize(("snapshot", "step", "outcome", "error"), SLOT_STATES)
@pytest.mark.parametrize("others", [[], nights(1, 2), hands(4)], ids=["alone", "with others", "at the cap"])
def test_the_slots_snapshot_decides_first(
    snapshot: Snapshot, step: Step, outcome: Outcome, error: str | None, others: list[Snapshot]
) -> None:
    planned = decide([*others, snapshot])
    assert (planned.step, planned.outcome, code(planned)) == (step, outcome, error)
    assert planned.awaited == (snapshot if step is Step.WAIT else None)
    assert planned.now == ((snapshot,) if step is Step.CLEAR else ())


def test_a_failed_one_of_the_slot_is_cleared_alone_and_asked_for_again() -> None:
    failed = night(0, FAILED)
    planned = decide([failed, *nights(1, 2, 3), hand(1)])
    assert (planned.now, planned.mode) == ((failed,), Mode.DELETE_FIRST)
    assert decide([failed]).mode is Mode.CREATE_FIRST
    assert reasons(planned, failed) == ("deleted", ("failed",))
    assert decide([*nights(1, 2, 3), hand(1)]).step is Step.CREATE


def test_a_failed_one_of_the_slot_that_is_protected_ends_the_rotation() -> None:
    pair = with_nightly(protect=("nightly-*",))
    planned = decide([night(0, FAILED)], pair)
    assert (planned.step, code(planned), planned.now) == (Step.STOP, "snapshot_failed", ())


def test_a_failed_one_of_the_slot_stays_while_the_clocks_differ() -> None:
    planned = decide([night(0, FAILED)], skew=SKEWED)
    assert (planned.step, code(planned), planned.now) == (Step.STOP, "clock_skewed", ())


def test_a_stuck_one_of_the_slot_is_neither_deleted_nor_asked_for_again() -> None:
    planned = decide([night(0, MOVING, created_at=OLD), *nights(1, 2, 3, 4)])
    assert (planned.step, planned.now, planned.buckets.deleted) == (Step.STOP, (), ())
    assert planned.problem is not None
    assert planned.problem.passing


@pytest.mark.parametrize("state", [MOVING, UNKNOWN])
def test_no_wait_for_the_slots_snapshot_is_begun_twice(state: State) -> None:
    snapshot = night(0, state)
    planned = decide([snapshot], progress=Progress(NOW).gave_up_on(snapshot.key))
    assert (planned.step, code(planned)) == (Step.STOP, "snapshot_stuck")


TWINS = [
    night(0, id=1),
    night(0, MOVING, id=2),
    night(0, UNKNOWN, id=3),
    night(0, MOVING, id=4, created_at=OLD),
    night(0, FAILED, id=5),
]


@pytest.mark.parametrize("best", range(4))
def test_of_twins_the_most_useful_decides(best: int) -> None:
    steps = {0: Step.PRUNE, 1: Step.WAIT, 2: Step.WAIT, 3: Step.STOP}
    for order in permutations(TWINS[best:]):
        planned = decide(order)
        assert planned.step is steps[best]
        assert planned.awaited in (None, TWINS[best])


def test_all_failed_twins_of_the_slot_are_cleared() -> None:
    twins = [night(0, FAILED, id=1), night(0, FAILED, id=2)]
    assert decide(twins).now == tuple(twins)


def test_an_adopted_one_of_the_very_second_is_not_the_slots() -> None:
    pair = with_nightly(adopt=("by-hand-*",))
    assert decide([hand(1, created_at=NOW)], pair).step is Step.CREATE


def test_a_later_slot_that_is_ready_does_not_stand_in_for_this_one() -> None:
    later = make_managed(BOTH, NOW + MINUTE)
    assert decide([later]).step is Step.CREATE


# --- 3: another one in progress ---------------------------------------------------------------------

Maker = Callable[[datetime], Snapshot]

OTHERS = [
    pytest.param(lambda at: night(1, MOVING, created_at=at), BOTH, id="own"),
    pytest.param(lambda at: week(1, MOVING, created_at=at), BOTH, id="another policy's"),
    pytest.param(lambda at: hand(1, MOVING, created_at=at), BOTH, id="foreign"),
    pytest.param(lambda at: hand(1, MOVING, created_at=at), with_nightly(protect=("by-*",)), id="protected"),
]


@pytest.mark.parametrize(("make", "pair"), OTHERS)
@pytest.mark.parametrize("others", [[], hands(4)], ids=["free places", "at the cap"])
def test_another_one_in_progress_is_waited_for(make: Maker, pair: Pair, others: list[Snapshot]) -> None:
    moving = make(NOW - TIMEOUT)
    planned = decide([*others, moving], pair)
    assert (planned.step, planned.awaited) == (Step.WAIT, moving)


@pytest.mark.parametrize(("make", "pair"), OTHERS)
def test_a_stuck_one_does_not_stop_a_create(make: Maker, pair: Pair) -> None:
    assert decide([make(OLD)], pair).step is Step.CREATE


def test_a_stuck_foreign_one_takes_a_place() -> None:
    planned = decide([hand(1, MOVING, created_at=OLD), *hands(4)])
    assert (planned.step, planned.outcome) == (Step.STOP, Outcome.CAP_REACHED)


def test_one_waited_for_in_vain_is_waited_for_no_more() -> None:
    moving = hand(1, MOVING, created_at=NOW + HOUR)
    assert decide([moving]).awaited == moving
    assert decide([moving], progress=Progress(NOW).gave_up_on("1")).step is Step.CREATE


def test_of_several_in_progress_the_oldest_is_waited_for_first() -> None:
    moving = [hand(n, MOVING, created_at=NOW - n * MINUTE) for n in (1, 3, 2)]
    assert decide(moving).awaited == moving[1]
    assert decide(moving, progress=Progress(NOW).gave_up_on("3")).awaited == moving[2]


def test_a_prune_does_not_wait_for_others() -> None:
    assert decide([night(0), hand(1, MOVING, created_at=NOW)]).step is Step.PRUNE


def test_nothing_is_deleted_while_waiting() -> None:
    planned = decide([*nights(1, 2, 3, 4), hand(1, MOVING, created_at=NOW)])
    assert (planned.step, planned.now) == (Step.WAIT, ())
    assert names(planned.buckets.deleted) == [night(4).name, night(3).name]


# --- the edges of waiting ---------------------------------------------------------------------------


def test_an_unknown_one_of_the_slot_is_waited_for_to_the_last_moment_of_the_timeout() -> None:
    assert decide([night(0, UNKNOWN, created_at=NOW - TIMEOUT)]).step is Step.WAIT


@pytest.mark.parametrize("state", [MOVING, UNKNOWN])
def test_a_rotation_that_waits_for_the_slots_snapshot_only_has_to_prune(state: State) -> None:
    assert decide([night(0, state)]).mode is Mode.PRUNE


def test_beside_a_stuck_one_of_the_slot_not_even_an_older_failed_one_is_cleared() -> None:
    failed = night(0, FAILED, id=1, created_at=OLD - HOUR)
    stuck = night(0, MOVING, id=2, created_at=OLD)
    planned = decide([failed, stuck])
    assert (planned.step, code(planned), planned.now) == (Step.STOP, "snapshot_stuck", ())
