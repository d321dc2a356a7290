"""10,000 pairs all due at the same minute: is one lost, and for how long is the event loop blocked?

The daemon's own timetable fires one slot for 10,000 servers of a sandbox; a probe in the same loop measures
how late a timer of 10 ms comes. Then the memory of an idle daemon with 10,000 pairs, read from the kernel.

    python -m bench.ten_thousand [--pairs 10000]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from structlog.typing import EventDict

from bench.rotations import Token
from bench.sandboxed import IN_MEMORY, sandbox
from rotator.api import VpsApi
from rotator.clock import SystemClock
from rotator.daemon import Daemon, Source
from rotator.inventory import Inventory
from rotator.models import ApiSettings, Keep, Policy, Server, Settings, Wait
from rotator.office import Office
from rotator.sandbox import Switches
from rotator.systemd import Notifier

PROBE_SECONDS = 0.01

QUIET_SECONDS = 75
"""Until a quiet moment was used for a full pass of the collector."""

STARTING_SECONDS = 10
"""From the slot on: all pairs are handed out in about two."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=10_000)
    args = parser.parse_args()
    switches = Switches(paging=True, create_time=1)
    with sandbox(args.pairs, 1, switches) as base_url:
        asyncio.run(measure(base_url, args.pairs))


@dataclass
class Account:
    """What the daemon works with."""

    office: Office

    def refresh_token(self) -> bool:
        """It never changes."""
        return False

    async def aclose(self) -> None:
        """The provider is closed by whoever opened it."""


@dataclass
class Tally:
    """Counts the canonical lines of the log, and wakes who waits for the last one."""

    count: int
    outcomes: Counter[str] = field(default_factory=Counter)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, _: object, __: str, line: EventDict) -> EventDict:
        """A structlog processor that prints nothing."""
        if line["event"] == "rotation.started":
            self.began.set()
        elif line["event"] == "rotation.finished":
            self.outcomes[line["outcome"]] += 1
            if self.outcomes.total() == self.count:
                self.done.set()
        raise structlog.DropEvent


async def measure(base_url: str, count: int) -> None:
    """Let a daemon fire one slot for all pairs and see it through."""
    clock, tally, blocked = SystemClock(), Tally(count), list[float]()
    structlog.configure(processors=[tally], cache_logger_on_first_use=False)
    soon = clock.now() + timedelta(seconds=90)
    api = ApiSettings(base_url=base_url, concurrency=16, rate_limit=0)
    settings = Settings("bench", api, tuple(servers(count, f"{soon.minute} {soon.hour} * * *")))
    log = structlog.stdlib.get_logger()
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as locks:
        async with VpsApi(api, Token(), clock=clock, random=random.Random(), on_event=log) as provider:
            office = Office(provider, Inventory(provider, clock), clock, Path(locks), base_url, 16, 0)
            daemon = Daemon(
                "",
                settings,
                source=Source(lambda: "", lambda text: settings),
                open_account=lambda settings: Account(office),
                clock=clock,
                notifier=Notifier({}),
            )
            life = asyncio.create_task(daemon.run())
            await asyncio.sleep(20)
            print(f"idle, {count} pairs: {resident_mib():.0f} MiB resident")
            probe = asyncio.create_task(watch(blocked))
            await tally.began.wait()
            blocked.clear()
            await asyncio.sleep(STARTING_SECONDS)
            starting, asked = max(blocked), provider.requests
            await tally.done.wait()
            probe.cancel()
            print(f"outcomes: {dict(tally.outcomes)}, requests per pair: {provider.requests / count:.2f}")
            print(f"when all are done: {resident_mib():.0f} MiB resident")
            await asyncio.sleep(QUIET_SECONDS)
            print(f"idle again: {resident_mib():.0f} MiB resident")
            daemon.stop()
            await life
    print(f"event loop blocked at most: {1000 * starting:.0f} ms while they start ({asked} requests)")
    print(f"event loop blocked at most: {1000 * max(blocked):.0f} ms until all are done")


def servers(count: int, schedule: str) -> list[Server]:
    """So many servers with one shared policy."""
    wait = Wait(timedelta(seconds=1), timedelta(seconds=5), timedelta(minutes=30))
    policy = Policy("nightly", (schedule,), ZoneInfo("UTC"), timedelta(hours=6), keep=Keep(last=2), wait=wait)
    return [Server(number, (policy,), f"web-{number}") for number in range(1, count + 1)]


async def watch(blocked: list[float]) -> None:
    """How late a short timer comes: for so long nobody else could run either."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(PROBE_SECONDS)
        blocked.append(time.perf_counter() - before - PROBE_SECONDS)


def resident_mib() -> float:
    """This process's resident memory, from the kernel."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
