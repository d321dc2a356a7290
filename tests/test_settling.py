"""What one process left unsettled, and the next one has to know: writes whose answers nobody saw."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import httpx
import pytest

from campaigns.judge import Judge
from rotator.models import Keep, Mode, Outcome, Pair, Server
from rotator.progress import Progress
from rotator.report import Report
from rotator.rotation import Rotation
from rotator.sandbox import Fault, Switches
from tests.staging import SLOT, InProcess, Stage, days_before, on_stage, policy, server
from tests.test_kill import KillAt, killed

LAGGING = Switches(create_time=60, create_lag=10, delete_lag=10)
NIGHTLY, WEEKLY = policy("nightly", keep=Keep(last=3)), policy("weekly", keep=Keep(last=2))


def full_server(stage: Stage) -> Server:
    """Five of five places, held by two policies that keep three and two."""
    web = server(NIGHTLY, WEEKLY)
    stage.plant(web, days_before(SLOT, 3, 2, 1))
    stage.plant(web, days_before(SLOT, 14, 7), policy="weekly")
    return web


@pytest.mark.parametrize("after", [False, True], ids=["before it is carried out", "before its answer"])
def test_a_killed_delete_is_not_paid_for_a_second_time_by_another_policy(after: bool) -> None:
    async def scene(stage: Stage) -> tuple[Judge, Report]:
        web = full_server(stage)
        judge = Judge.of(stage.world, [web])
        assert await killed(stage, Pair(web, NIGHTLY), 1, after=after)
        stage.begin_process()
        await stage.clock.sleep(2)
        report = await stage.rotate(Pair(web, WEEKLY))
        judge.follow(stage.world)
        return judge, report

    judge, report = on_stage(scene, server(NIGHTLY, WEEKLY), switches=LAGGING)
    assert [str(breach) for breach in judge.breaches] == []
    assert report.outcome is Outcome.ROTATED


def test_an_answered_delete_is_not_paid_for_a_second_time_by_another_process() -> None:
    """The first process is killed at its create; for a minute no list shows what it deleted as gone."""

    async def scene(stage: Stage) -> tuple[Judge, Report]:
        web = full_server(stage)
        judge = Judge.of(stage.world, [web])
        assert await killed(stage, Pair(web, NIGHTLY), 2, after=False)
        stage.begin_process()
        report = await stage.rotate(Pair(web, WEEKLY))
        judge.follow(stage.world)
        return judge, report

    switches = Switches(create_time=60, delete_lag=60)
    judge, report = on_stage(scene, server(NIGHTLY, WEEKLY), switches=switches)
    assert [str(breach) for breach in judge.breaches] == []
    assert report.outcome is Outcome.ROTATED
    assert report.mode is Mode.CREATE_FIRST


def test_a_delete_whose_answer_was_lost_is_settled_before_another_policy_decides() -> None:
    """It was carried out, its answer was cut, and the next try is told to come back in two minutes."""

    async def scene(stage: Stage) -> tuple[Judge, list[Report]]:
        web = full_server(stage)
        judge = Judge.of(stage.world, [web])
        stage.world.faults.add(Fault(method="DELETE", drop="after"))
        stage.world.faults.add(Fault(method="DELETE", status=429, headers={"Retry-After": "120"}))
        lost = await stage.rotate(Pair(web, NIGHTLY))
        stage.begin_process()
        settled = await stage.rotate(Pair(web, WEEKLY))
        judge.follow(stage.world)
        return judge, [lost, settled]

    judge, (lost, settled) = on_stage(scene, server(NIGHTLY, WEEKLY), switches=LAGGING)
    assert [str(breach) for breach in judge.breaches] == []
    assert lost.outcome is Outcome.FAILED
    assert settled.outcome is Outcome.ROTATED


def test_a_create_that_went_out_late_is_looked_for_from_when_it_went_out() -> None:
    """It was told to wait for 20 s first: whoever counted from its first try would look too early."""
    web = server()
    pair = Pair(web, web.policies[0])

    async def scene(stage: Stage) -> int:
        stage.world.faults.add(Fault(method="POST", status=429, headers={"Retry-After": "20"}))
        transport = KillAt(InProcess(stage.world), 2, after=True)
        office = stage.begin_process(transport)
        task = asyncio.create_task(Rotation(office, pair, Progress(SLOT)).run())
        await transport.reached.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await stage.clock.sleep(timedelta(seconds=2).total_seconds())
        stage.begin_process()
        await stage.rotate(pair)
        return len([change for change in stage.world.history if change.kind == "created"])

    assert on_stage(scene, web, switches=Switches(create_time=5, create_lag=10)) == 1


class NoServers(InProcess):
    """For the first five minutes no row of a list says which server it belongs to."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As the inner one, but for the lists."""
        response = await super().handle_async_request(request)
        if request.method != "GET" or asyncio.get_running_loop().time() > 300:
            return response
        document = json.loads(await response.aread())
        for row in document["results"]:
            row["server"] = None
        return httpx.Response(200, json=document)


def test_a_lost_create_whose_row_names_no_server_is_not_asked_for_again() -> None:
    web = server()
    pair = Pair(web, web.policies[0])

    async def scene(stage: Stage) -> list[Report]:
        stage.begin_process(NoServers(stage.world))
        stage.world.faults.add(Fault(method="POST", drop="after"))
        first = await stage.rotate(pair)
        await stage.clock.sleep(600)
        second = await stage.rotate(pair)
        assert len([change for change in stage.world.history if change.kind == "created"]) == 1
        return [first, second]

    first, second = on_stage(scene, web, switches=Switches(create_time=60))
    assert first.problem is not None
    assert first.problem.code == "list_unsure"
    assert second.outcome is Outcome.PRUNED
