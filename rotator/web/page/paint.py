"""Rows and pages as HTML. The law: every value from outside is escaped, by Jinja.

A row's HTML is kept for as long as the row stays equal: only its times are written anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rotator import __version__
from rotator.report import timestamp

from . import words
from .passing import passing, used, written
from .rows import Level, Line, Row

LEVELS: Mapping[Level, tuple[str, str]] = {
    Level.BAD: ("bad", "Problem"),
    Level.WARN: ("warn", "Warning"),
    Level.IDLE: ("idle", "Not known yet"),
    Level.WELL: ("well", "Well"),
}
"""The class and the word of each level."""


class Painter:
    """One per daemon. Every method returns HTML."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader("rotator.web.page"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(
            words=words, levels=LEVELS, version=__version__, stamp=timestamp, passing=passing, used=_used
        )
        self._rows: dict[str, tuple[Row, str]] = {}

    def row(self, row: Row, now: datetime) -> Markup:
        """One server's row, its times as of now."""
        kept = self._rows.get(row.key)
        if kept is None or kept[0] != row:
            kept = self._rows[row.key] = (row, self._render("row.html", row=row))
        return written(kept[1], now)

    def forget(self, key: str) -> None:
        """The server is gone."""
        self._rows.pop(key, None)

    def render(self, template: str, now: datetime, **values: Any) -> Markup:
        """A template with these values, its times as of now."""
        return written(self._render(template, now=now, **values), now)

    def _render(self, template: str, **values: Any) -> str:
        return self._templates.get_template(template).render(values)


def _used(line: Line) -> Markup:
    return used(line.ready, line.threshold) if line.ready and line.threshold else Markup()
