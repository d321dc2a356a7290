"""What the daemon is handed: it opens and closes with the configuration's section `http`.

Its law: a section that cannot be put in force leaves the one before it in force.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping

import structlog

from rotator.clock import Clock
from rotator.config import read_token_file
from rotator.errors import CannotListen
from rotator.redact import Secrets
from rotator.settings import Address, HttpSettings
from rotator.vitals import Vitals

from . import health
from .access import Access, Rule
from .app import Endpoint, build_app
from .desk import Desk
from .listener import Listener
from .metrics import metrics
from .page import Page, Witness
from .status import status

log = structlog.stdlib.get_logger()


class Front:
    """Shows a daemon's vitals where the configuration wants it. Every token that it reads is a secret.

    `listener` is None while it is open nowhere.
    """

    def __init__(self, vitals: Vitals, clock: Clock, secrets: Secrets) -> None:
        self._secrets = secrets
        self._access = Access()
        self.listener: Listener | None = None
        self.desk = Desk(vitals, clock)
        self._page = Page(Witness(vitals, clock), clock)
        self._keeping: asyncio.Task[None] | None = None
        endpoints: Mapping[str, Endpoint] = {
            "/healthz": health.healthz(vitals),
            "/readyz": health.readyz(vitals),
            "/metrics": metrics(self.desk),
            "/status.json": status(self.desk),
            **self._page.endpoints(),
        }
        self._app = build_app(endpoints, self._access)

    async def open(self, http: HttpSettings | None) -> None:
        """Listen there from now on, and want the token that its file holds now.

        Raises ConfigError and CannotListen; then all is as it was before.
        """
        rule = Rule() if http is None else Rule(self._token(http), _is_here(http.listen))
        if self.listener is None or http is None or self.listener.address != http.listen:
            await self._move(http, rule)
        self._access.rule = rule
        self._keep_page(http is not None)

    async def aclose(self) -> None:
        """Stop listening."""
        self._keep_page(False)
        await self._move(None, Rule())

    def _keep_page(self, wanted: bool) -> None:
        """Keep the page's rows up to date while somebody may ask for them."""
        if self._keeping is not None and (not wanted or self._keeping.done()):
            self._keeping.cancel()
            self._keeping = None
        if wanted and self._keeping is None:
            self._keeping = asyncio.create_task(self._page.keep())

    def _token(self, http: HttpSettings) -> str | None:
        if http.token_file is None:
            return None
        token = read_token_file(http.token_file)
        self._secrets.add(token.value)
        if token.warning is not None:
            log.warning("config.loaded", warning=token.warning)
        return token.value

    async def _move(self, http: HttpSettings | None, rule: Rule) -> None:
        """The old address is given up first: the new one may overlap it, as 0.0.0.0 does with 127.0.0.1.

        A rule stands before anybody can ask at its address.
        """
        old, before = self.listener, self._access.rule
        self.listener = None
        if old is not None:
            await old.aclose()
        if http is None:
            return
        self._access.rule = rule
        try:
            self.listener = await Listener.opened(http.listen, self._app)
        except CannotListen:
            self._access.rule = before
            if old is not None:
                self.listener = await Listener.opened(old.address, self._app)
            raise


def _is_here(address: Address) -> bool:
    return address.path is None and ipaddress.ip_address(address.host).is_loopback
