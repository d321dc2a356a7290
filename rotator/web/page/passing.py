"""Times that pass, in HTML that is kept: marked where they belong, and written when the HTML is sent.

A mark is a comment of HTML. No value from outside can look like one, for in values `<` is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

from markupsafe import Markup

from . import words

_MARK = re.compile(r"<!--(ago|in|for|coarse|used) (\d+)(?: (\d+))?-->")

_WRITERS: Mapping[str, Callable[[datetime, datetime], str]] = {
    "ago": words.ago,
    "in": words.until,
    "for": lambda at, now: words.length(now - at),
    "coarse": lambda at, now: words.coarse(now - at),
}


def passing(kind: str, at: datetime) -> Markup:
    """The mark of a time: `ago`, `in` as long as it is ahead, or the length `for` which something lasts;
    `coarse` is that length in one unit."""
    return Markup(f"<!--{kind} {int(at.timestamp())}-->")  # noqa: S704  # a word of ours and a number


def used(ready: datetime, threshold: timedelta) -> Markup:
    """The mark of a share: how much of the threshold the age is, in percent; 100 at most."""
    seconds = max(1, int(threshold.total_seconds()))
    return Markup(f"<!--used {int(ready.timestamp())} {seconds}-->")  # noqa: S704  # two numbers


def written(html: str, now: datetime) -> Markup:
    """The HTML with its times as of now."""
    return Markup(_MARK.sub(partial(_write, now), html))  # noqa: S704  # it was HTML before


def _write(now: datetime, mark: re.Match[str]) -> str:
    kind, at = mark[1], datetime.fromtimestamp(int(mark[2]), UTC)
    if kind != "used":
        return _WRITERS[kind](at, now)
    age, threshold = (now - at).total_seconds(), int(mark[3])
    return f"{min(100.0, max(0.0, 100 * age / threshold)):.0f}"
