"""What the tests of the adapter share: a token, a log that remembers, an API made of a function."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from rotator.api import VpsApi
from rotator.clock import Clock
from rotator.http import HttpClient
from rotator.settings import ApiSettings

TOKEN = "vps_sandbox"
BASE = "https://api.test/api/v1"

Handler = Callable[[httpx.Request], httpx.Response]


@dataclass
class Token:
    """A token reader: `upcoming` is what its file holds by now."""

    value: str = TOKEN
    upcoming: str = TOKEN
    refreshes: int = 0

    source = "VPS_API_TOKEN"

    def refresh(self) -> bool:
        """Take what the file holds."""
        self.refreshes += 1
        changed = self.upcoming != self.value
        self.value = self.upcoming
        return changed


@dataclass
class Log:
    """Remembers events: pairs of name and fields, whatever their level."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def info(self, event: str, **fields: Any) -> None:
        """Remember."""
        self.events.append((event, fields))

    warning = error = info

    @property
    def names(self) -> list[str]:
        """The names of all events, in order."""
        return [name for name, _ in self.events]


class Script:
    """A handler that answers one step per request, the last one for ever; an exception is raised.

    `requests` and `times` are what was asked, and at which virtual second.
    """

    def __init__(self, clock: Clock, *steps: httpx.Response | Exception | Handler) -> None:
        self._clock = clock
        self._steps = list(steps)
        self.requests: list[httpx.Request] = []
        self.times: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.times.append(self._clock.monotonic())
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if isinstance(step, Exception):
            raise step
        if isinstance(step, httpx.Response):
            return httpx.Response(step.status_code, headers=step.headers, content=step.content)
        return step(request)

    @property
    def sent(self) -> list[str]:
        """Method and path of every request."""
        return [f"{request.method} {request.url.path}" for request in self.requests]


def mocked(
    clock: Clock,
    handler: Handler | httpx.AsyncBaseTransport,
    *,
    settings: ApiSettings | None = None,
    token: Token | None = None,
    log: Log | None = None,
) -> VpsApi:
    """The adapter over a function instead of a network; without rate limit unless the settings say so."""
    settings = settings or ApiSettings(base_url=BASE, rate_limit=0)
    transport = handler if isinstance(handler, httpx.AsyncBaseTransport) else httpx.MockTransport(handler)
    client = HttpClient(clock, timeout=settings.timeout, transport=transport)
    return VpsApi(
        settings,
        token or Token(),
        clock=clock,
        random=random.Random(1),
        on_event=log or Log(),
        client=client,
    )


def row(id_: int | str = 801, server: int | str = 12345, **other: object) -> dict[str, object]:
    """A row as the provider documents it."""
    return {
        "id": id_,
        "server": {"id": server, "name": "web-server-01"},
        "name": f"nightly-{id_}",
        "status": "completed",
        "size_mb": 5120,
        "created_at": "2027-03-13T18:30:00Z",
        "description": "Weekly snapshot",
        **other,
    }


def listed(*rows: object, **envelope: object) -> httpx.Response:
    """An envelope with these rows."""
    return httpx.Response(200, json={"count": len(rows), "results": list(rows), **envelope})
