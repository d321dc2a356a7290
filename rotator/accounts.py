"""The account in force, and those before it that still have something under way.

A reload that changes how the API is asked opens another account. The old one stays open for the rotations
that began in it, and not a minute longer than it takes to be sure that nothing of it is in flight.
"""

from __future__ import annotations

from typing import Protocol

from rotator.clock import Clock
from rotator.office import Office

LAST_LISTS = 120.0
"""Seconds after the last rotation for lists that nobody waits for any more: a request may fail for 45 s."""


class Account(Protocol):
    """An office with what belongs to it: the token, the connections."""

    @property
    def office(self) -> Office:
        """Where rotations of this account work."""
        ...

    def refresh_token(self) -> bool:
        """Read the token anew; True if it changed. Raises ConfigError if there is none any more."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


class Accounts:
    """All accounts that are open. `current` is the one in which rotations begin."""

    def __init__(self, first: Account, clock: Clock) -> None:
        self.current = first
        self._clock = clock
        self._retired: list[Account] = []

    @property
    def office(self) -> Office:
        """The office of the account in force."""
        return self.current.office

    def replace(self, fresh: Account) -> Account:
        """Put a fresh account in force and return the old one, which is to be handed to `close_unused`.

        Rotations of a server follow each other across the change.
        """
        old, self.current = self.current, fresh
        fresh.office.queues = old.office.queues
        self._retired.append(old)
        return old

    async def close_unused(self, retired: Account) -> None:
        """Close a retired account once the last rotation has left it."""
        await retired.office.unused.wait()
        await self._clock.sleep(LAST_LISTS)
        await retired.aclose()
        self._retired.remove(retired)

    async def aclose(self) -> None:
        """Close all of them."""
        for account in (*self._retired, self.current):
            await account.aclose()
