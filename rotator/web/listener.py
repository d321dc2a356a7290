"""The socket and its connections, by uvicorn's protocol in the loop that is running.

Only uvicorn's protocol is used, not its Server: that takes over the process's signals, ends it where a port
is busy, and polls ten times a second for its own end.

Law 1: an address that cannot be had is an error that names it; a socket's file that nobody serves any more is
       replaced, one that somebody serves is not.
Law 2: a connection is for one request and has a bounded life; of too many the oldest that has not said yet
       what it wants gives way, else the oldest. So whoever holds connections open keeps nobody out.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from rotator.errors import CannotListen
from rotator.settings import Address

from .headers import HEADERS

CONNECTIONS = 128
"""Open at once, at most: the rest of the process needs descriptors too, and few systems allow over 1,024."""

ASK_SECONDS = 5.0
"""What a connection gets to say what it wants; headers of a healthy client come within milliseconds."""

LIFE_SECONDS = 60.0
"""What it gets in all: enough for the metrics of 10,000 pairs over a slow line."""

HEAD_BYTES = 16 * 1024
"""Of a request's head, at most: browsers with many cookies send half of that."""

QUEUE = 256
"""Connections that the kernel keeps waiting to be accepted."""

ACCEPT = 16
"""Of those, how many are accepted before the loop gets its turn."""

SOCKET_UMASK = 0o117
"""A socket's file is for its owner and group: 0660."""


class Listener:
    """An address that is served. Open it with `opened`, close it with `aclose`."""

    def __init__(self, address: Address, bound: socket.socket, app: ASGIApp) -> None:
        self.address = address
        self._socket = bound
        self._state = ServerState()
        self._config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            interface="asgi3",
            proxy_headers=False,
            date_header=False,
            server_header=False,
            h11_max_incomplete_event_size=HEAD_BYTES,
        )
        self._config.load()
        self._open: dict[Connection, None] = {}
        self._server: asyncio.Server | None = None

    @classmethod
    async def opened(cls, address: Address, app: ASGIApp) -> Listener:
        """Listen on that address. Raises CannotListen."""
        listener = cls(address, _bound(address), app)
        await listener._serve()
        return listener

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        make = lambda: Connection(self._config, self._state, self._open)  # noqa: E731
        if self.address.path is None:
            # asyncio sets it on sockets that it makes itself; connections inherit it from this one. Without
            # it each answer, which goes out in two writes, waits 40 ms for an acknowledgement.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._server = await loop.create_server(make, sock=self._socket, backlog=ACCEPT)
        else:
            self._server = await loop.create_unix_server(make, sock=self._socket, backlog=ACCEPT)
        self._socket.listen(QUEUE)

    async def aclose(self) -> None:
        """Stop listening, cut every connection and end what nobody waits for any more."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._open):
            connection.cut()
        if self.address.path is not None:
            with suppress(FileNotFoundError):
                os.unlink(self.address.path)
        await asyncio.sleep(0)  # one turn of the loop, in which the connections learn that they are lost
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Connection(H11Protocol):
    """One of a listener's connections, which it enters in `others` while it is open, oldest first."""

    def __init__(self, config: uvicorn.Config, state: ServerState, others: dict[Connection, None]) -> None:
        super().__init__(config, state, {})
        self._others = others
        self._ends: list[asyncio.TimerHandle] = []
        self._heard = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Make room, and set the clock."""
        super().connection_made(transport)
        if len(self._others) >= CONNECTIONS:
            next((each for each in self._others if each.cycle is None), next(iter(self._others))).cut()
        self._others[self] = None
        self._ends = [
            self.loop.call_later(ASK_SECONDS, self._cut_if_silent),
            self.loop.call_later(LIFE_SECONDS, self.cut),
        ]

    def data_received(self, data: bytes) -> None:
        """Hear it out, unless a head has no end; h11 bounds only what comes in pieces."""
        self._heard += len(data)
        if self.cycle is None and self._heard > HEAD_BYTES:
            self.send_400_response("The request is too long.")
        else:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        for end in self._ends:
            end.cancel()
        self._others.pop(self, None)
        super().connection_lost(exc)

    def cut(self) -> None:
        """Close it now, whatever it waits for."""
        self._others.pop(self, None)
        self.transport.abort()

    def _cut_if_silent(self) -> None:
        if self.cycle is None:
            self.cut()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP gets an answer with the headers of all others; the library's would have none."""
        head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
        body = f"{msg}\n"
        self.transport.write(
            f"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\n{head}\r\n{body}".encode()
        )
        self.transport.close()


def _bound(address: Address) -> socket.socket:
    try:
        return _bound_path(address.path) if address.path is not None else _bound_port(address)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise CannotListen(f"http.listen: cannot listen on {address}: {reason}") from error


def _bound_port(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    return socket.create_server((address.host, address.port), family=family, backlog=QUEUE)


def _bound_path(path: str) -> socket.socket:
    _clear_away(path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(SOCKET_UMASK)
    try:
        bound.bind(path)
        return bound
    except OSError:
        bound.close()
        raise
    finally:
        os.umask(before)


def _clear_away(path: str) -> None:
    """Remove the file of a socket that nobody serves any more."""
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return  # binding says what is wrong with it
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            try:
                asking.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)
