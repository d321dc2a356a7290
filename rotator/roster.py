"""The account's servers as a daemon knows them: what `match` entries stand for, kept up to date.

Law 1: only a look-up that succeeded as a whole changes anything. One that failed, or that shows an account
       without any server where there were some, leaves the last known ones.
Law 2: a server that vanished is rotated no more; nothing of it is deleted, and if it shows again it goes on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from rotator.clock import Clock
from rotator.errors import ApiError
from rotator.matching import idle, resolved
from rotator.models import Server, ServerInfo
from rotator.office import Office
from rotator.settings import ConfigWarning, Settings
from rotator.stock import AGAIN_AFTER

log = structlog.stdlib.get_logger()

LOOK_EVERY = 600.0
"""Seconds between two look-ups (the contract's number)."""


class Roster:
    """`office` is asked anew for each look-up; `on_change` is called after one that showed something new."""

    def __init__(self, settings: Settings, office: Callable[[], Office], clock: Clock) -> None:
        self._written = settings
        self._office = office
        self._clock = clock
        self._known: tuple[ServerInfo, ...] = ()
        self._told: dict[str, Server] = {}
        self._idle: set[ConfigWarning] = set()
        self._failures = 0

    def settle(self, written: Settings) -> Settings:
        """What a configuration means with the servers that are known; it is the one in force from now on."""
        if written.api.base_url != self._written.api.base_url:
            self._known = ()  # another account's servers
        self._written = written
        return self.settings

    @property
    def settings(self) -> Settings:
        """The configuration in force, with the servers that its matches stand for."""
        return resolved(self._written, self._known)

    def tell(self) -> tuple[Server, ...]:
        """Log who came by a match, went or was renamed since this was last asked. Returns those that came."""
        self._tell_idle()
        written = {server.key for server in self._written.servers}
        told, self._told = self._told, {s.key: s for s in self.settings.servers if s.key not in written}
        for key in told.keys() - self._told.keys() - written:
            log.warning("server.vanished", server_id=told[key].id, server=told[key].label)
        for key, server in self._told.items():
            facts = {"server_id": server.id, "server": server.label}
            if key not in told:
                log.info("server.found", policies=[policy.name for policy in server.policies], **facts)
            elif server.label != told[key].label:
                log.info("server.found", before=told[key].label, **facts)
        return tuple(server for key, server in self._told.items() if key not in told)

    def _tell_idle(self) -> None:
        """A match that stands for nobody is a slip, mostly: it is said once."""
        found = set(idle(self._written, self._known))
        for warning in sorted(found - self._idle):
            where = f"{warning.line}:{warning.column}: {warning.path}"
            log.warning("config.loaded", path=where, warning=warning.message)
        self._idle = found

    async def look(self) -> None:
        """Look the servers up. Raises ApiError; then all stays as it was."""
        if not self._written.matches:
            return
        office, account = self._office(), self._written.api.base_url
        with office.used():
            shown = await office.provider.list_servers()
        if self._written.api.base_url != account:
            return  # a reload came in between: these are another account's servers
        if shown or not self._known:
            self._known = shown
        else:
            log.warning("api.list_unsure", detail="the account shows no server at all: the known ones stay")

    async def keep_looking(self, on_change: Callable[[], Awaitable[None]]) -> None:
        """Look up every LOOK_EVERY seconds, after a failure sooner, and call `on_change` after each."""
        while True:
            await self._clock.sleep(self._pause())
            await self.look_again(on_change)

    async def look_again(self, on_change: Callable[[], Awaitable[None]]) -> None:
        """Look up, and call `on_change` if that went well; if not, say so."""
        try:
            await self.look()
        except ApiError as error:
            self.failed(error)
        else:
            self._failures = 0
            await on_change()

    def failed(self, error: ApiError) -> None:
        """A look-up failed: the next one comes sooner."""
        self._failures += 1
        detail = f"the servers of match entries could not be looked up, the known ones stay: {error.message}"
        log.warning("api.failed", code=error.code, detail=detail, known=len(self._known))

    def _pause(self) -> float:
        return AGAIN_AFTER[min(self._failures, len(AGAIN_AFTER)) - 1] if self._failures else LOOK_EVERY
