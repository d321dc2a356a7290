"""When a pair counts as fresh: also while its newest one has gone ahead of its successor."""

from __future__ import annotations

from datetime import timedelta

import pytest

from campaigns import liveness
from campaigns.judge import Judge
from rotator.models import Keep, Pair
from rotator.sandbox import World
from tests.sandbox.conftest import StandingClock
from tests.staging import SLOT, policy, server, utc

HOURLY = policy("hourly", schedule=("0 * * * *",), keep=Keep(daily=2))
WEB = server(HOURLY)
PAIR = Pair(WEB, HOURLY)
NOW = utc(2027, 3, 14, 17, 30)
LAST = "hourly-20270314T170000Z"


def judge(*names: str, came: str | None = None) -> Judge:
    """Who knows what stands there, and of one that became ready and is gone."""
    world = World(StandingClock())
    world.add_server(WEB.id, WEB.label)
    for name in names:
        world.add_snapshot(WEB.id, name, created_at=SLOT)
    made = Judge.of(world, [WEB])
    if came is not None:
        made.proven.add((WEB.key, came))
    return made


def test_a_young_one_makes_a_pair_fresh_and_an_old_one_does_not() -> None:
    assert liveness.is_fresh(judge(LAST), PAIR, NOW)
    assert not liveness.is_fresh(judge("hourly-20270314T100000Z"), PAIR, NOW)


@pytest.mark.parametrize(
    ("came", "minutes", "fresh"), [(LAST, 1, True), (LAST, 30, False), (None, 1, False), (LAST, None, False)]
)
def test_between_the_delete_of_the_newest_and_the_create_a_pair_is_fresh_for_a_while(
    came: str | None, minutes: int | None, fresh: bool
) -> None:
    begun = None if minutes is None else NOW - timedelta(minutes=minutes)
    assert liveness.is_fresh(judge(came=came), PAIR, NOW, begun) is fresh
