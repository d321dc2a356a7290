"""The one table of exit codes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import click
import pytest

from rotator.cli import exits
from rotator.cli.exits import Exit
from rotator.errors import (
    ConfigError,
    LockHeld,
    LockUnusable,
    NotFound,
    RotatorError,
    Unauthorized,
    Unreachable,
)
from rotator.models import Outcome, Pair, Policy, Problem, Server
from rotator.report import Report

POLICY = Policy("nightly", ("0 3 * * *",), ZoneInfo("UTC"), timedelta(hours=6))
PAIR = Pair(Server(1, (POLICY,)), POLICY)
NOW = datetime(2027, 3, 14, tzinfo=UTC)


def report(outcome: Outcome, code: str | None = None) -> Report:
    problem = Problem(code, "why") if code is not None else None
    return Report(PAIR, NOW, outcome, problem=problem)


FINE = report(Outcome.ROTATED)
BUSY = report(Outcome.BUSY, "lock_held")
FAILED = report(Outcome.FAILED, "snapshot_failed")
BLOCKED = report(Outcome.CAP_REACHED, "cap_reached")
UNDELETED = report(Outcome.ROTATED, "delete_failed")
SILENT = report(Outcome.FAILED, "unreachable")
REFUSED = report(Outcome.FAILED, "unauthorized")


@pytest.mark.parametrize(
    ("reports", "answered", "code"),
    [
        ((), True, Exit.OK),
        ((FINE, report(Outcome.PRUNED), report(Outcome.UNCHANGED)), True, Exit.OK),
        ((FINE, BUSY), True, Exit.BUSY),
        ((BUSY, BUSY), False, Exit.BUSY),
        ((BUSY, FAILED, FINE), True, Exit.FAILED),
        ((FINE, BLOCKED), True, Exit.FAILED),
        ((UNDELETED,), True, Exit.FAILED),
        ((SILENT,), True, Exit.FAILED),
        ((SILENT, SILENT), False, Exit.UNANSWERED),
        ((report(Outcome.FAILED, "config"),), False, Exit.FAILED),
        ((FAILED, REFUSED, BUSY), True, Exit.REFUSED),
        ((SILENT, REFUSED), False, Exit.REFUSED),
    ],
    ids=[
        "nothing to do",
        "all well",
        "one is busy",
        "busy before the first request",
        "a failure is worse than busy",
        "blocked",
        "a failed delete",
        "down after an answer",
        "never answered",
        "failed without a request",
        "refused is the worst",
        "refused goes before silence",
    ],
)
def test_the_worst_rotation_decides(reports: tuple[Report, ...], answered: bool, code: Exit) -> None:
    assert exits.of_reports(reports, answered=answered) == code


@pytest.mark.parametrize(
    ("error", "answered", "code"),
    [
        (ConfigError(()), True, Exit.CONFIG),
        (LockUnusable("no"), True, Exit.CONFIG),
        (LockHeld("no"), True, Exit.BUSY),
        (Unauthorized("no"), True, Exit.REFUSED),
        (Unreachable("no"), False, Exit.UNANSWERED),
        (Unreachable("no"), True, Exit.FAILED),
        (NotFound("no"), True, Exit.FAILED),
        (click.UsageError("no"), True, Exit.USAGE),
        (click.BadParameter("no"), True, Exit.USAGE),
        (click.ClickException("no"), True, Exit.FAILED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_that_ends_a_command_has_its_code(
    error: RotatorError | click.ClickException, answered: bool, code: Exit
) -> None:
    assert exits.of_error(error, answered=answered) == code


def test_every_code_has_a_meaning() -> None:
    assert set(exits.MEANING) == set(Exit)
