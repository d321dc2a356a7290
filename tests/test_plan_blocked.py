"""Where no place can be made: what is said, what goes all the same, and whether it passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.models import Keep, Mode, Outcome, Problem, Snapshot, Verdict
from rotator.plan import Step
from rotator.progress import Progress
from tests.building import DAY, NOW, make_managed, make_pair, make_server
from tests.planning import (
    BOTH,
    FAILED,
    KEEPING_ALL,
    MOVING,
    OLD,
    UNKNOWN,
    WEEKLY,
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


def test_cap_reached_names_what_takes_the_places() -> None:
    snapshots = [hand(1), hand(2), week(3), week(4, FAILED), week(5, UNKNOWN)]
    planned = decide(snapshots)
    assert planned.problem is not None
    for snapshot in snapshots:
        assert snapshot.name in planned.problem.message
    for word in (
        "5 of 5",
        "2 foreign",
        "1 ready of weekly",
        "1 failed or stuck of weekly",
        "1 in an unknown",
    ):
        assert word in planned.problem.message


def test_a_blocked_rotation_lets_go_what_is_not_kept_so_that_later_ones_get_through() -> None:
    pair = with_nightly(cap=4, keep=Keep(last=3), min_ready=1)
    snapshots = [*nights(1, 2, 3, 4), hand(1), hand(2), hand(3)]
    planned = decide(snapshots, pair)
    assert (planned.step, planned.outcome, code(planned)) == (Step.CLEAR, Outcome.CAP_REACHED, "cap_reached")
    assert planned.now == (night(4),)  # 4 are needed, 2 allowed, and the rules without the new one keep 3
    assert names(planned.buckets.deleted) == [night(4).name]
    assert reasons(planned, night(3)) == ("kept", ("last",))


def test_a_blocked_rotation_lets_go_no_more_than_its_limits() -> None:
    snapshots = [*nights(1, 2, 3, 4, 5, 6), *hands(6)]
    planned = decide(snapshots, with_nightly(keep=Keep(last=1), max_deletes=2))
    assert planned.now == (night(6), night(5))
    assert names(planned.buckets.deferred) == names(map(Verdict, nights(2, 3, 4)))
    floored = decide(snapshots, with_nightly(keep=Keep(last=1), max_deletes=9, min_ready=4))
    assert floored.now == (night(6), night(5))


def test_a_blocked_rotation_with_nothing_to_let_go_deletes_nothing() -> None:
    planned = decide([*nights(1, 2), *hands(3)], with_nightly(keep=KEEPING_ALL, min_ready=2))
    assert (planned.step, planned.now, planned.outcome) == (Step.STOP, (), Outcome.CAP_REACHED)


LASTING = [
    pytest.param(hand(1), False, id="foreign"),
    pytest.param(night(1), False, id="own"),
    pytest.param(week(2, UNKNOWN), False, id="another policy's unknown one, and its kept one"),
    pytest.param(week(2), True, id="another policy's not-kept one"),
    pytest.param(week(2, FAILED), True, id="another policy's failed one"),
    pytest.param(week(2, MOVING, created_at=OLD), True, id="another policy's stuck one"),
    pytest.param(make_managed(WEEKLY, NOW + DAY), False, id="another policy's future one"),
]


@pytest.mark.parametrize(("occupant", "passing"), LASTING)
def test_cap_reached_passes_while_another_policys_snapshot_will_give_up_its_place(
    occupant: Snapshot, passing: bool
) -> None:
    planned = decide([week(1), occupant, *hands(3)], with_nightly(min_ready=2))
    assert planned.problem is not None
    assert (planned.outcome, planned.problem.passing) == (Outcome.CAP_REACHED, passing)


def test_what_another_policy_may_not_delete_or_a_disabled_one_never_will_is_no_hope() -> None:
    occupants = [week(1), week(2), *hands(3)]
    for pair in (
        with_nightly(protect=("weekly-*",)),
        make_pair(make_server(BOTH.policy, replace(WEEKLY.policy, enabled=False))),
    ):
        planned = decide(occupants, pair)
        assert planned.problem is not None
        assert (planned.outcome, planned.problem.passing) == (Outcome.CAP_REACHED, False)


def test_cap_reached_passes_while_another_policys_snapshot_is_in_progress() -> None:
    moving = week(2, MOVING, created_at=NOW)
    planned = decide([moving, *hands(4)], progress=Progress(NOW).gave_up_on(moving.key))
    assert planned.problem is not None
    assert (planned.outcome, planned.problem.passing) == (Outcome.CAP_REACHED, True)


def test_what_no_rule_keeps_is_deferred_while_an_unknown_one_may_be_the_best_there_is() -> None:
    planned = decide([night(1, UNKNOWN), *nights(2, 3, 4, 5)], with_nightly(keep=Keep(last=2)))
    assert (planned.step, planned.outcome) == (Step.STOP, Outcome.CAP_REACHED)
    assert reasons(planned, night(5)) == ("deferred", ("deferred",))
    assert reasons(planned, night(2)) == ("kept", ("last",))


def test_cap_reached_calls_each_occupant_what_it_is() -> None:
    pair = with_nightly(cap=4, protect=("nightly-20270312*",), min_ready=2)
    future = make_managed(BOTH, NOW + DAY)
    moving = week(2, MOVING, created_at=NOW)
    occupants = [night(2), night(1), moving, hand(1), hand(2), future]
    planned = decide(occupants, pair, Progress(NOW).gave_up_on(moving.key))
    assert planned.problem is not None
    assert planned.problem.message == (
        "no place can be made: 6 of 4 places are taken: "
        f"1 protected of nightly ({night(2).name}); 1 in progress of weekly ({moving.name}); "
        f"2 foreign (by-hand-1, by-hand-2); 1 ready of nightly ({night(1).name}); "
        f"1 dated in the future of nightly ({future.name}); limits of nightly: min_ready 2, max_deletes 2"
    )


HOPELESS = [
    pytest.param(night(2), id="an own one that no rule keeps, at the floor"),
    pytest.param(hand(9, FAILED), id="a foreign one that failed"),
    pytest.param(make_managed(WEEKLY, NOW + DAY, state=FAILED), id="another policy's future one that failed"),
]


@pytest.mark.parametrize("occupant", HOPELESS)
def test_cap_reached_does_not_pass_by_what_nobody_else_will_delete(occupant: Snapshot) -> None:
    planned = decide([night(1), occupant, *hands(3)], with_nightly(keep=Keep(last=1), min_ready=2))
    assert planned.problem is not None
    assert (planned.outcome, planned.problem.passing) == (Outcome.CAP_REACHED, False)


def test_a_server_that_the_account_does_not_have_gets_nothing_and_loses_nothing() -> None:
    """A list shows nothing of it; should it show something all the same, that stays."""
    pair = with_nightly(keep=Keep(last=1))
    planned = decide(nights(1, 2, 3, 4, 5), pair, missing=True)
    message = (
        f"the account has no server with the id {pair.server.id} (an id, not a name):"
        " correct its entry or drop it"
    )
    assert planned.problem == Problem("not_found", message)
    assert (planned.step, planned.outcome, planned.now) == (Step.STOP, Outcome.FAILED, ())
    assert planned.buckets.deleted == ()
    assert reasons(planned, night(5)) == ("deferred", ("deferred",))


def test_a_full_server_whose_own_snapshot_is_being_made_is_not_blocked() -> None:
    """It will be ready: then the oldest may make room, as step 4 has it."""
    being_made = night(1, MOVING, created_at=NOW - timedelta(minutes=1))
    planned = decide([hand(1), hand(2), hand(3), night(2), being_made], with_nightly(min_ready=1))
    assert (planned.step, planned.awaited) == (Step.WAIT, being_made)
    assert (planned.outcome, planned.mode, planned.problem) == (Outcome.ROTATED, Mode.DELETE_FIRST, None)
    assert reasons(planned, night(2)) == ("deleted", ("cap",))
    assert reasons(planned, being_made)[0] == "in_progress"
    assert planned.now == ()


def test_what_is_being_made_is_never_promised_to_go() -> None:
    """Only by its own delete would there be room, and it may fail: blocked, as things stand."""
    being_made = night(1, MOVING, created_at=NOW - timedelta(minutes=1))
    planned = decide([*hands(4), being_made], with_nightly(min_ready=0))
    assert (planned.step, planned.awaited) == (Step.WAIT, being_made)
    assert (planned.outcome, code(planned)) == (Outcome.CAP_REACHED, "cap_reached")
    assert reasons(planned, being_made)[0] == "in_progress"


def test_only_what_is_being_made_is_foreseen_as_ready() -> None:
    """A failed one stays what it is: it makes the room, and no restore point has to."""
    being_made = night(1, MOVING, created_at=NOW - timedelta(minutes=1))
    broken = night(3, FAILED)
    planned = decide([*hands(2), night(2), broken, being_made], with_nightly(min_ready=0))
    assert planned.step is Step.WAIT
    assert reasons(planned, broken) == ("deleted", ("failed",))
    assert reasons(planned, night(2))[0] != "deleted"


def test_one_that_was_waited_out_is_foreseen_by_nobody() -> None:
    being_made = night(1, MOVING, created_at=NOW - timedelta(minutes=1))
    progress = Progress(NOW).gave_up_on(being_made.key)
    planned = decide([hand(1), hand(2), hand(3), night(2), being_made], with_nightly(min_ready=1), progress)
    assert (planned.step, code(planned)) == (Step.STOP, "cap_reached")
