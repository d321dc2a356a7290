"""What holds of every plan, whatever stands on the server."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import event, given, settings
from hypothesis import strategies as st

from campaigns.known import Case, ready_among
from campaigns.steps import wrong
from rotator.census import View
from rotator.models import Keep
from rotator.plan import plan
from rotator.progress import Progress
from tests.drawing import many, progresses, views


@settings(max_examples=1000)
@given(views(), progresses)
def test_every_plan_keeps_each_promise(view: View, progress: Progress) -> None:
    planned = plan(view, progress)
    event(f"{planned.step} {planned.outcome}")
    assert wrong(Case(view, progress, planned)) == []


@many
@given(views(), progresses)
def test_with_no_keep_rule_no_ready_one_goes(view: View, progress: Progress) -> None:
    pair = replace(view.pair, policy=replace(view.pair.policy, keep=Keep()))
    planned = plan(replace(view, pair=pair), progress)
    assert ready_among(verdict.snapshot for verdict in planned.buckets.deleted) == 0


@many
@given(views(), progresses, st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_matter(view: View, progress: Progress, random: Random) -> None:
    shuffled = list(view.snapshots)
    random.shuffle(shuffled)
    assert plan(replace(view, snapshots=tuple(shuffled)), progress) == plan(view, progress)
