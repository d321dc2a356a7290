"""The real daemon as a process: files, threads and memory before and after minutes of faults and reloads.

Every server rotates each minute; every few seconds the configuration is changed and SIGHUP sent, one time in
two with another `api:`. Then it is left in peace until the accounts that were replaced have to be closed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bench.sandboxed import IN_MEMORY, sandbox
from campaigns import holdings
from campaigns.odds import Odds
from rotator.accounts import LAST_LISTS
from rotator.sandbox import TOKEN, Switches

SERVERS, GUESTS = 20, 10
RELOAD_EVERY = 7.0
CONCURRENCY = 8

CONFIG = """\
api: {{base_url: "{base_url}", rate_limit: 0, concurrency: {concurrency}, token_file: token}}
defaults: {{wait: {{first: 1s, interval: 1s, timeout: 20s}}}}
policies:
  often: {{schedule: "* * * * *", keep: {{last: {last}}}}}
servers:
{servers}"""


@dataclass(frozen=True, slots=True)
class Sample:
    """Of a process. `sockets` are connections, `files` all other descriptors; `resident` in MiB."""

    files: int
    sockets: int
    threads: int
    resident: float

    @classmethod
    def of(cls, process: int) -> Sample:
        """As the kernel shows it now."""
        directory = Path(f"/proc/{process}/fd")
        kinds = Counter("socket" in os.readlink(entry) for entry in directory.iterdir())
        return cls(
            kinds[False], kinds[True], holdings.threads(process), round(holdings.resident_mib(process), 1)
        )


def run(seed: int, minutes: float) -> int:
    """Print what came of it; 1 if anything was left behind."""
    odds = Odds(random.Random(seed))
    with (
        sandbox(SERVERS + GUESTS, 1, Switches(create_time=2), odds) as base_url,
        tempfile.TemporaryDirectory(dir=IN_MEMORY) as name,
    ):
        directory = Path(name)
        (directory / "token").write_text(TOKEN)
        (directory / "token").chmod(0o600)
        configure(directory, base_url, 0)
        with started(directory) as daemon:
            before, after, reloads = asyncio.run(live(daemon, directory, base_url, minutes))
            daemon.send_signal(signal.SIGTERM)
            code = daemon.wait()
        outcomes = Counter(
            line["outcome"]
            for line in map(json.loads, (directory / "log").read_text().splitlines())
            if line["event"] == "rotation.finished"
        )
    found = left_behind(before, after) + ([f"it ended with {code}"] if code else [])
    for finding in found:
        print(f"FOUND {finding}")
    if found:
        print(f"again: python -m campaigns.resources --real --minutes {minutes:g} --seed {seed}")
    print(f"real: {minutes:g} minutes, {reloads} reloads, {dict(outcomes)}; before {before}, after {after}")
    return 1 if found else 0


def left_behind(before: Sample, after: Sample) -> list[str]:
    """What is there afterwards and was not before; connections may be kept alive, so many at most."""
    found = [
        f"{name}: {getattr(before, name)} before, {getattr(after, name)} after"
        for name in ("files", "threads")
        if getattr(before, name) != getattr(after, name)
    ]
    if after.sockets > before.sockets + CONCURRENCY + 1:
        found.append(f"sockets: {before.sockets} before, {after.sockets} after")
    return found


async def live(
    daemon: subprocess.Popen[bytes], directory: Path, base_url: str, minutes: float
) -> tuple[Sample, Sample, int]:
    """A minute of getting going, so many of reloads, and peace until the replaced accounts are closed."""
    await until_second(50, after=60)
    before, reloads = Sample.of(daemon.pid), 0
    print(f"after the first minute: {before}", flush=True)
    deadline = time.monotonic() + 60 * minutes
    while time.monotonic() < deadline:
        await asyncio.sleep(RELOAD_EVERY)
        reloads += 1
        configure(directory, base_url, reloads)
        daemon.send_signal(signal.SIGHUP)
    print(f"after the last reload: {Sample.of(daemon.pid)}", flush=True)
    await until_second(50, after=LAST_LISTS + 60)
    return before, Sample.of(daemon.pid), reloads


async def until_second(second: int, *, after: float) -> None:
    """So many seconds, and on to that second of a minute: what began with the minute is over by then."""
    await asyncio.sleep(after)
    await asyncio.sleep((second - time.time()) % 60)


def configure(directory: Path, base_url: str, number: int) -> None:
    """Write the configuration of that number: no two that follow each other are the same."""
    listed = [*range(1, SERVERS + 1), SERVERS + 1 + number % GUESTS]
    text = CONFIG.format(
        base_url=base_url,
        concurrency=CONCURRENCY + number // 2 % 2,
        last=2 + number % 2,
        servers="".join(f"  - {{id: {id}, name: web-{id}, policies: [often]}}\n" for id in listed),
    )
    fresh = directory / "config.yaml.new"
    fresh.write_text(text)
    fresh.replace(directory / "config.yaml")


def started(directory: Path) -> subprocess.Popen[bytes]:
    """The daemon; its log goes to a file."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "XDG_RUNTIME_DIR": str(directory),
        "RUNTIME_DIRECTORY": str(directory),
        "NO_PROXY": "127.0.0.1",
    }
    with (directory / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "rotator", "--log-format", "json", "run"],
            cwd=directory,
            env=environ,
            stderr=log,
        )
