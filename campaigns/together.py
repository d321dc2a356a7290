"""Two at once: several processes on one host, of one file or of two, slow, killed in between, and none waits.

    python -m campaigns.together                 300 meetings in virtual time
    python -m campaigns.together --real          and 40 of real processes
    python -m campaigns.together --seed 7 --rounds 1     one meeting again

In each meeting a few processes (the daemon, `run --once --due`, `run --once`) begin within a minute of each
other on one scenario; each request takes its own time, some processes are killed and begun again. Once all
are through, the slot has exactly one snapshot, nothing is lost, and whoever ended by itself said so with an
outcome that the contract has for it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random

from campaigns import seeds
from campaigns.ends import Account
from campaigns.kill import AGAIN, AT_MOST, BASE_URL, EARLY, TRIES
from campaigns.processes import Mode, Process, one_interpreter, processes
from campaigns.scenarios import SCENARIOS, VIRTUAL, Scenario, settings
from campaigns.wire import Wire
from rotator.models import Outcome
from rotator.settings import Settings
from tests.staging import SLOT, Stage, staged
from tests.virtual import VirtualClock, run_virtual

MEETING = tuple(name for name, one in SCENARIOS.items() if one.end == "ready")
"""The scenarios that processes meet in: those whose slot comes to its end."""

COMPANIES: tuple[tuple[Mode, ...], ...] = (
    ("due",) * 10,
    ("daemon", "daemon"),
    ("daemon", "due", "due", "due"),
    ("daemon", "now"),
    ("due", "now", "due"),
    ("daemon", "daemon", "due", "now"),
)
"""Who meets: ten of a timer gone wild, two daemons, a daemon and somebody at a terminal, ..."""

WELL = frozenset({Outcome.ROTATED, Outcome.PRUNED, Outcome.UNCHANGED, Outcome.BUSY})


@dataclass(frozen=True, slots=True)
class Guest:
    """A process of the company: when it begins, and when it is killed, in seconds; None: never."""

    number: int
    mode: Mode
    begins: float
    killed: float | None


@dataclass
class Result:
    """What came of a meeting."""

    what: str
    outcomes: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    findings: list[str] = field(default_factory=list)


def meet(seed: int, name: str | None = None) -> Result:
    """One meeting in virtual time, all of it drawn from the seed."""
    chance = Random(seed)
    name = name or chance.choice(MEETING)
    company = chance.choice(COMPANIES)

    async def scene(clock: VirtualClock) -> Result:
        async with staged(clock) as stage:
            with processes(stage):
                return await _Meeting(name, company, chance, stage).run()

    with one_interpreter():
        return run_virtual(scene, start=SLOT - EARLY)


class _Meeting:
    def __init__(self, name: str, company: Sequence[Mode], chance: Random, stage: Stage) -> None:
        scenario: Scenario = SCENARIOS[name]
        self.stage, self.chance, self.scenario = stage, chance, scenario
        self.files: list[tuple[str | None, Settings]] = [
            (only, settings(scenario.text(BASE_URL, SLOT, VIRTUAL, 1, only))) for only in scenario.files()
        ]
        stage.world = scenario.furnish(stage.clock, SLOT, VIRTUAL, 1)
        slowest = chance.choice((0.0, 0.3, 2.0, 2.0, 12.0))
        stage.world.faults = Wire(*scenario.faults, chance=chance, slowest=slowest)
        whole = settings(scenario.text(BASE_URL, SLOT, VIRTUAL, 1))
        self.account = Account(scenario, stage.world, whole.servers, SLOT, by_hand="now" in company)
        together = chance.random() < 0.4
        self.guests = [
            Guest(
                number,
                mode,
                EARLY.total_seconds() if together else chance.uniform(0, 60),
                chance.uniform(0.1, 90) if chance.random() < 0.25 else None,
            )
            for number, mode in enumerate(company)
        ]
        spread = "at once" if together else "one after the other"
        self.result = Result(f"{name}: {' '.join(company)}, {spread}, requests of up to {2 * slowest:g} s")

    async def run(self) -> Result:
        """Let them meet, then let each file's slot come to its end, and take account."""
        await asyncio.gather(*(self._visit(guest) for guest in self.guests))
        for number in range(len(self.files)):
            await self._afterwards(number)
        self.result.findings += self.account.findings()
        return self.result

    async def _visit(self, guest: Guest) -> None:
        await self.stage.clock.sleep(guest.begins)
        process = self._begin(guest.number, guest.mode)
        if guest.killed is not None:
            over = asyncio.create_task(self._through(process, guest))
            await asyncio.wait({over}, timeout=guest.killed)
            if not over.done():
                over.cancel()
                await process.kill()
                self.result.kills += 1
                await self.stage.clock.sleep(self.chance.uniform(0.1, 20))
                process = self._begin(guest.number, guest.mode)
        await self._through(process, guest)
        await process.kill()

    async def _through(self, process: Process, guest: Guest) -> None:
        only, _ = self.files[guest.number % len(self.files)]
        await process.end(partial(self.account.done, only), AT_MOST)
        for report in process.reports:
            self.result.outcomes[report.outcome.value] += 1
            if report.outcome not in WELL and not (report.problem and report.problem.passing):
                self.result.findings.append(f"{process.mode}: {report.outcome}: {report.problem}")

    async def _afterwards(self, number: int) -> None:
        """What a timer does: `run --once --due` until all is well."""
        for _ in range(TRIES):
            process = self._begin(number, "due")
            await process.end(self.account.done, AT_MOST)
            await process.kill()
            if all(report.ok for report in process.reports):
                return
            await self.stage.clock.sleep(AGAIN.total_seconds())
        self.result.findings.append("further runs came to nothing")

    def _begin(self, number: int, mode: Mode) -> Process:
        return Process(self.stage, self.files[number % len(self.files)][1], mode)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m campaigns.together", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=300, metavar="N", help="meetings (default: 300)")
    parser.add_argument("--real", type=int, nargs="?", const=40, default=0, metavar="N", help="real ones too")
    parser.add_argument("--scenario", choices=MEETING, metavar="NAME", help="in this scenario alone")
    seeds.add_option(parser)
    asked = parser.parse_args(arguments)
    first = seeds.begin(asked.seed)
    total, kills, bad = Counter[str](), 0, 0
    for seed in range(first, first + asked.rounds):
        result = meet(seed, asked.scenario)
        total += result.outcomes
        kills += result.kills
        bad += bool(result.findings)
        print(f"seed {seed}: {result.what}: {dict(result.outcomes)}, {result.kills} kills", flush=True)
        if result.findings:
            only = f' --scenario "{asked.scenario}"' if asked.scenario else ""
            print(f"  python -m campaigns.together --rounds 1 --seed {seed}{only}")
            for finding in result.findings:
                print(f"    {finding}")
    outcomes = ", ".join(f"{number} {outcome}" for outcome, number in sorted(total.items()))
    print(
        f"{asked.rounds} meetings, {kills} kills, {bad} with a finding; ended once: {outcomes} (seed {first})"
    )
    if asked.real:
        from campaigns import crowds  # noqa: PLC0415  # it builds on this module

        bad += crowds.meet_all(asked.real, first)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
