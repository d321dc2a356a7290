"""The values that the sandbox's modules hand to each other, and to tests: frozen, all instants in UTC."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeVar

from rotator.models import Id

T = TypeVar("T")


class Dropped(ConnectionError):
    """The connection broke before the answer was whole: raised by the app where there is none to cut."""


class Memory(list[T]):
    """A list to append to that keeps the last `size` at least, twice as many at most; None: all of them.

    `taken` is how many were appended in all.
    """

    def __init__(self, size: int | None = None) -> None:
        super().__init__()
        self._size = size
        self.taken = 0

    def append(self, one: T) -> None:
        """Remember one more."""
        super().append(one)
        self.taken += 1
        if self._size is not None and len(self) > 2 * self._size:
            del self[: -self._size]


@dataclass(frozen=True, slots=True)
class Call:
    """A request as the rules see it. `path` begins after the base URL: `/snapshots/801/`.

    `url` is absolute and without the query; `snapshot_id` is the text in the path, where there is one;
    `problem` is what to raise where the body is needed, if it could not be read.
    """

    method: str
    path: str
    url: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    snapshot_id: str | None = None
    authorization: str | None = field(default=None, repr=False)
    problem: Refused | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over the wire."""

    status: int
    content: bytes = b""
    media_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(status: int, body: object, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with a JSON body."""
    return Answer(status, json.dumps(body).encode(), "application/json", headers or {})


class Refused(Exception):
    """The API will not act on this: a redirect or a status of 4xx, and what goes with it."""

    def __init__(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.answer = as_json(status, body, headers)


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """A request that came in, at its arrival. `path` begins after the base URL, `body` is parsed.

    `status` is None until the answer is sent, and for ever if the connection was dropped before.
    """

    at: datetime
    method: str
    path: str
    query: dict[str, str]
    body: object
    status: int | None = None


ChangeKind = Literal["created", "ready", "failed", "deleted", "restored"]


@dataclass(frozen=True, slots=True)
class Change:
    """A true change of a world, dated when it happened, whoever noticed when.

    "failed" is every end of a create other than ready. `id` is the snapshot's; `status`, `size_mb` and
    `created_at` are as they were after the change, of a deleted one as they were before.
    """

    at: datetime
    kind: ChangeKind
    id: Id
    server_id: Id | None
    name: str
    status: str
    size_mb: float | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """A snapshot as it is now. `created_at` by the API's clock, `server_id` None if the server is gone."""

    id: Id
    server_id: Id | None
    name: str
    status: str
    size_mb: float | None
    created_at: datetime
    description: str = ""
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class ServerRow:
    """A server as it is now; `status` is one of active, stopped, suspended, restoring, or an odd word."""

    id: Id
    name: str
    status: str
    created_at: datetime
