"""Where the weather meets the requests: a transport between the client and the sandbox's app.

A write that goes through is carried out in a task of its own, so that it is done whether its client lives to
hear of it or not. After each one the judge looks at what changed.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import httpx

from campaigns.insight import Insight
from campaigns.strikes import LATE, SOON, Json, Passage
from campaigns.weather import STRIKES, SWITCHES, Window
from rotator.clock import Clock
from rotator.models import Id
from rotator.sandbox import Fault, Switches, World
from tests.staging import InProcess


@dataclass
class Sky:
    """All weather over one world. `base` is how the provider is where nothing is wrong with it.

    `acted` is called after each request that was carried out. `hidden` holds the servers and names of
    snapshots that a list left out without any sign, `hit` how often which fault struck. `fatal` kills the
    process after so many seconds: the next write calls it. `insight` hears what is asked and answered.
    """

    world: World
    clock: Clock
    chance: Random
    acted: Callable[[], None]
    base: Switches = field(default_factory=Switches)
    hidden: set[tuple[str, str]] = field(default_factory=set)
    hit: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    fatal: Callable[[float], None] | None = None
    windows: list[Window] = field(default_factory=list)
    written: list[Id] = field(default_factory=list)
    written_at: float = 0
    deaths: int = 0
    under_way: set[asyncio.Task[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._app = InProcess(self.world)
        self.insight = Insight(self.world, self.clock)

    def killed(self) -> None:
        """The process that was served is gone, and with it the answers on their way: see LATE."""
        self.deaths += 1
        self.insight.forget()
        for id_ in self.written if self.written_at == self.clock.monotonic() else ():
            self.world.limit_lag(id_, SOON - 0.5)

    def begin(self, window: Window) -> None:
        """The weather changes: from now on this too."""
        self.windows.append(window)
        self._switch()

    def end(self, window: Window) -> None:
        """That is over."""
        self.windows.remove(window)
        self._switch()

    def begin_calm(self) -> None:
        """Whatever still lasts is over."""
        self.windows.clear()
        self.fatal = None
        self._switch()

    def _switch(self) -> None:
        changes: dict[str, Any] = {}
        for window in self.windows:
            if window.kind in SWITCHES:
                changes |= SWITCHES[window.kind](Random(window.number))
                self.hit[window.kind] += 1
        self.world.switches = replace(self.base, **changes)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """What comes back to the client."""
        self.requests += 1
        self.insight.asked(request)
        response = await self._under_weather(request)
        self.insight.told(request, response)
        return response

    async def _under_weather(self, request: httpx.Request) -> httpx.Response:
        passage = Passage(
            request,
            _Through(self, request, self.deaths),
            self.chance,
            self.clock,
            about=None,
            salt=0,
            hide=self._hide,
        )
        if self.fatal is not None and passage.writes:
            return await self._fatally(passage, self.fatal)
        window = self._striking(request)
        if window is None:
            return await passage.carry_out()
        self.hit[window.kind] += 1
        struck = replace(passage, about=window.server, salt=window.number)
        return await STRIKES[window.kind].strike(struck)

    async def _fatally(self, passage: Passage, kill: Callable[[float], None]) -> httpx.Response:
        """The process is killed in this write: before it is done, after, or just after its answer."""
        self.fatal = None
        moment = self.chance.choice(("before", "after", "answered"))
        if moment == "answered":
            response = await passage.carry_out(lag=self.chance.uniform(0, LATE))
            kill(self.chance.choice((0.0001, 0.5, 3.0)))
            return response
        if moment == "after":
            await passage.lost()
        kill(0)
        await asyncio.Event().wait()
        raise AssertionError("nobody answers the dead")

    def _striking(self, request: httpx.Request) -> Window | None:
        """One of the faults that would strike this request."""
        server = self._server_of(request)
        fitting = [
            window
            for window in self.windows
            if window.kind in STRIKES
            and STRIKES[window.kind].fits(request.method, server, window.server)
            and self.chance.random() < window.hits
        ]
        return self.chance.choice(fitting) if fitting else None

    def _server_of(self, request: httpx.Request) -> str | None:
        """The server that the request is about; None for a list of the account."""
        if request.method == "POST":
            return str(json.loads(request.content)["server_id"])
        if request.method == "DELETE":
            row = self.world.snapshot(self._id_in(request))
            return None if row is None else str(row.server_id)
        filtered: str | None = request.url.params.get("server_id")
        return filtered

    def _hide(self, row: Json) -> None:
        if "server" in row:  # a list of servers has rows to hide, too, and nothing is promised of those
            self.hidden.add((str(row["server"]["id"]), row["name"]))

    async def carry_out(
        self, request: httpx.Request, before: float, lag: float, fate: str | None, size: float | None
    ) -> httpx.Response:
        """Act, and let the judge look. Nothing else happens between setting the switches and the act."""
        if before:
            await self.clock.sleep(before)
        world, switches = self.world, self.world.switches
        world.switches = replace(
            switches,
            create_lag=lag,
            delete_lag=lag,
            create_time=self.chance.uniform(60, 300),
            new_size_mb=self.chance.uniform(4000, 6000) if size is None else size,
        )
        if fate is not None:
            world.faults.add(Fault(method="POST", fate=fate))
        try:
            response = await self._app.handle_async_request(request)
        finally:
            world.faults.clear()
            world.switches = switches
            if request.method != "GET":
                self.acted()
        await response.aread()
        return response

    def note_written(self, request: httpx.Request, response: httpx.Response, deaths: int) -> None:
        """Remember what was written in this very instant: whoever is killed in it has not heard of it.

        `deaths` is how many there were when the request was made: its process may be dead by now.
        """
        now = self.clock.monotonic()
        if now != self.written_at:
            self.written, self.written_at = [], now
        if response.is_success:
            id_ = response.json()["id"] if request.method == "POST" else self._id_in(request)
            self.written.append(id_)
            if deaths != self.deaths:
                self.world.limit_lag(id_, SOON - 0.5)

    @staticmethod
    def _id_in(request: httpx.Request) -> str:
        return request.url.path.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True)
class _Through:
    """Lets one request through, a write in a task of its own."""

    sky: Sky
    request: httpx.Request
    deaths: int

    async def __call__(
        self, *, before: float = 0, lag: float = 0, fate: str | None = None, size: float | None = None
    ) -> httpx.Response:
        """See `CarryOut`."""
        if self.request.method == "GET":
            return await self.sky.carry_out(self.request, before, lag, fate, size)
        task = asyncio.create_task(self._write(before, lag, fate, size))
        self.sky.under_way.add(task)
        task.add_done_callback(self.sky.under_way.discard)
        return await asyncio.shield(task)

    async def _write(self, before: float, lag: float, fate: str | None, size: float | None) -> httpx.Response:
        response = await self.sky.carry_out(self.request, before, lag, fate, size)
        self.sky.note_written(self.request, response, self.deaths)
        return response


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """What one process is connected by; a killed one hears nothing more."""

    sky: Sky
    dead: bool = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Through the weather."""
        if self.dead:
            await asyncio.Event().wait()
        await request.aread()
        return await self.sky.answer(request)


async def settled(sky: Sky) -> None:
    """Wait until the provider has done all that it was asked for."""
    while sky.under_way:
        with suppress(Exception):
            await asyncio.gather(*sky.under_way, return_exceptions=True)
