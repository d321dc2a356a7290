"""What the provider says of the servers themselves, asked for as rarely as it can be.

Law 1: one request tells of all servers that are being restored, and what it told is good for a moment: a
       thousand rotations at once cost one.
Law 2: nobody waits for it. It is asked once, and where it is not answered nothing is known: not every
       account has this call.
Law 3: the provider has two kinds of ids. A server that is shown by the other kind is known by its name (see
       `matching`): rather one too many is left alone than one rotated while it is restored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from rotator.api import Provider
from rotator.clock import Clock
from rotator.errors import ApiError, Unauthorized
from rotator.models import RESTORING, Server, ServerInfo

FRESH_SECONDS = 30.0
"""How long an answer is good: a rotation writes within less, and a restore takes ten times as long."""

DOUBT_SECONDS = 600.0
"""How long the call is not tried again where the provider has no such call or does not let us have it."""


class ServerStates:
    """One per process and account."""

    def __init__(self, provider: Provider, clock: Clock) -> None:
        self._provider = provider
        self._clock = clock
        self._restoring: tuple[ServerInfo, ...] = ()
        self._good_until = float("-inf")
        self._doubted_until = float("-inf")
        self._asking = asyncio.Lock()

    async def is_restoring(self, server: Server) -> bool:
        """Whether the provider said within the last moment that the server is being restored."""
        async with self._asking:
            if self._clock.monotonic() >= self._good_until:
                await self._ask()
        return any(_is(info, server) for info in self._restoring)

    async def of(self, server: Server) -> str | None:
        """The server's state as it is now, in the provider's word; None where it does not tell.

        Raises Unauthorized: a refused token has to be seen to, and is no silence.
        """
        try:
            listed = await self._provider.list_servers(once=True)
        except Unauthorized:
            raise
        except ApiError:
            return None
        by_id = [info.status for info in listed if str(info.id) == server.key]
        by_name = [info.status for info in listed if _is(info, server)]
        return (by_id or by_name or [None])[0]

    async def missing(self, servers: Iterable[Server]) -> frozenset[str]:
        """The texts of those ids that the account surely does not have: none where it does not tell."""
        if self._clock.monotonic() < self._doubted_until:
            return frozenset()
        try:
            listed = await self._provider.list_servers(once=True)
        except ApiError as error:
            self._doubted_until = self._clock.monotonic() + (0.0 if error.passing else DOUBT_SECONDS)
            return frozenset()
        return frozenset(server.key for server in servers if is_missing(server, listed))

    def forget(self) -> None:
        """A restore was begun or is over: what was told before is worth nothing."""
        self._good_until = float("-inf")

    async def _ask(self) -> None:
        good_for = FRESH_SECONDS
        try:
            listed = await self._provider.list_servers(status=RESTORING, once=True)
        except ApiError as error:
            self._restoring = ()
            good_for = FRESH_SECONDS if error.passing else DOUBT_SECONDS
        else:
            self._restoring = tuple(info for info in listed if info.status == RESTORING)
        self._good_until = self._clock.monotonic() + good_for


def is_missing(server: Server, listed: Sequence[ServerInfo]) -> bool:
    """Whether the account's servers are known by ids of this kind, and this one is not among them.

    The provider has two kinds, integers and UUIDs: a list in the other kind says nothing, but for a server
    whose name was written in place of its id.
    """
    keys = {str(info.id) for info in listed}
    alike = any(key.isdigit() == server.key.isdigit() for key in keys)
    return server.key not in keys and (alike or any(info.name == server.key for info in listed))


def _is(info: ServerInfo, server: Server) -> bool:
    return str(info.id) == server.key or (bool(server.name) and info.name == server.name)
