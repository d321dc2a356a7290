"""Real processes against real sandboxes: nothing between the tests and what a user runs.

A sandbox is served by an event loop in a thread of its own; tests look into its world from outside.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import pytest

from rotator.clock import SystemClock
from rotator.lock import lock_directory
from rotator.naming import slot_text
from rotator.sandbox import TOKEN, Switches, World, served
from tests.cli.receiver import Receiver

PATIENCE = 60.0
"""Seconds after which a process counts as hung; the slowest test takes a tenth of that."""

ROOT = Path(__file__).parents[2]

WAIT = "wait: {first: 0.1s, interval: 0.1s, timeout: 5s}"

POLICIES = f"""\
defaults: {{{WAIT}}}
policies:
  nightly: {{schedule: "0 3 * * *", keep: {{last: 3}}}}
  off: {{schedule: "0 4 * * *", keep: {{last: 1}}, enabled: false}}
"""

SERVERS = """\
servers:
  - {id: 101, name: web-01, policies: [nightly, off]}
  - {id: 102, name: db-01, policies: [nightly]}
"""


@dataclass(frozen=True)
class Ran:
    """A process that ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document of stdout."""
        document = json.loads(self.out)
        assert isinstance(document, dict)
        return document


class Process(subprocess.Popen[str]):
    """A process that a failing test does not wait for: it is killed, and its last words are shown."""

    def __exit__(self, kind: type[BaseException] | None, *others: Any) -> None:
        if kind is not None and self.poll() is None:
            self.kill()
            _, said = self.communicate()
            print(said or "", file=sys.stderr)
        super().__exit__(kind, *others)


@dataclass
class Stage:
    """A directory to work in, the environment of the processes, and the sandbox that they see.

    `log` is where their stderr goes.
    """

    directory: Path
    world: World
    base_url: str
    environ: dict[str, str] = field(default_factory=dict)
    log: IO[str] | int = subprocess.PIPE

    def config(self, servers: str = SERVERS, policies: str = POLICIES, api: str = "") -> Path:
        """Write config.yaml; `api` holds further lines of its section."""
        path = self.directory / "config.yaml"
        path.write_text(f"api:\n  base_url: {self.base_url}\n  rate_limit: 0\n{api}{policies}{servers}")
        return path

    def start(self, *arguments: str, **environ: str) -> Process:
        """Begin a process."""
        return Process(
            [sys.executable, "-m", "rotator", *arguments],
            cwd=self.directory,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )

    def rotator(self, *arguments: str, **environ: str) -> Ran:
        """Run a command line to its end."""
        with self.start(*arguments, **environ) as process:
            out, err = process.communicate(timeout=PATIENCE)
        return Ran(process.returncode, out, err)


@dataclass
class Served:
    """Sandboxes that are served until the test ends."""

    loop: asyncio.AbstractEventLoop
    stops: list[Callable[[], None]] = field(default_factory=list)

    def serve(self, world: World) -> str:
        """Serve a world and return its base URL."""
        began: asyncio.Future[str] = asyncio.run_coroutine_threadsafe(_future(), self.loop).result(PATIENCE)
        ended = asyncio.Event()

        async def live() -> None:
            async with served(world) as base_url:
                began.set_result(base_url)
                await ended.wait()

        done = asyncio.run_coroutine_threadsafe(live(), self.loop)

        def stop() -> None:
            self.loop.call_soon_threadsafe(ended.set)
            done.result(PATIENCE)

        self.stops.append(stop)
        return asyncio.run_coroutine_threadsafe(_result(began), self.loop).result(PATIENCE)


async def _future() -> asyncio.Future[str]:
    return asyncio.get_running_loop().create_future()


async def _result(future: asyncio.Future[str]) -> str:
    return await future


@pytest.fixture
def sandboxes() -> Iterator[Served]:
    """A loop in a thread that serves worlds."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    all_served = Served(loop)
    try:
        yield all_served
        for stop in all_served.stops:
            stop()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that takes everything until the test ends."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def stage(tmp_path: Path, sandboxes: Served) -> Iterator[Stage]:
    """Two empty servers, a configuration for them, and a token."""
    world = World(SystemClock(), Switches(create_time=0.1))
    world.add_server(101, "web-01")
    world.add_server(102, "db-01")
    made = Stage(tmp_path, world, sandboxes.serve(world), environment(tmp_path))
    made.config()
    forget_locks(made)  # a sandbox of another test may have had the same port
    yield made
    forget_locks(made)


def environment(directory: Path) -> dict[str, str]:
    """What a process needs of the world, and nothing of the one who runs the tests."""
    kept: Mapping[str, str] = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    own = {
        "PYTHONPATH": str(ROOT),
        "VPS_API_TOKEN": TOKEN,
        "RUNTIME_DIRECTORY": str(directory),
        "TMPDIR": str(directory),
        "NO_PROXY": "127.0.0.1",
    }
    return {**kept, **own}


def plant(world: World, server_id: int, policy: str, days: int) -> str:
    """A ready snapshot of that policy, so many days old; returns its name."""
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=days)
    name = f"{policy}-{slot_text(at)}"
    world.add_snapshot(server_id, name, created_at=at)
    return name


def plant_three(world: World, server_id: int) -> str:
    """Three ready snapshots of the policy nightly, as many as it keeps; returns the oldest one's name."""
    oldest, *_ = [plant(world, server_id, "nightly", days) for days in (3, 2, 1)]
    return oldest


def names(world: World, server_id: int) -> set[str]:
    """The names of all snapshots that truly stand on a server."""
    return {row.name for row in world.snapshots(server_id)}


def beside_locks(stage: Stage) -> tuple[Path, str]:
    """The directory of the locks, and how the names of this sandbox's files begin there."""
    api = hashlib.sha256(stage.base_url.rstrip("/").encode()).hexdigest()[:8]
    return lock_directory(stage.environ), api


def forget_locks(stage: Stage) -> None:
    """Leave nothing beside the locks of this sandbox: root's lie where all processes of a host meet."""
    directory, api = beside_locks(stage)
    for path in directory.glob(f"{api}-*"):
        path.unlink()


def noted(stage: Stage, what: str, server_id: int = 101) -> Any:
    """What the note of that suffix beside the server's lock says; None if there is none."""
    directory, api = beside_locks(stage)
    path = directory / f"{api}-{server_id}.{what}"
    return json.loads(path.read_text()) if path.exists() else None


def until(condition: Callable[[], object], *, patience: float = PATIENCE) -> None:
    """Return once the condition holds; fail if it does not within so many seconds."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)
