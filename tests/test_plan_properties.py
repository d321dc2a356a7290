"""What holds of every plan, whatever stands on the server."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import event, given
from hypothesis import strategies as st

from rotator import naming, retention
from rotator.census import View
from rotator.models import Keep, Outcome, State
from rotator.plan import Step, plan
from rotator.progress import Progress
from tests.building import MINUTE
from tests.drawing import (
    by_id,
    counts,
    future,
    here,
    listed,
    many,
    may_go,
    own,
    progresses,
    ready_among,
    slot_of,
    views,
)


@many
@given(views(), progresses)
def test_the_lists_partition_what_stands_on_the_server(view: View, progress: Progress) -> None:
    planned = plan(view, progress)
    event(f"{planned.step} {planned.outcome}")
    assert by_id(listed(planned.buckets)) == by_id(here(view))


@many
@given(views(), progresses)
def test_only_own_ready_failed_or_stuck_ones_ever_go(view: View, progress: Progress) -> None:
    planned = plan(view, progress)
    going = [verdict.snapshot for verdict in planned.buckets.deleted]
    assert all(may_go(view.pair, snapshot, view.now) for snapshot in (*going, *planned.now))
    assert {s.key for s in planned.now} <= {s.key for s in going}


@many
@given(views(), progresses)
def test_every_delete_has_a_reason_that_is_true_of_its_state(view: View, progress: Progress) -> None:
    true_of = {
        State.READY: {("not_kept",), ("cap",)},
        State.FAILED: {("failed",)},
        State.IN_PROGRESS: {("stuck",)},
    }
    for verdict in plan(view, progress).buckets.deleted:
        assert verdict.reasons in true_of[verdict.snapshot.state]


@many
@given(views(), progresses)
def test_the_floor_holds_after_each_delete_in_its_order(view: View, progress: Progress) -> None:
    planned = plan(view, progress)
    standing = sum(1 for s in here(view) if counts(view.pair, s, view.now))
    ahead = {s.key for s in planned.now} if planned.step is Step.CLEAR else set()
    to_come = planned.outcome is Outcome.ROTATED or planned.step is Step.WAIT
    for verdict in planned.buckets.deleted:
        if verdict.snapshot.state is State.READY:
            standing -= 1
            new = to_come and verdict.snapshot.key not in ahead
            assert standing + new >= view.pair.policy.min_ready


@many
@given(views(), progresses)
def test_never_more_than_max_deletes_ready_ones_go(view: View, progress: Progress) -> None:
    gone = ready_among(verdict.snapshot for verdict in plan(view, progress).buckets.deleted)
    assert gone <= max(0, view.pair.policy.max_deletes - progress.deleted)


@many
@given(views(), progresses)
def test_an_unsure_list_or_a_wrong_clock_deletes_nothing(view: View, progress: Progress) -> None:
    planned = plan(view, progress)
    if view.unsure or abs(view.skew) > 5 * MINUTE:
        assert (planned.now, planned.buckets.deleted) == ((), ())
    if view.unsure:
        assert planned.step is Step.STOP


@many
@given(views(), progresses)
def test_before_the_create_ready_ones_go_only_where_that_makes_the_place(
    view: View, progress: Progress
) -> None:
    planned = plan(view, progress)
    used, cap = len(here(view)), view.pair.server.cap
    if planned.step is not Step.CLEAR:
        return
    if planned.outcome is Outcome.ROTATED:
        assert used - len(planned.now) < cap
        assert not ready_among(planned.now) or used - len(planned.now) == cap - 1
    else:
        why = {v.snapshot.key: v.reasons for v in planned.buckets.deleted}
        assert {why[snapshot.key] for snapshot in planned.now} == {("not_kept",)}
    if progress.room_limit is not None:
        assert ready_among(planned.now) <= max(0, progress.room_limit - progress.room_deleted)


@many
@given(views(), progresses)
def test_before_the_create_no_ready_one_goes_while_an_unknown_one_is_the_newest(
    view: View, progress: Progress
) -> None:
    planned = plan(view, progress)
    mine = [s for s in here(view) if own(view.pair, s) and not future(view.pair, s, view.now)]
    unknown = [slot_of(view.pair, s) for s in mine if s.state is State.UNKNOWN]
    ready = [slot_of(view.pair, s) for s in mine if s.state is State.READY]
    if planned.step is Step.CLEAR and unknown and (not ready or max(unknown) > max(ready)):
        assert ready_among(planned.now) == 0


@many
@given(views(), progresses)
def test_with_no_keep_rule_no_ready_one_goes(view: View, progress: Progress) -> None:
    pair = replace(view.pair, policy=replace(view.pair.policy, keep=Keep()))
    planned = plan(replace(view, pair=pair), progress)
    assert ready_among(verdict.snapshot for verdict in planned.buckets.deleted) == 0


@many
@given(views(), progresses)
def test_after_the_create_only_what_no_rule_keeps_goes(view: View, progress: Progress) -> None:
    planned = plan(view, progress)
    if planned.step is not Step.PRUNE:
        return
    dated = [s for s in here(view) if counts(view.pair, s, view.now)]
    dated.sort(key=lambda s: slot_of(view.pair, s), reverse=True)
    policy = view.pair.policy
    why = retention.apply_keep([slot_of(view.pair, s) for s in dated], policy.keep, policy.zone)
    kept = sorted(slot_of(view.pair, s) for s, reasons in zip(dated, why, strict=True) if reasons)
    left = sorted(slot_of(view.pair, s) for s in dated if s not in planned.now)
    assert all(left.count(slot) >= kept.count(slot) for slot in kept)


@many
@given(views(), progresses)
def test_a_create_needs_a_free_place_and_that_the_name_is_not_there(view: View, progress: Progress) -> None:
    planned = plan(view, progress)
    name = naming.snapshot_name(view.pair.server, view.pair.policy, progress.slot)
    if planned.step is Step.CREATE:
        assert len(here(view)) < view.pair.server.cap
        assert name not in {snapshot.name for snapshot in here(view)}


@many
@given(views(), progresses)
def test_only_a_clear_and_a_prune_delete_anything_now(view: View, progress: Progress) -> None:
    planned = plan(view, progress)
    assert not planned.now or planned.step in {Step.CLEAR, Step.PRUNE}
    assert planned.now or planned.step is not Step.CLEAR
    assert (planned.awaited is not None) is (planned.step is Step.WAIT)


@many
@given(views(), progresses)
def test_a_plan_that_comes_to_nothing_says_why(view: View, progress: Progress) -> None:
    planned = plan(view, progress)
    well = planned.outcome in {Outcome.ROTATED, Outcome.PRUNED}
    assert well is (planned.problem is None)


@many
@given(views(), progresses, st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_matter(view: View, progress: Progress, random: Random) -> None:
    shuffled = list(view.snapshots)
    random.shuffle(shuffled)
    assert plan(replace(view, snapshots=tuple(shuffled)), progress) == plan(view, progress)


@many
@given(views(), progresses)
def test_free_places_add_up(view: View, progress: Progress) -> None:
    planned = plan(view, progress)
    left = len(here(view)) - len(planned.buckets.deleted) + (planned.outcome is Outcome.ROTATED)
    assert planned.free_before == max(0, view.pair.server.cap - len(here(view)))
    assert planned.free_after == max(0, view.pair.server.cap - left)
