"""A sandbox in a process of its own, so that its work is not counted as rotator's."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from rotator.clock import SystemClock
from rotator.sandbox import Switches, World, served
from rotator.sandbox.faults import Faults

DAY = timedelta(days=1)

IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where a benchmark keeps its locks: in memory, as they are under /run."""


@contextmanager
def sandbox(servers: int, snapshots: int, switches: Switches, faults: Faults | None = None) -> Iterator[str]:
    """Its base URL; so many servers (ids from 1) with so many daily snapshots of a policy `nightly` each.

    `faults` take the place of the world's own.
    """
    ours, theirs = multiprocessing.Pipe()
    work = (theirs, servers, snapshots, switches, faults)
    process = multiprocessing.Process(target=_serve, args=work, daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def _serve(pipe: Connection, servers: int, snapshots: int, switches: Switches, faults: Faults | None) -> None:
    asyncio.run(_until_killed(pipe, servers, snapshots, switches, faults))


async def _until_killed(
    pipe: Connection, servers: int, snapshots: int, switches: Switches, faults: Faults | None
) -> None:
    clock = SystemClock()
    world = World(clock, switches, remembers=1000)
    world.faults = faults or world.faults
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    for number in range(1, servers + 1):
        world.add_server(number, f"web-{number}")
        for back in range(1, snapshots + 1):
            slot = midnight - back * DAY
            world.add_snapshot(number, f"nightly-{slot:%Y%m%dT%H%M%SZ}", created_at=slot)
    async with served(world) as base_url:
        pipe.send(base_url)
        await asyncio.Event().wait()
