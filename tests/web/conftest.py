"""A front that is open on a free port of the loopback interface, and a client that speaks bytes."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from rotator.clock import SystemClock
from rotator.redact import Secrets
from rotator.settings import Address, HttpSettings
from rotator.vitals import Vitals
from rotator.web import Front

PATIENCE = 30.0
"""Seconds after which an answer counts as lost."""


def free_port() -> int:
    """A port of the loopback interface that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers by name in lower case, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The body's JSON."""
        document = json.loads(self.body)
        assert isinstance(document, dict)
        return document


@dataclass
class Served:
    """A front and how to reach it."""

    front: Front
    vitals: Vitals
    http: HttpSettings

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection that has said nothing yet."""
        address = self.http.listen
        if address.path is not None:
            return await asyncio.open_unix_connection(address.path)
        return await asyncio.open_connection(address.host, address.port)

    async def get(self, path: str, *, method: str = "GET", **headers: str) -> Answer:
        """One request over a connection of its own."""
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return await self.say("\r\n".join([*lines, "", ""]).encode())

    async def say(self, request: bytes) -> Answer:
        """Whatever is answered to these bytes, until the connection ends."""
        reader, writer = await self.connect()
        try:
            writer.write(request)
            async with asyncio.timeout(PATIENCE):
                return parsed(await reader.read())
        finally:
            writer.close()


def parsed(raw: bytes) -> Answer:
    """An answer as it came over the wire."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    return Answer(int(first.split()[1]), {name.lower(): value for name, _, value in pairs}, body)


@asynccontextmanager
async def served(http: HttpSettings | None = None) -> AsyncIterator[Served]:
    """A front for the length of the block, in real time."""
    http = http or HttpSettings(Address(port=free_port()))
    vitals = Vitals(SystemClock())
    front = Front(vitals, vitals._clock, Secrets())
    await front.open(http)
    try:
        yield Served(front, vitals, http)
    finally:
        await front.aclose()
