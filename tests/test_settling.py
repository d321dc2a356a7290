"""What one process left unsettled, and the next one has to know: writes whose answers nobody saw."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import httpx
import pytest

from campaigns.judge import Judge
from rotator.hands import Hands
from rotator.lock import Held, Record, ServerLock
from rotator.models import Keep, Mode, Outcome, Pair, Server
from rotator.progress import Progress
from rotator.report import Report
from rotator.rotation import Rotation
from rotator.sandbox import Fault, Switches
from rotator.settling import SETTLE_SECONDS
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
        assert await killed(stage, Pair(web, NIGHTLY), 2, after=after)
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
        assert await killed(stage, Pair(web, NIGHTLY), 3, after=False)
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
    """For the first five minutes the row of what is in progress names no server, so no filter finds it."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As the inner one, but for the lists."""
        response = await super().handle_async_request(request)
        if request.method != "GET" or asyncio.get_running_loop().time() > 300:
            return response
        document = json.loads(await response.aread())
        lost = [row for row in document["results"] if row["status"] == "in_progress"]
        for row in lost:
            row["server"] = None
        if "server_id" in request.url.params:
            document["results"] = [row for row in document["results"] if row not in lost]
        document["count"] = len(document["results"])
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
        assert len(created(stage)) == 1
        return [first, second]

    first, second = on_stage(scene, web, switches=Switches(create_time=900))
    assert first.problem is not None
    assert first.problem.code == "list_unsure"
    assert second.outcome is Outcome.PRUNED


def created(stage: Stage) -> list[str]:
    """The names of all that was created."""
    return [change.name for change in stage.world.history if change.kind == "created"]


def notes(stage: Stage, web: Server) -> AbstractAsyncContextManager[Held]:
    """What lies beside the server's lock."""
    return ServerLock(stage.locks, stage.settings.base_url, web.key, stage.clock).hold()


def test_a_record_of_a_clock_that_was_ahead_is_believed_no_longer_than_any_other() -> None:
    """What it speaks of never was: a place is counted as taken for `wait.timeout`, and no longer."""

    async def scene(stage: Stage) -> tuple[Judge, list[Report]]:
        web = server(NIGHTLY, WEEKLY)
        stage.plant(web, days_before(SLOT, 3, 2, 1))
        stage.plant(web, days_before(SLOT, 14), policy="weekly")
        judge = Judge.of(stage.world, [web])
        async with notes(stage, web) as held:
            held.write(Record("weekly-20270314T070000Z", SLOT + timedelta(days=1), 999))
        reports = []
        for hours in (0, 2):
            stage.begin_process()
            reports.append(await stage.rotate(Pair(web, NIGHTLY), SLOT + timedelta(hours=hours)))
            judge.follow(stage.world)
            await stage.clock.sleep(3600)
        return judge, reports

    judge, reports = on_stage(scene, server(NIGHTLY, WEEKLY), switches=Switches(create_time=60))
    assert [str(breach) for breach in judge.breaches] == []
    assert reports[1].seconds < 600


@pytest.mark.parametrize("days", [0, 14], ids=["at once", "after two weeks"])
def test_an_id_that_the_provider_uses_again_is_that_of_the_new_snapshot(days: int) -> None:
    web = server()
    pair = Pair(web, web.policies[0])

    async def scene(stage: Stage) -> list[Report]:
        last = stage.plant(web, days_before(SLOT, 1))[-1]
        async with notes(stage, web) as held:
            held.bury(str(int(last) + 1), gone=True)
        await stage.clock.sleep(days * 86400)
        reports = []
        for _ in range(2):
            stage.begin_process()
            reports.append(await stage.rotate(pair))
        assert len(created(stage)) == 1
        return reports

    reports = on_stage(scene, web, switches=Switches(create_time=60))
    assert [report.outcome for report in reports] == [Outcome.ROTATED, Outcome.PRUNED]


def test_a_delete_that_was_refused_is_no_doubt_for_the_next_turn() -> None:
    async def scene(stage: Stage) -> float:
        web = server(NIGHTLY, WEEKLY)
        stage.plant(web, days_before(SLOT, 4, 3, 2, 1))
        stage.world.faults.add(Fault(method="DELETE", status=400))
        refused = await stage.rotate(Pair(web, NIGHTLY), SLOT - timedelta(days=1))
        assert refused.problem is not None
        assert refused.problem.code == "delete_failed"
        began = stage.clock.monotonic()
        async with stage.office.turn(web) as held:
            await Hands.of(stage.office, Pair(web, WEEKLY), held).settling.look()
        return stage.clock.monotonic() - began

    assert on_stage(scene, server(NIGHTLY, WEEKLY), switches=Switches(create_time=60)) < SETTLE_SECONDS
