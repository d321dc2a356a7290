"""What an adversary tried: races, clocks, lists and answers that conspire against one restore point."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import cast

import httpx
import pytest

from rotator import naming
from rotator.dispatch import Dispatcher
from rotator.inventory import Inventory
from rotator.models import Keep, Outcome, Pair, Server, Snapshot, State
from rotator.report import Report
from rotator.sandbox import Fault, Switches
from rotator.settings import ApiSettings
from rotator.sight import Sight
from rotator.waiting import wait_for
from tests.daemons import captured, living, settings
from tests.staging import SLOT, InProcess, Stage, days_before, on_stage, policy, server, utc
from tests.virtual import VirtualClock

WEB = server()
NIGHTLY = Pair(WEB, WEB.policies[0])
NAME = naming.snapshot_name(WEB, NIGHTLY.policy, SLOT)
FULL = server(policy(keep=Keep(last=5)))
FULL_NIGHTLY = Pair(FULL, FULL.policies[0])
NIGHT = utc(2027, 3, 15, 7)


def made(stage: Stage) -> list[str]:
    """The names of all creates that were carried out, in order."""
    return [change.name for change in stage.world.history if change.kind == "created"]


# --- the dispatcher: nothing starts twice, and nothing stands still for ever -------------------------------


@pytest.mark.parametrize("turns", range(24))
def test_a_slot_that_comes_at_any_moment_of_a_hand_over_never_blocks_its_pair(turns: int) -> None:
    slots = [SLOT + timedelta(hours=n) for n in range(4)]
    reports: list[Report] = []

    async def scene(stage: Stage) -> None:
        stage.world.tokens.clear()  # every rotation fails at its first request, for good
        dispatcher = Dispatcher(lambda: stage.office, lambda _: NIGHTLY, reports.append)
        dispatcher.hand_out([NIGHTLY], slots[0])
        await asyncio.sleep(0.005)
        dispatcher.hand_out([NIGHTLY], slots[1])
        await asyncio.sleep(0.005)
        for _ in range(turns):
            await asyncio.sleep(0)
        dispatcher.hand_out([NIGHTLY], slots[2])
        await stage.clock.sleep(600)
        dispatcher.hand_out([NIGHTLY], slots[3])
        await stage.clock.sleep(600)
        assert reports[-1].slot == slots[3]
        await dispatcher.drain()

    on_stage(scene, WEB, start=slots[3] + timedelta(minutes=5))


def test_draining_in_the_middle_of_a_great_start_starts_none_of_the_rest() -> None:
    servers = [server(id=number) for number in range(1, 301)]
    pairs = [Pair(each, each.policies[0]) for each in servers]
    known = {pair.key: pair for pair in pairs}

    async def scene(stage: Stage) -> None:
        dispatcher = Dispatcher(lambda: stage.office, known.get)
        dispatcher.hand_out(pairs, SLOT)
        for _ in range(3):
            await asyncio.sleep(0)
        await dispatcher.drain()
        await stage.clock.sleep(3600)
        assert dispatcher.is_idle
        assert stage.world.requests == []

    on_stage(scene, *servers)


def test_a_slot_of_a_wrong_clock_is_not_tried_again_once_the_clock_is_right() -> None:
    ahead = timedelta(days=365)

    async def scene(stage: Stage) -> None:
        stage.plant(FULL, days_before(NIGHT, 5, 4, 3, 2, 1))
        stage.clock.step(ahead)
        stage.world.switches = replace(stage.world.switches, clock_skew=-ahead.total_seconds())
        async with living(stage, FULL) as life:
            await life.sleep(minutes=3)
            assert life.events("rotation.retry_scheduled")
            stage.clock.step(-ahead)
            stage.world.switches = replace(stage.world.switches, clock_skew=0)
            await life.sleep(days=2)
        assert made(stage) == [
            naming.snapshot_name(FULL, FULL.policies[0], NIGHT + timedelta(days=day)) for day in (1, 2)
        ]

    on_stage(scene, FULL, start=NIGHT - timedelta(minutes=1), switches=Switches(create_time=60))


@dataclass
class OneAnswer:
    """Stands for the inventory: an answer that comes when the test says so, and then none for ever."""

    answer: asyncio.Future[Sight] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    looks: int = 0

    async def watch(self, server: Server, due: float) -> Sight:
        """The first look is answered by the test, the second one never."""
        self.looks += 1
        if self.looks > 1:
            await asyncio.Event().wait()
        return await self.answer


@pytest.mark.parametrize("turns", range(5))
def test_a_wait_that_is_left_at_the_moment_of_its_answer_is_left_all_the_same(turns: int) -> None:
    async def scene(stage: Stage) -> None:
        inventory = OneAnswer()
        office = replace(stage.office, inventory=cast("Inventory", inventory))
        moving = Snapshot(1, WEB.id, NAME, "in_progress", State.IN_PROGRESS, stage.clock.now())
        task = asyncio.create_task(wait_for(office, NIGHTLY, moving, fresh=False))
        await asyncio.sleep(1)
        inventory.answer.set_result(Sight((moving,)))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(1)
        assert task.cancelled()

    on_stage(scene, WEB)


# --- the daemon: start and end -----------------------------------------------------------------------------


def test_stopping_while_the_first_answer_is_still_awaited_takes_no_ten_seconds() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(delay=60, times=None))
        async with living(stage, WEB) as life:
            await life.sleep(seconds=2)
            assert await life.end() < 10
            assert not life.events("daemon.ready")

    on_stage(scene, WEB, start=NIGHT - timedelta(seconds=1))


def test_what_is_owed_is_looked_up_at_the_new_address_once_a_wrong_one_was_corrected() -> None:
    right = replace(settings(WEB), api=ApiSettings(base_url="http://127.0.0.1:2/api/v1", rate_limit=0))

    async def scene(stage: Stage) -> None:
        stage.plant(WEB, [NIGHT - timedelta(days=1)])
        stage.begin_process(Silence())
        async with living(stage, WEB, v2=right) as life:
            await life.sleep(minutes=1)
            stage.begin_process()
            life.file = "v2"
            life.daemon.reload()
            await life.sleep(minutes=15)
        assert made(stage) == [naming.snapshot_name(WEB, NIGHTLY.policy, NIGHT)]

    on_stage(scene, WEB, start=NIGHT + timedelta(hours=1))


def test_a_reload_that_shortens_the_splay_loses_no_slot_that_the_longer_one_held_back() -> None:
    spread = server(policy(splay=timedelta(minutes=30)))

    async def scene(stage: Stage) -> None:
        async with living(stage, spread, v2=settings(WEB)) as life:
            await life.sleep(seconds=90)
            life.file = "v2"
            life.daemon.reload()
            await life.sleep(hours=2)
        assert made(stage) == [naming.snapshot_name(WEB, NIGHTLY.policy, NIGHT)]

    on_stage(scene, spread, start=NIGHT - timedelta(minutes=1))


class Silence(httpx.AsyncBaseTransport):
    """An address where nobody lives."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As the wire says it."""
        raise httpx.ConnectError("nobody lives here", request=request)


def test_a_daemon_with_nothing_to_rotate_is_ready_at_once() -> None:
    idle = server(policy(enabled=False))

    async def scene(stage: Stage) -> None:
        async with living(stage, idle) as life:
            await life.sleep(seconds=1)
            assert life.events("daemon.ready")
            assert not life.events("api.failed")

    on_stage(scene, idle)


# --- deletes -----------------------------------------------------------------------------------------------


def test_a_delete_that_failed_before_the_create_is_tried_again_with_the_slot() -> None:
    async def scene(stage: Stage) -> None:
        old = stage.plant(FULL, days_before(NIGHT, 5, 4, 3, 2, 1))
        stage.world.faults.add(Fault(method="DELETE", status=503, times=None))
        async with living(stage, FULL) as life:
            await life.sleep(minutes=4)
            stage.world.faults.clear()
            await life.sleep(hours=1)
        assert made(stage) == [naming.snapshot_name(FULL, FULL.policies[0], NIGHT)]
        deleted = [change.id for change in stage.world.history if change.kind == "deleted"]
        assert deleted == old[:1]

    on_stage(scene, FULL, start=NIGHT - timedelta(minutes=1))


def test_a_delete_that_may_have_been_done_is_the_only_one_before_the_create() -> None:
    async def scene(stage: Stage) -> None:
        old = stage.plant(FULL, days_before(NIGHT, 5, 4, 3, 2, 1))
        stage.world.faults.add(
            Fault(method="DELETE", status=503, act=True), Fault(method="DELETE", status=503, times=None)
        )
        async with living(stage, FULL) as life:
            await life.sleep(minutes=4)
            stage.world.add_snapshot(FULL.id, "by-hand")  # somebody takes the place that was made
            stage.world.faults.clear()
            await life.sleep(hours=1)
        assert made(stage) == []
        deleted = [change.id for change in stage.world.history if change.kind == "deleted"]
        assert deleted == old[:1]

    on_stage(scene, FULL, start=NIGHT - timedelta(minutes=1))


# --- lists -------------------------------------------------------------------------------------------------


@dataclass
class NoAccountList(httpx.AsyncBaseTransport):
    """A provider whose list of the whole account never adds up; those of single servers do."""

    inner: InProcess

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One count too many, where no server is asked for."""
        whole = request.method == "GET" and "server_id" not in request.url.params
        return (
            httpx.Response(200, json={"count": 1, "results": []})
            if whole
            else await self.inner.handle_async_request(request)
        )


def test_an_account_list_that_never_adds_up_stops_no_rotation() -> None:
    servers = [server(id=number) for number in (1, 2, 3)]

    async def scene(stage: Stage) -> None:
        stage.begin_process(NoAccountList(InProcess(stage.world)))
        reports = await asyncio.gather(*(stage.rotate(Pair(each, each.policies[0])) for each in servers))
        assert [report.outcome for report in reports] == [Outcome.ROTATED] * 3
        assert max(report.seconds for report in reports) < 600

    on_stage(scene, *servers)


def test_an_account_list_that_never_adds_up_does_not_hide_what_is_owed() -> None:
    servers = [server(id=number) for number in (1, 2)]

    async def scene(stage: Stage) -> None:
        for each in servers:
            stage.plant(each, [NIGHT - timedelta(days=1)])
        stage.begin_process(NoAccountList(InProcess(stage.world)))
        async with living(stage, *servers) as life:
            await life.sleep(minutes=15)
        assert len(made(stage)) == 2

    on_stage(scene, *servers, start=NIGHT + timedelta(hours=1))


def test_a_row_without_a_server_is_logged_once() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.add_snapshot(None, "whose-am-i")
        lines: list[dict[str, object]] = []
        with captured(lambda line: lines.append(dict(line))):
            assert (await stage.rotate(NIGHTLY)).outcome is Outcome.ROTATED
            await stage.rotate(NIGHTLY)
        assert len([line for line in lines if line.get("snapshot") == "whose-am-i"]) == 1

    on_stage(scene, WEB, switches=Switches(create_time=60, filter="ignored"))


def test_a_shared_list_speaks_in_the_log_for_no_rotation_of_its_own() -> None:
    other = server(id=2)

    async def scene(stage: Stage) -> None:
        lines: list[dict[str, object]] = []
        with captured(lambda line: lines.append(dict(line))):
            first = asyncio.create_task(stage.rotate(NIGHTLY))
            second = asyncio.create_task(stage.rotate(Pair(other, other.policies[0])))
            await stage.clock.sleep(60)
            stage.world.faults.add(Fault(method="GET", status=503, times=4))
            await asyncio.gather(first, second)
        shared = [line for line in lines if line["event"] in {"api.retry", "api.failed"}]
        assert shared
        assert [line for line in shared if "rotation_id" in line] == []

    on_stage(scene, WEB, other)


# --- creates -----------------------------------------------------------------------------------------------


@dataclass
class Renaming(httpx.AsyncBaseTransport):
    """A provider that writes every name in small letters."""

    inner: InProcess

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The same request with another name."""
        if request.method == "POST":
            body = {**json.loads(request.content), "name": json.loads(request.content)["name"].lower()}
            headers = {"Authorization": request.headers["Authorization"]}
            request = httpx.Request("POST", request.url, json=body, headers=headers)
        return await self.inner.handle_async_request(request)


def test_a_provider_that_changes_the_name_is_asked_once_and_reported() -> None:
    async def scene(stage: Stage) -> None:
        stage.begin_process(Renaming(InProcess(stage.world)))
        report = await stage.rotate(NIGHTLY)
        assert report.outcome is Outcome.FAILED
        assert report.problem is not None
        assert (report.problem.code, report.problem.passing) == ("bad_answer", False)
        assert stage.asked("POST") == 1

    on_stage(scene, WEB)


def test_a_clock_set_forward_while_a_lost_create_is_looked_for_makes_no_twin() -> None:
    async def scene(stage: Stage) -> None:
        stage.clock = VirtualClock()  # ours alone; the provider's stays right
        stage.begin_process()
        stage.world.faults.add(Fault(method="POST", drop="after"))
        rotation = asyncio.create_task(stage.rotate(NIGHTLY))
        while not stage.asked("POST"):
            await stage.clock.sleep(0.001)
        await stage.clock.sleep(0.002)  # the first look has begun by now
        stage.clock.step(timedelta(hours=1))
        await rotation
        assert made(stage) == [NAME]

    on_stage(scene, WEB, switches=Switches(create_time=60, create_lag=10))


def test_a_snapshot_that_came_to_nothing_is_a_failure_even_where_the_server_filled_up_meanwhile() -> None:
    async def scene(stage: Stage) -> None:
        rotation = asyncio.create_task(stage.rotate(NIGHTLY))
        await stage.clock.sleep(60)
        stage.world.remove_snapshot(stage.rows(WEB)[0].id)
        for index in range(5):
            stage.world.add_snapshot(WEB.id, f"by-hand-{index}")
        report = await rotation
        assert report.problem is not None
        assert (report.outcome, report.problem.code) == (Outcome.FAILED, "snapshot_failed")

    on_stage(scene, WEB)


def test_a_refusal_after_a_failed_snapshot_was_cleared_away_is_tried_again() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(FULL, days_before(SLOT, 4, 3, 2, 1))
        failed = naming.snapshot_name(FULL, FULL.policies[0], SLOT - timedelta(hours=1))
        stage.world.add_snapshot(FULL.id, failed, status="failed", created_at=SLOT - timedelta(hours=1))
        stage.world.faults.add(Fault(method="POST", status=400))
        report = await stage.rotate(FULL_NIGHTLY)
        assert report.problem is not None
        assert (report.problem.code, report.problem.passing) == ("cap_lower", True)

    on_stage(scene, FULL)


def test_another_snapshot_that_ends_in_an_unknown_state_is_waited_for_no_more() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.create(1, "by-hand", "", fate="archived")
        report = await stage.rotate(NIGHTLY)
        assert report.outcome is Outcome.ROTATED
        assert report.seconds < 900

    on_stage(scene, WEB, switches=Switches(create_time=300))


def test_a_provider_that_makes_snapshots_at_once_is_waited_for_no_longer_than_the_first_look() -> None:
    async def scene(stage: Stage) -> None:
        report = await stage.rotate(NIGHTLY)
        assert report.outcome is Outcome.ROTATED
        assert report.seconds < 60

    on_stage(scene, WEB, switches=Switches(progress_word="completed", create_time=0))


@dataclass
class TwoMinds(httpx.AsyncBaseTransport):
    """A provider whose every second list leaves out what is still being made."""

    inner: InProcess
    lists: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The truth, or half of it."""
        answer = await self.inner.handle_async_request(request)
        self.lists += request.method == "GET"
        if request.method != "GET" or self.lists % 2:
            return answer
        rows = [row for row in json.loads(await answer.aread())["results"] if row["status"] != "in_progress"]
        return httpx.Response(200, json={"count": len(rows), "results": rows})


def test_lists_that_contradict_each_other_are_not_asked_for_without_a_pause() -> None:
    async def scene(stage: Stage) -> None:
        wire = TwoMinds(InProcess(stage.world))
        stage.begin_process(wire)
        stage.world.create(1, "by-hand", "")
        await stage.rotate(NIGHTLY)
        assert wire.lists < 60

    on_stage(scene, WEB)


def test_a_create_stays_on_record_until_a_list_has_truly_shown_it() -> None:
    web = server(policy(), policy("weekly"))
    nightly, weekly = (Pair(web, each) for each in web.policies)

    async def scene(stage: Stage) -> None:
        first = asyncio.create_task(stage.rotate(nightly))
        await stage.clock.sleep(10)
        stage.world.tokens.clear()  # the wait ends, and the rotation with it
        assert (await first).outcome is Outcome.FAILED
        stage.world.tokens.add("vps_sandbox")
        await stage.clock.sleep(120)
        second = asyncio.create_task(stage.rotate(weekly))
        await stage.clock.sleep(10)  # it looks, and waits for the first one's snapshot
        second.cancel()
        stage.begin_process()
        assert (await stage.rotate(nightly)).outcome is Outcome.PRUNED
        assert made(stage) == [NAME]

    on_stage(scene, web, switches=Switches(create_time=900, create_lag=600))


def test_a_delete_that_is_forbidden_is_logged_with_its_snapshot() -> None:
    async def scene(stage: Stage) -> None:
        old = stage.plant(WEB, days_before(SLOT, 3, 2, 1))
        stage.world.faults.add(Fault(method="DELETE", status=403))
        lines: list[dict[str, object]] = []
        with captured(lambda line: lines.append(dict(line))):
            await stage.rotate(NIGHTLY)
        told = [line["snapshot_id"] for line in lines if line["event"] == "snapshot.delete_failed"]
        assert told == old[:1]

    on_stage(scene, WEB)


def test_a_slot_of_a_wrong_clock_that_still_waits_to_be_started_gives_way_to_the_true_one() -> None:
    web = server()
    pair = Pair(web, web.policies[0])

    async def scene(stage: Stage) -> list[str]:
        stage.plant(web, days_before(SLOT, 1))
        dispatcher = Dispatcher(lambda: stage.office, {pair.key: pair}.get)
        stage.clock.step(timedelta(days=2))
        dispatcher.hand_out([pair], SLOT + timedelta(days=2))
        stage.clock.step(timedelta(days=-2))
        dispatcher.hand_out([pair], SLOT)
        await stage.clock.sleep(600)
        await dispatcher.drain()
        return [change.name for change in stage.world.history if change.kind == "created"]

    assert on_stage(scene, web, switches=Switches(create_time=60)) == ["nightly-20270314T070000Z"]
