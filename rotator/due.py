"""What is owed: the last slot if its restore point is missing, and snapshots that are still being made.

The timer runs slots as they come; this answers the other question, after a pause of any length: one slot is
made up for, the newest, and only while it is still worth having (`catch_up`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rotator import cron
from rotator.census import Census, View, take_census

RETRY_AFTER = tuple(timedelta(minutes=m) for m in (5, 10, 20, 30))
"""How long after each failure the same slot is tried again; the last one repeats (the contract's numbers)."""

RETRY_FOR = timedelta(hours=6)
"""How long after it was first handed out a slot is tried again at most."""


@dataclass(frozen=True, slots=True)
class Due:
    """What to do now for a pair. `slots`: rotate these, in this order. `missed`: a slot that came too late.

    `caught_up` is the due slot among `slots`, None where they only take up what is under way. `managed`: the
    policy has made a snapshot on this server before (an adopted one does not tell).
    """

    slots: tuple[datetime, ...] = ()
    caught_up: datetime | None = None
    missed: datetime | None = None
    managed: bool = False


def due(view: View, offset: timedelta) -> Due:
    """What the view's pair owes at `view.now`. `offset` is the server's splay, 0 where it does not apply."""
    census = take_census(view)
    policy = view.pair.policy
    last = cron.last_slot(policy.schedule, policy.zone, view.now - offset)
    owed = last if last is not None and not _done(census, last) else None
    late = owed is not None and not _in_time(view.now - (owed + offset), policy.catch_up)
    under_way = sorted({i.slot for i in census.items if i.own and i.moving and not i.adopted})
    caught_up = None if late else owed
    first = (caught_up,) if caught_up is not None else ()
    return Due(
        slots=(*first, *(slot for slot in under_way if slot != caught_up)),
        caught_up=caught_up,
        missed=owed if late and owed not in under_way else None,
        managed=any(i.own and not i.adopted for i in census.items),
    )


def _in_time(lateness: timedelta, catch_up: timedelta) -> bool:
    return bool(catch_up) and lateness <= catch_up


def _done(census: Census, slot: datetime) -> bool:
    """A ready one of that slot or a later one exists; a future one speaks for its own slot alone."""
    later = any(i.slot >= slot for i in census.own_ready)
    return later or any(i.ready for i in census.of_slot(slot))
