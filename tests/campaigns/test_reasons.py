"""A blocked pair's reason is held against the world: a true one passes, each false word is found."""

from __future__ import annotations

from datetime import timedelta

import pytest

from campaigns import reasons
from campaigns.judge import Judge
from rotator.models import Keep, Pair
from rotator.sandbox import Switches, World
from tests.sandbox.conftest import StandingClock
from tests.staging import SLOT, Stage, on_stage, policy, server

NIGHTLY = policy("nightly", keep=Keep(last=2), min_ready=2, max_deletes=1)
WEEKLY = policy("weekly")
WEB = server(NIGHTLY, WEEKLY, protect=("golden-*",))
PAIR = Pair(WEB, NIGHTLY)

ON_THE_SERVER = (
    ("by-hand", None),
    ("nightly-20270312T070000Z", None),
    ("nightly-20270313T070000Z", None),
    ("weekly-20270310T070000Z", "archived"),
    ("weekly-20270311T070000Z", "failed"),
)

TRUE = (
    "no place can be made: 5 of 5 places are taken: 1 foreign (by-hand); "
    "1 in an unknown state of weekly (weekly-20270310T070000Z); "
    "1 failed or stuck of weekly (weekly-20270311T070000Z); "
    "2 ready of nightly (nightly-20270312T070000Z, nightly-20270313T070000Z); "
    "limits of nightly: min_ready 2, max_deletes 1"
)


def wrong(said: str, cap: int = 5) -> list[str]:
    """What the world has against these words."""
    world = World(StandingClock(), Switches(cap=cap))
    world.add_server(WEB.id, WEB.label)
    for name, status in ON_THE_SERVER:
        world.add_snapshot(WEB.id, name, status=status, created_at=SLOT - timedelta(days=1))
    return list(reasons.untrue(Judge.of(world, [WEB]), PAIR, SLOT, said))


def test_a_true_reason_passes() -> None:
    assert wrong(TRUE) == []


@pytest.mark.parametrize(
    ("true", "false", "found"),
    [
        ("5 of 5 places", "4 of 5 places", "taken, cap, policy, min_ready and max_deletes are"),
        ("5 of 5 places", "5 of 6 places", "taken, cap, policy, min_ready and max_deletes are"),
        ("min_ready 2", "min_ready 1", "taken, cap, policy, min_ready and max_deletes are"),
        ("max_deletes 1", "max_deletes 2", "taken, cap, policy, min_ready and max_deletes are"),
        ("limits of nightly", "limits of weekly", "taken, cap, policy, min_ready and max_deletes are"),
        ("1 foreign (by-hand)", "2 foreign (by-hand)", "2 foreign (by-hand) are 1"),
        ("1 foreign", "1 ready of nightly", "by-hand is not ready of nightly"),
        ("2 ready of nightly", "2 foreign", "nightly-20270312T070000Z is not foreign of nobody"),
        ("2 ready of nightly", "2 protected of nightly", "nightly-20270312T070000Z is not protected"),
        ("2 ready of nightly", "2 ready of weekly", "nightly-20270312T070000Z is not ready of weekly"),
        ("failed or stuck", "in progress", "weekly-20270311T070000Z is not in progress of weekly"),
        ("in an unknown state", "dated in the future", "is not dated in the future of weekly"),
        ("in an unknown state", "lost", "weekly-20270310T070000Z is not lost of weekly"),
        ("1 foreign (by-hand); ", "", "there stand by-hand, nightly-20270312T070000Z"),
    ],
)
def test_each_false_word_is_found(true: str, false: str, found: str) -> None:
    assert true in TRUE
    assert any(found in what for what in wrong(TRUE.replace(true, false)))


def test_a_lower_cap_is_believed_only_where_it_is_lower() -> None:
    said = "refused with a free place of 5: is snapshot_limit too high? (POST /snapshots/: 400)"
    assert wrong(said, cap=4) == []
    assert wrong(said) == ["the provider's cap is 5"]


def test_a_reason_that_says_nothing_is_found() -> None:
    assert wrong("") == ["this gives no reason that can be looked up"]


def test_what_a_rotation_says_can_be_read() -> None:
    async def scene(stage: Stage) -> tuple[str, list[str]]:
        for name, status in ON_THE_SERVER:
            stage.world.add_snapshot(WEB.id, name, status=status)
        problem = (await stage.rotate(PAIR)).problem
        assert problem is not None
        judge = Judge.of(stage.world, [WEB])
        return problem.message, list(reasons.untrue(judge, PAIR, stage.clock.now(), problem.message))

    said, found = on_stage(scene, WEB)
    assert said.startswith("no place can be made: 5 of 5")
    assert found == []
