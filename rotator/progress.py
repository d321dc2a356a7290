"""What a rotation did already: the memory that keeps a second plan from spending a limit twice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """What this rotation, and earlier tries of the same slot, did already.

    `deleted`: ready ones deleted, or tried, in this rotation. `room_limit`: how many ready ones the slot may
    delete before its create, fixed when it was first planned; `room_deleted`: how many it did, or tried.
    `waited_out`: texts of ids that were waited for until the time was up. `tried`: texts of the ids that
    `room_deleted` counts: one that still stands may be tried again.
    """

    slot: datetime
    deleted: int = 0
    room_limit: int | None = None
    room_deleted: int = 0
    waited_out: frozenset[str] = frozenset()
    tried: frozenset[str] = frozenset()

    def planned(self, room_needed: int | None) -> Progress:
        """Remember what the slot's first plan of a create needs; every other plan changes nothing."""
        return replace(self, room_limit=room_needed) if self.room_limit is None else self

    def recalled(self, made: tuple[int, frozenset[str]] | None) -> Progress:
        """Take over what earlier processes did for the slot: how many it may cost, and the ids it did."""
        if made is None or self.room_limit is not None:
            return self
        limit, keys = made
        return replace(self, room_limit=limit, room_deleted=len(keys), tried=keys)

    def deleted_ready(self, *, before_create: bool, key: str | None = None) -> Progress:
        """Count the ready snapshot of that id as spent, for the slot's create only once."""
        spent = replace(self, deleted=self.deleted + 1)
        if not before_create or key in self.tried:
            return spent
        tried = self.tried | ({key} if key is not None else set())
        return replace(spent, room_deleted=self.room_deleted + 1, tried=tried)

    def gave_up_on(self, key: str) -> Progress:
        """Wait no more for that id."""
        return replace(self, waited_out=self.waited_out | {key})

    def next_try(self) -> Progress:
        """Another rotation for the same slot: its own deletes start at nought, the slot's do not."""
        return replace(self, deleted=0, waited_out=frozenset())
