"""Steps: somebody sets this machine's clock, and the API's keeps to the true time.

The sandbox has a clock of its own, which no step reaches, so that its Date header and created_at tell the
truth. The daemon's clock is stepped at a telling moment, stays wrong for a while, and is set right again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from campaigns import almanac, naive
from campaigns.clock_life import Run, policy, slots_of
from campaigns.clock_moments import MOMENTS, Scene
from campaigns.judge import Judge, belonging
from rotator.models import FUTURE_TOLERANCE, Keep, Server
from rotator.sandbox import Switches, World
from rotator.schedule import CORRECTION
from tests.daemons import living
from tests.staging import Stage, on_stage, utc
from tests.virtual import VirtualClock

STEPS = {
    "+1 min": timedelta(minutes=1),
    "-1 min": timedelta(minutes=-1),
    "+1 h": timedelta(hours=1),
    "-1 h": timedelta(hours=-1),
    "+1 day": timedelta(days=1),
    "-1 day": timedelta(days=-1),
    "+1 year": timedelta(days=365),
    "-1 year": timedelta(days=-365),
}

STAYS = (timedelta(seconds=3), timedelta(minutes=20), timedelta(hours=5), timedelta(hours=26))
"""How long the clock stays wrong; the first is over before the daemon's next heartbeat."""

START = utc(2027, 3, 11, 12, 7)

DECIDED = timedelta(seconds=30)
"""A delete so soon after a step may have been decided before it."""

WORK = timedelta(minutes=30)
"""A slot's rotation is over by then, its first retries too."""

WAY = Switches(create_time=180, latency=1)
UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Spell:
    """The daemon's clock is off by `by` from one true time to another."""

    begin: datetime
    end: datetime
    by: timedelta


def servers() -> list[Server]:
    """One policy each. The first has the slots whose moments are looked for."""
    each = (
        policy("quarters", "*/15 * * * *", zone=UTC_ZONE, keep=Keep(last=2)),
        policy("hourly", "0 * * * *", zone=UTC_ZONE, keep=Keep(last=3)),
        policy("mixed", "30 * * * *", zone=UTC_ZONE, keep=Keep(hourly=2, daily=2)),
        policy("six-hourly", "15 */6 * * *", zone=UTC_ZONE, keep=Keep(daily=3)),
    )
    return [Server(id=number, policies=(one,)) for number, one in enumerate(each, 1)]


def step_and_back(seed: int, by: str | None = None, *, times: int = 2) -> Run:
    """A daemon whose clock is set wrong and right again so often; `by` names the step, else it is drawn."""
    random = Random(seed)
    fleet = servers()

    async def scene(stage: Stage) -> Run:
        stage.world.clock = VirtualClock(START)
        for server in fleet:
            _plant(stage, server)
        planted = {server.key: {row.name: row.created_at for row in stage.rows(server)} for server in fleet}
        judge, spells = Judge.of(stage.world, fleet), list[Spell]()
        notes: Counter[str] = Counter()
        wrong: list[str] = []
        async with living(stage, *fleet) as life:
            await life.sleep(hours=1)
            for _ in range(times):
                moment, step = random.choice(list(MOMENTS)), by or random.choice(list(STEPS))
                stay = random.choice(STAYS)
                notes[f"{step} {moment}"] += 1
                await MOMENTS[moment](Scene(life, fleet[0], random))
                begin = stage.world.clock.now()
                stage.clock.step(STEPS[step])
                await life.sleep(seconds=stay.total_seconds())
                stage.clock.step(-STEPS[step])
                spells.append(Spell(begin, stage.world.clock.now(), STEPS[step]))
                await life.sleep(hours=3)
            end = _by_then(fleet, _counted_from(spells[-1]))
            await life.sleep(seconds=max(1.0, (end - stage.world.clock.now()).total_seconds()))
        breaches = [str(one) for one in judge.follow(stage.world) if not _is_repeat(one.rule, spells)]
        wrong += breaches
        wrong += _deletes(stage.world, fleet, spells, planted)
        wrong += _freshness(stage.world, fleet, spells)
        history = stage.world.history
        made = sum(change.kind == "created" for change in history)
        again = sum(sum(n > 1 for n in Counter(slots_of(stage.world, s, "ready")).values()) for s in fleet)
        notes["slots made again after a correction"] = again
        notes["looks that found the clocks apart"] = len(life.events("clock.skewed"))
        return Run(f"steps, seed {seed}", made, tuple(wrong), notes)

    return on_stage(scene, *fleet, start=START, switches=WAY)


def _plant(stage: Stage, server: Server) -> None:
    """What stands there is what its rules would keep by now."""
    own = server.policies[0]
    past = almanac.slots(own.schedule, own.zone, START - timedelta(days=4), START)
    newest_first = past[::-1]
    kept = naive.keeps(newest_first, own.keep, own.zone)
    stage.plant(server, [slot for slot, why in zip(newest_first, kept, strict=True) if why][::-1])


# --- what may not be ------------------------------------------------------------------------------


def _is_repeat(rule: str, spells: list[Spell]) -> bool:
    """A slot that was made, let go by the rules and made again, where the clock was set back for real.

    docs/design.md: a step back by more than three hours is a correction, and what fired is forgotten.
    """
    back = any(abs(spell.by) > CORRECTION for spell in spells)
    return back and rule == "the same slot again creates nothing"


def _deletes(
    world: World, fleet: list[Server], spells: list[Spell], standing: dict[str, dict[str, datetime]]
) -> Iterator[str]:
    """None while the clocks differ; and never one that the rules keep among those that are not future.

    `standing`: the ready ones that were there at the start, created_at by name.
    """
    by_id = {server.key: server for server in fleet}
    for change in world.history:
        server = by_id[str(change.server_id)]
        ready = standing[server.key]
        if change.kind == "ready":
            ready[change.name] = change.created_at
        if change.kind != "deleted" or change.status != "completed":
            continue
        for spell in spells:
            if abs(spell.by) > FUTURE_TOLERANCE and spell.begin + DECIDED < change.at < spell.end:
                yield f"{change.at:%F %T} {change.name} was deleted while the clock was off by {spell.by}"
        yield from _kept_all_the_same(server, ready, change.name, change.at)
        ready.pop(change.name, None)


def _kept_all_the_same(server: Server, ready: dict[str, datetime], name: str, at: datetime) -> Iterator[str]:
    """With a place to spare, one that the rules keep may not go: future ones count for nothing."""
    own = server.policies[0]
    latest = at + FUTURE_TOLERANCE
    dated = {each: belonging(server, each, created)[1] for each, created in ready.items()}
    real = sorted(((slot, each) for each, slot in dated.items() if slot <= latest), reverse=True)
    reasons = naive.keeps([slot for slot, _ in real], own.keep, own.zone)
    kept = {each for (_, each), why in zip(real, reasons, strict=True) if why}
    if name in kept and len(ready) < server.cap:
        yield f"{at:%F %T} {name} was deleted, and the rules keep it"


def _by_then(fleet: list[Server], right: datetime) -> datetime:
    return max(second_slot(server, right) for server in fleet) + WORK


def second_slot(server: Server, after: datetime) -> datetime:
    """The second slot after that time: by then the pair has to be fresh again."""
    own = server.policies[0]
    return almanac.slots(own.schedule, own.zone, after, after + timedelta(days=3))[1]


def _counted_from(spell: Spell) -> datetime:
    """The clock is right again, and no slot that fired ahead of its time holds the next ones up any more.

    docs/design.md: a step back by up to three hours repeats no slot, so what fired in the hour that was ahead
    has to pass first.
    """
    ahead = spell.by if timedelta(0) < spell.by <= CORRECTION else timedelta(0)
    return spell.end + ahead


def _freshness(world: World, fleet: list[Server], spells: list[Spell]) -> Iterator[str]:
    """After the clock is right again, a restore point within two slots."""
    for spell, until in zip(spells, [*(spell.begin for spell in spells[1:]), None], strict=True):
        for server in fleet:
            by = second_slot(server, _counted_from(spell)) + WORK
            if until is not None and until < by:
                continue
            fresh = any(
                change.kind == "ready" and str(change.server_id) == server.key
                and spell.end <= change.created_at and change.at <= by
                for change in world.history
            )  # fmt: skip
            if not fresh:
                name = server.policies[0].name
                yield f"{name}: nothing new by {by:%F %T}, the clock is right since {spell.end:%F %T}"
