"""Ask for a snapshot, and never for two of one slot, whatever becomes of the answer.

Law 1: before a create goes out, the record beside the lock says so; its answer settles the record.
Law 2: an answer that was lost is settled by looking for the name twice, the second time in a list begun at
       least SETTLE_SECONDS after the request. Until then the lock is kept and nothing is asked for again.
Law 3: a record found on taking the lock is a lost answer of somebody who was killed.
Law 4: an answered create stays on record until a list shows it: a list may lag behind a killed writer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from rotator import naming
from rotator.api import Patience, Provider
from rotator.clock import Clock
from rotator.errors import AnswerLost, ApiError, ListUnsure
from rotator.inventory import Inventory
from rotator.lock import Held, Record
from rotator.models import Pair, Snapshot, State
from rotator.sight import Sight

log = structlog.stdlib.get_logger()

SETTLE_SECONDS = 15.0
"""How long after a lost create its name is looked for the second time (the contract's number)."""

ASKS = 3
"""How often one rotation asks for its snapshot where answers are lost: three fit into 45 s of settling."""


@dataclass(frozen=True, slots=True)
class Creation:
    """Creates one pair's snapshots while the server's lock is held."""

    pair: Pair
    provider: Provider
    inventory: Inventory
    clock: Clock
    held: Held

    async def look(self) -> Sight:
        """The deciding look of a turn, after any record that was found has been settled."""
        sight = await self.inventory.look(self.pair.server)
        record = self.held.record()
        if record is None or sight.unsure is not None:
            return sight
        if record.snapshot_id is not None:
            return self._believe(record, record.snapshot_id, sight)
        if sight.find(record.name) is None:
            await self._sleep_until(record.at + timedelta(seconds=SETTLE_SECONDS))
            sight = await self.inventory.look(self.pair.server)
        if sight.unsure is None:
            self.held.clear()
        return sight

    async def ask(self, slot: datetime, patience: Patience) -> Snapshot:
        """Create the slot's snapshot, or find the one that an answer was lost of.

        Raises ApiError: a refusal, or AnswerLost where it could not be settled (the record stays then).
        """
        name = naming.snapshot_name(self.pair.server, self.pair.policy, slot)
        for left in reversed(range(ASKS)):
            try:
                return await self._ask_once(name, slot, patience)
            except AnswerLost as lost:
                log.warning("api.retry", method="POST", error=lost.code, detail=lost.message, snapshot=name)
                found = await self._look_twice(name)
                if found is not None:
                    return self._answered(found)
                self.held.clear()
                if not left:
                    raise
        raise AssertionError("the loop returns or raises")

    async def _ask_once(self, name: str, slot: datetime, patience: Patience) -> Snapshot:
        server, policy = self.pair.server, self.pair.policy
        self.held.write(Record(name, self.clock.now()))
        log.info("snapshot.create_requested", snapshot=name, slot=naming.slot_text(slot))
        try:
            made = await self.provider.create_snapshot(
                self.inventory.id_of(server), name, naming.description(server, policy), patience=patience
            )
        except AnswerLost:
            raise
        except ApiError:
            self.held.clear()
            raise
        return self._answered(made)

    def _answered(self, snapshot: Snapshot) -> Snapshot:
        self.inventory.created(self.pair.server, snapshot, self.pair.policy.wait.timeout)
        self.held.write(Record(snapshot.name, self.clock.now(), snapshot.id))
        log.info("snapshot.created", snapshot=snapshot.name, snapshot_id=snapshot.id)
        return snapshot

    async def _look_twice(self, name: str) -> Snapshot | None:
        """At once, and in a list begun SETTLE_SECONDS later. Raises ListUnsure if either is unsure."""
        again = self.clock.monotonic() + SETTLE_SECONDS
        found = await self._find(name)
        if found is None:
            await self.clock.sleep(again - self.clock.monotonic())
            found = await self._find(name)
        return found

    async def _find(self, name: str) -> Snapshot | None:
        sight = await self.inventory.look(self.pair.server)
        if sight.unsure is not None:
            raise ListUnsure(sight.unsure)
        return sight.find(name)

    def _believe(self, record: Record, snapshot_id: int | str, sight: Sight) -> Sight:
        """A create that was answered: it exists, if no list shows it yet and it is not too long ago."""
        timeout = self.pair.policy.wait.timeout
        left = record.at + timeout - self.clock.now()
        shown = sight.find(record.name)
        if left <= timedelta(0) or (shown and not self.inventory.is_unseen(self.pair.server, shown)):
            self.held.clear()
            return sight
        made = Snapshot(
            id=snapshot_id,
            server_id=self.inventory.id_of(self.pair.server),
            name=record.name,
            status="in_progress",
            state=State.IN_PROGRESS,
            created_at=record.at,
        )
        self.inventory.known(self.pair.server, made, left, sight.began)
        return self.inventory.overlaid(self.pair.server, sight)

    async def _sleep_until(self, at: datetime) -> None:
        """Sleep until the wall clock shows `at`, at most SETTLE_SECONDS: the clock may have been set back."""
        await self.clock.sleep(min((at - self.clock.now()).total_seconds(), SETTLE_SECONDS))
