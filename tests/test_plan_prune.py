"""After the create: what goes, what stays, and why."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from rotator.models import Keep, Mode, Outcome, Pair, Snapshot, State, Verdict
from rotator.plan import Step
from rotator.progress import Progress
from tests.building import DAY, HOUR, MINUTE, NOW, make_managed, make_snapshot
from tests.planning import (
    BOTH,
    FAILED,
    MOVING,
    OLD,
    SKEWED,
    UNKNOWN,
    decide,
    hand,
    names,
    night,
    nights,
    reasons,
    week,
    with_nightly,
)


def test_once_ready_what_the_rules_do_not_keep_goes_oldest_first_up_to_max_deletes() -> None:
    planned = decide(nights(0, 1, 2, 3, 4, 5, 6))
    assert (planned.step, planned.outcome, planned.mode) == (Step.PRUNE, Outcome.PRUNED, Mode.PRUNE)
    assert planned.now == (night(6), night(5))
    assert [verdict.reasons for verdict in planned.buckets.deleted] == [("not_kept",)] * 2
    assert names(planned.buckets.deferred) == [night(3).name, night(4).name]
    assert {verdict.reasons for verdict in planned.buckets.deferred} == {("deferred",)}
    assert [verdict.reasons for verdict in planned.buckets.kept] == [("last",)] * 3


def test_deletes_before_the_create_count_against_the_prunes() -> None:
    planned = decide(nights(0, 1, 2, 3, 4, 5, 6), progress=Progress(NOW, deleted=1, room_deleted=1))
    assert planned.now == (night(6),)


def test_the_floor_holds_in_a_prune_and_says_so() -> None:
    pair = with_nightly(keep=Keep(last=1), min_ready=3, max_deletes=9)
    planned = decide(nights(0, 1, 2, 3, 4), pair)
    assert planned.now == (night(4), night(3))
    assert reasons(planned, night(2)) == ("kept", ("floor",))
    assert reasons(planned, night(0)) == ("kept", ("last",))


def test_the_floor_holds_from_the_deletes_before_the_create_to_those_after_it() -> None:
    planned = decide(nights(1, 2, 3, 4, 5), with_nightly(keep=Keep(last=1), min_ready=4, max_deletes=9))
    assert planned.now == (night(5),)
    assert names(planned.buckets.deleted) == [night(5).name, night(4).name]
    assert reasons(planned, night(3)) == ("kept", ("floor",))


@pytest.mark.parametrize("state", [FAILED, MOVING])
def test_a_broken_twin_of_a_ready_one_is_not_older_and_stays(state: State) -> None:
    twin = night(0, state, id="twin", created_at=OLD)
    planned = decide([night(0), twin])
    assert (planned.now, reasons(planned, twin)) == ((), ("failed", ()))


@pytest.mark.parametrize("state", [FAILED, MOVING])
def test_broken_ones_go_once_a_newer_one_is_ready(state: State) -> None:
    broken = night(1, state, created_at=OLD)
    assert decide([night(0), broken]).now == (broken,)
    assert decide([night(0), broken], with_nightly(protect=("nightly-*",))).now == ()


def test_broken_ones_that_are_newer_than_every_ready_one_stay() -> None:
    later = make_managed(BOTH, NOW + 2 * MINUTE, state=FAILED)
    planned = decide([night(0), later])
    assert planned.now == ()
    assert reasons(planned, later) == ("failed", ())


def test_broken_ones_are_not_counted_as_kept_nor_against_max_deletes() -> None:
    broken = [night(n, FAILED) for n in (1, 2, 3)]
    planned = decide([night(0), *broken, *nights(4, 5, 6, 7)])
    assert set(planned.now) == {*broken, night(7), night(6)}
    assert names(planned.buckets.kept) == names(map(Verdict, nights(0, 4, 5)))


@pytest.mark.parametrize(
    ("spared", "pair"),
    [
        pytest.param(hand(1), BOTH, id="foreign"),
        pytest.param(week(9), BOTH, id="another policy's"),
        pytest.param(night(9, UNKNOWN), BOTH, id="unknown"),
        pytest.param(night(9, created_at=NOW + DAY), BOTH, id="future"),
        pytest.param(night(9), with_nightly(protect=(f"{night(9).name}",)), id="protected"),
        pytest.param(make_snapshot(1, "safety-20270301T000000Z"), with_nightly(adopt=("*",)), id="safety"),
        pytest.param(make_snapshot(1, "renamed-20270301T000000Z"), BOTH, id="orphan"),
        pytest.param(week(9, FAILED), BOTH, id="another policy's failed one"),
        pytest.param(hand(1, FAILED), BOTH, id="a failed foreign one"),
    ],
)
def test_a_prune_spares(spared: Snapshot, pair: Pair) -> None:
    assert decide([*nights(0, 1, 2, 3), spared], pair).now == (night(3),)


def test_a_future_one_takes_no_place_in_the_keep_rules() -> None:
    future = make_managed(BOTH, NOW + DAY)
    assert decide([future, *nights(0, 1, 2)]).now == ()


def test_the_slots_own_snapshot_is_not_pruned_in_its_own_rotation_though_a_later_one_is_ready() -> None:
    """A retry after a rotation by hand: deleted at once, it would be missing, and made again."""
    later = make_managed(BOTH, NOW + MINUTE)
    planned = decide([later, *nights(0, 1)], with_nightly(keep=Keep(last=1)))
    assert planned.now == (night(1),)
    assert reasons(planned, night(0)) == ("deferred", ("deferred",))


def test_with_no_keep_rule_a_prune_deletes_only_broken_ones() -> None:
    planned = decide([*nights(0, 1, 2, 4), night(3, FAILED)], with_nightly(keep=Keep()))
    assert planned.now == (night(3, FAILED),)
    assert reasons(planned, night(4)) == ("kept", ("no_rule",))


def test_adopted_ones_are_pruned_by_created_at_and_kept_ones_say_so() -> None:
    pair = with_nightly(adopt=("by-hand-*",))
    old, young = hand(1, created_at=NOW - 9 * DAY), hand(2, created_at=NOW - HOUR)
    planned = decide([old, young, *nights(0, 1)], pair)
    assert planned.now == (old,)
    assert reasons(planned, young) == ("kept", ("last", "adopted"))


def test_a_protected_one_that_no_rule_keeps_stands_among_the_kept() -> None:
    planned = decide(nights(0, 1, 2, 3), with_nightly(protect=(night(3).name, night(2).name)))
    assert reasons(planned, night(3)) == ("kept", ("protected",))
    assert reasons(planned, night(2)) == ("kept", ("last", "protected"))


@pytest.mark.parametrize(
    ("new", "last", "pruned"),
    [
        pytest.param(2499, 5000, False, id="under half"),
        pytest.param(2500, 5000, True, id="exactly half"),
        pytest.param(9000, 5000, True, id="larger"),
        pytest.param(None, 5000, True, id="no size told"),
        pytest.param(2499, None, False, id="the last told none: the one before counts"),
    ],
)
def test_nothing_is_pruned_after_a_suspiciously_small_snapshot(
    new: float | None, last: float | None, pruned: bool
) -> None:
    snapshots = [night(0, size_mb=new), night(1, size_mb=last), *nights(2, 3), night(4, FAILED)]
    planned = decide(snapshots)
    assert planned.step is Step.PRUNE
    assert planned.now == ((night(4, FAILED), night(3)) if pruned else ())
    assert (planned.suspicious is None) is pruned
    assert reasons(planned, night(3)) == (
        ("deleted", ("not_kept",)) if pruned else ("deferred", ("suspicious",))
    )


def test_a_first_snapshot_is_never_suspicious() -> None:
    assert decide([night(0, size_mb=1), hand(1), week(1)]).suspicious is None


@pytest.mark.parametrize(
    ("skew", "pruned"),
    [
        pytest.param(timedelta(minutes=5), True, id="five minutes ahead"),
        pytest.param(SKEWED, False, id="more ahead"),
        pytest.param(-timedelta(minutes=5), True, id="five minutes behind"),
        pytest.param(-SKEWED, False, id="more behind"),
    ],
)
def test_clocks_that_differ_by_more_than_five_minutes_forbid_deletes(skew: timedelta, pruned: bool) -> None:
    snapshots = [*nights(0, 1, 2, 3), night(4, FAILED)]
    planned = decide(snapshots, skew=skew)
    assert bool(planned.now) is pruned
    assert reasons(planned, night(3))[1] == (("not_kept",) if pruned else ("clock_skewed",))


def test_clocks_that_differ_do_not_forbid_a_create_in_a_free_place() -> None:
    planned = decide(nights(1, 2, 3, 4), skew=SKEWED)
    assert (planned.step, planned.buckets.deleted) == (Step.CREATE, ())
    assert reasons(planned, night(3)) == ("deferred", ("clock_skewed",))


# --- the keep rules, laid on a server ---------------------------------------------------------------


def test_of_two_ready_ones_of_one_slot_the_rules_keep_the_one_that_was_made_later() -> None:
    older = night(1, id="z")
    later = night(1, id="a", created_at=NOW - DAY + MINUTE)
    planned = decide([older, later, night(0)], with_nightly(keep=Keep(last=2)))
    assert planned.now == (older,)
    assert reasons(planned, later) == ("kept", ("last",))


def test_the_rules_go_by_the_days_of_the_policys_zone() -> None:
    evening, past_midnight = (make_managed(BOTH, NOW - DAY + hours * HOUR) for hours in (13, 15))
    pair = with_nightly(keep=Keep(daily=2), zone=ZoneInfo("Africa/Nairobi"))  # 20:00 UTC is 23:00 there
    planned = decide([evening, past_midnight, night(0)], pair)
    assert planned.now == (past_midnight,)
    assert reasons(planned, evening) == ("kept", ("daily",))


# --- what a prune leaves, to the last one -----------------------------------------------------------


def test_below_the_floor_nothing_goes_however_little_the_rules_keep() -> None:
    planned = decide(nights(0, 1, 2), with_nightly(keep=Keep(last=1), min_ready=4))
    assert (planned.step, planned.now) == (Step.PRUNE, ())
    assert {verdict.reasons for verdict in planned.buckets.kept} == {("last",), ("floor",)}


def test_whoever_deleted_more_than_allowed_deletes_no_more() -> None:
    planned = decide(nights(0, 1, 2, 3, 4), with_nightly(keep=Keep(last=1)), Progress(NOW, deleted=3))
    assert planned.now == ()


def test_the_snapshot_to_be_made_counts_for_the_floor_of_what_goes_after_it() -> None:
    planned = decide(nights(1, 2), with_nightly(keep=Keep(last=1), min_ready=2))
    assert planned.step is Step.CREATE
    assert names(planned.buckets.deleted) == [night(2).name]
    assert reasons(planned, night(1)) == ("kept", ("floor",))


def test_a_failed_one_goes_after_the_snapshot_to_be_made_even_if_it_is_the_first() -> None:
    planned = decide([night(1, FAILED)])
    assert (planned.step, planned.now) == (Step.CREATE, ())
    assert reasons(planned, night(1, FAILED)) == ("deleted", ("failed",))


def test_while_the_clocks_differ_all_that_would_go_is_deferred_and_the_rest_is_kept_as_ever() -> None:
    planned = decide(nights(0, 1, 2, 3, 4, 5, 6), skew=SKEWED)
    assert planned.now == ()
    assert names(planned.buckets.deferred) == names(map(Verdict, nights(3, 4, 5, 6)))
    assert {verdict.reasons for verdict in planned.buckets.deferred} == {("clock_skewed",)}
    assert [verdict.reasons for verdict in planned.buckets.kept] == [("last",)] * 3


@pytest.mark.parametrize(("before", "suspicious"), [((100, 5000), True), ((5000, 100), False)])
def test_the_size_of_a_new_one_is_held_against_the_last_one_before_it(
    before: tuple[float, float], suspicious: bool
) -> None:
    earlier = [night(age, size_mb=size) for age, size in zip((2, 1), before, strict=True)]
    planned = decide([*earlier, night(0, size_mb=2000)])
    assert (planned.suspicious is not None) is suspicious
