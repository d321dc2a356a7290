"""10,000 pairs all due at the same minute: is one lost, and for how long is the event loop blocked?

The daemon's own timetable fires one slot for 10,000 servers of a sandbox; a probe in the same loop measures
how late a timer of 10 ms comes. Then the memory of an idle daemon with 10,000 pairs, read from the kernel.

    python -m bench.ten_thousand [--pairs 10000]
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from bench.rotations import Token
from bench.sandboxed import sandbox
from rotator.api import VpsApi
from rotator.clock import SystemClock
from rotator.dispatch import Dispatcher
from rotator.inventory import Inventory
from rotator.models import ApiSettings, Keep, Pair, Policy, Server, Wait
from rotator.office import Office
from rotator.report import Report
from rotator.sandbox import Switches
from rotator.schedule import Timetable

PROBE_SECONDS = 0.01


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=10_000)
    args = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    switches = Switches(paging=True, create_time=1)
    with sandbox(args.pairs, 1, switches) as base_url:
        asyncio.run(measure(base_url, args.pairs))


async def measure(base_url: str, count: int) -> None:
    """Fire one slot for all pairs and see it through."""
    clock = SystemClock()
    settings = ApiSettings(base_url=base_url, concurrency=16, rate_limit=0)
    soon = clock.now() + timedelta(seconds=75)
    pairs = [Pair(s, s.policies[0]) for s in servers(count, f"{soon.minute} {soon.hour} * * *")]
    by_key = {pair.key: pair for pair in pairs}
    outcomes: Counter[str] = Counter()
    blocked: list[float] = []
    handed_out = asyncio.Event()
    log = structlog.stdlib.get_logger()
    async with VpsApi(settings, Token(), clock=clock, random=random.Random(), on_event=log) as api:
        with tempfile.TemporaryDirectory() as locks:
            office = Office(api, Inventory(api, clock), clock, Path(locks), base_url, 16, 0)
            reported = asyncio.Event()

            def on_report(report: Report) -> None:
                outcomes[report.outcome] += 1
                if outcomes.total() == count:
                    reported.set()

            dispatcher = Dispatcher(lambda: office, by_key.get, on_report)

            def fire(due: tuple[Pair, ...], slot: object) -> None:
                handed_out.set()
                dispatcher.hand_out(due, slot)  # type: ignore[arg-type]  # a datetime, as Timetable says

            timetable = Timetable(clock, fire)
            timetable.load(pairs)
            timetable.start()
            print(f"idle, {count} pairs: {resident_mib():.0f} MiB resident")
            probe = asyncio.create_task(watch(blocked))
            await handed_out.wait()
            blocked.clear()
            await asyncio.sleep(3)
            starting = max(blocked)
            await reported.wait()
            probe.cancel()
            timetable.stop()
    print(f"outcomes: {dict(outcomes)}, requests per pair: {api.requests / count:.2f}")
    print(f"event loop blocked at most: {1000 * starting:.0f} ms while they start")
    print(f"event loop blocked at most: {1000 * max(blocked):.0f} ms until all are done")
    print(f"afterwards: {resident_mib():.0f} MiB resident")


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
