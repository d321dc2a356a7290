"""--at: a moment that stands in for now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class Moment(click.ParamType[datetime]):
    """RFC 3339 with a zone, such as 2027-03-14T03:00:00Z."""

    name = "TIME"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The instant in UTC, in whole seconds, as slots are."""
        at = value if isinstance(value, datetime) else _parsed(value)
        if at is None:
            self.fail(f"{value!r} is not a time with a zone such as 2027-03-14T03:00:00Z", param, ctx)
        return at


def _parsed(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return None if at.tzinfo is None else at.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None


def at_option(text: str) -> Callable[[F], F]:
    """Add `--at TIME` with that help."""
    return click.option("--at", type=Moment(), metavar="TIME", help=text)
