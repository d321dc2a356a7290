"""Nothing gets stuck for ever: once the faults have ended, every pair is fresh within two slots, or blocked.

All of it is read from the true world; of what rotator says only its last outcome counts, and a blockage is
counted again before it is believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from campaigns.judge import FAILED, Judge, Standing, belonging
from campaigns.witness import Witness
from rotator import cron
from rotator.models import Keep, Pair, Policy

GRACE = timedelta(minutes=25)
"""After a slot's time: what the creates of a server's three policies and their polls take, one by one."""


def newest_slots(pair: Pair, now: datetime, count: int = 2) -> list[datetime]:
    """The last so many slots whose snapshots have to be there by now, newest first."""
    policy = pair.policy
    offset = cron.splay_offset(pair.server.key, policy.splay)
    slots: list[datetime] = []
    at = now - offset - GRACE
    while len(slots) < count and (slot := cron.last_slot(policy.schedule, policy.zone, at)) is not None:
        slots.append(slot)
        at = slot - timedelta(seconds=1)
    return slots


def is_fresh(judge: Judge, pair: Pair, now: datetime, begun: datetime | None = None) -> bool:
    """Whether there is a ready snapshot of one of the last two slots, or was, and its successor is coming.

    On a full server the newest one may have to go ahead of the create, if the rules keep others rather.
    `begun`: since when a rotation is under way; a look may fall between its delete and its create.
    """
    oldest = newest_slots(pair, now)[-1]
    young = [one for one in judge.own(pair.server, pair.policy) if one.slot >= oldest]
    if any(one.ready for one in young):
        return True
    came = (name for server, name in judge.proven if server == pair.server.key)
    owned = (belonging(pair.server, name, oldest) for name in came)
    was_there = any(policy == pair.policy and slot >= oldest for policy, slot in owned)
    at_work = begun is not None and now - begun < GRACE
    return was_there and (at_work or any(one.status == "in_progress" for one in young))


def stale(
    judge: Judge, pairs: tuple[Pair, ...], since: datetime, now: datetime, witness: Witness
) -> Iterator[str]:
    """What is wrong with each pair that had two slots since the faults ended."""
    for pair in pairs:
        if newest_slots(pair, now)[-1] <= since or is_fresh(judge, pair, now, witness.begun.get(pair.key)):
            continue
        where = f"{pair.policy.name} on {pair.server.label} ({pair.policy.schedule[0]})"
        last = witness.finished.get(pair.key)
        outcome, detail = (
            (None, None) if last is None else (last.line.get("outcome"), last.line.get("detail"))
        )
        stands = ", ".join(f"{one.name} {one.status}" for one in judge.standing[pair.server.key].values())
        if last is None or outcome != "cap_reached":
            at = "never" if last is None else f"{last.at:%F %T}"
            yield f"{where} is not fresh; last, {at}, it was {outcome} ({detail}); there stand: {stands}"
        elif last.way_out is not None:
            yield f"{where} said cap_reached ({detail}) at {last.at:%F %T}, but {last.way_out}"


def way_out(judge: Judge, pair: Pair, now: datetime) -> str | None:
    """How a place could be made now by the contract, or None: the pair is blocked indeed."""
    policy, server = pair.policy, pair.server
    standing = len(judge.standing.get(server.key, {}))
    if standing < judge.cap:
        return f"only {standing} of {judge.cap} places are taken"
    own = [
        one
        for one in judge.own(server, policy)
        if not any(fnmatchcase(one.name, glob) for glob in server.protect)
    ]
    broken = [one for one in own if _is_broken(one, policy, now)]
    needed = standing - judge.cap + 1
    if len(broken) >= needed:
        return f"{broken[0].name} is {broken[0].status}"
    ready = len(own_ready := [one for one in judge.own(server, policy) if one.ready])
    if policy.keep == Keep() or _unknown_is_newest(judge, pair, own_ready):
        return None
    spare = min(ready - policy.min_ready, sum(one.ready for one in own), policy.max_deletes)
    if spare >= needed - len(broken):
        return f"{spare} ready ones may go, and {needed} are needed"
    return None


def _is_broken(one: Standing, policy: Policy, now: datetime) -> bool:
    stuck = one.status == "in_progress" and now - one.created_at > policy.wait.timeout
    return one.status in FAILED or stuck


def _unknown_is_newest(judge: Judge, pair: Pair, ready: list[Standing]) -> bool:
    """Whether an own one in a state that nobody documented is newer than all ready ones."""
    known = FAILED | {"in_progress"}
    unknown = [
        one.slot for one in judge.own(pair.server, pair.policy) if not one.ready and one.status not in known
    ]
    return bool(unknown) and (not ready or max(unknown) > ready[0].slot)
