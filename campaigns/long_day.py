"""A daemon's long day in virtual time: it rotates, is reloaded each hour, and is counted in quiet moments."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import InitVar, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from structlog.typing import EventDict

from campaigns import holdings
from campaigns.holdings import Holdings
from campaigns.odds import Odds
from rotator import naming
from rotator.api import VpsApi
from rotator.daemon import Daemon, Source
from rotator.http import HttpClient
from rotator.inventory import Inventory
from rotator.models import Keep, Policy, Server, Wait
from rotator.office import Office
from rotator.pace import Pace
from rotator.sandbox import Switches, World
from rotator.settings import ApiSettings, Settings
from rotator.systemd import Notifier
from tests.staging import InProcess, Token
from tests.virtual import VirtualClock

STEPS = (5, 7, 10, 15)
"""Minutes between two slots, server by server."""

STORMY_MINUTES = 30
"""How long in each hour things go wrong and slots come; the rest is for what is under way to end."""

CLEARED_MINUTE = 45
"""When what hangs is cleared away: what was asked for in time is ready then, and one more try is to come."""

WAIT = Wait(timedelta(seconds=20), timedelta(seconds=10), timedelta(minutes=6))

SWITCHES = Switches(create_time=60, create_lag=4, delete_lag=4, rows_without_server=True)

GUEST = 10_000
"""Ids from here on belong to servers that are configured for an hour."""

REMEMBERS = 200
"""What the world remembers of requests and changes: its memory is no affair of the daemon's."""


@dataclass
class Account:
    """One account of the daemon's, over the wire to the world. `open` holds those that are not closed."""

    world: World
    clock: VirtualClock
    settings: InitVar[ApiSettings]
    locks: Path
    open: list[Account]
    office: Office = field(init=False)

    def __post_init__(self, settings: ApiSettings) -> None:
        client = HttpClient(self.clock, timeout=settings.timeout, transport=InProcess(self.world))
        self._api = VpsApi(
            settings,
            Token(),
            clock=self.clock,
            random=random.Random(7),
            on_event=structlog.stdlib.get_logger(),
            client=client,
        )
        self.office = Office(
            provider=self._api,
            inventory=Inventory(self._api, self.clock),
            clock=self.clock,
            lock_directory=self.locks,
            base_url=settings.base_url,
            concurrency=settings.concurrency,
            rate_limit=settings.rate_limit,
        )
        self.open.append(self)

    def refresh_token(self) -> bool:
        """It never changes."""
        return False

    async def aclose(self) -> None:
        """Close the connections."""
        await self._api.aclose()
        if self in self.open:
            self.open.remove(self)


@dataclass
class Day:
    """One run. `samples`: the first hour's and the last one's; `outcomes` counts the canonical log lines."""

    world: World
    clock: VirtualClock
    locks: Path
    servers: int
    odds: Odds | None
    ended: datetime = field(init=False)
    accounts: list[Account] = field(default_factory=list)
    samples: list[Holdings] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    hour: int = 0
    config: int = 0
    deletes: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ended = self.clock.now()
        for number in range(1, self.servers + 1):
            self.world.add_server(number, f"web-{number}")
        if self.odds is not None:
            self.world.faults = self.odds
        self._invite()
        self.daemon = Daemon(
            "0",
            settings(0, self.servers),
            source=Source(lambda: str(self.config), lambda text: settings(int(text), self.servers)),
            open_account=lambda current: Account(
                self.world, self.clock, current.api, self.locks, self.accounts
            ),
            clock=self.clock,
            notifier=Notifier({}),
        )

    def heard(self, line: EventDict) -> None:
        """Take a log line."""
        if line["event"] == "rotation.finished":
            self.outcomes[line["outcome"]] += 1
        elif line["event"] == "snapshot.deleted":
            self.deletes.append(self.clock.now())

    def deleted_since(self, at: datetime) -> int:
        """How many ids were deleted from then on."""
        return sum(1 for deleted in self.deletes if deleted >= at)

    @property
    def servers_ever(self) -> int:
        """How many servers were configured at one time or another."""
        return self.servers + self.hour + 1

    async def live(self, hours: int) -> None:
        """Let the daemon live so many hours and take a sample at the end of each."""
        life = asyncio.create_task(self.daemon.run())
        try:
            for self.hour in range(1, hours + 1):
                await self._storm()
                await self._quiet_at_last()
                self._forget_what_is_bounded()
                self.samples[1:] = [holdings.take(containers(self.daemon, self.accounts))]
                print(told(self.hour, self.samples[-1], self.outcomes), flush=True)
                self._change_guests()
                self.daemon.reload()
        finally:
            self.ended = self.clock.now()
            self.daemon.stop()
            await life

    async def _storm(self) -> None:
        if self.odds is not None:
            self.odds.calm = False
        await self._until_minute(STORMY_MINUTES)
        if self.odds is not None:
            self.odds.calm = True
        await self._until_minute(CLEARED_MINUTE)
        self._clear_what_hangs()
        await self._until_minute(58)

    def _clear_what_hangs(self) -> None:
        """The provider's people do it; what is asked for again then is ready before the sample."""
        for row in self.world.listed():
            if row.status == "in_progress":
                self.world.remove_snapshot(row.id)

    async def _until_minute(self, minute: int) -> None:
        now = self.clock.now()
        await self.clock.sleep(((minute - now.minute) % 60) * 60 - now.second)

    async def _quiet_at_last(self) -> None:
        """The sample is taken when no slot is being worked on, a failed one that is tried again included."""
        for _ in range(6):
            if not self.daemon._dispatcher._jobs:
                return
            await self.clock.sleep(10)

    def _forget_what_is_bounded(self) -> None:
        """What has a bound of its own: names in a cache, the last reports, one error with its traceback."""
        naming._frame.cache_clear()
        self.daemon._vitals.chronicle.recent.clear()
        for account in self.accounts:
            _pace(account.office)._refusal = None

    def _invite(self) -> None:
        """A server for the coming hour, and what is odd about it."""
        id = GUEST + self.config
        self.world.add_server(id, f"guest-{self.config}")
        self.world.add_snapshot(id, f"gone-policy-{self.clock.now():%Y%m%dT%H%M%SZ}")
        self.world.add_snapshot(1 + self.config % self.servers, f"often-{self.config}", status="paused")
        self.world.add_snapshot(None, f"stray-{self.config}")

    def _change_guests(self) -> None:
        """The guest goes, its snapshots become rows without a server, and those of the hour before go."""
        for row in (*self.world.snapshots(None), *self.world.snapshots(1 + self.config % self.servers)):
            if row.server_id is None or row.status == "paused":
                self.world.remove_snapshot(row.id)
        self.world.remove_server(GUEST + self.config)
        self.config = self.hour
        self._invite()


def settings(hour: int, servers: int) -> Settings:
    """The configuration of an hour: every one differs, every second one in how the API is asked."""
    policies = {
        step: Policy(
            "often",
            (f"0-{STORMY_MINUTES}/{step} * * * *",),
            ZoneInfo("UTC"),
            timedelta(minutes=30),
            keep=Keep(last=2 + hour % 2),
            wait=WAIT,
        )
        for step in STEPS
    }
    listed = [Server(n, (policies[STEPS[n % len(STEPS)]],), f"web-{n}") for n in range(1, servers + 1)]
    listed.append(Server(GUEST + hour, (policies[STEPS[0]],), f"guest-{hour}"))
    api = ApiSettings(base_url="http://127.0.0.1:1/api/v1", rate_limit=0, concurrency=8 + hour // 2 % 2)
    return Settings("config.yaml", api, tuple(listed))


def containers(daemon: Daemon, accounts: list[Account]) -> dict[str, int]:
    """What the daemon keeps in containers of its own, by name."""
    office = daemon._accounts.office
    inventory, pace = office.inventory, _pace(office)
    overlays = inventory._overlays.values()
    return {
        "accounts open": len(accounts),
        "accounts retired": len(daemon._accounts._retired),
        "chores": len(daemon._chores),
        "jobs": len(daemon._dispatcher._jobs),
        "inbox": len(daemon._dispatcher._inbox),
        "groups": len(daemon._timetable._groups),
        "timers": len(daemon._timetable._scheduler.get_jobs()),
        "queues": len(office.queues),
        "reported": len(office.reported),
        "overlays": len(overlays),
        "ids": len(inventory._ids),
        "seen": len(inventory._seen),
        "snapshots seen": sum(len(sight.snapshots) for sight in inventory._seen.values()),
        "vitals": len(daemon._vitals.last) + len(daemon._vitals.since),
        "believed in": sum(len(overlay.created) for overlay in overlays),
        "gone": sum(len(overlay.gone) for overlay in overlays),
        "askers": len(inventory._askers),
        "waiters": len(inventory._poller._waiting),
        "row": len(pace._waiting) + len(pace._polling),
        "log context": len(structlog.contextvars.get_contextvars()),
    }


def told(hour: int, sample: Holdings, outcomes: Counter[str]) -> str:
    """One line for people."""
    sizes = ", ".join(f"{name} {length}" for name, length in sample.containers.items() if length)
    traced = f", {sample.traced / 2**20:.2f} MiB traced" if sample.traced else ""
    return (
        f"hour {hour}: {sample.files} files, {sample.tasks} tasks, {sample.threads} threads, "
        f"{sample.own.total()} own objects, {sample.foreign.total()} others{traced}, "
        f"{sample.resident:.0f} MiB resident; {sizes}; {dict(outcomes)}"
    )


def _pace(office: Office) -> Pace:
    assert isinstance(office.provider, VpsApi)
    return office.provider._exchange._pace
