"""What the endpoints show, and what it costs when many ask."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from rotator.status import document, standing
from rotator.web.desk import Desk, Stopping
from rotator.web.shared import REST, Shared
from tests.daemons import living, settings
from tests.staging import SLOT, Stage, on_stage, server
from tests.virtual import VirtualClock, run_virtual
from tests.web.conftest import served

WEB = server()
EVENING = SLOT + timedelta(days=1, minutes=-1)
"""A minute before a slot."""


async def test_metrics_are_text_as_prometheus_reads_it() -> None:
    async with served() as web:
        web.vitals.load(settings(WEB))
        answer = await web.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b'rotator_next_run_timestamp_seconds{policy="nightly",server_id="1"} ' in answer.body


async def test_the_status_of_a_server_that_nobody_has_seen_says_so() -> None:
    async with served() as web:
        web.vitals.load(settings(WEB))
        answer = await web.get("/status.json")
    (pair,) = answer.document["pairs"]
    assert (answer.status, answer.document["ok"], pair["freshness"]) == (200, False, "pending")
    assert "nobody has looked at this server yet" in pair["blocked"]


def test_the_status_is_that_of_what_the_daemon_saw_last_and_asks_nobody() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, [SLOT])
        async with living(stage, WEB) as life:
            await life.sleep(minutes=10)
            vitals = life.daemon._vitals
            asked = len(stage.world.requests)
            shown = await Desk(vitals, stage.clock).standings.get()
            assert len(stage.world.requests) == asked
            sight = await stage.office.inventory.look(WEB)
            (pair,) = settings(WEB).pairs
            view = vitals.view(pair)
            assert view.snapshots == sight.snapshots
            known = standing(view, since=vitals.since[pair.key], last=vitals.last.get(pair.key))
            assert document(shown) == document([known])

    on_stage(scene, WEB)


def test_a_rotation_is_remembered_as_the_last_outcome_and_its_snapshot_is_seen() -> None:
    async def scene(stage: Stage) -> None:
        async with living(stage, WEB) as life:
            await life.sleep(minutes=20)
            vitals = life.daemon._vitals
            (shown,) = await Desk(vitals, stage.clock).standings.get()
            assert shown.last is not None
            assert (shown.last.outcome, shown.freshness) == ("rotated", "fresh")
            assert vitals.outcomes == {"rotated": 1}

    on_stage(scene, WEB, start=EVENING)


def test_a_reload_forgets_the_pairs_that_left() -> None:
    other = server(id=2)

    async def scene(stage: Stage) -> None:
        async with living(stage, WEB, v2=settings(other)) as life:
            await life.sleep(minutes=20)
            life.file = "v2"
            life.daemon.reload()
            await life.sleep(minutes=1)
            vitals = life.daemon._vitals
            assert list(vitals.pairs) == list(vitals.since) == [("2", "nightly")]
            assert vitals.last == {}

    on_stage(scene, WEB, other, start=EVENING)


def test_a_refused_reload_is_known_until_one_is_taken_over() -> None:
    async def scene(stage: Stage) -> list[bool]:
        async with living(stage, WEB) as life:
            vitals, told = life.daemon._vitals, []
            for text in ("v1", "broken", "v1"):
                life.file = text
                life.daemon.reload()
                await life.sleep(minutes=1)
                told.append(vitals.reload_ok)
        return told

    assert on_stage(scene, WEB) == [True, False, True]


async def test_a_daemon_that_stops_waits_for_no_thread() -> None:
    async with served() as web:
        web.vitals.load(settings(WEB))
        web.vitals.stopping = True
        answer = await web.get("/status.json")
        assert answer.status == 503
        with pytest.raises(Stopping):
            await Desk(web.vitals, web.vitals._clock).metrics.get()


# --- one work for all -------------------------------------------------------------------------------------


def test_however_many_ask_the_work_is_done_once() -> None:
    async def scene(clock: VirtualClock) -> int:
        done = []

        async def work() -> int:
            await clock.sleep(1)
            done.append(1)
            return len(done)

        shared = Shared(work, clock)
        assert set(await asyncio.gather(*(shared.get() for _ in range(100)))) == {1}
        return len(done)

    assert run_virtual(scene) == 1


def test_who_asks_all_the_time_gets_a_fifth_of_it_at_most() -> None:
    async def scene(clock: VirtualClock) -> float:
        busy = 0.0

        async def work() -> None:
            nonlocal busy
            await clock.sleep(3)
            busy += 3

        shared = Shared(work, clock)
        began = clock.monotonic()
        while clock.monotonic() < began + 3000:
            await shared.get()
            await clock.sleep(0.1)
        return busy

    assert run_virtual(scene) <= 3000 / (REST + 1) + 3


def test_work_that_failed_is_tried_again_by_the_next_one_who_asks() -> None:
    async def scene(clock: VirtualClock) -> str:
        tries = []

        async def work() -> str:
            tries.append(1)
            if len(tries) == 1:
                raise ValueError("the first one fails")
            return "done"

        shared = Shared(work, clock)
        with pytest.raises(ValueError, match="the first one"):
            await shared.get()
        return await shared.get()

    assert run_virtual(scene) == "done"


def test_who_goes_away_leaves_the_work_to_the_others() -> None:
    async def scene(clock: VirtualClock) -> str:
        async def work() -> str:
            await clock.sleep(1)
            return "done"

        shared = Shared(work, clock)
        first = asyncio.create_task(shared.get())
        second = asyncio.create_task(shared.get())
        await clock.sleep(0.5)
        first.cancel()
        return await second

    assert run_virtual(scene) == "done"
