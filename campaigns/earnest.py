"""Real processes over a real wire, killed with SIGKILL: the table of scenarios in real time.

A sandbox is served by a loop in a thread; the processes are `python -m rotator`. Nothing is simulated but the
provider, and nothing is shortened but its times.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import IO, TypeVar

from campaigns.ends import Account
from campaigns.scenarios import REAL, Scenario, settings
from campaigns.wire import Wire
from rotator.clock import SystemClock
from rotator.lock import lock_directory
from tests.cli.conftest import Served, Stage, environment

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds after which a process counts as hung; a lost create alone takes 15 s to settle."""

_ids = count(1)


@contextmanager
def theatre() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop in a thread, to serve sandboxes."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def slot_of(now: datetime) -> datetime:
    """A daily slot that is half a day away on either side: no run crosses one by accident."""
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A configuration file: the options that name it, and the policy that it holds alone, None for all."""

    options: tuple[str, ...]
    only: str | None


class Scene:
    """One scenario, served, with a directory for its processes. To be used in a `with`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        scenario: Scenario,
        chance: Random,
        slowest: float,
        *,
        by_hand: bool = False,
    ) -> None:
        self.scenario, self._loop = scenario, loop
        self.slot = slot_of(datetime.now(UTC))
        self.first_id = 1_000_000 + Random().randrange(10**6) * 1000 + 10 * (next(_ids) % 100)
        self.world = scenario.furnish(SystemClock(), self.slot, REAL, self.first_id)
        self.wire = Wire(*scenario.faults, chance=chance, slowest=slowest)
        self.world.faults = self.wire
        self._begun: list[Started] = []
        self._served = Served(loop)
        self.base_url = self._served.serve(self.world)
        whole = settings(self.text())
        self.account = Account(scenario, self.world, whole.servers, self.slot, by_hand)
        self._directory = tempfile.TemporaryDirectory()
        directory = Path(self._directory.name)
        self._stage = Stage(directory, self.world, self.base_url, environment(directory))
        self.files = tuple(self._write(only) for only in scenario.files())

    def text(self, only: str | None = None) -> str:
        """The configuration; `only` leaves one policy in it."""
        return self.scenario.text(self.base_url, self.slot, REAL, self.first_id, only)

    def _write(self, only: str | None) -> ConfigFile:
        name = f"{only or 'config'}.yaml"
        (self._stage.directory / name).write_text(self.text(only))
        return ConfigFile(("--config", name), only)

    def start(self, *arguments: str) -> Started:
        """Begin a process."""
        begun = Started(self._stage.start(*arguments))
        self._begun.append(begun)
        return begun

    def ask(self, question: Callable[[], T]) -> T:
        """Ask in the sandbox's own thread, where nothing changes meanwhile."""

        async def answer() -> T:
            return question()

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result(PATIENCE)

    def done(self, only: str | None = None) -> bool:
        """Whether the slot of each pair (of that policy) has come to its end."""
        return self.ask(lambda: self.account.done(only))

    def findings(self) -> list[str]:
        """What is wrong by now."""
        return self.ask(lambda: list(self.account.findings()))

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *_: object) -> None:
        for begun in self._begun:
            if begun.process.poll() is None:
                begun.kill()
        self._served.stops.pop()()
        locks = lock_directory(self._stage.environ)
        for index in range(self.scenario.servers):
            for path in locks.glob(f"*-{self.first_id + index}.*"):
                path.unlink(missing_ok=True)
        self._directory.cleanup()


class Started:
    """A process that was begun; its log is read as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[str] = []
        self.out: list[str] = []
        self._readers = [
            threading.Thread(target=_read, args=(process.stderr, self.log)),
            threading.Thread(target=_read, args=(process.stdout, self.out)),
        ]
        for reader in self._readers:
            reader.start()

    def said(self, event: str) -> int:
        """How often the log has that event."""
        return sum(f'"event": "{event}"' in line or f'"event":"{event}"' in line for line in self.log)

    @property
    def quiet(self) -> bool:
        """Whether a daemon stands and no rotation is under way."""
        return self.said("daemon.ready") > 0 and self.said("rotation.started") == self.said(
            "rotation.finished"
        )

    def until(self, condition: Callable[[], object]) -> None:
        """Return once the condition holds, or the process has ended. Raises TimeoutError if neither comes."""
        deadline = time.monotonic() + PATIENCE
        while not condition() and self.process.poll() is None:
            if time.monotonic() > deadline:
                raise TimeoutError("".join(self.log[-20:]))
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self._gone()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._gone()

    def end(self) -> int:
        """Wait for its own end; the exit code. Raises TimeoutError if it hangs."""
        self.until(lambda: False)
        return self._gone()

    def _gone(self) -> int:
        code = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return code


def _read(pipe: IO[str], lines: list[str]) -> None:
    for line in pipe:
        lines.append(line)
