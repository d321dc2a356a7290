"""A fault storm: the real daemon in virtual time over a provider that goes wrong in every way it can.

    python -m campaigns.storm [--seed N] [--runs N] [--servers 50] [--hours 12] [--pace usual]

Calm, then hours of weather (see `weather`), then calm again until each pair had two slots. A judge follows
every change of the true world, a witness every line of the log, and at the end nothing may be stuck. One
seed decides all of it, so a finding is seen again by its seed.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns import fleet, liveness, reasons, seeds, weather
from campaigns.judge import Breach, Judge
from campaigns.mishaps import Mishaps
from campaigns.process import Process
from campaigns.sky import Sky
from campaigns.weather import Window
from campaigns.witness import Witness
from rotator import cron
from rotator.models import Pair, Server
from rotator.sandbox import Switches
from tests.staging import Stage, staged
from tests.virtual import VirtualClock, run_virtual

BEFORE = timedelta(hours=1)
"""Calm before the storm."""

SETTLE = timedelta(minutes=55)
"""After the storm: the longest `wait.timeout` of a create that hangs, and what waited for it."""

LOOK_EVERY = timedelta(minutes=15)
"""How often freshness is looked at once it has to be there."""

MEMORY = "/dev/shm"  # a directory of locks is made there, as tempfile makes it
"""Where files cost no disk."""


@dataclass(frozen=True)
class Scale:
    """How large a run is, and which kinds of fault it draws from."""

    servers: int = 50
    hours: float = 12
    kinds: tuple[str, ...] = weather.KINDS
    pace: fleet.Pace = "usual"


@dataclass
class Result:
    """What came of a run."""

    seed: int
    virtual_hours: float = 0
    requests: int = 0
    rotations: int = 0
    kills: int = 0
    created: int = 0
    deleted: int = 0
    excused: int = 0
    blocked: int = 0
    seconds: float = 0
    hit: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        faults = ", ".join(f"{kind} {count}" for kind, count in sorted(self.hit.items()))
        return (
            f"seed {self.seed}: {self.virtual_hours:.0f} virtual hours in {self.seconds:.0f} s, "
            f"{self.requests} requests, {self.rotations} rotations, {self.kills} kills, "
            f"{self.created} created, {self.deleted} deleted, {self.excused} twins by hidden rows, "
            f"{self.blocked} reasons looked up, "
            f"{len(self.findings)} findings; faults struck {self.hit.total()} times ({faults})"
        )


def run(seed: int, scale: Scale) -> Result:
    """One storm, whole."""
    began = time.perf_counter()
    result = run_virtual(lambda clock: _play(clock, seed, scale))
    result.seconds = time.perf_counter() - began
    return result


async def _play(clock: VirtualClock, seed: int, scale: Scale) -> Result:
    chance = random.Random(seed)
    ids: fleet.Ids = chance.choice(("integer", "text", "uuid"))
    servers = fleet.draw(chance, scale.servers, ids, scale.pace)
    switches = Switches(ids=ids, create_time=120)
    rate = chance.choice((0, 5, 20))
    async with staged(clock, *servers, switches=switches, rate_limit=rate) as stage:
        fleet.furnish(stage, chance, servers)
        return await Storm(stage, servers, seed, scale, chance).play()


class Storm:
    """One run: the stage, who watches, and the daemon that lives and dies on it."""

    def __init__(
        self,
        stage: Stage,
        servers: tuple[Server, ...],
        seed: int,
        scale: Scale,
        chance: random.Random,
    ) -> None:
        self.stage, self.servers, self.seed, self.scale = stage, servers, seed, scale
        self.chance = chance
        world, clock = stage.world, stage.clock
        self.judge = Judge.of(world, servers)
        self.pairs = {
            pair.key: pair for server in servers for pair in (Pair(server, p) for p in server.policies)
        }
        self.witness = Witness({server.key: server for server in servers}, clock, self._way_out, self._untrue)
        self.sky = Sky(world, clock, random.Random(f"{seed} sky"), self.follow, base=world.switches)
        self.process = Process(stage, servers, self.sky, self.witness)
        self.mishaps = Mishaps(stage, self.judge, self.process, random.Random(f"{seed} mishaps"), self.follow)
        self.result = Result(seed)
        self.calm_since: datetime | None = None

    async def play(self) -> Result:
        """Calm, storm, calm."""
        with self.process.heard():
            self.process.begin()
            await self.stage.clock.sleep(BEFORE.total_seconds())
            await self._storm()
            await self._calm()
            await self.process.kill()
        return self._result()

    def follow(self) -> None:
        """Look at what changed since."""
        before = self.judge.seen
        for breach in self.judge.follow(self.stage.world):
            if self._excused(breach):
                self.result.excused += 1
            else:
                self.result.findings.append(str(breach))
        self.witness.follow(self.stage.world.history[before:])

    def _excused(self, breach: Breach) -> bool:
        """Whether a row that was hidden without a sign explains it: see the table in `weather`."""
        change = breach.change
        hidden = (str(change.server_id), change.name) in self.sky.hidden
        by_itself = change.kind not in {"created", "deleted"}
        return by_itself or (change.kind == "created" and hidden)

    def _way_out(self, key: tuple[str, str]) -> str | None:
        return liveness.way_out(self.judge, self.pairs[key], self.stage.clock.now())

    def _untrue(self, key: tuple[str, str], reason: str) -> list[str]:
        """What is wrong with a reason for being blocked; while the storm lasts, lies may have given it."""
        now = self.stage.clock.now()
        if self.calm_since is None or now < self.calm_since:
            return []
        self.follow()
        self.result.blocked += 1
        return list(reasons.untrue(self.judge, self.pairs[key], now, reason))

    async def _storm(self) -> None:
        clock = self.stage.clock
        windows = weather.draw(
            self.chance,
            [server.key for server in self.servers],
            clock.monotonic(),
            self.scale.hours,
            self.scale.kinds,
        )
        turns = sorted(
            [(window.start, window.number, True, window) for window in windows]
            + [(window.end, window.number, False, window) for window in windows]
        )
        for at, _, begins, window in turns:
            await clock.sleep(at - clock.monotonic())
            await self._turn(window, begins)
        await self.mishaps.over()
        self.sky.begin_calm()

    async def _turn(self, window: Window, begins: bool) -> None:
        if window.kind not in weather.EVENTS:
            (self.sky.begin if begins else self.sky.end)(window)
        elif begins:
            self.sky.hit[window.kind] += 1
            await self.mishaps.begin(window)
        else:
            await self.mishaps.end(window)

    async def _calm(self) -> None:
        """Nothing goes wrong any more: look again and again until the slowest pair had its two slots."""
        clock, pairs = self.stage.clock, _enabled(self.servers)
        self.calm_since = since = clock.now() + SETTLE
        slowest = max(map(_gap, pairs), default=timedelta(hours=1))
        longest_splay = max((pair.policy.splay for pair in pairs), default=timedelta(0))
        end = since + 2 * slowest + longest_splay + liveness.GRACE + LOOK_EVERY
        stuck: dict[str, str] = {}
        while clock.now() < end:
            await clock.sleep(LOOK_EVERY.total_seconds())
            self.follow()
            for what in liveness.stale(self.judge, pairs, since, clock.now(), self.witness):
                stuck.setdefault(what.partition(")")[0], f"{clock.now():%F %T} {what}")
        self.result.findings += stuck.values()

    def _result(self) -> Result:
        result, history = self.result, self.stage.world.history
        result.findings += self.witness.findings + self.process.findings + self.sky.insight.findings
        result.virtual_hours = self.stage.clock.monotonic() / 3600
        result.requests, result.rotations = self.sky.requests, self.witness.rotations
        result.kills, result.hit = self.mishaps.kills, self.sky.hit
        result.created = sum(change.kind == "created" for change in history)
        result.deleted = sum(change.kind == "deleted" for change in history)
        result.history = [f"{c.at.isoformat()} {c.kind} {c.server_id} {c.name}" for c in history]
        return result


def _enabled(servers: Iterable[Server]) -> tuple[Pair, ...]:
    return tuple(Pair(server, policy) for server in servers for policy in server.enabled)


def _gap(pair: Pair) -> timedelta:
    """The widest gap of the pair's schedule."""
    gaps = cron.gaps(pair.policy.schedule, pair.policy.zone, weather.SOME_DAY)
    return gaps.widest if gaps is not None else timedelta(0)


def main(arguments: list[str] | None = None) -> int:
    """Run storms and say what came of them; 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m campaigns.storm", description=__doc__.partition("\n")[0])
    seeds.add_option(parser)
    parser.add_argument("--runs", type=int, default=1, help="how many storms, each of the next seed")
    parser.add_argument("--servers", type=int, default=50)
    parser.add_argument("--hours", type=float, default=12, help="how long the storm itself lasts")
    parser.add_argument(
        "--kind", action="append", choices=weather.KINDS, metavar="NAME", help="draw from these faults alone"
    )
    parser.add_argument(
        "--pace", choices=tuple(fleet.SCHEDULES), default="usual", help="how fast the slowest schedule is"
    )
    given = parser.parse_args(arguments)
    if os.access(MEMORY, os.W_OK):
        tempfile.tempdir = MEMORY
    scale = Scale(given.servers, given.hours, tuple(given.kind or weather.KINDS), given.pace)
    first, total = seeds.begin(given.seed), Result(0)
    for seed in range(first, first + given.runs):
        result = run(seed, scale)
        print(result, flush=True)
        for finding in result.findings:
            print(f"  FOUND {finding}", flush=True)
        if result.findings:
            kinds = "".join(f" --kind {kind!r}" for kind in given.kind or ())
            size = f"--servers {scale.servers} --hours {scale.hours:g} --pace {scale.pace}"
            print(f"  replay: python -m campaigns.storm --seed {seed} {size}{kinds}", flush=True)
        _add(total, result)
    print(
        f"{given.runs} storms: {total.virtual_hours:.0f} virtual hours in {total.seconds:.0f} s, "
        f"{total.requests} requests, {total.rotations} rotations, {total.kills} kills, "
        f"{total.created} created, {total.deleted} deleted, {total.blocked} reasons looked up, "
        f"{total.hit.total()} faults struck, {len(total.findings)} findings"
    )
    return 1 if total.findings else 0


def _add(total: Result, one: Result) -> None:
    for name in (
        "virtual_hours",
        "requests",
        "rotations",
        "kills",
        "created",
        "deleted",
        "blocked",
        "seconds",
    ):
        setattr(total, name, getattr(total, name) + getattr(one, name))
    total.hit.update(one.hit)
    total.findings += one.findings


if __name__ == "__main__":
    sys.exit(main())
