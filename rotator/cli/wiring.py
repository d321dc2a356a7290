"""From settings to something that can rotate: the token, the connections, the inventory, the locks."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import structlog

from rotator.api import VpsApi
from rotator.cli.invocation import Invocation
from rotator.clock import Clock
from rotator.config import Token, TokenSource
from rotator.errors import ConfigError
from rotator.http import HttpClient
from rotator.inventory import Inventory
from rotator.lock import lock_directory
from rotator.office import Nobody, Office, Spectator
from rotator.redact import Secrets
from rotator.settings import Settings
from rotator.tally import Meter, unmetered

log = structlog.stdlib.get_logger()

NO_LOCKS = Path("/nonexistent")
"""The lock directory of those who only look: a lock taken by mistake fails there."""


class CurrentToken:
    """`api.TokenReader`: the token as it was read last; every one ever read is a known secret.

    Raises ConfigError where there is no token to begin with.
    """

    def __init__(self, source: TokenSource, secrets: Secrets) -> None:
        self._source = source
        self._secrets = secrets
        self._warned: str | None = None
        self._token = self._read()

    def __repr__(self) -> str:
        return f"<CurrentToken from {self._token.source}>"

    @property
    def value(self) -> str:
        """The token."""
        return self._token.value

    @property
    def source(self) -> str:
        """Where it was read: a variable's name or a path."""
        return self._token.source

    def refresh(self) -> bool:
        """Read it anew; True if it changed, False also where it cannot be read."""
        try:
            return self.renew()
        except ConfigError:
            return False

    def renew(self) -> bool:
        """Read it anew; True if it changed. Raises ConfigError if there is none any more."""
        before, self._token = self._token, self._read()
        return self._token.value != before.value

    def _read(self) -> Token:
        token = self._source.read()
        self._secrets.add(token.value)
        if token.warning is not None and token.warning != self._warned:
            log.warning("config.loaded", warning=token.warning)
        self._warned = token.warning
        return token


class Account:
    """`accounts.Account`: an office, its token and its connections. To be closed.

    `locks` is where locks lie: NO_LOCKS for those who only look. Raises ConfigError where there is no token,
    or the CA file is none.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        environ: Mapping[str, str],
        secrets: Secrets,
        clock: Clock,
        locks: Path,
        spectator: Spectator | None = None,
        meter: Meter = unmetered,
    ) -> None:
        self.token = CurrentToken(TokenSource(settings.api.token_file, environ), secrets)
        chance = random.Random()  # noqa: S311  # spreads repetitions in time, hides nothing
        self.api = VpsApi(
            settings.api,
            self.token,
            clock=clock,
            random=chance,
            on_event=structlog.stdlib.get_logger(),
            client=HttpClient(
                clock,
                timeout=settings.api.timeout,
                connections=settings.api.concurrency,
                ca_file=settings.api.ca_file,
                meter=meter,
            ),
        )
        self.office = Office(
            provider=self.api,
            inventory=Inventory(self.api, clock),
            clock=clock,
            lock_directory=locks,
            base_url=settings.api.base_url,
            concurrency=settings.api.concurrency,
            rate_limit=settings.api.rate_limit,
            spectator=spectator or Nobody(),
            environ=environ,
        )

    async def __aenter__(self) -> Account:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @property
    def answered(self) -> bool:
        """Whether the API ever answered, whatever it said."""
        return self.api.answered

    def refresh_token(self) -> bool:
        """Read the token anew; True if it changed. Raises ConfigError if there is none any more."""
        return self.token.renew()

    async def aclose(self) -> None:
        """Close the connections."""
        await self.api.aclose()


def writing(
    asked: Invocation,
    settings: Settings,
    spectator: Spectator | None = None,
    meter: Meter = unmetered,
) -> Account:
    """The account for a command that creates and deletes. Raises LockUnusable and ConfigError."""
    return _account(asked, settings, lock_directory(asked.environ), spectator, meter)


def looking(asked: Invocation, settings: Settings) -> Account:
    """The account for a command that only looks. Raises ConfigError."""
    return _account(asked, settings, NO_LOCKS, None)


def _account(
    asked: Invocation,
    settings: Settings,
    locks: Path,
    spectator: Spectator | None,
    meter: Meter = unmetered,
) -> Account:
    return Account(
        settings,
        environ=asked.environ,
        secrets=asked.secrets,
        clock=asked.clock,
        locks=locks,
        spectator=spectator,
        meter=meter,
    )
