"""The daemon's life: start, catch up, beat, reload, drain. When is `schedule`'s affair, what is `plan`'s."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

from rotator import __version__, changes
from rotator.accounts import Account, Accounts
from rotator.chores import Chores
from rotator.clock import Clock
from rotator.dispatch import Dispatcher
from rotator.errors import ApiError, CannotListen, ConfigError, Unauthorized
from rotator.front import Front, Nowhere
from rotator.garbage import Garbage
from rotator.models import Server
from rotator.reaper import Reaper
from rotator.refresh import Refresh
from rotator.report import timestamp
from rotator.roster import Roster
from rotator.schedule import Timetable
from rotator.settings import Settings
from rotator.sight import Sight
from rotator.stock import answer, take_stock
from rotator.systemd import Notifier
from rotator.vitals import Vitals

log = structlog.stdlib.get_logger()

BEAT_SECONDS = 10.0
"""How often clock steps are looked for and the status line is renewed."""

WATCH_SECONDS = 15.0
"""How often `--watch` looks at the config file (the contract's number)."""

ASK_SECONDS = 10.0
"""How long the first answer of the API is waited for before the daemon says that it is ready all the same."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the configuration comes from. `read` returns the file's text, `parse` checks it whole."""

    read: Callable[[], str]
    parse: Callable[[str], Settings]


class Daemon:
    """Runs until it is told to stop. `open_account` makes what a configuration's `api` part describes."""

    def __init__(
        self,
        text: str,
        settings: Settings,
        *,
        source: Source,
        open_account: Callable[[Settings], Account],
        clock: Clock,
        notifier: Notifier,
        watch: bool = False,
        on_settings: Callable[[Settings], None] = lambda settings: None,
        vitals: Vitals | None = None,
        front: Front | None = None,
    ) -> None:
        self._text, self._settings = text, settings
        self._source, self._open_account = source, open_account
        self._clock, self._notifier, self._watch = clock, notifier, watch
        self._on_settings = on_settings
        self._accounts = Accounts(open_account(settings), clock)
        self._roster = Roster(settings, lambda: self._accounts.office, clock)
        self._pairs = {pair.key: pair for pair in settings.pairs}
        self._vitals, self._front = vitals or Vitals(clock), front or Nowhere()
        self._dispatcher = Dispatcher(lambda: self._accounts.office, self._pairs.get, self._vitals.report)
        self._timetable = Timetable(clock, self._dispatcher.hand_out)
        self._vitals.see = self._see
        self._refresh = Refresh(lambda: self._accounts.office, self._shown)
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._chores = Chores(self.stop)

    async def run(self) -> None:
        """Live until `stop`. Raises at the very start only: Unauthorized, CannotListen, ConfigError."""
        log.info("daemon.started", version=__version__)
        garbage = Garbage(self._clock)
        try:
            await self._front.open(self._settings.http)
            self._vitals.load(self._settings)
            self._timetable.load(self._settings.pairs)
            self._timetable.start()
            changes.tell_loaded(self._settings, self._timetable.next_fire())
            await self._ask_once()
            if not self._stopping.is_set():
                self._set_off(garbage)
            await self._stopping.wait()
            if self._chores.broken is not None:
                raise self._chores.broken
        finally:
            await self._drain()
            garbage.give_back()

    def _set_off(self, garbage: Garbage) -> None:
        """All stands: say so, and begin with what has to be done again and again."""
        self._chores.start(self._beat(garbage))
        self._chores.start(self._refresh.run())
        self._chores.start(self._roster.keep_looking(self._looked_up))
        if self._watch:
            self._chores.start(self._watch_file())
        self._vitals.ready = True
        self._notifier.ready(self._status())
        log.info("daemon.ready", pairs=len(self._pairs), servers=len(self._settings.servers))

    def stop(self) -> None:
        """Begin to drain; `run` returns within 10 s."""
        self._stopping.set()

    def reload(self) -> None:
        """Check the configuration anew and take it over if it is right."""
        self._chores.start(self._reload())

    def handle_signals(self) -> None:
        """SIGTERM and SIGINT drain, a second SIGINT kills, SIGHUP reloads."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self.reload)

        def interrupt() -> None:
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            self.stop()

        loop.add_signal_handler(signal.SIGINT, interrupt)

    # --- start and end ----------------------------------------------------------------------------------

    async def _ask_once(self) -> None:
        """The first look at the account: ready waits for its answer, but not for long; a stop does not."""
        asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asked.add_done_callback(lambda answer: answer.exception())  # it may come when nobody waits any more
        self._chores.start(self._first_look(asked))
        self._notifier.extend(2 * ASK_SECONDS)
        stopping = asyncio.create_task(self._stopping.wait())
        either: set[asyncio.Future[Any]] = {asked, stopping}
        await asyncio.wait(either, timeout=ASK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if self._stopping.is_set():
            return
        if not asked.done():
            log.warning("api.failed", detail=f"no answer within {ASK_SECONDS:g} s of the start")
            return
        try:
            asked.result()
        except Unauthorized:
            raise
        except ApiError as error:
            log.warning("api.failed", code=error.code, error=error.message)

    async def _first_look(self, asked: asyncio.Future[None]) -> None:
        """Which servers the matches stand for, and then what every pair owes."""
        try:
            await self._roster.look()
        except ApiError as error:
            self._roster.failed(error)
            answer(asked, error)
        else:
            self._call_the_roll()
        await take_stock(
            lambda: self._accounts.office, self._settings.pairs, self._dispatcher.hand_out, asked
        )

    async def _drain(self) -> None:
        self._vitals.stopping = True
        self._notifier.stopping()
        self._timetable.stop()
        self._chores.cancel()
        log.info("daemon.stopping")
        left = await self._dispatcher.drain()
        await self._chores.ended()
        await self._accounts.aclose()
        await self._front.aclose()
        log.info("daemon.stopped", left=left)

    # --- while it runs ----------------------------------------------------------------------------------

    async def _beat(self, garbage: Garbage) -> None:
        """The heartbeat of the loop that does the work: if this stops, the watchdog restarts the service."""
        pause = min(BEAT_SECONDS, self._notifier.watchdog_interval or BEAT_SECONDS)
        reaper = Reaper()
        while True:
            self._notifier.watchdog()
            self._timetable.heartbeat()
            fire = self._timetable.next_fire()
            self._vitals.beat(fire[0] if fire is not None else None)
            self._notifier.status(self._status())
            garbage.beat(quiet=self._dispatcher.is_idle)
            reaper.beat()
            await self._clock.sleep(pause)

    def _status(self) -> str:
        fire = self._timetable.next_fire()
        if fire is None:
            return f"{len(self._pairs)} pairs, nothing scheduled"
        at, pairs = fire
        first = f"{pairs[0].policy.name} on {pairs[0].server.label}"
        more = f" and {len(pairs) - 1} more" if len(pairs) > 1 else ""
        return f"next: {timestamp(at)} {first}{more}"

    def _see(self, server: Server) -> Sight | None:
        return self._accounts.office.inventory.last_seen(server)

    def _shown(self) -> Sequence[Server]:
        """The servers that somebody may want to see."""
        return self._settings.servers if self._settings.http is not None else ()

    # --- what is looked after ---------------------------------------------------------------------------

    def _put_in_force(self, settings: Settings) -> None:
        """These servers and policies are looked after from now on."""
        self._settings = settings
        self._pairs.clear()
        self._pairs.update({pair.key: pair for pair in settings.pairs})
        self._vitals.load(settings)
        self._timetable.load(settings.pairs)
        self._accounts.office.keep_servers({server.key for server in settings.servers})

    def _call_the_roll(self) -> set[str]:
        """Look after the servers that the roster knows now. Returns the keys of those that came."""
        came, settings = self._roster.tell(), self._roster.settings
        if settings != self._settings:
            self._put_in_force(settings)
        return {server.key for server in came}

    async def _looked_up(self) -> None:
        """The account's servers were looked up: those that came may owe something."""
        came = self._call_the_roll()
        pairs = [pair for pair in self._settings.pairs if pair.server.key in came]
        self._chores.start(take_stock(lambda: self._accounts.office, pairs, self._dispatcher.hand_out))

    # --- reload -----------------------------------------------------------------------------------------

    async def _watch_file(self) -> None:
        seen = self._text
        while True:
            await self._clock.sleep(WATCH_SECONDS)
            try:
                text = self._source.read()
            except ConfigError:
                continue  # while it is being replaced there may be none for a moment
            if text != seen:
                seen = text
                await self._reload()

    async def _reload(self) -> None:
        async with self._reloading:
            self._notifier.reloading()
            try:
                await self._reload_or_raise()
            except (ConfigError, CannotListen) as error:
                self._vitals.reload_ok = False
                faults = [str(fault) for fault in getattr(error, "faults", [error])]
                log.error("config.rejected", faults=faults, detail="the old configuration stays in force")
                with suppress(ConfigError, CannotListen):
                    await self._front.open(self._settings.http)
            else:
                self._vitals.reload_ok = True
            self._notifier.ready(self._status())

    async def _reload_or_raise(self) -> None:
        text = self._source.read()
        settings = self._source.parse(text)
        await self._front.open(settings.http)
        self._renew_token(settings)
        if text == self._text:
            log.info("config.unchanged")
        else:
            self._take_over(text, self._roster.settle(settings))
        self._chores.start(self._roster.look_again(self._looked_up))

    def _renew_token(self, settings: Settings) -> None:
        """A new account where the API's settings changed, the same one with its token read anew otherwise."""
        if settings.api == self._settings.api:
            self._accounts.current.refresh_token()
            return
        retired = self._accounts.replace(self._open_account(settings))
        self._chores.start(self._accounts.close_unused(retired))

    def _take_over(self, text: str, settings: Settings) -> None:
        old, self._text = dict(self._pairs), text
        self._put_in_force(settings)
        self._on_settings(settings)
        self._refresh.nudge()
        changes.tell_loaded(self._settings, self._timetable.next_fire())
        changed = [pair for key, pair in self._pairs.items() if key in old and old[key] != pair]
        if changed:
            self._chores.start(changes.tell_beyond(self._accounts.office, changed, old))
