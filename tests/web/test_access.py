"""Who may read, how, and what stands on every answer."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from rotator.log import configure
from rotator.redact import Secrets
from rotator.settings import Address, HttpSettings
from rotator.web.headers import HEADERS
from tests.web.conftest import Served, free_port, served

TOKEN = "a-long-made-up-token"


@asynccontextmanager
async def locked(directory: Path) -> AsyncIterator[Served]:
    """A front that wants TOKEN."""
    file = directory / "http-token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    async with served(HttpSettings(Address(port=free_port()), str(file))) as web:
        yield web


def basic(user: str, password: str) -> str:
    """The header's value of basic authentication."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "shown", [f"Bearer {TOKEN}", f"bearer  {TOKEN}", basic("", TOKEN), basic("me", TOKEN)]
)
async def test_the_token_opens_as_bearer_and_as_password(tmp_path: Path, shown: str) -> None:
    async with locked(tmp_path) as web:
        assert (await web.get("/readyz", Authorization=shown)).status == 503


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        TOKEN,
        f"Token {TOKEN}",
        basic(TOKEN, ""),
        basic("me", TOKEN.upper()),
        "Basic ####",
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
    ],
)
@pytest.mark.parametrize("path", ["/readyz", "/", "/metrics", "/status.json", "/nothing"])
async def test_nothing_else_opens_anything(tmp_path: Path, shown: str, path: str) -> None:
    async with locked(tmp_path) as web:
        answer = await web.get(path, Authorization=shown)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Basic realm=")
    assert TOKEN.encode() not in answer.body


async def test_a_header_in_bytes_that_are_no_text_opens_nothing(tmp_path: Path) -> None:
    async with locked(tmp_path) as web:
        answer = await web.say(b"GET /readyz HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xc3\r\n\r\n")
    assert answer.status == 401


async def test_health_is_open_to_probes_that_have_no_token(tmp_path: Path) -> None:
    async with locked(tmp_path) as web:
        assert (await web.get("/healthz")).status == 200
        assert (await web.get("/healthz/")).status == 401
        assert (await web.get("/%68ealthz/../readyz")).status == 401


async def test_a_new_token_is_wanted_after_the_file_was_read_again(tmp_path: Path) -> None:
    async with locked(tmp_path) as web:
        (tmp_path / "http-token").write_text("another-made-up-token")
        await web.front.open(web.http)
        assert (await web.get("/readyz", Authorization=f"Bearer {TOKEN}")).status == 401
        assert (await web.get("/readyz", Authorization="Bearer another-made-up-token")).status == 503


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"])
@pytest.mark.parametrize("path", ["/healthz", "/nothing"])
async def test_whoever_wants_more_than_to_read_is_refused(method: str, path: str) -> None:
    async with served() as web:
        answer = await web.get(path, method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_head_is_answered_like_get_without_a_body() -> None:
    async with served() as web:
        answer = await web.get("/healthz", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(
    "request_line", ["GET /healthz", "GET /readyz", "GET /nothing", "POST /", "GET /..//", "no HTTP at all"]
)
async def test_the_headers_stand_on_every_answer(request_line: str) -> None:
    async with served() as web:
        answer = await web.say(f"{request_line} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert {name: answer.headers.get(name.lower()) for name in HEADERS} == HEADERS
    assert "set-cookie" not in answer.headers
    assert "server" not in answer.headers


def test_the_policy_allows_nothing_inline_and_no_frame() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy


async def test_bad_requests_are_not_worth_a_log_line() -> None:
    stream = io.StringIO()
    configure(level="debug", format="json", quiet=False, secrets=Secrets(), stream=stream, journald=False)
    async with served() as web:
        assert (await web.say(b"\x16\x03\x01 nonsense\r\n\r\n")).status == 400
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
        assert (await web.get("/healthz", **upgrade)).status == 200
    assert stream.getvalue() == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:9187", "localhost:1", "[::1]:9187", ""])
async def test_this_machines_own_address_is_asked_by_number_or_as_localhost(host: str) -> None:
    async with served() as web:
        answer = await web.say(f"GET /readyz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert answer.status == 503


@pytest.mark.parametrize("host", ["example.org", "example.org:9187", "localhost.example.org", "127.0.0.1.x"])
async def test_a_name_that_somebody_else_made_lead_here_reads_nothing(tmp_path: Path, host: str) -> None:
    asked = f"GET /readyz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    async with served() as web:
        answer = await web.say(asked)
        healthy = await web.say(asked.replace(b"/readyz", b"/healthz"))
    assert (answer.status, answer.document["errors"][0]["code"]) == (403, "forbidden")
    assert healthy.status == 200
    async with locked(tmp_path) as web:
        by_name = await web.say(asked[:-2] + f"Authorization: Bearer {TOKEN}\r\n\r\n".encode())
    assert by_name.status == 503


async def test_a_socket_and_an_address_for_all_are_asked_by_any_name(tmp_path: Path) -> None:
    asked = b"GET /readyz HTTP/1.1\r\nHost: rotator.internal\r\n\r\n"
    for address in (Address(path=str(tmp_path / "s")), Address("0.0.0.0", free_port())):
        async with served(HttpSettings(address)) as web:
            assert (await web.say(asked)).status == 503


async def test_a_token_is_wanted_from_the_first_moment_at_a_new_address(tmp_path: Path) -> None:
    (tmp_path / "http-token").write_text(TOKEN)
    port = free_port()
    seen: list[int] = []

    async def ask_all_the_time(web: Served) -> None:
        while True:
            with suppress(OSError):
                seen.append((await web.get("/readyz")).status)
            await asyncio.sleep(0)

    async with served() as web:
        web.http = HttpSettings(Address(port=port), str(tmp_path / "http-token"))
        asking = asyncio.create_task(ask_all_the_time(web))
        await asyncio.sleep(0.05)
        await web.front.open(web.http)
        await asyncio.sleep(0.2)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    assert set(seen) == {401}
