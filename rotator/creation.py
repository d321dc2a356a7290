"""Ask for a snapshot, and never for two of one slot, whatever becomes of the answer.

Law 1: before a create goes out, the record beside the lock says so; its answer settles the record.
Law 2: an answer that was lost is settled by looking for the name twice, the second time in a list begun at
       least SETTLE_SECONDS after the request. Until then the lock is kept and nothing is asked for again.
Law 3: the answer of a create says that it exists, whatever state it tells: whether it is ready, only a list
       says.
Law 4: an answered create stays on record until a list shows it: a list may lag behind a killed writer. One
       that comes to nothing leaves the record of another one as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from rotator.api import Patience, Provider
from rotator.clock import Clock
from rotator.errors import AnswerLost, ApiError, ListUnsure
from rotator.inventory import Inventory
from rotator.lock import Held, Record
from rotator.models import Pair, Snapshot, State
from rotator.settling import SETTLE_SECONDS

log = structlog.stdlib.get_logger()

ASKS = 3
"""How often one rotation asks for its snapshot where answers are lost: three fit into 45 s of settling."""


@dataclass(frozen=True, slots=True)
class Creation:
    """Creates snapshots of one server while the server's lock is held."""

    pair: Pair
    provider: Provider
    inventory: Inventory
    clock: Clock
    held: Held

    async def ask(self, name: str, description: str, patience: Patience) -> Snapshot:
        """Create a snapshot of that name, or find the one that an answer was lost of.

        Raises ApiError: a refusal, or AnswerLost where it could not be settled (the record stays then).
        """
        others = self._others_record(name)
        for left in reversed(range(ASKS)):
            try:
                return await self._ask_once(name, description, patience, others)
            except AnswerLost as lost:
                log.warning("api.retry", method="POST", error=lost.code, detail=lost.message, snapshot=name)
                found = await self._look_twice(name)
                if found is not None:
                    return self._answered(found)
                self._put_back(others)
                if not left:
                    raise
        raise AssertionError("the loop returns or raises")

    async def _ask_once(
        self, name: str, description: str, patience: Patience, others: Record | None
    ) -> Snapshot:
        log.info("snapshot.create_requested", snapshot=name)
        try:
            made = await self.provider.create_snapshot(
                self.inventory.id_of(self.pair.server),
                name,
                description,
                patience=patience,
                on_send=lambda: self.held.write(Record(name, self.clock.now())),
            )
        except AnswerLost:
            raise
        except ApiError:
            self._put_back(others)
            raise
        return self._answered(replace(made, status=State.IN_PROGRESS.value, state=State.IN_PROGRESS))

    def _others_record(self, name: str) -> Record | None:
        """The record of another snapshot that no list has shown yet: a person does not wait for that."""
        record = self.held.record()
        return record if record is not None and record.name not in ("", name) else None

    def _put_back(self, others: Record | None) -> None:
        """Nothing was made: what was on record before is so again."""
        if others is None:
            self.held.clear()
        else:
            self.held.write(others)

    def _answered(self, snapshot: Snapshot) -> Snapshot:
        self.inventory.created(self.pair.server, snapshot, self.pair.policy.wait.timeout)
        log.info("snapshot.created", snapshot=snapshot.name, snapshot_id=snapshot.id)
        self.held.withdraw(snapshot.key)  # should the provider ever use an id again
        self.held.write(Record(snapshot.name, self.clock.now(), snapshot.id))
        return snapshot

    async def _look_twice(self, name: str) -> Snapshot | None:
        """At once, and in a list begun SETTLE_SECONDS later. Raises ListUnsure if either is unsure."""
        again = self.clock.monotonic() + SETTLE_SECONDS
        found = await self._find(name)
        if found is None:
            await self.clock.sleep(again - self.clock.monotonic())
            found = await self._find(name)
        if found is None and name in await self.inventory.strays():
            raise ListUnsure(f"a row without a server bears the name {name}")
        return found

    async def _find(self, name: str) -> Snapshot | None:
        sight = await self.inventory.look(self.pair.server)
        if sight.unsure is not None:
            raise ListUnsure(sight.unsure)
        if name in sight.strays:
            raise ListUnsure(f"a row without a server bears the name {name}")
        return sight.find(name)
