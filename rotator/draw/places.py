"""Which place of a server each snapshot takes: rows for pictures.

The provider numbers no places; here a snapshot takes the lowest one that was free before it began. Only on a
full server, where a rotation deletes before it creates, does it follow its predecessor in the same instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from rotator.simulate import Life

_NEVER_TAKEN = datetime.min.replace(tzinfo=UTC)


def places(known: Iterable[Life], cap: int) -> list[tuple[int, Life]]:
    """Each life with its place, counted from 0. What goes beyond the cap gets places beyond it."""
    ends: list[datetime | None] = [_NEVER_TAKEN] * cap
    placed = []
    for life in sorted(known, key=lambda life: (life.begins, life.snapshot.key)):
        place = _free(ends, life.begins)
        if place == len(ends):
            ends.append(None)
        ends[place] = life.ends
        placed.append((place, life))
    return placed


def _free(ends: Sequence[datetime | None], at: datetime) -> int:
    free = (i for i, end in enumerate(ends) if end is not None and end < at)
    left_now = (i for i, end in enumerate(ends) if end is not None and end == at)
    return next(free, next(left_now, len(ends)))
