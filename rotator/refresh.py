"""What nobody has looked at for a while is looked at, so that what is shown is never much older than that.

Law 1: whoever reads what is shown causes no request: it is this clock that asks, and it asks as a poll, so
       that it takes at most a fifth of `rate_limit` and nobody's turn.
Law 2: whether the account has a server at all is asked for only when it is looked at for the first time.
Law 3: a server that was seen meanwhile, by a rotation or by another look, is not asked for again.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from rotator.errors import ApiError
from rotator.models import Server
from rotator.office import Office
from rotator.pace import Urgency
from rotator.showing import show

REFRESH_SECONDS = 300.0
"""How old a sight may be before it is renewed."""

AT_REST = 4
"""A look at a large account takes minutes at a low rate: that many times as long nothing is asked then."""


class Refresh:
    """`office` and `servers` are asked anew each time; no servers: nobody wants to be shown any."""

    def __init__(self, office: Callable[[], Office], servers: Callable[[], Sequence[Server]]) -> None:
        self._office = office
        self._servers = servers
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """There may be servers that were never seen: look now."""
        self._nudged.set()

    async def run(self) -> None:
        """Renew what is old, for ever."""
        while True:
            self._nudged.clear()
            clock = self._office().clock
            began = clock.monotonic()
            with suppress(ApiError):  # the API is down: that is said elsewhere, and what is shown grows old
                await self._renew(began - REFRESH_SECONDS)
            pause = max(REFRESH_SECONDS, AT_REST * (clock.monotonic() - began))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._nudged.wait(), pause)

    async def _renew(self, old: float) -> None:
        office = self._office()
        seen_at = office.inventory.seen_at
        unseen = [server for server in self._servers() if seen_at(server) <= old]
        if unseen:
            new = any(seen_at(server) == -math.inf for server in unseen)
            with office.used():
                await (partial(show, office) if new else office.inventory.survey)(unseen, Urgency.POLL)
