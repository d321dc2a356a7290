"""The page for people with 1,000 servers: how long it takes to answer, to appear, and to follow a reader.

The real daemon with a sandbox in a process of its own; the page is read over loopback, then by Chromium. A
probe in the daemon's loop measures how late a timer of 10 ms comes while the page is asked for.

    python -m bench.page [--servers 1000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import structlog

from bench.rotations import Token
from bench.sandboxed import IN_MEMORY, sandbox
from bench.ten_thousand import Connected, Watch, servers
from rotator.api import VpsApi
from rotator.clock import SystemClock
from rotator.daemon import Daemon, Source
from rotator.inventory import Inventory
from rotator.office import Office
from rotator.redact import Secrets
from rotator.sandbox import Switches
from rotator.settings import Address, ApiSettings, HttpSettings, Settings
from rotator.systemd import Notifier
from rotator.vitals import Vitals
from rotator.web import Front
from tests.system.browsing import chromium, looking
from tests.web.conftest import free_port

SETTLE_SECONDS = 25
"""Until every server was seen and the rows are made."""

SEEN = """() => {
  const [timing] = performance.getEntriesByType("navigation");
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  return {painted: paint.startTime, loaded: timing.loadEventEnd, answered: timing.responseEnd,
          servers: document.querySelectorAll(".server").length};
}"""

FILTERED = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const search = document.getElementById("q");
  const began = performance.now();
  search.value = "web-77";
  search.dispatchEvent(new Event("input"));
  await frame(); await frame();
  const took = performance.now() - began;
  search.value = ""; search.dispatchEvent(new Event("input"));
  return took;
}"""

SCROLLED = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const frames = [];
  const steps = 150;
  let last = await frame();
  for (let step = 1; step <= steps; step += 1) {
    scrollTo(0, step / steps * document.documentElement.scrollHeight);
    const now = await frame();
    frames.push(now - last);
    last = now;
  }
  return frames;
}"""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--servers", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with sandbox(args.servers, 3, Switches(create_time=1)) as base_url:
        figures = asyncio.run(measure(base_url, args.servers, args.rounds))
    for name, figure in figures.items():
        print(f"| {name} | {figure} |")


async def measure(base_url: str, count: int, rounds: int) -> Mapping[str, str]:
    """Let a daemon show itself."""
    structlog.configure(processors=[_drop], cache_logger_on_first_use=False)
    clock = SystemClock()
    later = clock.now() + timedelta(hours=6)
    api = ApiSettings(base_url=base_url, concurrency=16, rate_limit=0)
    http = HttpSettings(Address(port=free_port()))
    fleet = tuple(servers(count, f"{later.minute} {later.hour} * * *"))
    settings = Settings("bench", api, fleet, http=http)
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as locks:
        log = structlog.stdlib.get_logger()
        async with VpsApi(api, Token(), clock=clock, random=random.Random(), on_event=log) as provider:
            office = Office(provider, Inventory(provider, clock), clock, Path(locks), base_url, 16, 0)
            vitals = Vitals(clock)
            daemon = Daemon(
                "",
                settings,
                source=Source(lambda: "", lambda text: settings),
                open_account=lambda settings: Connected(office),
                clock=clock,
                notifier=Notifier({}),
                vitals=vitals,
                front=Front(vitals, clock, Secrets()),
            )
            life = asyncio.create_task(daemon.run())
            await asyncio.sleep(SETTLE_SECONDS)
            found = await _read(daemon, provider, f"http://{http.listen}", rounds)
            daemon.stop()
            await life
    return found


async def _read(daemon: Daemon, provider: VpsApi, url: str, rounds: int) -> Mapping[str, str]:
    asked, watch = provider.requests, Watch()
    probe = asyncio.create_task(watch.watch(daemon))
    answers = [await _fetched(url) for _ in range(rounds)]
    first, *others = (seconds for seconds, _ in answers)
    seen = [await asyncio.to_thread(_browse, url) for _ in range(rounds)]
    probe.cancel()
    frames = sorted(frame for each in seen for frame in each.frames)
    return {
        "servers on the page": f"{seen[0].timing['servers']:.0f}",
        "size of the page": f"{answers[0][1] / 1e6:.1f} MB",
        "answered, the first time": f"{1000 * first:.0f} ms",
        "answered, later": f"{1000 * statistics.median(others):.0f} ms",
        "first contentful paint": _median([each.timing["painted"] for each in seen]),
        "loaded": _median([each.timing["loaded"] for each in seen]),
        "a letter in the filter, until the frame after the next": _median([each.filtered for each in seen]),
        "frames while all of it is scrolled through: median, 95th percentile, longest": (
            f"{statistics.median(frames):.0f}, {frames[int(0.95 * len(frames))]:.0f}, {frames[-1]:.0f} ms"
        ),
        "event loop blocked at most": f"{1000 * watch.blocked:.0f} ms",
        "requests to the API": f"{provider.requests - asked}",
    }


async def _fetched(url: str) -> tuple[float, int]:
    async with httpx.AsyncClient() as client:
        began = time.perf_counter()
        answer = await client.get(url)
        return time.perf_counter() - began, len(answer.raise_for_status().content)


@dataclass(frozen=True)
class Seen:
    """What a browser saw; all in milliseconds but the number of servers."""

    timing: dict[str, float]
    filtered: float
    frames: list[float]


def _browse(url: str) -> Seen:
    with chromium() as browser, looking(browser, url) as looked:
        looked.page.wait_for_load_state("load")
        looked.page.wait_for_timeout(1500)
        return Seen(
            looked.page.evaluate(SEEN), looked.page.evaluate(FILTERED), looked.page.evaluate(SCROLLED)
        )


def _median(values: list[float]) -> str:
    return f"{statistics.median(values):.0f} ms"


def _drop(_: object, __: str, line: Any) -> Any:
    raise structlog.DropEvent


if __name__ == "__main__":
    main()
