"""Telling moments: where in a daemon's work a suspend or a step of the clock meets it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Literal

from campaigns.clock_life import until
from rotator.models import Server
from rotator.sandbox import Fault
from tests.daemons import Life

QUARTER = timedelta(minutes=15)
"""What every schedule here is a multiple of."""

SLOWLY = timedelta(hours=1)
"""How long a moment of the work is waited for at most: the slots come every quarter of an hour."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A daemon at work, and the server whose moments are waited for: one with a slot every quarter."""

    life: Life
    busy: Server
    random: Random

    async def to_slot(self, ahead: timedelta) -> None:
        """Let time pass until the next full quarter by the daemon's clock, and that much more (or less)."""
        now = self.life.stage.clock.now()
        past = timedelta(minutes=now.minute % 15, seconds=now.second, microseconds=now.microsecond)
        wait = QUARTER - past + ahead
        await self.life.sleep(seconds=(wait if wait > timedelta(0) else wait + QUARTER).total_seconds())


async def _anywhere(scene: Scene) -> None:
    await scene.life.sleep(seconds=scene.random.uniform(60, 3 * 3600))


async def _just_before_a_slot(scene: Scene) -> None:
    await scene.to_slot(-timedelta(seconds=scene.random.choice([0.001, 1, 5])))


async def _exactly_at_a_slot(scene: Scene) -> None:
    await scene.to_slot(timedelta(0))


async def _just_after_a_slot(scene: Scene) -> None:
    await scene.to_slot(timedelta(seconds=scene.random.choice([0.001, 1, 5])))


async def _in_a_wait(scene: Scene) -> None:
    world = scene.life.stage.world
    await _found(
        scene, lambda: any(row.status == "in_progress" for row in world.snapshots(scene.busy.id)), "wait"
    )


async def _in_a_create(scene: Scene) -> None:
    """While a create is under way; half of them lose their connection, before or after they were heard."""
    ways: tuple[Literal["before", "after"] | None, ...] = (None, None, "before", "after")
    drop = scene.random.choice(ways)
    if drop is not None:
        scene.life.stage.world.faults.add(Fault(method="POST", server_id=scene.busy.id, drop=drop))
    requests = scene.life.stage.world.requests
    await _found(
        scene,
        lambda: bool(requests) and requests[-1].method == "POST" and requests[-1].status is None,
        "create",
    )


async def _in_a_pause(scene: Scene) -> None:
    """While a rotation that failed waits to be tried again."""
    scene.life.stage.world.faults.add(Fault(method="POST", server_id=scene.busy.id, fate="fails"))
    log = scene.life.log
    before = len(log)
    await _found(
        scene, lambda: any(line["event"] == "rotation.retry_scheduled" for line in log[before:]), "pause"
    )


async def _found(scene: Scene, condition: Callable[[], bool], what: str) -> None:
    if not await until(scene.life, condition, SLOWLY):
        raise AssertionError(f"no {what} came within {SLOWLY}")


MOMENTS: dict[str, Callable[[Scene], Awaitable[None]]] = {
    "anywhere": _anywhere,
    "just before a slot": _just_before_a_slot,
    "exactly at a slot": _exactly_at_a_slot,
    "just after a slot": _just_after_a_slot,
    "in a wait": _in_a_wait,
    "in a create": _in_a_create,
    "in a retry's pause": _in_a_pause,
}
"""How to let time pass until such a moment has come."""
