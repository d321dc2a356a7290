"""What a plan answers with: the lists, the places, and what follows later."""

from __future__ import annotations

import pytest

from rotator.models import Keep, Outcome, Snapshot, Span, State, Verdict
from rotator.plan import Step
from tests.building import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    make_managed,
    make_pair,
    make_policy,
    make_server,
    make_snapshot,
)
from tests.planning import (
    BOTH,
    FAILED,
    MOVING,
    OLD,
    SKEWED,
    UNKNOWN,
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

# --- the answer -------------------------------------------------------------------------------------

STANDINGS = [
    pytest.param(
        make_snapshot(1, "golden", created_at=NOW + DAY), "quarantined", ("future", "protected"), id="F"
    ),
    pytest.param(hand(1, FAILED, created_at=NOW + DAY), "quarantined", ("future",), id="future, failed"),
    pytest.param(week(1, created_at=NOW + DAY), "quarantined", ("future",), id="future, other"),
    pytest.param(hand(1, FAILED), "foreign", (), id="foreign, failed"),
    pytest.param(hand(1, UNKNOWN), "foreign", (), id="foreign, unknown"),
    pytest.param(make_snapshot(1, "golden"), "foreign", ("protected",), id="foreign, protected"),
    pytest.param(make_snapshot(1, "safety-20270301T000000Z"), "foreign", (), id="safety"),
    pytest.param(make_snapshot(1, "old-20270301T000000Z"), "foreign", (), id="orphan"),
    pytest.param(week(1), "other", (), id="other"),
    pytest.param(week(1, MOVING, created_at=NOW), "other", (), id="other, in progress"),
    pytest.param(week(1, UNKNOWN), "other", (), id="other, unknown"),
    pytest.param(night(1, MOVING, created_at=NOW), "in_progress", (), id="in progress"),
    pytest.param(night(1, UNKNOWN), "unknown", (), id="unknown"),
    pytest.param(night(9, FAILED), "deleted", ("failed",), id="failed, older"),
    pytest.param(night(9, MOVING, created_at=OLD), "deleted", ("stuck",), id="stuck, older"),
    pytest.param(make_managed(BOTH, NOW + MINUTE, state=FAILED), "failed", (), id="failed, newer"),
    pytest.param(
        make_managed(BOTH, NOW + MINUTE, state=MOVING, created_at=OLD), "failed", (), id="stuck, newer"
    ),
    pytest.param(night(9), "deleted", ("not_kept",), id="not kept"),
    pytest.param(night(7), "deferred", ("deferred",), id="not kept, deferred"),
    pytest.param(night(2), "kept", ("last",), id="kept"),
]


@pytest.mark.parametrize(("snapshot", "bucket", "why"), STANDINGS)
def test_a_snapshot_stands_in_the_first_list_that_fits(
    snapshot: Snapshot, bucket: str, why: tuple[str, ...]
) -> None:
    rest = [other for other in nights(0, 1, 2, 6, 7, 8, 9) if other.name != snapshot.name]
    pair = with_nightly(protect=("golden",))
    assert reasons(decide([*rest, snapshot], pair), snapshot) == (bucket, why)


def test_the_lists_are_newest_first_and_the_deleted_in_the_order_of_deleting() -> None:
    planned = decide([*nights(0, 3, 1, 5, 2, 4), night(8, FAILED), *hands(2)])
    assert names(planned.buckets.kept) == names(map(Verdict, nights(0, 1, 2)))
    assert names(planned.buckets.deleted) == names(map(Verdict, (night(8, FAILED), night(5), night(4))))


PLACES = [
    pytest.param([], 5, 4, id="an empty server"),
    pytest.param(nights(1, 2), 3, 2, id="room for more"),
    pytest.param(nights(1, 2, 3), 2, 2, id="one in, one out"),
    pytest.param(nights(1, 2, 3, 4, 5), 0, 1, id="one makes room, one is pruned, the third is deferred"),
    pytest.param(nights(0, 1, 2, 3, 4), 0, 2, id="pruned"),
    pytest.param(hands(5), 0, 0, id="blocked"),
    pytest.param(hands(7), 0, 0, id="over the cap"),
    pytest.param([night(0, FAILED), *hands(4)], 0, 0, id="failed one replaced"),
    pytest.param([night(0, MOVING), *hands(2)], 2, 2, id="in progress"),
]


@pytest.mark.parametrize(("snapshots", "before", "after"), PLACES)
def test_free_places_before_and_after(snapshots: list[Snapshot], before: int, after: int) -> None:
    planned = decide(snapshots)
    assert (planned.free_before, planned.free_after) == (before, after)


def test_the_plan_of_a_create_shows_the_prune_that_follows_it() -> None:
    planned = decide(nights(1, 2, 3, 4))
    assert (planned.step, planned.now) == (Step.CREATE, ())
    assert names(planned.buckets.deleted) == [night(4).name, night(3).name]


def test_the_plan_of_a_wait_shows_the_prune_that_follows_it() -> None:
    planned = decide([night(0, MOVING), *nights(1, 2, 3)])
    assert (planned.step, planned.now) == (Step.WAIT, ())
    assert names(planned.buckets.deleted) == [night(3).name]


# --- odd values -------------------------------------------------------------------------------------


def test_the_zero_time_of_another_language_is_just_very_old() -> None:
    """Some services write the year 1 where they know no time."""
    zero = NOW.replace(year=1, month=1, day=1, hour=0)
    for zone in ("America/New_York", "Asia/Tokyo"):
        pair = make_pair(make_server(make_policy(zone=zone, adopt=("by-hand-*",), keep=Keep(daily=1))))
        own = make_managed(pair, NOW)
        assert decide([own, hand(1, created_at=zero)], pair).now == (hand(1, created_at=zero),)


def test_a_window_rule_that_keeps_all_makes_room_oldest_first() -> None:
    pair = with_nightly(keep=Keep(within=Span(months=1)))
    assert decide(nights(1, 2, 3, 4, 5), pair).now == (night(5),)


# --- why it stops -----------------------------------------------------------------------------------


def test_what_clocks_that_differ_save_is_deferred_for_that_reason_and_it_passes() -> None:
    planned = decide(nights(1, 2, 3, 4, 5), skew=SKEWED)
    assert (planned.step, planned.outcome) == (Step.STOP, Outcome.FAILED)
    assert reasons(planned, night(5)) == ("deferred", ("clock_skewed",))
    assert planned.problem is not None
    assert planned.problem.passing
    assert "+301 s off" in planned.problem.message


def test_what_a_rotation_that_stops_would_have_deleted_is_deferred() -> None:
    failed = night(0, FAILED, created_at=NOW + HOUR)
    planned = decide([failed, *nights(1, 2, 3, 4, 5)])
    assert planned.step is Step.STOP
    assert reasons(planned, night(5)) == ("deferred", ("deferred",))
    assert planned.problem is not None
    assert f"{failed.name} failed and may not be deleted" in planned.problem.message


@pytest.mark.parametrize(
    ("state", "said"),
    [(MOVING, "still being made, for longer than wait.timeout"), (UNKNOWN, "in the state 'archiving'")],
)
def test_a_stuck_one_is_called_by_its_name_and_its_state(state: State, said: str) -> None:
    stuck = night(0, state, created_at=OLD)
    planned = decide([stuck])
    assert planned.problem is not None
    assert planned.problem.message.startswith(f"{stuck.name} is {said}")


def test_the_judgement_of_a_plan_is_what_its_lists_were_sorted_by() -> None:
    planned = decide(nights(0, 1, 2, 3, 4))
    assert planned.judgement.doomed == {v.snapshot.key: v.reasons for v in planned.buckets.deleted}
    assert all(planned.judgement.kept[v.snapshot.key] == v.reasons for v in planned.buckets.kept)
    assert [snapshot.key for snapshot in planned.now] == list(planned.judgement.doomed)


def test_a_plan_is_silent_about_what_is_not_there() -> None:
    create = decide([])
    assert (create.problem, create.suspicious, create.awaited) == (None, None, None)
    assert decide([], unsure="short").mode is None
