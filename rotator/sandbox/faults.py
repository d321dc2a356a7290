"""What goes wrong on purpose: rules laid over the requests, the first one that fits and still lives wins.

A fault never changes what the world holds, but for the fate of a snapshot: it stands between the rules and
the wire, before the request is carried out or after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import ClassVar, Literal

from pydantic import ConfigDict

from rotator.models import Id
from rotator.sandbox.records import Answer, Call, as_json

BASE_PATH = "/api/v1"
"""Where the provider's documented base URL begins."""

GARBAGE = b"<!DOCTYPE html>\n<html><body><h1>We'll be right back</h1></body></html>\n"


@dataclass(frozen=True, slots=True)
class Fault:
    """Which requests are hit, and with what. With nothing but a match it changes nothing.

    Which: `method` and `path` are globs (the path with or without `/api/v1`); `server_id` is the server of
    the snapshot, of the body or of the filter. `skip` requests pass first, then `times` are hit (None: for
    ever).

    What: `status` answers with that status, `headers` and `body` (text goes out as it is, all else as JSON)
    instead of acting, or after acting if `act`. `drop` cuts the connection before or after acting. `delay`
    and `delay_after` are seconds before and after acting. `garbage` replaces the body by HTML and `truncated`
    cuts it in half, both after acting. `fate` hits creates only: the new snapshot "fails" or "hangs" (stays
    in progress), and any other word is the status that it ends in.
    """

    method: str = "*"
    path: str = "*"
    server_id: Id | None = None
    times: int | None = 1
    skip: int = 0

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    act: bool = False
    drop: Literal["before", "after"] | None = None
    delay: float = 0
    delay_after: float = 0
    garbage: bool = False
    truncated: bool = False
    fate: str | None = None

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    def __post_init__(self) -> None:
        # Statuses of 1xx end no request, and 600 is beyond what HTTP knows.
        if self.status is not None and not 200 <= self.status < 600:
            raise ValueError("status has to be between 200 and 599")
        for name, value in {"skip": self.skip, "delay": self.delay, "delay_after": self.delay_after}.items():
            if value < 0:
                raise ValueError(f"{name} cannot be below 0")
        if self.times is not None and self.times < 1:
            raise ValueError("times has to be at least 1, or null for ever")

    @property
    def acts(self) -> bool:
        """Whether the request is carried out."""
        return self.drop != "before" and (self.status is None or self.act)

    def fits(self, call: Call, server_id: Id | None) -> bool:
        """Whether the request is one of those that this fault is about."""
        return (
            fnmatchcase(call.method, self.method.upper())
            and any(fnmatchcase(path, self.path) for path in (call.path, BASE_PATH + call.path))
            and (self.server_id is None or str(self.server_id) == str(server_id))
            and (self.fate is None or (call.method, call.path) == ("POST", "/snapshots/"))
        )

    def spoil(self, answer: Answer | None) -> Answer:
        """What is sent in place of the answer, which is None if nothing was done."""
        if answer is None or self.status is not None:
            answer = self._own()
        if self.garbage:
            # A 204 has no body to spoil; the page comes with a 200, as from a proxy that answers itself.
            status = 200 if answer.status == 204 else answer.status
            return Answer(status, GARBAGE, "text/html", answer.headers)
        return answer

    def _own(self) -> Answer:
        status = self.status or 500
        if isinstance(self.body, str):
            return Answer(status, self.body.encode(), "text/plain", self.headers)
        body = {"detail": _phrase(status)} if self.body is None else self.body
        return as_json(status, body, self.headers)


def _phrase(status: int) -> str:
    """The words of a status; the provider may send one that the standard does not have."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


NO_FAULT = Fault()
"""What hits a request that nothing hits."""


class Faults:
    """The faults of a world, in the order in which they were added."""

    def __init__(self) -> None:
        self._faults: list[_Counted] = []

    def add(self, *faults: Fault) -> None:
        """Lay these over the requests to come, behind those that are there."""
        self._faults += [_Counted(fault) for fault in faults]

    def clear(self) -> None:
        """Let everything pass again."""
        self._faults = []

    @property
    def live(self) -> tuple[Fault, ...]:
        """Those that can still hit."""
        return tuple(counted.fault for counted in self._faults if counted.live)

    def take(self, call: Call, server_id: Id | None) -> Fault:
        """The fault that hits this request, counted; NO_FAULT if none does."""
        self._faults = [counted for counted in self._faults if counted.live]
        for counted in self._faults:
            if counted.fault.fits(call, server_id) and counted.hit():
                return counted.fault
        return NO_FAULT


@dataclass(slots=True)
class _Counted:
    fault: Fault
    seen: int = 0

    @property
    def live(self) -> bool:
        return self.fault.times is None or self.seen < self.fault.skip + self.fault.times

    def hit(self) -> bool:
        """Count a request that fits; True if it is not one of those that are let pass."""
        self.seen += 1
        return self.seen > self.fault.skip
