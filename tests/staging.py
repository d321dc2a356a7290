"""A stage for whole rotations: the sandbox and the real adapter, inventory and locks, in virtual time.

The sandbox is reached in-process, through httpx's own ASGI transport: no socket, so time can jump.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import httpx
import structlog

from rotator import naming
from rotator.api import VpsApi
from rotator.http import HttpClient
from rotator.inventory import Inventory
from rotator.models import Keep, Pair, Policy, Server, Wait
from rotator.office import Office
from rotator.progress import Progress
from rotator.report import Report
from rotator.rotation import Rotation
from rotator.sandbox import Dropped, SnapshotRow, Switches, World, build_app
from rotator.settings import ApiSettings
from tests.virtual import START, VirtualClock, run_virtual

T = TypeVar("T")

SLOT = START
"""The slot of most tests: the moment at which virtual time begins."""

WAIT = Wait(timedelta(seconds=30), timedelta(seconds=15), timedelta(minutes=45))


class InProcess(httpx.AsyncBaseTransport):
    """The sandbox without a wire; a connection that it drops looks as one does on the wire."""

    def __init__(self, world: World) -> None:
        self._asgi = httpx.ASGITransport(app=build_app(world))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer from the app; Dropped becomes what httpx says of a reset."""
        try:
            return await self._asgi.handle_async_request(request)
        except Dropped as dropped:
            raise httpx.ReadError(str(dropped), request=request) from dropped


@dataclass
class Token:
    """The token that a process knows."""

    value: str = field(default="vps_sandbox", repr=False)

    source = "VPS_API_TOKEN"

    def refresh(self) -> bool:
        """It never changes."""
        return False


def policy(name: str = "nightly", **changes: Any) -> Policy:
    """A policy at 03:00 in New York that keeps three."""
    given: dict[str, Any] = {
        "name": name,
        "schedule": ("0 3 * * *",),
        "zone": ZoneInfo("America/New_York"),
        "catch_up": timedelta(hours=6),
        "keep": Keep(last=3),
        "wait": WAIT,
    }
    return Policy(**{**given, **changes})


def server(*policies: Policy, id: int | str = 1, **changes: Any) -> Server:
    """Server 1, `web-1`, with the policies."""
    return Server(id=id, policies=policies or (policy(),), **{"name": f"web-{id}", **changes})


@dataclass
class Stage:
    """One process's office in front of one world. `begin_process` makes another one, as after a restart."""

    world: World
    clock: VirtualClock
    locks: Path
    settings: ApiSettings
    offices: list[tuple[Office, VpsApi]] = field(default_factory=list)

    @property
    def office(self) -> Office:
        """The office of the process that runs now."""
        return self.offices[-1][0]

    def begin_process(self, transport: httpx.AsyncBaseTransport | None = None) -> Office:
        """A fresh process: nothing is known but the lock directory."""
        wire = transport or InProcess(self.world)
        client = HttpClient(self.clock, timeout=self.settings.timeout, transport=wire)
        api = VpsApi(
            self.settings,
            Token(),
            clock=self.clock,
            random=random.Random(7),
            on_event=structlog.stdlib.get_logger(),
            client=client,
        )
        office = Office(
            provider=api,
            inventory=Inventory(api, self.clock),
            clock=self.clock,
            lock_directory=self.locks,
            base_url=self.settings.base_url,
            concurrency=self.settings.concurrency,
            rate_limit=self.settings.rate_limit,
        )
        self.offices.append((office, api))
        return office

    async def rotate(self, pair: Pair, slot: datetime = SLOT, progress: Progress | None = None) -> Report:
        """One rotation in the process that runs now."""
        return await Rotation(self.office, pair, progress or Progress(slot)).run()

    def plant(
        self, server: Server, slots: Iterable[datetime], *, policy: str | None = None
    ) -> list[int | str]:
        """Ready snapshots of the server's first policy (or the named one), one for each slot."""
        chosen = next((p for p in server.policies if p.name == policy), server.policies[0])
        return [
            self.world.add_snapshot(server.id, naming.snapshot_name(server, chosen, slot), created_at=slot)
            for slot in slots
        ]

    def rows(self, server: Server) -> list[SnapshotRow]:
        """What truly stands on the server, oldest first."""
        return sorted(self.world.snapshots(server.id), key=lambda row: (row.created_at, str(row.id)))

    def names(self, server: Server) -> list[str]:
        """The names of what stands on the server, oldest first."""
        return [row.name for row in self.rows(server)]

    def asked(self, method: str) -> int:
        """How many requests of that method the world has seen."""
        return sum(1 for request in self.world.requests if request.method == method)


def days_before(slot: datetime, *days: int) -> list[datetime]:
    """The slots so many days earlier."""
    return [slot - timedelta(days=d) for d in days]


@asynccontextmanager
async def staged(
    clock: VirtualClock, *servers: Server, switches: Switches | None = None, **api: Any
) -> AsyncIterator[Stage]:
    """A world with these servers and one process in front of it."""
    world = World(clock, switches or Switches(create_time=300))
    for each in servers:
        world.add_server(each.id, each.label)
    settings = ApiSettings(**{"base_url": "http://127.0.0.1:1/api/v1", "rate_limit": 0, **api})
    with tempfile.TemporaryDirectory() as directory:
        stage = Stage(world, clock, Path(directory), settings)
        stage.begin_process()
        try:
            yield stage
        finally:
            for _, provider in stage.offices:
                await provider.aclose()


def on_stage(
    scene: Callable[[Stage], Coroutine[Any, Any, T]],
    *servers: Server,
    switches: Switches | None = None,
    start: datetime = START,
    **api: Any,
) -> T:
    """Play the scene in virtual time and return what it returns."""

    async def play(clock: VirtualClock) -> T:
        async with staged(clock, *servers, switches=switches, **api) as stage:
            return await scene(stage)

    return run_virtual(play, start=start)


def utc(*parts: int) -> datetime:
    """An instant in UTC."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]  # year, month, day, ... as datetime has them
