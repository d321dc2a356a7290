"""Kill matrix: every scenario, killed before and after each request and at any instant, and started again.

    python -m campaigns.kill                    every request of every scenario, in virtual time, and instants
    python -m campaigns.kill --random 2000      more random instants
    python -m campaigns.kill --real             the same with real processes and real SIGKILLs
    python -m campaigns.kill --scenario "create first" --case "daemon 3:after:0.2"

A case is the mode and its kills: `REQUEST:MOMENT:PAUSE`, or `@SECONDS:PAUSE` for an instant, and `seed=N` for
the requests' random delays. After the last kill the process lives until nothing is left to do; the
scenario's further slots follow in processes of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Literal, cast

from campaigns import seeds
from campaigns.ends import Account
from campaigns.processes import Mode, Process, one_interpreter, processes
from campaigns.scenarios import SCENARIOS, VIRTUAL, Scenario, settings
from campaigns.wire import MOMENTS, Moment, Wire
from tests.staging import SLOT, Stage, staged
from tests.virtual import VirtualClock, run_virtual

MODES: tuple[Mode, ...] = ("daemon", "due")
PAUSES = (0.2, 2.0, 60.0)
"""Seconds from a kill to the restart."""

TRIES, AGAIN = 7, timedelta(minutes=5)
"""How often `run --once --due` is begun anew if it did not end well, as cron would, and how long after."""

AT_MOST = timedelta(hours=1)
"""How long a daemon lives at most after its last kill; it tries again after 5, 10, 20 and 30 minutes."""

EARLY, BEHIND = timedelta(seconds=5), timedelta(seconds=3)
"""How long before the slot a daemon is started, and how long after it `run --once --due`."""

BASE_URL = "http://127.0.0.1:1/api/v1"


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill at the request of that index, else `at` seconds after the start; `pause` until the restart."""

    pause: float
    index: int | None = None
    moment: Moment = "before"
    at: float = 0.0

    def __str__(self) -> str:
        where = f"@{self.at:g}" if self.index is None else f"{self.index}:{self.moment}"
        return f"{where}:{self.pause:g}"

    @classmethod
    def parse(cls, text: str) -> Kill:
        """The reverse of `str`."""
        where, *moment, pause = text.split(":")
        if where.startswith("@"):
            return cls(float(pause), at=float(where[1:]))
        return cls(float(pause), int(where), cast(Moment, moment[0]))


@dataclass(frozen=True, slots=True)
class Case:
    """One play: a process of that mode, killed so often. `seed` is for delays; 0 means none."""

    mode: Mode
    kills: tuple[Kill, ...]
    seed: int = 0

    def __str__(self) -> str:
        words = [self.mode, *map(str, self.kills), *([f"seed={self.seed}"] if self.seed else [])]
        return " ".join(words)

    @classmethod
    def parse(cls, text: str) -> Case:
        """The reverse of `str`."""
        mode, *words = text.split()
        seed = next((int(word[5:]) for word in words if word.startswith("seed=")), 0)
        kills = tuple(Kill.parse(word) for word in words if not word.startswith("seed="))
        return cls(cast(Mode, mode), kills, seed)


@dataclass
class Result:
    """What came of a case: how many kills met a living process, and what was wrong."""

    kills: int = 0
    findings: list[str] = field(default_factory=list)


def play(scenario: Scenario, case: Case, *, further: bool = True) -> Result:
    """Play the case in virtual time, with the scenario's further slots or without."""
    lead = -EARLY if case.mode == "daemon" else BEHIND
    start = SLOT + (scenario.late or lead)

    async def scene(clock: VirtualClock) -> Result:
        async with staged(clock) as stage:
            with processes(stage):
                return await _Play(scenario, case, stage).run(further=further)

    with one_interpreter():
        return run_virtual(scene, start=start)


class _Play:
    def __init__(self, scenario: Scenario, case: Case, stage: Stage) -> None:
        self.scenario, self.case, self.stage = scenario, case, stage
        self.files = tuple(
            (only, settings(scenario.text(BASE_URL, SLOT, VIRTUAL, 1, only))) for only in scenario.files()
        )
        self.servers = settings(scenario.text(BASE_URL, SLOT, VIRTUAL, 1)).servers
        stage.world = scenario.furnish(stage.clock, SLOT, VIRTUAL, 1)
        self.chance = Random(case.seed)
        slowest = self.chance.choice((0.0, 0.5, 3.0)) if case.seed else 0.0
        self.wire = Wire(*scenario.faults, chance=self.chance, slowest=slowest)
        stage.world.faults = self.wire
        self.account = Account(scenario, stage.world, self.servers, SLOT)
        self.result = Result()

    async def run(self, *, further: bool) -> Result:
        """The kills, the end of the slot, and the slots after it."""
        for number, kill in enumerate(self.case.kills):
            process = self._begin(number)
            met = await self._until_killed(process, kill)
            await process.kill()
            if not met:
                break
            self.result.kills += 1
            await self.stage.clock.sleep(kill.pause)
        await self._to_the_end(self.account, first=len(self.case.kills))
        self.result.findings += self.account.findings()
        days = range(1, self.scenario.further + 1) if further else ()
        slots = [SLOT + timedelta(days=day) for day in days]
        for slot in slots:
            await self._next_slot(slot)
        if slots and not self.result.findings:
            self.result.findings += self.account.settled(slots)
        return self.result

    def _begin(self, number: int) -> Process:
        """The process of that number: they take turns with the configuration files."""
        return Process(self.stage, self.files[number % len(self.files)][1], self.case.mode)

    async def _until_killed(self, process: Process, kill: Kill) -> bool:
        """Whether the fatal request, or instant, came before its end."""
        reached = asyncio.Event()
        if kill.index is not None:
            self.wire.kill_at(kill.index, kill.moment, reached.set)
            fatal = asyncio.create_task(reached.wait())
        else:
            fatal = asyncio.create_task(self._instant(kill.at))
        over = asyncio.create_task(process.end(self.account.done, AT_MOST))
        await asyncio.wait({fatal, over}, return_when=asyncio.FIRST_COMPLETED)
        self.wire.pass_all()
        met = not over.done()
        for task in (fatal, over):
            task.cancel()
        return met

    async def _instant(self, seconds: float) -> Literal[True]:
        await self.stage.clock.sleep(seconds)
        return True

    async def _to_the_end(self, account: Account, first: int = 0) -> None:
        """Until nothing is left to do; what ran once is begun again while its slot is not done."""
        for number in range(first, first + len(self.files)):
            only = self.files[number % len(self.files)][0]
            for _ in range(TRIES):
                process = self._begin(number)
                await process.end(partial(account.done, only), AT_MOST)
                await process.kill()
                if process.mode == "daemon" or all(report.ok for report in process.reports):
                    break
                await self.stage.clock.sleep(AGAIN.total_seconds())

    async def _next_slot(self, slot: datetime) -> None:
        lead = -EARLY if self.case.mode == "daemon" else BEHIND
        await self.stage.clock.sleep((slot + lead - self.stage.clock.now()).total_seconds())
        await self._to_the_end(Account(self.scenario, self.stage.world, self.servers, slot))


# --- which cases ----------------------------------------------------------------------------------


def matrix(scenario: Scenario, pauses: Sequence[float] = PAUSES) -> Iterator[tuple[Case, Result]]:
    """Every request at every moment with every pause, until there is no such request any more."""
    for mode in MODES:
        for index in count():
            killed = 0
            for moment in MOMENTS:
                for pause in pauses:
                    case = Case(mode, (Kill(pause, index, moment),))
                    result = play(scenario, case)
                    killed += result.kills
                    yield case, result
            if not killed:
                break


def draw(chance: Random) -> Case:
    """Kills at random instants: most of them early, where the requests are; sometimes several in a row."""
    kills = tuple(
        Kill(
            pause=round(chance.choice((chance.uniform(0.1, 3), chance.uniform(3, 90))), 2),
            at=round(
                chance.choice((chance.uniform(0, 12), chance.uniform(0, 40), chance.uniform(0, 140))), 2
            ),
        )
        for _ in range(chance.choice((1, 1, 1, 2, 3, 4)))
    )
    return Case(chance.choice(MODES), kills, seed=chance.randrange(1, 2**31))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m campaigns.kill", description=__doc__.split("\n")[0])
    parser.add_argument("--real", action="store_true", help="real processes in real time: half an hour")
    parser.add_argument("--random", type=int, default=600, metavar="N", help="kills at random (default: 600)")
    parser.add_argument(
        "--pauses", type=float, nargs="*", default=PAUSES, metavar="S", help="until a restart"
    )
    parser.add_argument("--most", type=int, default=400, metavar="N", help="real plays (default: 400)")
    parser.add_argument("--scenario", choices=SCENARIOS, metavar="NAME", help="this scenario alone")
    parser.add_argument("--case", help="this case alone, as a finding prints it")
    seeds.add_option(parser)
    asked = parser.parse_args(arguments)
    names = [asked.scenario] if asked.scenario else list(SCENARIOS)
    if asked.real:
        from campaigns import killing  # noqa: PLC0415  # it builds on this module

        return killing.kill_all(names, asked.random, asked.most, seeds.begin(asked.seed), asked.case)
    if asked.case:
        return _tell(names[0], [(Case.parse(asked.case), play(SCENARIOS[names[0]], Case.parse(asked.case)))])[
            1
        ]
    seed = seeds.begin(asked.seed)
    chance = Random(seed)
    plays = kills = bad = 0
    for name in names:
        done = list(matrix(SCENARIOS[name], asked.pauses))
        for _ in range(-(-asked.random // len(names))):
            case = draw(chance)
            done.append((case, play(SCENARIOS[name], case)))
        killed, found = _tell(name, done)
        plays, kills, bad = plays + len(done), kills + killed, bad + found
    print(f"{len(names)} scenarios, {plays} plays, {kills} kills, {bad} of them with a finding (seed {seed})")
    return 1 if bad else 0


def _tell(name: str, done: Sequence[tuple[Case, Result]]) -> tuple[int, int]:
    kills = sum(result.kills for _, result in done)
    bad = [(case, result) for case, result in done if result.findings]
    print(f"{name}: {len(done)} plays, {kills} kills, {len(bad)} with a finding", flush=True)
    for case, result in bad[:5]:
        print(f'  python -m campaigns.kill --scenario "{name}" --case "{case}"')
        for finding in result.findings:
            print(f"    {finding}")
    return kills, len(bad)


if __name__ == "__main__":
    sys.exit(main())
