"""What the campaigns of the clock share: quick policies, what a daemon made, what is wrong with it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.judge import belonging
from rotator.models import Keep, Policy, Server, Wait
from rotator.sandbox import World
from tests.daemons import Life

QUICK = Wait(first=timedelta(seconds=10), interval=timedelta(seconds=10), timeout=timedelta(minutes=45))
"""How these policies wait: soon and often, for the sandbox's snapshots are ready soon."""

LOOK_EVERY = 0.5
"""Virtual seconds between two looks for a moment that is waited for."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one life of a daemon. `wrong` says what breaks a promise; nothing is all well."""

    name: str
    made: int
    wrong: tuple[str, ...] = ()
    notes: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        notes = "".join(f", {count} {what}" for what, count in sorted(self.notes.items()))
        verdict = "ok" if not self.wrong else f"{len(self.wrong)} WRONG"
        return f"{self.name}: {self.made} slots made{notes}: {verdict}"


def policy(name: str, *schedule: str, zone: ZoneInfo, **more: Any) -> Policy:
    """A policy of the campaigns: keeps three, makes up for six hours and seven minutes."""
    given: dict[str, Any] = {"keep": Keep(last=3), "catch_up": timedelta(hours=6, minutes=7), "wait": QUICK}
    return Policy(name=name, schedule=schedule, zone=zone, **{**given, **more})


def slots_of(world: World, server: Server, kind: str = "created") -> Iterator[datetime]:
    """The slots of one server's changes of that kind, in their order; the server has a single policy."""
    for change in world.history:
        if change.kind == kind and str(change.server_id) == server.key:
            owner, slot = belonging(server, change.name, change.created_at)
            if owner is not None:
                yield slot


def differences(
    found: Collection[datetime], expected: Collection[datetime], allowed: Collection[datetime] = ()
) -> Iterator[str]:
    """Slots that were made twice, lost, or made though nobody asked; `allowed` ones may be there or not."""
    for slot, times in sorted(Counter(found).items()):
        if times > 1:
            yield f"{slot:%F %T} was made {times} times"
    for slot in sorted(set(expected) - set(found)):
        yield f"{slot:%F %T} was lost"
    for slot in sorted(set(found) - set(expected) - set(allowed)):
        yield f"{slot:%F %T} was made, and is none"


async def until(life: Life, condition: Callable[[], bool], limit: timedelta) -> bool:
    """Let time pass until the condition holds; False if it did not within the limit."""
    clock = life.stage.clock
    end = clock.monotonic() + limit.total_seconds()
    while not condition():
        if clock.monotonic() >= end:
            return False
        await asyncio.sleep(LOOK_EVERY)
    return True
