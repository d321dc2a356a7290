"""Servers and policies for a storm, drawn from one `random.Random`: what a configuration may hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from rotator import cron
from rotator.config.fit import places_needed
from rotator.models import Id, Keep, Policy, Server, Wait
from tests.staging import Stage

Ids = Literal["integer", "text", "uuid"]
Pace = Literal["brisk", "usual", "daily"]

BRISK = ("*/15 * * * *",) * 3 + ("*/30 * * * *",) * 2 + ("0 * * * *",) * 3 + ("20 * * * *",) * 2

SCHEDULES: Mapping[Pace, tuple[str, ...]] = {
    "brisk": BRISK,
    "usual": (*BRISK, *("30 */2 * * *", "0 */4 * * *", "0 */6 * * *") * 2),
    "daily": (*BRISK, *("30 */2 * * *", "0 */4 * * *", "0 */6 * * *", "0 3 * * *") * 2),
}
"""Schedules, as often as each is to be drawn. The calm after a storm lasts two slots of the slowest."""

KEEPS: tuple[Keep, ...] = (
    *(Keep(last=count) for count in (1, 2, 3, 4, 5)),
    Keep(hourly=2),
    Keep(last=1, hourly=2),
    Keep(last=2, daily=2),
    Keep(hourly=2, daily=1, weekly=1),
    Keep(daily=2),
    Keep(last=1, daily=1, weekly=1, monthly=1),
)

ZONES = ("UTC", "Africa/Nairobi", "America/New_York", "Asia/Kathmandu")

NAMES = ("first", "second", "third")


def draw(chance: Random, count: int, ids: Ids, pace: Pace) -> tuple[Server, ...]:
    """So many servers, each with one to three policies that fit its five places."""
    return tuple(_server(chance, number, ids, pace) for number in range(1, count + 1))


def _server(chance: Random, number: int, ids: Ids, pace: Pace) -> Server:
    forms: Mapping[Ids, Id] = {"integer": number, "text": str(number), "uuid": str(UUID(int=number))}
    id_ = forms[ids]
    policies = _fitting(chance, pace)
    if chance.random() < 0.1:
        policies.append(_policy(chance, "resting", pace, enabled=False))
    golden = ("golden-*",) if chance.random() < 0.5 else ()
    midnight = ("*T000000Z",) if chance.random() < 0.05 else ()
    return Server(id=id_, policies=tuple(policies), name=f"web-{number}", protect=golden + midnight)


def _fitting(chance: Random, pace: Pace) -> list[Policy]:
    """Policies whose needs fit: a place is free, or all are taken and each can make room."""
    drawn: list[Policy] = []
    for name in NAMES[: chance.choice((1, 1, 2, 2, 3))]:
        tries = (_policy(chance, name, pace) for _ in range(20))
        fitting = (policy for policy in tries if _fit([*drawn, policy]))
        drawn += [policy for policy in (next(fitting, None),) if policy is not None]
    return drawn


def _fit(policies: list[Policy]) -> bool:
    """Whether a configuration may have these on one server. One fast one of them is enough."""
    needs = [places_needed(policy) for policy in policies]
    giving = all(need > policy.min_ready for need, policy in zip(needs, policies, strict=True))
    fast = sum(policy.schedule[0].startswith("*/") for policy in policies)
    return (sum(needs) < 5 or (sum(needs) == 5 and giving)) and fast <= 1


def _policy(chance: Random, name: str, pace: Pace, *, enabled: bool = True) -> Policy:
    """A policy with every key drawn; `wait.timeout` is far above the time that any create takes."""
    schedule, zone = (chance.choice(SCHEDULES[pace]),), ZoneInfo(chance.choice(ZONES))
    gaps = cron.gaps(schedule, zone, datetime.fromisoformat("2027-03-14T00:00:00+00:00"))
    assert gaps is not None  # all of these fire
    interval = timedelta(seconds=chance.choice((15, 30, 60)))
    return Policy(
        name=name,
        schedule=schedule,
        zone=zone,
        catch_up=cron.default_catch_up(gaps.widest),
        splay=timedelta(minutes=chance.choice((0, 0, 4, 10))),
        keep=chance.choice(KEEPS),
        template=chance.choice(("{policy}-{slot}", "{policy}-{slot}", "{server}-{policy}-{slot}")),
        min_ready=chance.choice((1, 1, 2)),
        max_deletes=chance.choice((1, 2, 2, 3)),
        wait=Wait(timedelta(seconds=30), interval, timedelta(minutes=chance.choice((20, 30, 45)))),
        adopt=(f"legacy-{name}-*",) if chance.random() < 0.3 else (),
        enabled=enabled,
    )


def furnish(stage: Stage, chance: Random, servers: tuple[Server, ...]) -> None:
    """What stands there when the daemon comes: earlier slots, legacy ones, golden ones; or nothing yet."""
    for server in servers:
        for policy in server.policies:
            left = 5 - len(stage.world.snapshots(server.id))
            wanted = min(left, chance.randrange(0, int(places_needed(policy)) + 1))
            slots = _before(policy, stage.clock.now(), wanted)
            stage.plant(server, slots, policy=policy.name)
            if policy.adopt and left > wanted:
                stage.world.add_snapshot(
                    server.id,
                    f"{policy.adopt[0][:-1]}old",
                    created_at=stage.clock.now() - timedelta(days=3),
                )
        if server.protect and chance.random() < 0.3 and len(stage.world.snapshots(server.id)) < 4:
            stage.world.add_snapshot(server.id, "golden-image")


def _before(policy: Policy, now: datetime, count: int) -> list[datetime]:
    """The last so many slots of a policy, oldest first."""
    slots: list[datetime] = []
    at = now
    while len(slots) < count and (slot := cron.last_slot(policy.schedule, policy.zone, at)) is not None:
        slots.insert(0, slot)
        at = slot - timedelta(seconds=1)
    return slots
