"""A share of the kill matrix: whenever a process is killed, the next one finishes what it began.

All of it: `python -m campaigns.kill`, and with real processes `python -m campaigns.kill --real`.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from random import Random

import pytest

from campaigns import seeds
from campaigns.earnest import theatre
from campaigns.kill import BEHIND, MODES, PAUSES, Case, Kill, draw, play
from campaigns.killing import RealPlay
from campaigns.processes import Mode, Process, one_interpreter, processes
from campaigns.scenarios import SCENARIOS, VIRTUAL, Scenario, settings
from campaigns.wire import MOMENTS, Wire
from tests.staging import SLOT, Stage, staged
from tests.virtual import VirtualClock, run_virtual

REQUESTS_AT_LEAST = 3
"""A rotation lists to see what is due, lists again to decide, and creates."""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_at_any_request_and_started_again_it_ends_as_if_never_killed(name: str, mode: Mode) -> None:
    chance = Random(f"{name} {mode} {seeds.fresh()}")
    for index in count():
        case = Case(mode, (Kill(chance.choice(PAUSES), index, chance.choice(MOMENTS)),))
        result = play(SCENARIOS[name], case, further=False)
        assert result.findings == [], replay(name, case)
        if not result.kills:
            break
    assert index >= REQUESTS_AT_LEAST


@pytest.mark.parametrize("seed", [seeds.FIXED[0], None], ids=[str(seeds.FIXED[0]), "fresh"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_at_any_instant_and_more_than_once_it_gets_there_in_the_end(
    name: str, seed: int | None
) -> None:
    case = draw(Random(f"{name} {seeds.fresh() if seed is None else seed}"))
    assert play(SCENARIOS[name], case).findings == [], replay(name, case)


def replay(name: str, case: Case) -> str:
    """How to see it again."""
    return f'python -m campaigns.kill --scenario "{name}" --case "{case}"'


def test_an_answered_create_that_no_list_shows_yet_is_believed_before_anything_else_is_created() -> None:
    scenario = Scenario((), {"nightly": 3}, switches=SCENARIOS["a list that lags"].switches)

    async def scene(clock: VirtualClock) -> list[timedelta]:
        async with staged(clock) as stage:
            with processes(stage):
                return await posts_around_a_kill(stage, scenario)

    with one_interpreter():
        first, second = run_virtual(scene, start=SLOT + BEHIND)
    assert second - first >= timedelta(seconds=VIRTUAL.lag)


async def posts_around_a_kill(stage: Stage, scenario: Scenario) -> list[timedelta]:
    """When a process asked that was killed before it had the answer, and when the next, for a later slot."""
    config = settings(scenario.text("http://127.0.0.1:1/api/v1", SLOT, VIRTUAL, 1))
    stage.world = scenario.furnish(stage.clock, SLOT, VIRTUAL, 1)
    stage.world.faults = wire = Wire()
    killed = asyncio.Event()
    wire.kill_at(3, "after", killed.set)
    process = Process(stage, config, "due")
    await killed.wait()
    await process.kill()
    await stage.clock.sleep(1)
    await Process(stage, config, "now").task
    return [request.at - SLOT for request in stage.world.requests if request.method == "POST"]


TELLING = (
    "delete first at the cap",
    "prune of several",
    "two files at the cap, a list that lags",
    "a list that lags",
)
"""Scenarios with much to go wrong in them: real processes are slow, so each run draws two."""


@pytest.mark.parametrize("mode", MODES)
def test_real_processes_that_are_really_killed_end_so_too(mode: Mode) -> None:
    chance = Random(f"{mode} {seeds.fresh()}")
    kinds = chance.sample(TELLING, 2)
    cases = [
        Case(
            mode,
            tuple(
                Kill(0.2, chance.randrange(5), chance.choice(("before", "after")))
                for _ in range(chance.choice((2, 3)))
            ),
        )
        for _ in kinds
    ]
    with theatre() as loop, ThreadPoolExecutor(len(kinds)) as pool:
        plays = pool.map(lambda kind, case: RealPlay(loop, SCENARIOS[kind], case).result, kinds, cases)
        results = dict(zip(kinds, plays, strict=True))
    assert not any(result.findings for result in results.values()), (cases, results)
    assert sum(result.kills for result in results.values()) >= len(kinds)
