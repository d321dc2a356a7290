"""Pings to dead-man services in healthchecks.io's manner: URL/start, then URL or URL/fail.

Law 1: the address is a secret: it is read anew for each ping and stands in no message.
Law 2: a pair's pings arrive in their order, and nobody waits for them but `aclose`.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from rotator.clock import Clock
from rotator.config.fields import base_url
from rotator.errors import ConfigError, Fault, RotatorError
from rotator.http import HttpClient
from rotator.models import Pair
from rotator.redact import guard

log = structlog.stdlib.get_logger()

TIMEOUT = timedelta(seconds=10)
"""For one try."""

PAUSES = (1.0, 5.0)
"""Seconds before the second and the third try."""

CLOSE_SECONDS = 5.0
"""How long what is under way may still take when the process is told to end."""

THREE_TRIES = 15.0
"""How long it may take where nobody presses: three tries of each, start and end, answered soon."""


def read_url(path: str) -> str:
    """The address in that file: https, or http to this machine. Raises ConfigError, without repeating it."""
    try:
        with open(path, encoding="utf-8") as file:
            url = file.read(4096).strip()
        guard(url)
        return base_url(url)
    except OSError as error:
        why = f"cannot be read: {error.strerror}"
    except ValueError:
        why = "should hold one address and nothing else: https, or http to this machine"
    raise ConfigError((Fault(path, 0, 0, "ping_url_file", why),))


class Pings:
    """Sends them. To be closed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._client: HttpClient | None = None
        self._last: dict[tuple[str, str], asyncio.Task[None]] = {}

    def send(self, pair: Pair, suffix: str = "") -> None:
        """Ping, soon: `/start`, `/fail`, or nothing for a success. Nothing if the policy has no address."""
        if pair.policy.ping_url_file is not None:
            before = self._last.get(pair.key)
            self._last[pair.key] = asyncio.create_task(
                self._after(before, pair, pair.policy.ping_url_file, suffix)
            )

    async def aclose(self, *, patience: float = CLOSE_SECONDS) -> None:
        """Let what is under way arrive, but not for long."""
        if self._last:
            _, late = await asyncio.wait(self._last.values(), timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def _after(self, before: asyncio.Task[None] | None, pair: Pair, path: str, suffix: str) -> None:
        why: str | None = "there was no time to send it"
        try:
            if before is not None:
                await asyncio.wait({before})
            for pause in (*PAUSES, None):
                why = await self._try(path, suffix)
                if why is None:
                    return
                if pause is not None:
                    await self._clock.sleep(pause)
        except asyncio.CancelledError:
            _tell(pair, suffix, f"{why}, and rotator ended")
            raise
        _tell(pair, suffix, why)

    async def _try(self, path: str, suffix: str) -> str | None:
        """Why it did not arrive."""
        try:
            url = read_url(path)
            self._client = self._client or HttpClient(self._clock, timeout=TIMEOUT)
            reply = await self._client.send("GET", url + suffix, label="ping")
        except RotatorError as error:
            return error.message
        return None if reply.status < 300 else f"the service answered {reply.status}"


def _tell(pair: Pair, suffix: str, why: str | None) -> None:
    """It did not arrive, for good."""
    log.warning(
        "ping.failed",
        server_id=pair.server.id,
        server=pair.server.label,
        policy=pair.policy.name,
        ping=suffix or "/",
        detail=why,
    )
