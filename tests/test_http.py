"""The wire: bounded in time and memory, verified, and silent about the token."""

from __future__ import annotations

import asyncio
import gzip
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from rotator import __version__
from rotator.errors import ApiError, BadAnswer, ConfigError, Unauthorized, Unreachable
from rotator.http import MAX_BODY, HttpClient, NotConnected, Reply, join, same_origin
from tests.virtual import START, VirtualClock, run_virtual

URL = "https://api.test/api/v1/snapshots/"
LABEL = "GET /snapshots/"
SECRET = "vps_secret"

Wire = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def send(handler: Callable[[httpx.Request], httpx.Response], token: str | None = SECRET) -> Reply:
    """One GET through a mocked network."""

    async def main(clock: VirtualClock) -> Reply:
        client = HttpClient(clock, transport=httpx.MockTransport(handler))
        try:
            return await client.send("GET", URL, label=LABEL, token=token)
        finally:
            await client.aclose()

    return run_virtual(main)


@asynccontextmanager
async def wire(serve: Wire) -> AsyncIterator[str]:
    """A raw server on the loopback interface; yields its URL."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


def send_over(serve: Wire, timeout: float = 30.0) -> tuple[Reply | ApiError, float]:
    """One GET to a raw server: what came of it, and after how many virtual seconds."""

    async def main(clock: VirtualClock) -> tuple[Reply | ApiError, float]:
        async with wire(serve) as url:
            client = HttpClient(clock, timeout=timedelta(seconds=timeout))
            try:
                outcome: Reply | ApiError = await client.send("GET", url, label=LABEL, token=SECRET)
            except ApiError as error:
                outcome = error
            await client.aclose()
            return outcome, clock.monotonic()

    return run_virtual(main)


def test_a_reply_is_whole_with_its_times_and_lower_case_headers() -> None:
    reply = send(lambda request: httpx.Response(404, headers={"Retry-After": "7"}, text="gone"))
    assert (reply.label, reply.status, reply.body) == (LABEL, 404, b"gone")
    assert reply.headers["retry-after"] == "7"
    assert reply.asked == reply.answered == START


def test_a_request_says_who_asks_and_shows_the_token() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    send(handler)
    send(handler, token=None)
    assert seen[0].headers["User-Agent"] == f"rotator/{__version__}"
    assert seen[0].headers["Authorization"] == f"Bearer {SECRET}"
    assert "Authorization" not in seen[1].headers


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(302, headers={"Location": "https://other.test/"})

    assert send(handler).status == 302
    assert seen == [URL]


def test_no_cookie_is_kept() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, headers={"Set-Cookie": "sessionid=1; Path=/"})

    async def main(clock: VirtualClock) -> None:
        client = HttpClient(clock, transport=httpx.MockTransport(handler))
        for _ in range(2):
            await client.send("GET", URL, label=LABEL)
        await client.aclose()

    run_virtual(main)
    assert ["Cookie" in request.headers for request in seen] == [False, False]


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError],
    ids=lambda error: error.__name__,
)
def test_a_connection_that_was_never_made_is_told_apart(error: type[httpx.TransportError]) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error("")

    with pytest.raises(NotConnected, match=f"no connection to https://api.test: {error.__name__}"):
        send(handler)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout,
        httpx.WriteTimeout,
        httpx.ReadError,
        httpx.WriteError,
        httpx.CloseError,
        httpx.RemoteProtocolError,
    ],
    ids=lambda error: error.__name__,
)
def test_a_connection_that_broke_is_unreachable(error: type[httpx.TransportError]) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise error("the reason")

    with pytest.raises(Unreachable, match="the connection failed: the reason") as caught:
        send(handler)
    assert not isinstance(caught.value, NotConnected)


def test_a_port_where_nobody_listens_is_not_connected() -> None:
    async def main(clock: VirtualClock) -> None:
        async with wire(lambda reader, writer: asyncio.sleep(0)) as url:
            pass
        client = HttpClient(clock)
        with pytest.raises(NotConnected):
            await client.send("GET", url, label=LABEL)
        await client.aclose()

    run_virtual(main)


def test_a_server_that_never_answers_is_given_up_in_time() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    outcome, seconds = send_over(silent)
    assert isinstance(outcome, Unreachable)
    assert outcome.message == f"{LABEL}: no whole answer within 30 s"
    assert seconds == pytest.approx(30, abs=0.1)


def test_a_body_that_drips_for_ever_is_given_up_in_time() -> None:
    async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(1)

    outcome, seconds = send_over(dripping, timeout=5)
    assert isinstance(outcome, Unreachable)
    assert seconds == pytest.approx(5, abs=1.5)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
    ids=["nothing", "half", "half_a_chunk", "another_protocol"],
)
def test_half_an_answer_is_none(answer: bytes) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    outcome, _ = send_over(half)
    assert type(outcome) is Unreachable


def test_a_body_without_end_is_not_read_to_its_end() -> None:
    bomb = gzip.compress(bytes(2 * MAX_BODY))

    with pytest.raises(BadAnswer, match=f"{LABEL}: the answer is larger than 32 MiB"):
        send(lambda request: httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=bomb))


def test_a_body_that_cannot_be_unpacked_is_a_bad_answer() -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd")
        await writer.drain()

    outcome, _ = send_over(broken)
    assert isinstance(outcome, BadAnswer)


# --- the token ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token", ["", " ", "vps_a b", "vps_a\n", "vps_a\r\nX: 1", "vps_ä", "vps_\0"], ids=repr
)
def test_a_token_that_no_header_can_carry_is_refused_unsent_and_unquoted(token: str) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise AssertionError("it was sent")

    with pytest.raises(Unauthorized) as caught:
        send(handler, token=token)
    assert "vps_" not in caught.value.message


def test_the_token_is_in_no_repr_and_no_traceback() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset")

    with pytest.raises(Unreachable) as caught:
        send(handler)
    assert SECRET not in "".join(traceback.format_exception(caught.value))

    async def main(clock: VirtualClock) -> str:
        client = HttpClient(clock, transport=httpx.MockTransport(lambda request: httpx.Response(200)))
        reply = await client.send("GET", URL, label=LABEL, token=SECRET)
        await client.aclose()
        return repr(client) + repr(vars(client)) + repr(reply)

    assert SECRET not in run_virtual(main)


# --- trust and URLs -------------------------------------------------------------------------------


def test_a_ca_file_that_holds_no_certificate_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    empty.write_text("nothing")

    async def main(clock: VirtualClock) -> list[str]:
        messages = []
        for path in (empty, tmp_path / "missing.pem"):
            with pytest.raises(ConfigError) as caught:
                HttpClient(clock, ca_file=str(path))
            messages.append(str(caught.value))
        return messages

    for message in run_virtual(main):
        assert message.startswith(str(tmp_path))
        assert "api.ca_file: no CA certificates in PEM form" in message


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.test/x", "https://a.test:443/y?z", True),
        ("http://a.test:80", "http://A.test/", True),
        ("https://a.test", "http://a.test", False),
        ("https://a.test", "https://a.test:444", False),
        ("https://a.test", "https://b.test", False),
        ("https://a.test", "https://a.test.evil.test", False),
        ("https://a.test", "https://a.test@evil.test/", False),
        ("https://a.test", "https://user:pw@a.test", False),
        ("https://a.test", "https://a.test:nope", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(one: str, other: str, same: bool) -> None:
    assert same_origin(one, other) is same


def test_a_reference_is_joined_to_its_page() -> None:
    assert join(URL, "?page=2") == URL + "?page=2"
    assert join(URL, "/api/v1/snapshots/?page=2") == URL + "?page=2"
    assert join(URL, "//evil.test/") == "https://evil.test/"
    with pytest.raises(ValueError, match="not a URL"):
        join(URL, "https://api.test:nope/")
