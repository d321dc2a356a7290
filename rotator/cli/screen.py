"""What a person sees on a terminal while snapshots are being made: one line per rotation at work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from rotator.models import Pair, Snapshot
from rotator.redact import printable
from rotator.report import Report

LINES = 12
"""Rotations that are shown one by one; the others are only counted, so that no terminal overflows."""


@dataclass(slots=True)
class Screen:
    """`office.Spectator`: draws what it is told. `total` rotations are expected, `done` are over."""

    progress: Progress
    whole: TaskID
    total: int
    done: int = 0
    lines: dict[tuple[str, str], TaskID] = field(default_factory=dict)

    def started(self, pair: Pair) -> None:
        """A line for the rotation, if there is room."""
        if len(self.lines) < LINES:
            label = _plain(f"{pair.server.label} {pair.policy.name}")
            self.lines[pair.key] = self.progress.add_task(label, total=None, doing="looking")

    def waiting(self, pair: Pair, snapshot: Snapshot, seconds: float) -> None:
        """Say for whom it waits; how long, the clock beside it tells."""
        if pair.key in self.lines:
            doing = _plain(f"{snapshot.name} is being made")
            self.progress.update(self.lines[pair.key], doing=doing)

    def finished(self, report: Report) -> None:
        """Take the line away and count: the result follows in the table."""
        line = self.lines.pop(report.pair.key, None)
        if line is not None:
            self.progress.remove_task(line)
        self.done += 1
        self.progress.update(self.whole, doing=_count(self.done, self.total))


@contextmanager
def drawn(total: int) -> Iterator[Screen]:
    """The screen, for the length of the block; then it is wiped. Whatever writes to stderr goes above it."""
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[doing]}"),
        console=Console(file=sys.stderr),
        transient=True,
        redirect_stdout=False,
    )
    with progress:
        whole = progress.add_task("rotations", total=None, doing=_count(0, total))
        yield Screen(progress, whole, total)


def _count(done: int, total: int) -> str:
    return f"{done} of {total} done"


def _plain(text: str) -> str:
    """Text without control characters and without rich's markup."""
    return Text(printable(text)).markup
