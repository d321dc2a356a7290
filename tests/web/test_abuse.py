"""Clients that are broken, slow, greedy or many: over real sockets, and nobody else is harmed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from rotator.web import listener
from tests.web.conftest import PATIENCE, Served, served

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def wire(web: Served) -> AsyncIterator[Wire]:
    """A connection, closed at the end."""
    reader, writer = await web.connect()
    try:
        yield reader, writer
    finally:
        writer.close()


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What came until the other side closed."""
    async with asyncio.timeout(PATIENCE):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # who speaks TLS here
        b"\r\n\r\n\r\n\r\nhello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",  # no Host
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: nine\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\r\n b\x00\r\n\r\n",
        b"\x00" * 70_000,
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nCookie: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
    ],
    ids=range(11),
)
async def test_what_is_no_request_is_refused_and_the_next_one_is_answered(nonsense: bytes) -> None:
    async with served() as web:
        async with wire(web) as (reader, writer):
            writer.write(nonsense)
            answer = await ended(reader)
            assert answer.startswith(b"HTTP/1.1 400 ") or answer == b""  # a reset may overtake the answer
        assert (await web.get("/healthz")).status == 200


async def test_a_body_that_nobody_asked_for_is_not_waited_for() -> None:
    async with served() as web, wire(web) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nabc")
        assert (await ended(reader)).startswith(b"HTTP/1.1 200 ")


async def test_requests_in_a_row_on_one_connection_get_one_answer() -> None:
    async with served() as web, wire(web) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        assert (await ended(reader)).count(b"HTTP/1.1 200 ") == 1


@pytest.mark.parametrize("said", [b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"])
async def test_who_does_not_say_what_he_wants_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(listener, "ASK_SECONDS", 0.2)
    async with served() as web, wire(web) as (reader, writer):
        writer.write(said)
        assert await ended(reader) == b""


async def test_who_drips_a_header_at_a_time_is_cut_off_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "ASK_SECONDS", 0.3)
    async with served() as web, wire(web) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\n")
        answer = asyncio.create_task(ended(reader))
        while not answer.done():
            writer.write(b"X: y\r\n")
            await asyncio.sleep(0.02)
        assert answer.result() == b""


async def test_who_does_not_read_his_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "LIFE_SECONDS", 0.5)
    async with served() as web:
        large = b"x" * 50_000_000

        async def render() -> bytes:
            return large

        monkeypatch.setattr(web.front.desk.metrics, "_work", render)
        async with wire(web) as (reader, writer):
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            first = await reader.readexactly(100)
            assert first.startswith(b"HTTP/1.1 200 ")
            await asyncio.sleep(1)
            assert (await web.get("/healthz")).status == 200
            assert len(await ended(reader)) < len(large)


async def test_far_more_connections_than_are_kept_leave_room_for_the_next_one() -> None:
    async with served() as web, AsyncExitStack() as held:
        wires = [await held.enter_async_context(wire(web)) for _ in range(3 * listener.CONNECTIONS)]
        assert (await web.get("/healthz")).status == 200
        assert web.front.listener is not None
        assert len(web.front.listener._open) <= listener.CONNECTIONS
        assert await ended(wires[0][0]) == b""  # the oldest had to give way


async def test_who_has_asked_keeps_his_place_when_others_only_connect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener, "CONNECTIONS", 4)
    go = asyncio.Event()
    async with served() as web, AsyncExitStack() as held:

        async def render() -> bytes:
            await go.wait()
            return b"waited for"

        monkeypatch.setattr(web.front.desk.metrics, "_work", render)
        patient = asyncio.create_task(web.get("/metrics"))
        while not web.front.desk.metrics._task:
            await asyncio.sleep(0.01)
        for _ in range(12):
            await held.enter_async_context(wire(web))
        go.set()
        assert (await patient).body == b"waited for"


async def test_a_crowd_that_asks_at_once_is_answered_to_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served() as web:
        answers = await asyncio.gather(*(web.get("/metrics") for _ in range(100)))
    assert {answer.status for answer in answers} == {200}


async def test_who_asks_and_never_reads_keeps_nobody_out_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "CONNECTIONS", 4)
    async with served() as web, AsyncExitStack() as held:

        async def render() -> bytes:
            return b"x" * 5_000_000

        monkeypatch.setattr(web.front.desk.metrics, "_work", render)
        for _ in range(8):
            reader, writer = await held.enter_async_context(wire(web))
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await reader.readexactly(1)
        assert (await web.get("/healthz")).status == 200
