"""The real server in the loop that is running: it leaves signals alone, and ends whatever is under way."""

from __future__ import annotations

import asyncio
import signal

import httpx
import pytest

from rotator.clock import SystemClock
from rotator.sandbox import Fault, World, served


async def test_the_base_url_is_the_documented_path_on_a_free_port(world: World) -> None:
    async with served(world) as one, served(world) as other:
        urls = [httpx.URL(one), httpx.URL(other)]

    assert [(url.host, url.path) for url in urls] == [("127.0.0.1", "/api/v1")] * 2
    assert urls[0].port != urls[1].port


async def test_the_handlers_of_signals_stay_as_they_were(world: World) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with served(world):
        during = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    assert during == before


async def test_a_busy_port_is_an_error_that_can_be_caught(world: World) -> None:
    async with served(world) as base_url:
        with pytest.raises(OSError, match="in use"):
            async with served(world, port=httpx.URL(base_url).port or 0):
                pass


async def test_a_request_that_hangs_does_not_keep_the_server_from_ending(
    capfd: pytest.CaptureFixture[str],
) -> None:
    world = World(SystemClock())
    world.faults.add(Fault(delay=100_000))
    async with httpx.AsyncClient() as client:
        async with served(world) as base_url:
            request = asyncio.create_task(client.get(f"{base_url}/snapshots/"))
            while not world.requests:
                await asyncio.sleep(0)
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await request

    assert capfd.readouterr() == ("", "")


async def test_many_requests_at_once_are_all_answered(world: World, api: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(api.get("/snapshots/") for _ in range(50)))

    assert [answer.status_code for answer in answers] == [200] * 50
    assert [request.status for request in world.requests] == [200] * 50
