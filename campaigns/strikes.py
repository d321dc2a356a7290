"""What befalls a request on its way: before it is carried out, after, or on the way back.

The rules that keep it honest:

* What is asked for is carried out within SOON seconds or never, and a list that lags behind a write whose
  answer does not come whole at once catches up within SOON seconds of the request: more nobody could tell
  from a create that never happened. A write that is answered at once may be hidden from lists for a minute.
* A lie that no client can tell from the truth says so (`silent`): the storm notes which snapshots it hid.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from random import Random
from typing import Any, Protocol

import httpx

from rotator.clock import Clock

SOON = 10.0
"""Seconds within which a write has been carried out and is listed, where its answer was lost."""

LATE = 60.0
"""Seconds that lists may lag behind a write that was answered."""

HTML = b"<!DOCTYPE html>\n<html><body><h1>We'll be right back</h1></body></html>\n"

Json = dict[str, Any]


class CarryOut(Protocol):
    """Lets a request through to the provider."""

    def __call__(
        self, *, before: float = 0, lag: float = 0, fate: str | None = None, size: float | None = None
    ) -> Awaitable[httpx.Response]:
        """Wait `before` seconds, act, whoever still listens. Lists lag `lag` seconds behind what was done."""
        ...


@dataclass(frozen=True)
class Passage:
    """A request on its way. `about` is the server that the weather is over, None for all of them.

    `salt` stays the same while one fault lasts, so that its choice of rows does. `hide` takes note of a row
    that is hidden without any sign of it.
    """

    request: httpx.Request
    carry_out: CarryOut
    chance: Random
    clock: Clock
    about: str | None
    salt: int
    hide: Callable[[Json], None]

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.request.method != "GET"

    async def lost(self) -> httpx.Response:
        """Carry it out; what comes back will not arrive as it should."""
        return await self.carry_out(lag=self.chance.choice((0.0, 0.0, self.chance.uniform(0, SOON - 0.5))))

    def chosen(self, row: Json, of: int = 3) -> bool:
        """Whether this row is one of those that are hit: one of so many."""
        server = row.get("server")
        if self.about is not None and not (isinstance(server, dict) and str(server.get("id")) == self.about):
            return False
        return zlib.crc32(f"{self.salt}:{row.get('id')}".encode()) % of == 0


Strike = Callable[[Passage], Awaitable[httpx.Response]]


# --- answers instead of acts ------------------------------------------------------------------------


def answers(*statuses: int, retry_after: bool = False, acts: bool = False) -> Strike:
    """An error of one of these statuses, with nothing done or after it was."""

    async def strike(passage: Passage) -> httpx.Response:
        if acts:
            await passage.lost()
        status = passage.chance.choice(statuses)
        headers = {"Retry-After": _later(passage)} if retry_after else {}
        return httpx.Response(status, json={"detail": f"status {status}, by the weather"}, headers=headers)

    return strike


def _later(passage: Passage) -> str:
    """Mostly seconds, at times an hour; as a number or as a date."""
    seconds = passage.chance.choice((1, 3, 20, 40, 120, 900, 3600))
    until = passage.clock.now() + timedelta(seconds=seconds)
    return passage.chance.choice((str(seconds), format_datetime(until, usegmt=True)))


async def html_page(passage: Passage) -> httpx.Response:
    """A proxy's page with a 200, and nothing was done."""
    return httpx.Response(200, content=HTML, headers={"Content-Type": "text/html"})


async def html_after(passage: Passage) -> httpx.Response:
    """The same, though it was done."""
    await passage.lost()
    return await html_page(passage)


async def to_a_login(passage: Passage) -> httpx.Response:
    """A redirect to where people would log in."""
    return httpx.Response(302, headers={"Location": "https://login.example.com/"})


# --- the wire ---------------------------------------------------------------------------------------


async def no_connection(passage: Passage) -> httpx.Response:
    """Nobody lives here."""
    raise httpx.ConnectError("no route to host", request=passage.request)


async def reset_before(passage: Passage) -> httpx.Response:
    """Cut before anything was done."""
    raise httpx.ReadError("connection reset by peer", request=passage.request)


async def reset_after(passage: Passage) -> httpx.Response:
    """Cut after it was done."""
    await passage.lost()
    raise httpx.ReadError("connection reset by peer", request=passage.request)


async def slow_to_act(passage: Passage) -> httpx.Response:
    """It takes its time to be done: a write some seconds, a list up to a minute and a half."""
    if passage.writes:
        return await passage.carry_out(before=passage.chance.uniform(0.1, SOON / 2), lag=SOON / 2 - 0.5)
    return await passage.carry_out(before=passage.chance.uniform(1, 90))


async def slow_to_answer(passage: Passage) -> httpx.Response:
    """It was done at once, and the answer takes up to a minute and a half."""
    response = await passage.lost()
    await passage.clock.sleep(passage.chance.uniform(1, 90))
    return response


@dataclass
class Trickle(httpx.AsyncByteStream):
    """A body that comes in pieces with pauses between them, and breaks off after `whole` of it."""

    body: bytes
    clock: Clock
    pause: float
    whole: float = 1.0
    pieces: int = 8

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The pieces."""
        end = int(len(self.body) * self.whole)
        size = max(1, -(-end // self.pieces))
        for start in range(0, end, size):
            await self.clock.sleep(self.pause)
            yield self.body[start : min(start + size, end)]
        if self.whole < 1:
            raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")


async def slow_body(passage: Passage) -> httpx.Response:
    """The body drips, maybe for longer than anybody waits."""
    response = await passage.lost()
    trickle = Trickle(response.content, passage.clock, passage.chance.uniform(0.05, 6))
    return httpx.Response(response.status_code, headers=plain_headers(response), stream=trickle)


async def cut_body(passage: Passage) -> httpx.Response:
    """The connection breaks in the middle of the body."""
    response = await passage.lost()
    if not response.content:
        raise httpx.ReadError("connection reset by peer", request=passage.request)
    trickle = Trickle(response.content, passage.clock, 0.01, whole=passage.chance.uniform(0, 0.95))
    return httpx.Response(response.status_code, headers=plain_headers(response), stream=trickle)


async def half_a_document(passage: Passage) -> httpx.Response:
    """Half the body, as if it were all."""
    response = await passage.lost()
    half = response.content[: len(response.content) // 2]
    return httpx.Response(response.status_code, headers=plain_headers(response), content=half)


def plain_headers(response: httpx.Response) -> dict[str, str]:
    """The headers that stay true of a changed body."""
    return {name: response.headers[name] for name in ("Date",) if name in response.headers}


# --- what becomes of a write ------------------------------------------------------------------------


async def late(passage: Passage) -> httpx.Response:
    """Done and answered at once, but lists show it as late as a minute after."""
    return await passage.carry_out(lag=passage.chance.uniform(0, LATE))


async def called_ready(passage: Passage) -> httpx.Response:
    """A create whose answer calls the snapshot ready and whole, though it has only begun."""
    response = await passage.carry_out(lag=passage.chance.choice((0.0, passage.chance.uniform(0, LATE))))
    if not response.is_success:
        return response
    row = {**json.loads(response.content), "status": "completed", "size_mb": 5120}
    return httpx.Response(response.status_code, headers=plain_headers(response), json=row)


def fated(fate: str | None = None, size: tuple[float, float] | None = None) -> Strike:
    """A create that goes through and comes to this end, or to this size in MB."""

    async def strike(passage: Passage) -> httpx.Response:
        made = None if size is None else round(passage.chance.uniform(*size))
        return await passage.carry_out(fate=fate, size=made)

    return strike
