"""Delete one snapshot that a plan has doomed, and let whoever comes next know of it.

Law 1: it is logged, with its reasons, and noted beside the lock before it goes out.
Law 2: the note says which slot it makes room for: another process deletes no more for it than this one may.
Law 3: only its answer says that it is gone; a delete whose answer was lost stays noted as sent.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from rotator.api import Patience, Provider
from rotator.errors import ApiError, BadRequest, Forbidden, RateLimited, Unauthorized
from rotator.inventory import Inventory
from rotator.lock import Held, Room
from rotator.models import Problem, Server, Snapshot

REFUSED = (BadRequest, Forbidden, RateLimited, Unauthorized)
"""Answers that say that nothing was done, if no other try went before."""

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Deletion:
    """Deletes snapshots of one server while its lock is held."""

    server: Server
    provider: Provider
    inventory: Inventory
    held: Held

    def room_made(self, name: str) -> tuple[int, frozenset[str]] | None:
        """How many ready ones the slot of that snapshot may cost, and the ids it did; None: none yet."""
        return self.held.room_made(name)

    async def delete(
        self, snapshot: Snapshot, reasons: tuple[str, ...], patience: Patience, room: Room | None = None
    ) -> Problem | None:
        """Delete it; a problem says why it may still stand. Raises ApiError where the token may not.

        `room`: the slot whose create it makes room for.
        """
        facts = {"snapshot": snapshot.name, "snapshot_id": snapshot.id}
        log.info("snapshot.delete_requested", reasons=list(reasons), state=snapshot.state.value, **facts)
        tries = 0

        def note() -> None:
            nonlocal tries
            self.held.bury(snapshot.key, gone=False, room=room)
            tries += 1

        try:
            existed = await self.provider.delete_snapshot(snapshot.id, patience=patience, on_send=note)
        except ApiError as error:
            if tries == 1 and isinstance(error, REFUSED):
                self.held.withdraw(snapshot.key)
            log.error("snapshot.delete_failed", error=error.code, detail=error.message, **facts)
            if error.code in {"unauthorized", "forbidden"}:
                raise
            message = f"{snapshot.name} could not be deleted: {error.message}"
            return Problem("delete_failed", message, passing=error.passing, retry_after=error.retry_after)
        self.inventory.deleted(self.server, snapshot)
        log.info("snapshot.deleted", reasons=list(reasons), was_gone=not existed, **facts)
        self.held.bury(snapshot.key, gone=True, room=room)
        return None
