"""A world with one server, a clock that stands still, and a client that talks to it over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from rotator.sandbox import TOKEN, World, served

START = datetime(2025, 1, 16, 16, 15, tzinfo=UTC)


class StandingClock:
    """Time passes only by `pass_by` and by sleeping, which takes no real time."""

    def __init__(self) -> None:
        self.elapsed = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        self.pass_by(max(0.0, seconds))

    def pass_by(self, seconds: float) -> None:
        self.elapsed += seconds


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def world(clock: StandingClock) -> World:
    world = World(clock)
    world.add_server(12345, "web-server-01")
    return world


@pytest.fixture
async def api(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        served(world) as base_url,
        httpx.AsyncClient(base_url=base_url, headers={"Authorization": f"Bearer {TOKEN}"}) as client,
    ):
        yield client


def new(name: str = "a", server_id: int | str = 12345) -> dict[str, object]:
    """The body of a create."""
    return {"server_id": server_id, "name": name}
