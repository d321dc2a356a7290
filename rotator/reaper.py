"""What the first process of a container owes the others: to reap those whose parents are gone.

An orphan of a hook becomes a child of process 1, and stays a zombie until that one asks for its end.
Rotator's own children are asked for by whoever started them, at once, and nobody else may take their status:
so only a zombie that was one at the look before, too, is taken for nobody's. Any other process has no such
duty.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROCESSES = Path("/proc")

FIRST = 1
"""The number of the process that inherits the orphans."""


class Reaper:
    """To be called again and again, from the loop that waits for rotator's own children."""

    def __init__(self, *, on_duty: bool | None = None) -> None:
        self._on_duty = os.getpid() == FIRST if on_duty is None else on_duty
        self._seen: frozenset[int] = frozenset()

    def beat(self) -> None:
        """Reap what was dead at the last call and still is; does nothing if this is not the first process."""
        if not self._on_duty:
            return
        dead = frozenset(_zombies(os.getpid()))
        for process in dead & self._seen:
            with suppress(ChildProcessError):  # its own waiter came first after all
                os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG)
        self._seen = dead - self._seen


def _zombies(parent: int) -> Iterator[int]:
    for entry in PROCESSES.iterdir():
        if not entry.name.isdecimal():
            continue
        with suppress(OSError):  # it ended meanwhile
            # proc(5): a name in parentheses, which may hold anything, then the state and the parent.
            state, owner = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state == "Z" and int(owner) == parent:
                yield int(entry.name)
