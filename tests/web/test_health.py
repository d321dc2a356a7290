"""Healthy and ready: the two answers, and what they rest on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.models import Server
from rotator.vitals import LATE_BEATS, Vitals
from tests.daemons import settings
from tests.staging import server
from tests.virtual import VirtualClock, run_virtual
from tests.web.conftest import served

WEB: Server = server()


async def test_a_daemon_that_has_just_begun_is_healthy_and_not_ready() -> None:
    async with served() as web:
        healthy, ready = await web.get("/healthz"), await web.get("/readyz")
    assert (healthy.status, healthy.document) == (200, {"version": 1, "ok": True, "reasons": []})
    assert (ready.status, ready.document["ok"]) == (503, False)
    assert ready.document["reasons"] == ["the configuration is not loaded yet"]


async def test_it_is_ready_once_the_configuration_is_loaded_and_the_api_was_asked() -> None:
    async with served() as web:
        web.vitals.load(settings(WEB))
        asked = await web.get("/readyz")
        web.vitals.ready = True
        assert (await web.get("/readyz")).status == 200
        web.vitals.stopping = True
        stopping = await web.get("/readyz")
    assert asked.document["reasons"] == ["the API was not asked yet"]
    assert (stopping.status, stopping.document["reasons"]) == (503, ["it is stopping"])


async def test_what_makes_it_ill_is_the_answer_of_healthz() -> None:
    async with served() as web:
        for _ in range(LATE_BEATS):
            web.vitals.beat(web.vitals._clock.now() - timedelta(seconds=1))
        answer = await web.get("/healthz")
    assert answer.status == 503
    assert answer.document["reasons"] == ["the timer is behind its time, 3 heartbeats in a row"]


@pytest.mark.parametrize(("seconds", "ill"), [(10.0, False), (14.0, False), (16.0, True), (600.0, True)])
def test_a_loop_that_does_not_beat_is_ill_after_one_and_a_half_beats(seconds: float, ill: bool) -> None:
    async def scene(clock: VirtualClock) -> tuple[str, ...]:
        vitals = Vitals(clock)
        vitals.beat(None)
        await clock.sleep(seconds)
        return vitals.ailments()

    assert run_virtual(scene) == ((f"the scheduler's loop has not run for {seconds:.0f} s",) if ill else ())


def test_a_timer_that_is_late_at_one_beat_and_right_at_the_next_is_well() -> None:
    async def scene(clock: VirtualClock) -> tuple[str, ...]:
        vitals = Vitals(clock)
        for _ in range(LATE_BEATS):
            vitals.beat(clock.now() - timedelta(hours=5))
            vitals.beat(clock.now() + timedelta(hours=1))
        return vitals.ailments()

    assert run_virtual(scene) == ()
