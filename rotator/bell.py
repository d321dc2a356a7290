"""Tells the world outside how rotations go: pings for each, messages when something changes.

Law 1: it watches and never takes part: nothing that it does stops, fails or delays a rotation.
Law 2: what happens within GATHER seconds is one message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain

import structlog

from rotator import notify
from rotator.alarm import Alarms, Message
from rotator.clock import Clock
from rotator.errors import ConfigError, Fault
from rotator.models import Outcome, Pair, Policy, Snapshot
from rotator.office import Nobody, Spectator
from rotator.pings import CLOSE_SECONDS, Pings, read_url
from rotator.report import Report
from rotator.settings import Settings
from rotator.status import Freshness, standing
from rotator.vitals import Vitals

log = structlog.stdlib.get_logger()

GATHER = 3.0
"""Seconds from the first event of a message until it goes out: what fails together is told together."""

LOOK_EVERY = 60.0
"""Seconds between two looks at who has gone stale: at what was listed last, so they cost no request."""


TITLES = {"failure": "rotator: something fails", "recovery": "rotator: well again"}
"""What a message is called, by the kind of news in it."""


class Bell:
    """A `Spectator` that hands on what it sees to another one.

    `once`: a single run, which remembers nothing: only failures are told, in one message at its end.
    """

    def __init__(
        self, settings: Settings, clock: Clock, other: Spectator | None = None, *, once: bool = False
    ) -> None:
        self._settings, self._clock, self._other, self._once = settings, clock, other or Nobody(), once
        self._pings = Pings(clock)
        self._alarms = Alarms()
        self._waiting: list[Message] = []
        self._sending: asyncio.Task[None] | None = None
        self.begun: set[tuple[str, str]] = set()

    def load(self, settings: Settings) -> None:
        """A configuration is in force from now on."""
        self._settings = settings

    # --- a spectator ------------------------------------------------------------------------------------

    def started(self, pair: Pair) -> None:
        """Ping that it began."""
        self._other.started(pair)
        self.begun.add(pair.key)
        self._pings.send(pair, "/start")

    def waiting(self, pair: Pair, snapshot: Snapshot, seconds: float) -> None:
        """Nobody outside is told of a wait."""
        self._other.waiting(pair, snapshot, seconds)

    def finished(self, report: Report) -> None:
        """Ping how it ended, and tell what changed. Who is busy is tried again: no news."""
        self._other.finished(report)
        self.ended(report)

    def ended(self, report: Report) -> None:
        """As `finished`, also for a rotation that never began."""
        if report.outcome is Outcome.UNCHANGED:
            return
        if report.outcome is not Outcome.BUSY:
            self._pings.send(report.pair, "" if report.ok else "/fail")
        self._tell(self._alarms.ended(report))

    # --- stale ------------------------------------------------------------------------------------------

    async def watch(self, vitals: Vitals) -> None:
        """Look every minute at who went stale, and who is fresh again."""
        while True:
            await self._clock.sleep(LOOK_EVERY)
            self._alarms.keep(set(vitals.pairs))
            for count, pair in enumerate(list(vitals.pairs.values()), 1):
                self._look(pair, vitals)
                if count % 20 == 0:
                    await asyncio.sleep(0)

    def _look(self, pair: Pair, vitals: Vitals) -> None:
        view = vitals.view(pair)
        if view.unsure is not None:
            return
        found = standing(view, since=vitals.since.get(pair.key), foresee=False)
        newest = found.last_ready.name if found.last_ready else None
        messages = self._alarms.aged(pair, stale=found.freshness is Freshness.STALE, newest=newest)
        for message in messages:
            facts = {"server_id": pair.server.id, "server": pair.server.label, "policy": pair.policy.name}
            if message.kind == "failure":
                log.error("policy.stale", newest=newest, **facts)
            else:
                log.info("policy.recovered", newest=newest, **facts)
        self._tell(messages)

    # --- messages ---------------------------------------------------------------------------------------

    def _tell(self, messages: list[Message]) -> None:
        wanted = self._settings.notify
        if wanted is None:
            return
        kinds = wanted.on - {"recovery"} if self._once else wanted.on
        self._waiting += [message for message in messages if message.kind in kinds]
        if self._waiting and not self._once and (self._sending is None or self._sending.done()):
            self._sending = asyncio.create_task(self._send_soon())

    async def _send_soon(self, pause: float = GATHER) -> None:
        await self._clock.sleep(pause)
        while self._waiting and self._settings.notify is not None:
            messages, self._waiting = self._waiting, []
            await self._send(self._settings.notify.urls_file, messages)

    async def _send(self, path: str, messages: list[Message]) -> None:
        """Bad news and good news apart: a service may show, or route, them differently."""
        for kind, title in TITLES.items():
            texts = [message.text for message in messages if message.kind == kind]
            if texts:
                await self._send_one(path, kind, title, "\n".join(texts))

    async def _send_one(self, path: str, kind: str, title: str, body: str) -> None:
        try:
            lines = await notify.send(path, title, body, bad=kind == "failure")
        except ConfigError as error:
            log.error("notify.failed", detail=error.message)
        except TimeoutError:
            log.error("notify.failed", detail=f"not delivered within {notify.SECONDS:g} s")
        else:
            if lines:
                log.error("notify.failed", detail=f"not delivered: {_lines(lines)} of {path}")

    async def aclose(self, *, patience: float = CLOSE_SECONDS) -> None:
        """Let what is under way go out, but not for long."""
        if self._once and self._waiting:
            self._sending = asyncio.create_task(self._send_soon(0))
        if self._sending is not None:
            await asyncio.wait({self._sending}, timeout=patience)
            self._sending.cancel()
        await self._pings.aclose(patience=patience)


def check_files(settings: Settings, *, services: bool = False) -> None:
    """Read every file with addresses, so that a slip is met at the start. Raises ConfigError.

    `services`: also whether Apprise knows a service for each.
    """
    faults: list[Fault] = []
    pings = {policy.ping_url_file for policy in _policies(settings) if policy.ping_url_file is not None}
    readings: list[Callable[[], object]] = [partial(read_url, path) for path in sorted(pings)]
    if settings.notify is not None:
        read_urls = notify.check_services if services else notify.read_urls
        readings.append(partial(read_urls, settings.notify.urls_file))
    for read in readings:
        try:
            read()
        except ConfigError as error:
            faults += error.faults
    if faults:
        raise ConfigError(tuple(faults))


def _policies(settings: Settings) -> Iterator[Policy]:
    yield from chain.from_iterable(server.policies for server in settings.servers)
    yield from chain.from_iterable(match.policies for match in settings.matches)


def _lines(numbers: list[int]) -> str:
    return f"line{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
