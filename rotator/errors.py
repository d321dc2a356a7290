"""What can go wrong, whose fault it is, and whether to try again.

    RotatorError                  never raised itself
    ├── ConfigError               the user's file; nothing was started
    ├── LockHeld                  another process works on this server        passing
    ├── ServerRestoring           a restore of this server is under way        passing
    ├── LockUnusable              the place of the locks is not fit for them
    ├── CannotListen              the address of `http` cannot be had
    ├── HookFailed                a command of the user's said no              passing
    └── ApiError                  never raised itself
        ├── Unauthorized          401: the token is refused
        ├── Forbidden             403: the token may not do this
        ├── NotFound              404: no such server or snapshot
        ├── BadRequest            400 and every other 4xx: refused as asked
        ├── RateLimited           429: too many requests                      passing
        ├── Unreachable           no connection, or none that lasted          passing
        ├── ServerFault           5xx: the provider's fault                   passing
        ├── BadAnswer             an answer that is not what was documented   passing
        ├── ListUnsure            a list that cannot be trusted to be whole   passing
        └── AnswerLost            a POST that may or may not have been done   passing

"Passing" means that the same request may succeed later without anybody's doing.
`code` is the word that stands in JSON output and log lines; the set of codes is closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

ACCOUNT_WIDE = frozenset({"unreachable", "unauthorized", "server_error", "rate_limited"})
"""Codes that speak of the API or the account, not of a server."""


class RotatorError(Exception):
    """Base of all errors of rotator.

    `retry_after` is the provider's wish in seconds, where it gave one.
    """

    code: ClassVar[str]
    passing: ClassVar[bool] = False

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong with a configuration, and where.

    Lines and columns count from 1. Line 0: the fault has no place in a file; `file` may be empty then.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    code: str = "config"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ConfigError(RotatorError):
    """The configuration is wrong; `faults` holds everything that is, sorted by place."""

    code = "config"

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class LockHeld(RotatorError):
    """Another process of this host holds the server's lock."""

    code = "lock_held"
    passing = True


class ServerRestoring(RotatorError):
    """A restore of the server is under way: nothing may be written to it until that is over."""

    code = "server_restoring"
    passing = True


class LockUnusable(RotatorError):
    """A lock's directory or file cannot be used: without it nothing may be written to the server."""

    code = "config"


class CannotListen(RotatorError):
    """The address of `http` cannot be had: somebody else listens there, or it is not ours to take."""

    code = "config"


class HookFailed(RotatorError):
    """A `before` hook failed: nothing is created without it."""

    code = "hook_failed"
    passing = True


class ApiError(RotatorError):
    """Base of what the provider, or the way to it, did. `status` is the HTTP status, if one came."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, retry_after=retry_after)
        self.status = status
        self.fields = dict(fields or {})


class Unauthorized(ApiError):
    """401: the token is missing, wrong or revoked."""

    code = "unauthorized"


class Forbidden(ApiError):
    """403: the token is known, but may not do this."""

    code = "forbidden"


class NotFound(ApiError):
    """404: the server or the snapshot does not exist."""

    code = "not_found"


class BadRequest(ApiError):
    """400 or another 4xx; `fields` holds what the provider said of single fields."""

    code = "bad_request"


class RateLimited(ApiError):
    """429; `retry_after` in seconds, where the provider named one."""

    code = "rate_limited"
    passing = True


class Unreachable(ApiError):
    """No connection could be made, or it broke or timed out."""

    code = "unreachable"
    passing = True


class ServerFault(ApiError):
    """5xx."""

    code = "server_error"
    passing = True


class BadAnswer(ApiError):
    """An answer whose body is not what the API documents."""

    code = "bad_answer"
    passing = True


class AnotherServer(ApiError):
    """A create was answered, whole, for another server than was asked for: no try would change that."""

    code = "bad_answer"


class ListUnsure(ApiError):
    """A list with the wrong shape, a wrong count or a repeated id: no ground for a create or a delete."""

    code = "list_unsure"
    passing = True


class AnswerLost(ApiError):
    """A POST was sent and its answer never arrived whole: it may have been carried out.

    The code is that of what happened instead: `unreachable`, `server_error` or `bad_answer`.
    """

    passing = True

    def __init__(self, cause: ApiError) -> None:
        super().__init__(
            f"the answer was lost: {cause.message}", status=cause.status, retry_after=cause.retry_after
        )
        self.code = cause.code  # type: ignore[misc]  # this one speaks with its cause's voice
        self.cause = cause
