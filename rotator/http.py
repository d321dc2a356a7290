"""One request, one reply: the only module that knows httpx.

Its law: whatever the network does, a caller gets a whole `Reply` or one of our errors, in bounded time and
memory. Redirects are not followed and nothing is repeated here. TLS is always verified. The token is an
argument of each request and is kept nowhere; an answer that repeats it loses it here (`redact.struck`).

Proxies and CA bundles named by the environment (`HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE`) are honoured, as
people behind a company's proxy expect. Plain http, which is for the loopback interface only, never goes
through one: it would read the token.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

import httpx

from rotator import __version__
from rotator.clock import Clock
from rotator.errors import BadAnswer, ConfigError, Fault, Unauthorized, Unreachable
from rotator.redact import struck
from rotator.tally import NO_ANSWER, Meter, unmetered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MAX_BODY = 32 * 2**20
"""Bytes of a body, unpacked: some 100,000 snapshots' rows, far above any account's list."""

CONNECT_TIMEOUT = timedelta(seconds=10)
"""A connection takes milliseconds; ten seconds leave room for three lost SYN packets (1 + 2 + 4 s)."""

KEEPALIVE = timedelta(seconds=4)
"""Below the 5 s after which common servers close idle connections, so that no POST meets a closing one."""

_DIRECT = dict.fromkeys(("http://", "all://localhost", "all://127.0.0.1", "all://[::1]"))

_PROXIES = "the proxy in the environment (HTTPS_PROXY, ALL_PROXY)"

_NEVER_CONNECTED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class NotConnected(Unreachable):
    """No connection was made: nothing of the request can have arrived."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. `label` names the request in messages; header names are in lower case.

    `asked` and `answered` are the wall clock's times just before the request and when the headers came.
    """

    label: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    asked: datetime
    answered: datetime


class HttpClient:
    """One pool of connections. Close it with `aclose`.

    `timeout` bounds one request from the first byte to the last, connecting included. `transport` replaces
    the network, for tests; `meter` counts the requests. Raises ConfigError where `ca_file` is not a file of
    certificates, or the environment names a proxy that cannot be used.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        timeout: timedelta = timedelta(seconds=30),
        connections: int = 8,
        ca_file: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        meter: Meter = unmetered,
    ) -> None:
        self._clock = clock
        self._meter = meter
        self._timeout = timeout.total_seconds()
        try:
            self._client = self._connections(connections, ca_file, transport)
        except (ImportError, ValueError) as error:  # a kind of proxy that httpx does not know, or no URL
            raise ConfigError((Fault("", 0, 0, _PROXIES, f"cannot be used: {error}"),)) from error

    @staticmethod
    def _connections(
        keep: int, ca_file: str | None, transport: httpx.AsyncBaseTransport | None
    ) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=_trust(ca_file),
            mounts=None if transport else _DIRECT,
            transport=transport,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # each request stands alone
            headers={"User-Agent": f"rotator/{__version__}", "Accept": "application/json"},
            limits=httpx.Limits(
                max_connections=None,  # the pace bounds what is in flight; nobody has to wait here as well
                max_keepalive_connections=keep,
                keepalive_expiry=KEEPALIVE.total_seconds(),
            ),
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def send(
        self,
        method: str,
        url: str,
        *,
        label: str,
        token: str | None = None,
        params: Mapping[str, str | int] | None = None,
        json: object = None,
        timeout: float | None = None,
    ) -> Reply:
        """Send one request and read the whole answer, whatever its status.

        `label` stands for the request in messages and must hold no secret; `timeout` in seconds can only
        shorten the client's own. Raises NotConnected, Unreachable, BadAnswer (too large, or not decodable)
        and Unauthorized for a token that no header can carry.
        """
        total = self._timeout if timeout is None else min(timeout, self._timeout)
        request = self._client.build_request(
            method, url, params=params, json=json, headers=_bearer(token, label), timeout=_phases(total)
        )
        began, code = self._clock.monotonic(), NO_ANSWER
        try:
            async with asyncio.timeout(total):
                reply = await self._exchange(request, label, token)
                code = str(reply.status)
                return reply
        except _NEVER_CONNECTED as error:
            raise NotConnected(f"{label}: no connection to {_host(url)}: {_words(error, token)}") from error
        except httpx.DecodingError as error:
            raise BadAnswer(f"{label}: the answer's encoding is broken") from error
        except httpx.TransportError as error:
            raise Unreachable(f"{label}: the connection failed: {_words(error, token)}") from error
        except TimeoutError as error:
            raise Unreachable(f"{label}: no whole answer within {total:g} s") from error
        finally:
            self._meter(method, code, self._clock.monotonic() - began)

    async def _exchange(self, request: httpx.Request, label: str, token: str | None) -> Reply:
        asked = self._clock.now()
        async with self._open(request) as response:
            answered = self._clock.now()
            body = struck(await _bounded_body(response, label), token)
            headers = {name.lower(): _struck(value, token) for name, value in response.headers.items()}
            return Reply(label, response.status_code, headers, body, asked, answered)

    @asynccontextmanager
    async def _open(self, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        response = await self._client.send(request, stream=True, auth=None)
        try:
            yield response
        finally:
            await response.aclose()


def same_origin(one: str, other: str) -> bool:
    """Whether two URLs share scheme, host and port, so that a token for one may be shown to the other."""
    try:
        return _origin(one) == _origin(other)
    except httpx.InvalidURL:
        return False


def join(base: str, reference: str) -> str:
    """The absolute URL that `reference` means on the page `base`. Raises ValueError for no URL at all."""
    try:
        return str(httpx.URL(base).join(reference))
    except httpx.InvalidURL as error:
        raise ValueError("not a URL") from error


def _origin(url: str) -> tuple[str, str, int | None, bytes]:
    """What has to agree; a name and password too, since they would take the token's place."""
    parsed = httpx.URL(url)
    port = parsed.port or {"https": 443, "http": 80}.get(parsed.scheme)
    return parsed.scheme, parsed.host, port, parsed.userinfo


def _trust(ca_file: str | None) -> ssl.SSLContext:
    if ca_file is None:
        return _system_trust()
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one too
        message = f"no CA certificates in PEM form can be read from it: {error.strerror or error}"
        raise ConfigError((Fault(ca_file, 1, 1, "api.ca_file", message),)) from error


def _system_trust() -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        message = f"no CA certificates can be read from it: {error.strerror or error}"
        raise ConfigError((Fault("", 0, 0, "SSL_CERT_FILE in the environment", message),)) from error


def _bearer(token: str | None, label: str) -> dict[str, str]:
    if token is None:
        return {}
    if not token or not token.isascii() or any(not "!" <= char <= "~" for char in token):
        raise Unauthorized(f"{label}: not sent: the token is empty or has characters that no token has")
    return {"Authorization": f"Bearer {token}"}


def _phases(total: float) -> httpx.Timeout:
    return httpx.Timeout(total, connect=min(CONNECT_TIMEOUT.total_seconds(), total), pool=None)


def _host(url: str) -> str:
    parts = httpx.URL(url)
    return f"{parts.scheme}://{parts.netloc.decode()}"


def _words(error: httpx.HTTPError, token: str | None) -> str:
    """The library's words; they quote what is no HTTP, and so whatever was sent back."""
    return _struck(str(error), token) or type(error).__name__


def _struck(text: str, token: str | None) -> str:
    return struck(text.encode(errors="surrogatepass"), token).decode(errors="replace")


async def _bounded_body(response: httpx.Response, label: str) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_BODY:
            raise BadAnswer(f"{label}: the answer is larger than {MAX_BODY // 2**20} MiB")
    return bytes(body)
