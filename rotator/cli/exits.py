"""How the process ends: the only place where errors and reports become exit codes.

The numbers are sysexits.h's where it has one, and 128 + the signal for interruptions, as shells have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import TYPE_CHECKING

import click

from rotator.errors import (
    ConfigError,
    LockHeld,
    LockUnusable,
    RotatorError,
    ServerRestoring,
    Unauthorized,
)

if TYPE_CHECKING:  # `--help` needs the codes, but nothing of what a report is made of
    from rotator.report import Report


class Exit(IntEnum):
    """Every code that a command may end with."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNANSWERED = 69
    BUSY = 75
    REFUSED = 77
    CONFIG = 78
    INTERRUPTED = 130
    TERMINATED = 143


MEANING: Mapping[Exit, str] = {
    Exit.OK: "all is well",
    Exit.FAILED: "something failed, is blocked or stale",
    Exit.USAGE: "wrong command line, unknown server or policy",
    Exit.UNANSWERED: "the API never answered",
    Exit.BUSY: "another process works on a server, or it is being restored",
    Exit.REFUSED: "the token is refused",
    Exit.CONFIG: "the configuration is wrong",
    Exit.INTERRUPTED: "interrupted by SIGINT (Ctrl-C); the daemon ends with 0",
    Exit.TERMINATED: "ended by SIGTERM; the daemon ends with 0",
}

WORST_FIRST = (Exit.REFUSED, Exit.UNANSWERED, Exit.FAILED, Exit.BUSY, Exit.OK)
"""Of several codes the first of these wins."""

_BY_ERROR: tuple[tuple[type[Exception], Exit], ...] = (
    (ConfigError, Exit.CONFIG),
    (LockUnusable, Exit.CONFIG),
    (LockHeld, Exit.BUSY),
    (ServerRestoring, Exit.BUSY),
    (Unauthorized, Exit.REFUSED),
    (RotatorError, Exit.FAILED),
    (click.UsageError, Exit.USAGE),
    (click.ClickException, Exit.FAILED),
)

_BY_PROBLEM: Mapping[str, Exit] = {
    "unauthorized": Exit.REFUSED,
    "lock_held": Exit.BUSY,
    "server_restoring": Exit.BUSY,
}
"""By the code of a rotation's error; every other one is a failure."""


def of_error(error: Exception, *, answered: bool = True) -> Exit:
    """The code for an error that ended a command. `answered`: whether any request was ever answered."""
    code = next(code for kind, code in _BY_ERROR if isinstance(error, kind))
    return _unless_silent(code, getattr(error, "code", ""), answered)


def of_reports(reports: Iterable[Report], *, answered: bool) -> Exit:
    """The code for a run: that of its worst rotation."""
    return worst(_of_report(report, answered) for report in reports)


def worst(codes: Iterable[Exit]) -> Exit:
    """The worst of several codes; OK for none."""
    return min(codes, key=WORST_FIRST.index, default=Exit.OK)


def _of_report(report: Report, answered: bool) -> Exit:
    if report.ok:
        return Exit.OK
    problem = report.problem.code if report.problem is not None else ""
    return _unless_silent(_BY_PROBLEM.get(problem, Exit.FAILED), problem, answered)


def _unless_silent(code: Exit, problem: str, answered: bool) -> Exit:
    """A failure for want of an answer is its own code, but only where none ever came."""
    silent = code is Exit.FAILED and problem == "unreachable" and not answered
    return Exit.UNANSWERED if silent else code
