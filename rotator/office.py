"""What all rotations of a process share: the account, its inventory, the locks, and who goes first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol
from weakref import WeakValueDictionary

from rotator.api import Provider
from rotator.clock import Clock
from rotator.inventory import Inventory
from rotator.lock import Held, ServerLock
from rotator.models import Pair, Server, Snapshot
from rotator.report import Report
from rotator.restoring import refuse_while_restoring
from rotator.serverstates import ServerStates

LOCK_PATIENCE = 30.0
"""Seconds after which a rotation that cannot get the server's lock ends `busy` (the contract's number)."""


DECIDE_AHEAD = 5.0
"""Seconds that may lie between the list that decides and its write; who decides together shares a list."""

SURROUNDED_AT_MOST = 32
"""Creates at once that have hooks around them: each is a process or two, and a server that holds still."""

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


class Reported:
    """What was said already, so that a standing oddity is said once: by server, and None for rows of none."""

    def __init__(self) -> None:
        self._said: dict[str | None, set[tuple[str, str]]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._said.values()))

    def first_time(self, server: str | None, event: str, key: str) -> bool:
        """Whether this was not said of that id before; from now on it was."""
        said = self._said.setdefault(server, set())
        new = (event, key) not in said
        said.add((event, key))
        return new

    def keep(self, server: str | None, standing: Collection[str]) -> None:
        """Forget what was said of ids that stand on that server no more."""
        left = {(event, key) for event, key in self._said.pop(server, ()) if key in standing}
        if left:
            self._said[server] = left

    def keep_servers(self, servers: Collection[str]) -> None:
        """Forget the servers that nobody looks at any more."""
        self._said = {s: said for s, said in self._said.items() if s is None or s in servers}


@dataclass(slots=True)
class Office:
    """One per process and account. `deciders` bounds how many turns list, decide and write at once.

    As many as share a list cost the account one list; but all of them keep their servers' locks until they
    have written, so there are no more than can write within DECIDE_AHEAD seconds at the rate limit.

    `environ` is what hooks see of rotator's own environment, `surrounded` bounds creates that have some.

    A queue lives as long as a rotation stands in it. `unused` is set while nobody works here.
    """

    provider: Provider
    inventory: Inventory
    clock: Clock
    lock_directory: Path
    base_url: str
    concurrency: int
    rate_limit: float
    spectator: Spectator = field(default_factory=Nobody)
    reported: Reported = field(default_factory=Reported)
    environ: Mapping[str, str] = field(default_factory=dict)
    surrounded: asyncio.Semaphore = field(default_factory=partial(asyncio.Semaphore, SURROUNDED_AT_MOST))
    states: ServerStates = field(init=False)
    deciders: asyncio.Semaphore = field(init=False)
    queues: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    unused: asyncio.Event = field(default_factory=asyncio.Event)
    users: int = 0

    def __post_init__(self) -> None:
        self.states = ServerStates(self.provider, self.clock)
        most = TURNS_AT_MOST * self.concurrency
        in_time = int(self.rate_limit * DECIDE_AHEAD) if self.rate_limit else most
        self.deciders = asyncio.Semaphore(max(self.concurrency, min(most, in_time)))
        self.unused.set()

    def queue(self, server: Server) -> asyncio.Lock:
        """Within the process the rotations of a server follow each other, waits included.

        Whoever asks keeps it until he is through: only so the next one finds the same.
        """
        return self.queues.setdefault(server.key, asyncio.Lock())

    @contextmanager
    def used(self) -> Iterator[None]:
        """Somebody works here for the length of the block: the connections stay open."""
        self.users += 1
        self.unused.clear()
        try:
            yield
        finally:
            self.users -= 1
            if not self.users:
                self.unused.set()

    def keep_servers(self, keys: Collection[str]) -> None:
        """Forget the servers that left: their ids' texts are not among these."""
        self.reported.keep_servers(keys)
        self.inventory.keep_servers(keys)

    @asynccontextmanager
    async def turn(
        self, server: Server, *, even_restoring: bool = False, by_hand: bool = False
    ) -> AsyncIterator[Held]:
        """From the list that decides to the answer of the write: nobody else on this host writes meanwhile.

        Raises LockHeld if another process keeps the server for LOCK_PATIENCE seconds, and ServerRestoring
        while a restore of it is under way, unless the turn is for that. `by_hand`: one that is only being
        prepared keeps nobody away.
        """
        lock = ServerLock(self.lock_directory, self.base_url, server.key, self.clock)
        async with self.deciders, lock.hold(LOCK_PATIENCE) as held:
            if not even_restoring:
                await refuse_while_restoring(server, self.states, held, self.clock.now(), by_hand=by_hand)
            yield held
