"""What nobody has looked at is looked at, seldom; and what is shown comes from what was seen last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from rotator.models import Server
from rotator.refresh import REFRESH_SECONDS, Refresh
from rotator.sandbox import Fault, Switches
from tests.staging import SLOT, Stage, on_stage, server

WEB, DB = server(id=1), server(id=2)
HOUR = timedelta(hours=1)


@asynccontextmanager
async def refreshing(stage: Stage, *servers: Server) -> AsyncIterator[Refresh]:
    """A refresh of these servers at work."""
    shown: Sequence[Server] = servers
    refresh = Refresh(lambda: stage.office, lambda: shown)
    task = asyncio.create_task(refresh.run())
    try:
        yield refresh
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_what_was_seen_is_remembered_with_the_own_writes_laid_over_it() -> None:
    async def scene(stage: Stage) -> None:
        inventory = stage.office.inventory
        stage.plant(WEB, [SLOT - HOUR, SLOT - 2 * HOUR])
        assert inventory.last_seen(WEB) is None
        seen = (await inventory.survey([WEB]))[WEB.key]
        inventory.deleted(WEB, seen.snapshots[0])
        after = inventory.last_seen(WEB)
        assert after is not None
        assert after.snapshots == seen.snapshots[1:]

    on_stage(scene, WEB)


def test_an_unsure_list_does_not_replace_a_sure_sight() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, [SLOT - HOUR])
        await stage.office.inventory.survey([WEB])
        before = stage.office.inventory.last_seen(WEB)
        stage.world.faults.add(Fault(status=200, body='{"count": 7, "results": []}', times=None))
        unsure = (await stage.office.inventory.survey([WEB]))[WEB.key]
        assert unsure.unsure is not None
        assert stage.office.inventory.last_seen(WEB) == before

    on_stage(scene, WEB)


def test_a_server_that_left_the_configuration_is_forgotten() -> None:
    async def scene(stage: Stage) -> None:
        inventory = stage.office.inventory
        await inventory.survey([WEB, DB])
        inventory.keep_servers({DB.key})
        assert inventory.last_seen(WEB) is None
        assert inventory.last_seen(DB) is not None

    on_stage(scene, WEB, DB)


def test_an_account_that_nobody_rotates_is_asked_once_in_five_minutes() -> None:
    async def scene(stage: Stage) -> None:
        async with refreshing(stage, WEB, DB):
            await stage.clock.sleep(10 * REFRESH_SECONDS + 1)
        assert stage.asked("GET") == 11 + 1  # whether the account has the two that show nothing

    on_stage(scene, WEB, DB)


def test_a_server_that_was_seen_meanwhile_is_not_asked_for() -> None:
    async def scene(stage: Stage) -> None:
        async with refreshing(stage, WEB):
            for _ in range(20):
                await stage.clock.sleep(REFRESH_SECONDS / 2 - 1)
                await stage.office.inventory.look(WEB)
        assert stage.asked("GET") == 1 + 20 + 1

    on_stage(scene, WEB)


def test_nobody_who_wants_to_see_means_no_request() -> None:
    async def scene(stage: Stage) -> None:
        async with refreshing(stage):
            await stage.clock.sleep(3600)
        assert stage.asked("GET") == 0

    on_stage(scene, WEB)


def test_an_api_that_is_down_stops_nothing_and_is_seen_again_when_it_is_back() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(status=500, times=None))
        async with refreshing(stage, WEB):
            await stage.clock.sleep(2 * REFRESH_SECONDS)
            stage.world.faults.clear()
            await stage.clock.sleep(2 * REFRESH_SECONDS)
            assert stage.office.inventory.last_seen(WEB) is not None

    on_stage(scene, WEB)


def test_a_nudge_looks_at_once_for_what_is_new() -> None:
    async def scene(stage: Stage) -> None:
        async with refreshing(stage, WEB) as refresh:
            await stage.clock.sleep(1)
            refresh._servers = lambda: [WEB, DB]
            refresh.nudge()
            await stage.clock.sleep(1)
            assert stage.office.inventory.last_seen(DB) is not None

    on_stage(scene, WEB, DB)


def test_a_large_account_at_a_low_rate_leaves_most_of_the_rate_alone() -> None:
    servers = [server(id=number) for number in range(1, 31)]

    async def scene(stage: Stage) -> None:
        for each in servers:
            stage.plant(each, [SLOT - n * HOUR for n in range(1, 51)])
        async with refreshing(stage, *servers):
            await stage.clock.sleep(24 * 3600)
        assert stage.asked("GET") <= 24 * 3600 * 0.1 / 20

    on_stage(scene, *servers, switches=Switches(paging=True), rate_limit=0.1)
