"""How a rotation ends whose snapshot was waited for and is not there to be ready."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rotator.census import Buckets
from rotator.endings import came_to_nothing
from rotator.models import Outcome, Snapshot, State, Verdict
from rotator.plan import Plan
from tests.planning import decide, night

SLOT = night(0, State.FAILED)
LATER = night(-1)
OLDER = night(1, State.FAILED)


def planned(*, failed: tuple[Snapshot, ...] = (), deleted: tuple[Snapshot, ...] = ()) -> Plan:
    """A plan whose buckets hold these."""
    buckets = Buckets(failed=tuple(map(Verdict, failed)), deleted=tuple(map(Verdict, deleted)))
    return replace(decide([LATER]), buckets=buckets)


@pytest.mark.parametrize(("made", "outcome"), [(True, Outcome.ROTATED), (False, Outcome.PRUNED)])
@pytest.mark.parametrize("others", [(), (OLDER,)])
def test_one_that_a_later_slots_pushed_out_is_owed_no_more(
    made: bool, outcome: Outcome, others: tuple[Snapshot, ...]
) -> None:
    ending = came_to_nothing(planned(failed=others), SLOT.name, made=made, overtaken=True)
    assert (ending.outcome, ending.problem) == (outcome, None)


@pytest.mark.parametrize("overtaken", [True, False])
@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(planned(failed=(SLOT,)), id="and stands there"),
        pytest.param(planned(failed=(SLOT, OLDER)), id="like another one"),
        pytest.param(planned(deleted=(OLDER, SLOT)), id="and is to be cleared away"),
    ],
)
def test_one_that_failed_is_a_failure_that_may_pass(plan: Plan, overtaken: bool) -> None:
    ending = came_to_nothing(plan, SLOT.name, made=True, overtaken=overtaken)
    assert ending.outcome is Outcome.FAILED
    assert ending.problem is not None
    assert ending.problem.code == "snapshot_failed"
    assert ending.problem.message == f"{SLOT.name} failed"
    assert ending.problem.passing


def test_one_that_went_unseen_is_a_failure_that_may_pass() -> None:
    ending = came_to_nothing(planned(failed=(OLDER,)), SLOT.name, made=False, overtaken=False)
    assert ending.outcome is Outcome.FAILED
    assert ending.problem is not None
    assert ending.problem.message == f"{SLOT.name} disappeared from the list before it was ready"
    assert ending.problem.passing
