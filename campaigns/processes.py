"""Processes in virtual time: begun, killed and begun again, several at once if need be.

A process is the real daemon, or one pass of `run --once`, with an office of its own. All tasks that come of
it are known, so that a kill ends all of them in the same instant; what is left is the world and the files in
the lock directory. Requests that were sent before go their way: the sandbox does not know who died.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import httpx
from structlog.typing import EventDict

from rotator.daemon import Daemon, Source
from rotator.once import rotate_due, rotate_now
from rotator.report import Report
from rotator.settings import Settings
from rotator.systemd import Notifier
from tests.daemons import Account, apscheduler_reads, captured
from tests.staging import InProcess, Stage

Mode = Literal["daemon", "due", "now"]
"""The daemon, `run --once --due`, and `run --once`."""

_context = cache(httpx.create_ssl_context)

_OWNER: contextvars.ContextVar[Process | None] = contextvars.ContextVar("owner", default=None)


@contextmanager
def processes(stage: Stage) -> Iterator[None]:
    """Let processes live in the running loop: their tasks and their log lines are sorted out by process."""

    def factory(loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(work, loop=loop, **more)
        context = more.get("context")
        owner = _OWNER.get() if context is None else context.get(_OWNER)
        if owner is not None:
            owner.tasks.add(task)
            task.add_done_callback(owner.tasks.discard)
        return task

    def take(line: EventDict) -> None:
        owner = _OWNER.get()
        if owner is not None:
            owner.hear(line)

    asyncio.get_running_loop().set_task_factory(factory)
    with apscheduler_reads(stage.clock), captured(take):
        yield


@contextmanager
def one_interpreter() -> Iterator[None]:
    """What a real process does once is done once here, for thousands: trust the machine's CAs, collect."""
    with (
        patch.object(httpx, "create_ssl_context", _context),
        patch.object(gc, "collect", lambda: 0),
    ):
        yield


class Process:
    """One process. A daemon goes on until it is killed; what runs once ends by itself, with `reports`."""

    def __init__(self, stage: Stage, settings: Settings, mode: Mode) -> None:
        self.stage, self.settings, self.mode = stage, settings, mode
        self.tasks: set[asyncio.Task[Any]] = set()
        self.reports: list[Report] = []
        self.log: list[EventDict] = []
        self.alive = True
        self._ready = False
        self._running = 0
        self._retries: set[tuple[Any, Any]] = set()
        self._office = stage.begin_process(_Line(self))
        self.task = self._begin(self._work())

    def hear(self, line: EventDict) -> None:
        """A log line of this process."""
        self.log.append(line)
        pair = (line.get("server_id"), line.get("policy"))
        match line["event"]:
            case "daemon.ready":
                self._ready = True
            case "rotation.started":
                self._running += 1
                self._retries.discard(pair)
            case "rotation.finished":
                self._running -= 1
            case "rotation.retry_scheduled":
                self._retries.add(pair)

    @property
    def quiet(self) -> bool:
        """Whether a daemon works at nothing and means to try nothing again before its next slot."""
        return self._ready and not self._running and not self._retries

    async def end(self, done: Callable[[], bool], at_most: timedelta) -> None:
        """Until it ended; a daemon until all is done and it is quiet, or the time is up."""
        if self.mode != "daemon":
            await asyncio.wait({self.task})
            return
        last = self.stage.clock.now() + at_most
        while not (self.quiet and done()) and self.stage.clock.now() < last and not self.task.done():
            await self.stage.clock.sleep(20)

    async def kill(self) -> None:
        """End it as SIGKILL does. Raises AssertionError if it did anything in its death."""
        if not self.alive:
            return
        self.alive = False
        before, at = _files(self.stage.locks), self.stage.clock.monotonic()
        while self.tasks:
            dying = list(self.tasks)
            for task in dying:
                task.cancel()
            await asyncio.gather(*dying, return_exceptions=True)
        assert _files(self.stage.locks) == before, "the dead wrote a record"
        assert self.stage.clock.monotonic() == at, "dying took time"

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        context = contextvars.copy_context()
        context.run(_OWNER.set, self)
        return context.run(asyncio.create_task, work, context=context)

    async def _work(self) -> None:
        pairs = self.settings.pairs
        if self.mode == "due":
            self.reports += await rotate_due(self._office, pairs)
        elif self.mode == "now":
            slot = self.stage.clock.now().replace(microsecond=0)
            self.reports += await rotate_now(self._office, pairs, slot)
        else:
            await Daemon(
                "as it was",
                self.settings,
                source=Source(read=lambda: "as it was", parse=lambda _: self.settings),
                open_account=lambda _: Account(self._office),
                clock=self.stage.clock,
                notifier=Notifier({}),
            ).run()


class _Line(httpx.AsyncBaseTransport):
    """The way to the sandbox. A request that is under way is carried out even if its sender dies."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._wire = InProcess(process.stage.world)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As the sandbox answers; the dead send nothing."""
        if not self._process.alive:
            raise asyncio.CancelledError
        answer = asyncio.get_running_loop().create_task(
            self._wire.handle_async_request(request), context=contextvars.Context()
        )
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(answer)


def _files(directory: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}
