"""What all rotations of a process share: the account, its inventory, the locks, and who goes first."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rotator.api import Provider
from rotator.clock import Clock
from rotator.inventory import Inventory
from rotator.lock import Held, ServerLock
from rotator.models import Pair, Server, Snapshot
from rotator.report import Report

LOCK_PATIENCE = 30.0
"""Seconds after which a rotation that cannot get the server's lock ends `busy` (the contract's number)."""


DECIDE_AHEAD = 5.0
"""Seconds that may lie between the list that decides and its write; who decides together shares a list."""

TURNS_AT_MOST = 8
"""Turns at once for each request in flight, where no rate limit bounds them: each holds a lock file open."""


class Spectator(Protocol):
    """Somebody who watches rotations, for a progress display. Must not raise and must not block."""

    def started(self, pair: Pair) -> None:
        """The rotation's turn has come."""

    def waiting(self, pair: Pair, snapshot: Snapshot, seconds: float) -> None:
        """It has been waiting for that snapshot for so long."""

    def finished(self, report: Report) -> None:
        """It is over."""


class Nobody:
    """The spectator of a daemon: the log tells all."""

    def started(self, pair: Pair) -> None:
        """Ignored."""

    def waiting(self, pair: Pair, snapshot: Snapshot, seconds: float) -> None:
        """Ignored."""

    def finished(self, report: Report) -> None:
        """Ignored."""


@dataclass(slots=True)
class Office:
    """One per process and account. `deciders` bounds how many turns list, decide and write at once.

    As many as share a list cost the account one list; but all of them keep their servers' locks until they
    have written, so there are no more than can write within DECIDE_AHEAD seconds at the rate limit.
    """

    provider: Provider
    inventory: Inventory
    clock: Clock
    lock_directory: Path
    base_url: str
    concurrency: int
    rate_limit: float
    spectator: Spectator = field(default_factory=Nobody)
    reported: set[tuple[str, str]] = field(default_factory=set)
    deciders: asyncio.Semaphore = field(init=False)
    queues: defaultdict[str, asyncio.Lock] = field(init=False)

    def __post_init__(self) -> None:
        most = TURNS_AT_MOST * self.concurrency
        in_time = int(self.rate_limit * DECIDE_AHEAD) if self.rate_limit else most
        self.deciders = asyncio.Semaphore(max(self.concurrency, min(most, in_time)))
        self.queues = defaultdict(asyncio.Lock)

    def queue(self, server: Server) -> asyncio.Lock:
        """Within the process the rotations of a server follow each other, waits included."""
        return self.queues[server.key]

    @asynccontextmanager
    async def turn(self, server: Server) -> AsyncIterator[Held]:
        """From the list that decides to the answer of the write: nobody else on this host writes meanwhile.

        Raises LockHeld if another process keeps the server for LOCK_PATIENCE seconds.
        """
        lock = ServerLock(self.lock_directory, self.base_url, server.key, self.clock)
        async with self.deciders, lock.hold(LOCK_PATIENCE) as held:
            yield held

    def first_time(self, event: str, key: str) -> bool:
        """Whether this was not said of that id before: a standing oddity is reported once per process."""
        if (event, key) in self.reported:
            return False
        self.reported.add((event, key))
        return True
