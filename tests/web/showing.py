"""The page alone, served from a shelf of known servers at a moment that can be moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rotator.clock import Clock, SystemClock
from rotator.redact import Secrets
from rotator.settings import Address, HttpSettings
from rotator.vitals import Vitals
from rotator.web.access import Access
from rotator.web.app import build_app
from rotator.web.front import Front
from rotator.web.listener import Listener
from rotator.web.page import Page
from tests.web.conftest import Served, free_port
from tests.web.knowing import NOW, Shelf


@dataclass
class Moved:
    """A clock that runs as another one does, from `NOW` on."""

    runs: Clock = field(default_factory=SystemClock)
    ahead: timedelta = field(init=False)

    def __post_init__(self) -> None:
        self.ahead = NOW - self.runs.now()

    def now(self) -> datetime:
        """The moved time."""
        return self.runs.now() + self.ahead

    def monotonic(self) -> float:
        """As the other one."""
        return self.runs.monotonic()

    async def sleep(self, seconds: float) -> None:
        """As the other one."""
        await self.runs.sleep(seconds)


@dataclass
class Shown(Served):
    """A page that is served, with what it shows and its socket."""

    shelf: Shelf
    listener: Listener

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self.http.listen}"


@asynccontextmanager
async def shown(shelf: Shelf, clock: Clock | None = None) -> AsyncIterator[Shown]:
    """The page for the length of the block."""
    clock = clock or Moved()
    page, http = Page(shelf, clock), HttpSettings(Address(port=free_port()))
    listener = await Listener.opened(http.listen, build_app(page.endpoints(), Access()))
    vitals = Vitals(clock)
    try:
        yield Shown(Front(vitals, clock, Secrets()), vitals, http, shelf, listener)
    finally:
        await listener.aclose()
