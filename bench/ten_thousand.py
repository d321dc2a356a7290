"""10,000 pairs all due at the same minute: is one lost, and for how long is the event loop blocked?

The daemon's own timetable fires one slot for 10,000 servers of a sandbox; a probe in the same loop measures
how late a timer of 10 ms comes. Memory is read from the kernel. With --faults the same again in a second
process, in which some requests of a hundred go wrong as FAULTS says: what fails for a passing reason is tried
again by the daemon, so that takes some 10 minutes longer. Each is finished when every server has its ready
snapshot of the slot, once.

    python -m bench.ten_thousand [--pairs 10000] [--faults] [--seed N]
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import multiprocessing
import multiprocessing.connection
import os
import random
import sys
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
from campaigns.odds import Odds, Table
from rotator.accounts import Account
from rotator.api import VpsApi
from rotator.clock import SystemClock
from rotator.daemon import Daemon, Source
from rotator.inventory import Inventory
from rotator.models import Keep, Policy, Server, State, Wait
from rotator.office import Office
from rotator.sandbox import Fault, Switches
from rotator.settings import ApiSettings, Settings
from rotator.systemd import Notifier

PROBE_SECONDS = 0.01

QUIET_SECONDS = 75
"""Until a quiet moment was used for a full pass of the collector."""

STARTING_SECONDS = 10
"""From the slot on: all pairs are handed out in about two."""

PATIENCE_SECONDS = 2 * 3600
"""After which those that are missing count as lost."""

FAULTS: Table = {
    "500": (0.005, Fault(status=500)),
    "502, carried out": (0.005, Fault(status=502, act=True)),
    "503": (0.005, Fault(status=503)),
    "reset before it acts": (0.005, Fault(drop="before")),
    "reset after it acted": (0.005, Fault(drop="after")),
    "429, Retry-After 1 s": (0.001, Fault(status=429, headers={"Retry-After": "1"})),
    "2 s late": (0.01, Fault(delay=2)),
}
"""By name the share of all requests, and what becomes of them: 3.6 in a hundred."""


@dataclass
class Connected:
    """What the daemon works with."""

    office: Office

    def refresh_token(self) -> bool:
        """It never changes."""
        return False

    async def aclose(self) -> None:
        """The provider is closed by whoever opened it."""


@dataclass
class Tally:
    """Counts the canonical lines of the log, and wakes who waits for the last server to be through."""

    count: int
    outcomes: Counter[str] = field(default_factory=Counter)
    through: set[int] = field(default_factory=set)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, _: object, __: str, line: EventDict) -> EventDict:
        """A structlog processor that prints nothing."""
        if line["event"] == "rotation.started":
            self.began.set()
        elif line["event"] == "rotation.finished":
            self.outcomes[line["outcome"]] += 1
            if line["outcome"] in {"rotated", "pruned"}:
                self.through.add(line["server_id"])
            if len(self.through) == self.count:
                self.done.set()
        raise structlog.DropEvent


@dataclass
class Watch:
    """What a probe in the daemon's own loop saw: in seconds, MiB and numbers of rotations."""

    blocked: float = 0.0
    peak: float = 0.0
    under_way: int = 0

    async def watch(self, daemon: Daemon) -> None:
        """How late a short timer comes: for so long nobody else could run either."""
        while True:
            before = time.perf_counter()
            await asyncio.sleep(PROBE_SECONDS)
            self.blocked = max(self.blocked, time.perf_counter() - before - PROBE_SECONDS)
            self.peak = max(self.peak, resident_mib())
            self.under_way = max(self.under_way, len(daemon._dispatcher._jobs))


def main() -> int:
    """Measure and print a table, a column for each run; 1 if a pair was lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--seed", type=int, default=1, help="of the faults")
    args = parser.parse_args()
    columns = [run(args.pairs, None)] + ([run(args.pairs, args.seed)] if args.faults else [])
    for name in columns[0]:
        print(" | ".join(["", name, *(column[name] for column in columns), ""]).strip())
    return (
        0 if all(column["every server has the slot's snapshot, once"] == "yes" for column in columns) else 1
    )


def run(count: int, seed: int | None) -> dict[str, str]:
    """One run in a process of its own, since memory that was used once is not given back."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(theirs, count, seed))
    process.start()
    theirs.close()
    figures: dict[str, str] = ours.recv()
    process.join()
    return figures


def _run(pipe: multiprocessing.connection.Connection, count: int, seed: int | None) -> None:
    faults = None if seed is None else Odds(random.Random(seed), FAULTS, fates={})
    with sandbox(count, 1, Switches(paging=True, create_time=1), faults) as base_url:
        pipe.send(asyncio.run(measure(base_url, count, faulty=faults is not None)))


async def measure(base_url: str, count: int, *, faulty: bool) -> dict[str, str]:
    """Let a daemon fire one slot for all pairs and see it through."""
    clock, tally, watch = SystemClock(), Tally(count), Watch()
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, tally], cache_logger_on_first_use=False
    )
    soon = clock.now().replace(second=0, microsecond=0) + timedelta(seconds=120)
    api = ApiSettings(base_url=base_url, concurrency=16, rate_limit=0)
    settings = Settings("bench", api, tuple(servers(count, f"{soon.minute} {soon.hour} * * *")))
    log = structlog.stdlib.get_logger()
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as locks:
        async with VpsApi(api, Token(), clock=clock, random=random.Random(), on_event=log) as provider:
            office = Office(provider, Inventory(provider, clock), clock, Path(locks), base_url, 16, 0)
            daemon = daemon_of(settings, Connected(office), clock)
            life = asyncio.create_task(daemon.run())
            await asyncio.sleep(20)
            idle, asked = resident_mib(), provider.requests
            probe = asyncio.create_task(watch.watch(daemon))
            await tally.began.wait()
            began, watch.blocked = time.perf_counter(), 0.0
            await asyncio.sleep(STARTING_SECONDS)
            starting = watch.blocked
            await finished(tally)
            seconds, asked = time.perf_counter() - began, provider.requests - asked
            probe.cancel()
            await asyncio.sleep(QUIET_SECONDS)
            after = resident_mib()
            ctypes.CDLL(None).malloc_trim(0)
            trimmed = resident_mib()
            made = Counter(
                row.server_id
                for row in (await provider.list_snapshots()).snapshots
                if row.name == f"nightly-{soon:%Y%m%dT%H%M%SZ}" and row.state is State.READY
            )
            daemon.stop()
            await life
    return {
        "": f"{100 * sum(share for share, _ in FAULTS.values()):.1f} % faults" if faulty else "no faults",
        "every server has the slot's snapshot, once": (
            "yes"
            if len(made) == made.total() == count
            else f"no: {len(made)} servers, {made.total()} snapshots"
        ),
        "how the rotations ended": ", ".join(f"{n} {word}" for word, n in sorted(tally.outcomes.items())),
        "seconds until the last one was through": f"{seconds:.0f}",
        "requests per pair": f"{asked / count:.2f}",
        "most rotations under way at once": str(watch.under_way),
        "event loop blocked at most while they start, ms": f"{1000 * starting:.0f}",
        "event loop blocked at most in all, ms": f"{1000 * watch.blocked:.0f}",
        "MiB resident when idle": f"{idle:.0f}",
        "MiB resident at the peak": f"{watch.peak:.0f}",
        "MiB resident when idle again": f"{after:.0f}",
        "MiB resident after malloc_trim(0)": f"{trimmed:.0f}",
    }


async def finished(tally: Tally) -> None:
    """Return when all are through, or patience is at its end."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await tally.done.wait()
    except TimeoutError:
        print(f"{tally.count - len(tally.through)} are not through", file=sys.stderr)


def daemon_of(settings: Settings, account: Account, clock: SystemClock) -> Daemon:
    """A daemon with one account and nobody to tell."""
    return Daemon(
        "",
        settings,
        source=Source(lambda: "", lambda text: settings),
        open_account=lambda settings: account,
        clock=clock,
        notifier=Notifier({}),
    )


def servers(count: int, schedule: str) -> list[Server]:
    """So many servers with one shared policy."""
    wait = Wait(timedelta(seconds=1), timedelta(seconds=5), timedelta(minutes=30))
    policy = Policy("nightly", (schedule,), ZoneInfo("UTC"), timedelta(hours=6), keep=Keep(last=2), wait=wait)
    return [Server(number, (policy,), f"web-{number}") for number in range(1, count + 1)]


def resident_mib() -> float:
    """This process's resident memory, from the kernel."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    sys.exit(main())
