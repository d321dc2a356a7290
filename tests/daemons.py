"""A daemon on a stage: the real one, in virtual time, with APScheduler's clock set to the virtual one."""

from __future__ import annotations

import asyncio
import datetime as real
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import apscheduler.schedulers.base
import structlog
from structlog.typing import EventDict

from rotator.clock import Clock
from rotator.daemon import Daemon, Source
from rotator.errors import ConfigError, Fault
from rotator.models import Server
from rotator.office import Office
from rotator.settings import ApiSettings, Settings
from rotator.systemd import Notifier
from tests.staging import Stage


@contextmanager
def apscheduler_reads(clock: Clock) -> Iterator[None]:
    """Let APScheduler read this clock; it takes no other way to hand it one."""

    class Now(real.datetime):
        @classmethod
        def now(cls, tz: real.tzinfo | None = None) -> real.datetime:  # type: ignore[override]
            return clock.now().astimezone(tz)

    kept = apscheduler.schedulers.base.datetime
    apscheduler.schedulers.base.datetime = Now
    try:
        yield
    finally:
        apscheduler.schedulers.base.datetime = kept


@dataclass
class Account:
    """The stage's process as the daemon's account."""

    office: Office
    refreshed: int = 0

    def refresh_token(self) -> bool:
        """Counts; the token never changes."""
        self.refreshed += 1
        return False

    async def aclose(self) -> None:
        """The stage closes its own connections."""


@dataclass
class Life:
    """One run of a daemon. `file` is its config file's text; `settings` say what a text means."""

    stage: Stage
    settings: dict[str, Settings]
    file: str = "v1"
    watch: bool = False
    log: list[EventDict] = field(default_factory=list)
    daemon: Daemon = field(init=False)
    task: asyncio.Task[None] = field(init=False)

    def begin(self) -> None:
        """Start the daemon; `task` is its life."""
        self.daemon = Daemon(
            self.file,
            self.settings[self.file],
            source=Source(read=lambda: self.file, parse=self._parse),
            open_account=lambda settings: Account(self.stage.office),
            clock=self.stage.clock,
            notifier=Notifier({}),
            watch=self.watch,
        )
        self.task = asyncio.create_task(self.daemon.run())

    async def end(self) -> float:
        """Stop it; how many seconds that took."""
        began = self.stage.clock.monotonic()
        self.daemon.stop()
        await self.task
        return self.stage.clock.monotonic() - began

    async def sleep(self, **time: float) -> None:
        """Let virtual time pass."""
        await self.stage.clock.sleep(timedelta(**time).total_seconds())

    def events(self, name: str) -> list[EventDict]:
        """The log lines of that event so far."""
        return [line for line in self.log if line["event"] == name]

    def _parse(self, text: str) -> Settings:
        if text not in self.settings:
            raise ConfigError((Fault("config.yaml", 1, 1, "", "it is broken"),))
        return self.settings[text]


def settings(*servers: Server) -> Settings:
    """A configuration with these servers."""
    return Settings("config.yaml", ApiSettings(base_url="http://127.0.0.1:1/api/v1", rate_limit=0), servers)


@asynccontextmanager
async def living(stage: Stage, *servers: Server, **more: Settings) -> AsyncIterator[Life]:
    """A daemon that lives for the length of the block. `more` are other texts that its file may have."""
    life = Life(stage, {"v1": settings(*servers), **more})
    with apscheduler_reads(stage.clock), captured(life.log.append):
        life.begin()
        try:
            yield life
        finally:
            if not life.task.done():
                await life.end()


@contextmanager
def captured(take: Callable[[EventDict], None]) -> Iterator[None]:
    """Hand every log line to `take` instead of printing it."""

    def processor(_: object, __: str, line: EventDict) -> EventDict:
        take(dict(line))
        raise structlog.DropEvent

    kept = structlog.get_config()
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, processor], cache_logger_on_first_use=False
    )
    try:
        yield
    finally:
        structlog.configure(**kept)
