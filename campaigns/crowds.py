"""Two at once with real processes: `python -m campaigns.together --real`."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random

from campaigns.earnest import ConfigFile, Scene, Started, theatre
from campaigns.scenarios import SCENARIOS

CODES = {0, 75}
"""How a `run --once` may end where another process works on the server: all is well, or it was busy."""

WELL = {"rotated", "pruned", "unchanged", "busy"}

DUE = ("run", "--once", "--due", "--json")
NOW = ("run", "--once", "--json")
DAEMON = ("run",)

PLACES = (
    "create first",
    "delete first at the cap",
    "prune of several",
    "a wait taken up",
    "two policies at the cap",
    "two policies at the cap, a list that lags",
    "a list that lags at the cap",
    "failed snapshot of the slot",
    "uuid ids",
)
"""The scenarios with one file for all of them."""

SIDE_BY_SIDE = 2


class Crowd:
    """One meeting of real processes. `outcomes` are those that they named, `codes` how they ended."""

    def __init__(self, scene: Scene, chance: Random) -> None:
        self.scene, self.chance = scene, chance
        self.outcomes: Counter[str] = Counter()
        self.kills = 0
        self.findings: list[str] = []

    def run(self, *commands: tuple[str, ...]) -> None:
        """Begin them all at once, kill one in four of them on the way, and let the slot come to its end.

        Where there are several files, each command is begun once with each of them.
        """
        begun = [
            (self.scene.start(*file.options, *command), file, command)
            for command in commands
            for file in self.scene.files
        ]
        for process, file, command in begun:
            if self.chance.random() < 0.25 and self._killed(process):
                continue
            if command == DAEMON:
                self._stop(process, file)
            else:
                self._judge(process, process.end(), CODES)
        for file in self.scene.files:
            process = self.scene.start(*file.options, *DUE)
            self._judge(process, process.end(), {0})
        self.findings += self.scene.findings()

    def _killed(self, process: Started) -> bool:
        time.sleep(self.chance.uniform(0, 1))
        if process.process.poll() is not None:
            return False
        process.kill()
        self.kills += 1
        return True

    def _stop(self, process: Started, file: ConfigFile) -> None:
        process.until(lambda: process.quiet and self.scene.done(file.only))
        code = process.stop()
        if code != 0:
            self.findings.append(f"a daemon ended with {code}: {''.join(process.log[-3:])}")

    def _judge(self, process: Started, code: int, allowed: set[int]) -> None:
        if code not in allowed:
            self.findings.append(f"exit code {code}: {''.join(process.log[-3:])}")
            return
        for rotation in json.loads("".join(process.out))["rotations"]:
            self.outcomes[rotation["outcome"]] += 1
            if rotation["outcome"] not in WELL:
                self.findings.append(f"{rotation['policy']}: {rotation['outcome']}: {rotation['error']}")


SPLIT = ("two files at the cap", "two files at the cap, a list that lags")
"""The scenarios with a file for each policy."""

COMPANIES: dict[str, tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]] = {
    "ten run --once --due": ((DUE,) * 10, PLACES),
    "two daemons": ((DAEMON, DAEMON), PLACES),
    "a daemon and three run --once --due": ((DAEMON, DUE, DUE, DUE), PLACES),
    "a daemon and run --once": ((DAEMON, NOW), PLACES),
    "two files about one server": ((DUE, DUE, DAEMON), SPLIT),
}
"""Who meets, and in which scenarios."""


def meet(loop: asyncio.AbstractEventLoop, seed: int, company: str | None = None) -> tuple[str, Crowd]:
    """One meeting; the seed decides who meets where, how slow the wire is, and who is killed when."""
    chance = Random(seed)
    company = company or list(COMPANIES)[seed % len(COMPANIES)]
    commands, places = COMPANIES[company]
    name = chance.choice(places)
    with Scene(
        loop, SCENARIOS[name], chance, slowest=chance.choice((0.0, 0.05, 0.5)), by_hand=NOW in commands
    ) as scene:
        crowd = Crowd(scene, chance)
        try:
            crowd.run(*commands)
        except TimeoutError as hung:
            crowd.findings.append(f"a process hangs: {hung}")
    return f"{company}: {name}", crowd


def meet_all(rounds: int, first: int) -> int:
    """So many meetings; how many of them had a finding."""
    total, kills, bad = Counter[str](), 0, 0
    with theatre() as loop, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        wanted = range(first, first + rounds)
        for seed, (what, crowd) in zip(wanted, pool.map(lambda s: meet(loop, s), wanted), strict=True):
            total += crowd.outcomes
            kills += crowd.kills
            bad += bool(crowd.findings)
            verdict = "; ".join(crowd.findings) or "ok"
            print(f"seed {seed}: {what}: {dict(crowd.outcomes)}, {crowd.kills} kills: {verdict}", flush=True)
            if crowd.findings:
                print(f"  python -m campaigns.together --rounds 0 --real 1 --seed {seed}")
    outcomes = ", ".join(f"{number} {outcome}" for outcome, number in sorted(total.items()))
    print(f"{rounds} meetings of real processes, {kills} SIGKILLs, {bad} with a finding: {outcomes}")
    return bad
