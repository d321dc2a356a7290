"""What a process holds at a moment: files, tasks, threads, memory, and objects by type."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import tracemalloc
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

OWN = "rotator."
STAGE = "rotator.sandbox."
"""The sandbox stands for the provider: what it remembers is no affair of the daemon's."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """One sample. `own` counts instances of rotator's own classes, `foreign` those of all other types.

    `containers` are the daemon's own, by name, with their lengths; `traced` is tracemalloc's current in bytes
    (0 where it does not trace), `resident` is in MiB.
    """

    files: int
    tasks: int
    threads: int
    own: Counter[str]
    foreign: Counter[str]
    containers: dict[str, int] = field(default_factory=dict)
    traced: int = 0
    resident: float = 0.0


def take(containers: dict[str, int]) -> Holdings:
    """A sample of this process and the running loop, after a full pass of the collector."""
    gc.unfreeze()  # what was frozen at the start is counted too
    for _ in range(3):
        gc.collect()
    own, foreign = Counter[str](), Counter[str]()
    for thing in gc.get_objects():
        kind = type(thing)
        name = f"{kind.__module__}.{kind.__qualname__}"
        if name.startswith(OWN) and not name.startswith(STAGE):
            own[name] += 1
        else:
            foreign[name] += 1
    gc.freeze()  # the daemon's passes over all of it would take most of the time
    return Holdings(
        files=open_files(os.getpid()),
        tasks=len(asyncio.all_tasks()),
        threads=threading.active_count(),
        own=own,
        foreign=foreign,
        containers=containers,
        traced=tracemalloc.get_traced_memory()[0],
        resident=resident_mib(os.getpid()),
    )


def open_files(process: int) -> int:
    """How many descriptors a process has open; the listing's own is not counted."""
    own = 1 if process == os.getpid() else 0
    return len(os.listdir(f"/proc/{process}/fd")) - own


def threads(process: int) -> int:
    """How many threads a process has."""
    return len(os.listdir(f"/proc/{process}/task"))


def resident_mib(process: int) -> float:
    """A process's resident memory, from the kernel."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def grown(before: Counter[str], after: Counter[str]) -> dict[str, tuple[int, int]]:
    """The names of which there are more, or fewer, with both counts."""
    return {
        name: (before[name], after[name])
        for name in sorted(before.keys() | after.keys())
        if before[name] != after[name]
    }
