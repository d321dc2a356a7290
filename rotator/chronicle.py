"""What happened in this process, as far as people ask for it: the last rotations, and since when what fails.

Law: it is bounded. Of rotations it keeps the newest MOST, of pairs that fail those of the configuration.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from datetime import datetime

from rotator.report import Report

MOST = 50
"""Rotations that are remembered: a night of a small account, a minute of a large one."""

Key = tuple[str, str]


class Chronicle:
    """`recent` has the newest first, each with its time. `failing` says since when each pair's rotations go
    wrong; `well_since` is when one last got well again, or when the process began."""

    def __init__(self, began: datetime) -> None:
        self.recent: deque[tuple[datetime, Report]] = deque(maxlen=MOST)
        self.failing: dict[Key, datetime] = {}
        self.well_since = began

    def note(self, report: Report, at: datetime) -> None:
        """A rotation ended at that time."""
        self.recent.appendleft((at, report))
        key = report.pair.key
        if report.problem is not None:
            self.failing.setdefault(key, at)
        elif self.failing.pop(key, None) is not None:
            self.well_since = at

    def keep(self, pairs: Container[Key]) -> None:
        """Forget since when others fail: they left the configuration."""
        self.failing = {key: at for key, at in self.failing.items() if key in pairs}
