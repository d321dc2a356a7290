"""What it costs to show 10,000 pairs: how long a scrape takes, and for how long it blocks the daemon's loop.

The front that the daemon opens, with 10,000 servers of four snapshots each as they were seen last; another
process asks over a real socket. A probe in the front's loop measures how late a timer of 10 ms comes.

    python -m bench.scrape [--pairs 10000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rotator import naming
from rotator.clock import SystemClock
from rotator.garbage import Garbage
from rotator.models import Keep, Pair, Policy, Server, Snapshot, State
from rotator.redact import Secrets
from rotator.settings import Address, ApiSettings, HttpSettings, Settings
from rotator.sight import Sight
from rotator.vitals import Vitals
from rotator.web import Front

PROBE_SECONDS = 0.01

ASK = "import sys, urllib.request; print(len(urllib.request.urlopen(sys.argv[1]).read()))"

NIGHTLY = Policy("nightly", ("0 3 * * *",), ZoneInfo("UTC"), timedelta(hours=6), keep=Keep(last=3))


@dataclass
class Probe:
    """How late a timer came, at most, in seconds: by the clock, and by what this process did meanwhile.

    The second does not count what the machine gave to others.
    """

    late: float = 0.0
    own: float = 0.0

    async def run(self) -> None:
        """Measure until it is cancelled."""
        while True:
            began, worked = time.monotonic(), time.process_time()
            await asyncio.sleep(PROBE_SECONDS)
            self.late = max(self.late, time.monotonic() - began - PROBE_SECONDS)
            self.own = max(self.own, time.process_time() - worked - PROBE_SECONDS)

    def worse(self, other: Probe) -> Probe:
        """The worse of two, figure by figure."""
        return Probe(max(self.late, other.late), max(self.own, other.own))

    def __str__(self) -> str:
        return f"{1000 * self.late:.0f} ms late at most, {1000 * self.own:.0f} ms of them its own work"


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    asyncio.run(measure(asked.pairs, asked.rounds))
    return 0


async def measure(pairs: int, rounds: int) -> None:
    """Open the front and let another process ask it."""
    clock = SystemClock()
    vitals = furnished(pairs, clock)
    front = Front(vitals, clock, Secrets())
    http = HttpSettings(Address(port=_free_port()))
    await front.open(http)
    garbage = Garbage(clock)  # as in the daemon
    idle = await alone()
    print(f"no scrape: the loop is {idle}")
    for path in ("/metrics", "/status.json"):
        took, worst = [], Probe()
        for _ in range(rounds):
            for work in (front.desk.standings, front.desk.status, front.desk.metrics):
                work.forget()  # what was worked out before: each round shall begin with nothing
            began = time.monotonic()
            with probing() as probe:
                size = await ask(f"http://{http.listen}{path}")
            took.append(time.monotonic() - began)
            worst = worst.worse(probe)
        print(f"{path}: {size / 1e6:.1f} MB, {min(took):.1f} to {max(took):.1f} s, the loop is {worst}")
    garbage.give_back()
    await front.aclose()


@contextmanager
def probing() -> Iterator[Probe]:
    """A probe for the length of the block."""
    probe = Probe()
    task = asyncio.create_task(probe.run())
    try:
        yield probe
    finally:
        task.cancel()


async def alone() -> Probe:
    """How late the probe's timer is when nobody asks."""
    with probing() as probe:
        await asyncio.sleep(2)
    return probe


async def ask(url: str) -> int:
    """Ask from another process; the bytes that it got."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ASK, url, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return int(out)


def furnished(pairs: int, clock: SystemClock) -> Vitals:
    """The vitals of a daemon with so many servers, all seen."""
    now = clock.now()
    servers = tuple(Server(number, (NIGHTLY,), f"web-{number}") for number in range(1, pairs + 1))
    sights = {server.key: Sight(_snapshots(server, now)) for server in servers}
    vitals = Vitals(clock)
    vitals.load(Settings("config.yaml", ApiSettings(), servers))
    vitals.see = lambda server: sights[server.key]
    for key in vitals.pairs:
        vitals.tally.count("GET", "200", 0.1)
        vitals.since[key] = now
    return vitals


def _snapshots(server: Server, now: datetime) -> tuple[Snapshot, ...]:
    pair = Pair(server, NIGHTLY)
    nights = [now.replace(hour=3, minute=0, second=0, microsecond=0) - timedelta(days=n) for n in range(1, 5)]
    return tuple(
        Snapshot(
            id=int(server.id) * 10 + number,
            server_id=server.id,
            name=naming.snapshot_name(pair.server, pair.policy, night),
            status="completed",
            state=State.READY,
            created_at=night,
            size_mb=5000,
        )
        for number, night in enumerate(nights)
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
