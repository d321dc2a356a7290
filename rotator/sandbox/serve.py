"""The sandbox over real HTTP, by uvicorn's protocol in the loop that is running.

Only uvicorn's protocol is used, not its Server: that takes over the process's signals, ends it where a port
is busy, and polls ten times a second for its own end.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from rotator.sandbox.app import CUT, build_app
from rotator.sandbox.faults import BASE_PATH
from rotator.sandbox.world import World

BACKLOG = 2048
"""Connections that may wait to be accepted, as uvicorn itself has it."""


@asynccontextmanager
async def served(world: World, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve the world and yield its base URL, `http://127.0.0.1:PORT/api/v1`; port 0 takes a free one.

    At the end every connection is cut, whatever it waits for. Raises OSError if the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    # Without it each answer, which goes out in two writes, waits 40 ms for an acknowledgement. asyncio sets
    # it on sockets that it makes itself; connections inherit it from this one.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        build_app(world),
        log_config=None,
        access_log=False,
        lifespan="off",
        date_header=False,
        server_header=False,
    )
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(config, state, {}), sock=listener, backlog=BACKLOG
    )
    shown = f"[{host}]" if ":" in host else host
    try:
        yield f"http://{shown}:{listener.getsockname()[1]}{BASE_PATH}"
    finally:
        server.close()
        await _cut_all(state)
        await server.wait_closed()


async def _cut_all(state: ServerState) -> None:
    """Cut the connections, then end the requests that nobody waits for any more."""
    for connection in list(state.connections):
        connection.transport.abort()
    await asyncio.sleep(0)  # one turn of the loop, in which the connections learn that they are lost
    tasks = list(state.tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Connection(H11Protocol):
    """A connection that hands its end to the app, as the extension CUT."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        app = self.app

        async def cuttable(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"] = {**scope.get("extensions", {}), CUT: transport.abort}
            try:
                await app(scope, receive, send)
            except (asyncio.CancelledError, ConnectionError):
                # The sandbox ends, or the client went away: either way nobody is left to answer.
                transport.abort()

        self.app = cuttable
