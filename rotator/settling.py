"""The look that decides a turn, after whatever earlier ones left unsettled has been settled.

Law 1: a create or a delete whose answer nobody had is looked for twice, the second time in a list begun at
       least SETTLE_SECONDS after it was sent. Until then the lock is kept and nothing is decided.
Law 2: a create that was answered exists until a list shows it: a list may lag behind a killed writer.
Law 3: an id whose delete was answered is gone, whoever asked for it and whatever a list shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rotator.clock import Clock
from rotator.inventory import Inventory
from rotator.lock import Held, Record
from rotator.models import Id, Pair, Snapshot, State
from rotator.sight import Sight

SETTLE_SECONDS = 15.0
"""How long after a lost write what became of it is looked for the second time (the contract's number)."""


@dataclass(frozen=True, slots=True)
class Settling:
    """Looks at one pair's server while its lock is held."""

    pair: Pair
    inventory: Inventory
    clock: Clock
    held: Held

    async def look(self) -> Sight:
        """What stands on the server, with all that other processes are known to have done to it.

        An unsure list is an unsure sight, and settles nothing. Raises ApiError where no list could be had.
        """
        self._bury_what_is_gone()
        sight = await self.inventory.look(self.pair.server)
        doubts = tuple(self._doubts(sight))
        if doubts and sight.unsure is None:
            await self._sleep_until(max(doubts) + timedelta(seconds=SETTLE_SECONDS))
            sight = await self.inventory.look(self.pair.server)
        return sight if sight.unsure is not None else self._settled(await self._with_strays(sight))

    async def _with_strays(self, sight: Sight) -> Sight:
        """A list of one server shows no row that names none: that of a lost create may be among those."""
        record = self.held.record()
        lost = record is not None and record.snapshot_id is None and sight.find(record.name) is None
        return replace(sight, strays=tuple(await self.inventory.strays())) if lost else sight

    def _bury_what_is_gone(self) -> None:
        for stone in self.held.tombstones():
            if stone.gone:
                self.inventory.buried(self.pair.server, stone.key)

    def _doubts(self, sight: Sight) -> Iterator[datetime]:
        """When the writes were sent of which this sight cannot tell yet what became of them."""
        record = self.held.record()
        if record is not None and record.snapshot_id is None and sight.find(record.name) is None:
            yield record.at
        shown = {row.key for row in sight.snapshots}
        yield from (s.at for s in self.held.tombstones() if not s.gone and s.key in {"", *shown})

    def _settled(self, sight: Sight) -> Sight:
        """Forget what this sight has settled, and lay over it what it cannot show yet."""
        if not all(stone.gone for stone in self.held.tombstones()):
            self.held.forget_doubts()
        record = self.held.record()
        if record is None:
            return sight
        if record.snapshot_id is not None:
            return self._believe(record, record.snapshot_id, sight)
        if record.name not in sight.strays:
            self.held.clear()
        return sight

    def _believe(self, record: Record, snapshot_id: Id, sight: Sight) -> Sight:
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
