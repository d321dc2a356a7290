"""What befalls the account or the process, not a request: other people, servers, the token, kills.

A person acts while no rotation is between its list and its write on that server: between the two nobody
could know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random

from campaigns.judge import Judge
from campaigns.process import Process
from campaigns.spoils import ODD_WORDS
from campaigns.weather import Window
from rotator.errors import LockHeld
from rotator.lock import ServerLock
from rotator.models import Server
from rotator.sandbox import TOKEN, SnapshotRow
from tests.staging import Stage

NAMES = ("by-hand-{}", "before-upgrade-{}", "safety-2027031{}T070000Z", "old-2027031{}T070000Z", "golden-{}")
"""Names of foreign snapshots: plain, reserved, an orphan's, a protected one's."""

STATES = ("completed", "completed", "completed", "in_progress", "failed", "archived")


class Mishaps:
    """Begins and ends them. `follow` lets the judge look at what happened before."""

    def __init__(
        self, stage: Stage, judge: Judge, process: Process, chance: Random, follow: Callable[[], None]
    ) -> None:
        self._stage, self._judge, self._process = stage, judge, process
        self._chance, self._follow = chance, follow
        self._planted: dict[int, list[SnapshotRow]] = {}
        self._away: Counter[str] = Counter()
        self._tokens_stopped = 0
        self.kills = 0

    async def begin(self, window: Window) -> None:
        """It happens."""
        if window.kind == "somebody's snapshots":
            for server in self._befallen(window):
                self._process.aside(self._alone(server, partial(self._plant, window, server)))
        elif window.kind == "a person deletes":
            for server in self._befallen(window):
                self._process.aside(self._alone(server, partial(self._delete_one, server)))
        elif window.kind == "a server vanishes":
            self._vanish(self._judge.servers[window.server or ""])
        elif window.kind == "the token stops":
            self._tokens_stopped += 1
            self._stage.world.tokens.clear()
        elif window.kind == "a kill" and self._process.lives:
            self._process.strike_at_next_write(lambda after: self._process.aside(self._kill(window, after)))

    async def _kill(self, window: Window, after: float) -> None:
        """Kill it, and let it be begun again some seconds later."""
        await self._stage.clock.sleep(after)
        if self._process.lives:
            self.kills += 1
            await self._process.kill()
            await self._restart(min(60.0, (window.end - window.start) / 20))

    async def end(self, window: Window) -> None:
        """It is over, where it lasts."""
        if window.kind == "somebody's snapshots":
            for row in self._planted.pop(window.number, []):
                server = self._judge.servers[str(row.server_id)]
                self._process.aside(self._alone(server, partial(self._take, row)))
        elif window.kind == "a kill" and self._process.strikes_at_next_write:
            self._process.strike_at_next_write(None)
            self._process.aside(self._kill(window, 0))
        elif window.kind == "a server vanishes":
            self._return(self._judge.servers[window.server or ""])
        elif window.kind == "the token stops":
            self._tokens_stopped -= 1
            if not self._tokens_stopped:
                self._stage.world.tokens.add(TOKEN)

    async def over(self) -> None:
        """The storm is over: on most servers people clear away what nobody knows, on some they add more."""
        await self._process.settle()
        for server in self._judge.servers.values():
            if self._chance.random() < 0.7:
                await self._alone(server, partial(self._tidy, server))
            elif self._chance.random() < 0.3:
                await self._alone(server, partial(self._fill, server))

    # --- one by one ---------------------------------------------------------------------------------

    def _befallen(self, window: Window) -> list[Server]:
        servers = list(self._judge.servers.values())
        if window.server is not None:
            return [self._judge.servers[window.server]]
        return self._chance.sample(servers, min(len(servers), 5))

    async def _alone(self, server: Server, act: Callable[[], None]) -> None:
        """Act as soon as no rotation is between its list and its write there."""
        stage = self._stage
        lock = ServerLock(stage.locks, stage.settings.base_url, server.key, stage.clock)
        while True:
            try:
                async with lock.hold(0):
                    self._follow()
                    act()
                    return
            except LockHeld:
                await stage.clock.sleep(self._chance.uniform(0.5, 2))

    def _plant(self, window: Window, server: Server) -> None:
        for _ in range(self._chance.choice((1, 1, 2, 4))):
            row = self._add(server, self._chance.choice(STATES))
            if row is not None:
                self._planted.setdefault(window.number, []).append(row)

    def _add(self, server: Server, status: str) -> SnapshotRow | None:
        world = self._stage.world
        if world.server(server.id) is None or len(world.snapshots(server.id)) >= 5:
            return None
        name = self._chance.choice(NAMES).format(self._chance.randrange(1, 10))
        id_ = world.add_snapshot(server.id, name, status=None if status == "completed" else status)
        row = world.snapshot(id_)
        if row is not None:
            self._judge.planted(row)
        return row

    def _take(self, row: SnapshotRow) -> None:
        if self._stage.world.snapshot(row.id) is not None:
            self._judge.taken(row.server_id, row.id)
            self._stage.world.remove_snapshot(row.id)

    def _delete_one(self, server: Server) -> None:
        rows = self._stage.world.snapshots(server.id)
        if rows:
            self._take(self._chance.choice(rows))

    def _vanish(self, server: Server) -> None:
        self._follow()
        self._away[server.key] += 1
        if self._away[server.key] == 1:
            self._judge.taken_all(server.key)
            self._stage.world.remove_server(server.id)

    def _return(self, server: Server) -> None:
        self._away[server.key] -= 1
        if not self._away[server.key]:
            self._stage.world.add_server(server.id, server.label)

    async def _restart(self, after: float) -> None:
        await self._stage.clock.sleep(1 + after)
        self._process.begin()

    def _tidy(self, server: Server) -> None:
        for row in self._stage.world.snapshots(server.id):
            if row.status in ODD_WORDS or (row.status == "completed" and row.size_mb == 0):
                self._take(row)

    def _fill(self, server: Server) -> None:
        for _ in range(self._chance.choice((1, 3, 5))):
            self._add(server, "completed")
