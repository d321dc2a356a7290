"""The kill matrix with real processes: `python -m campaigns.kill --real`."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from random import Random

from campaigns.earnest import ConfigFile, Scene, Started, theatre
from campaigns.kill import MODES, TRIES, Case, Kill, Result
from campaigns.scenarios import SCENARIOS, Scenario
from campaigns.wire import Moment

MOMENTS: tuple[Moment, ...] = ("before", "after")

SIDE_BY_SIDE = 4
"""Plays at once: most of their time is spent waiting."""

GOOD = {"ready": {0}, "stuck": {0, 1}, "refused": {1}}
"""The exit codes of a `run --once --due` that needs no other one after it."""


class RealPlay:
    """One case of one scenario, with real processes."""

    def __init__(self, loop: asyncio.AbstractEventLoop, scenario: Scenario, case: Case) -> None:
        chance = Random(case.seed)
        slowest = chance.choice((0.0, 0.05, 0.3)) if case.seed else 0.0
        self.case = case
        self.result = Result()
        self.requests = 0
        with Scene(loop, scenario, chance, slowest) as self.scene:
            try:
                self._run()
            except TimeoutError as hung:
                self.result.findings.append(f"a process hangs: {hung}")

    def _run(self) -> None:
        for number, kill in enumerate(self.case.kills):
            file = self.scene.files[number % len(self.scene.files)]
            process = self._begin(file)
            if not self._until_killed(process, file, kill):
                self._let_end(process)
                break
            process.kill()
            self.result.kills += 1
            time.sleep(kill.pause)
        for file in self.scene.files:
            self._to_the_end(file)
        self.requests = self.scene.wire.seen
        self.result.findings += self.scene.findings()

    def _begin(self, file: ConfigFile) -> Started:
        arguments = ("run",) if self.case.mode == "daemon" else ("run", "--once", "--due", "--json")
        return self.scene.start(*file.options, *arguments)

    def _until_killed(self, process: Started, file: ConfigFile, kill: Kill) -> bool:
        """Whether the request, or the instant after the first request, came before its end."""
        reached, scene = threading.Event(), self.scene
        if kill.index is None:
            begun = scene.wire.seen
            process.until(lambda: scene.wire.seen > begun)
            until = time.monotonic() + kill.at
            process.until(lambda: time.monotonic() >= until)
            return process.process.poll() is None
        index = kill.index
        scene.ask(lambda: scene.wire.kill_at(index, kill.moment, reached.set))
        process.until(lambda: reached.is_set() or self._is_through(process, file))
        scene.ask(scene.wire.pass_all)
        return reached.is_set()

    def _let_end(self, process: Started) -> None:
        if self.case.mode == "daemon":
            self._expect(process.stop(), {0})
        else:
            process.end()

    def _to_the_end(self, file: ConfigFile) -> None:
        """Begin until the slot is done, as a supervisor or a timer would."""
        for _ in range(TRIES):
            process = self._begin(file)
            if self.case.mode != "daemon":
                if process.end() in GOOD[self.scene.scenario.end]:
                    return
                continue
            process.until(partial(self._is_through, process, file))
            self._expect(process.stop(), {0})
            if self.scene.done(file.only) or self.scene.scenario.end != "ready":
                return
        self.result.findings.append(f"{TRIES} further starts came to nothing")

    def _is_through(self, process: Started, file: ConfigFile) -> bool:
        return process.quiet and (self.scene.done(file.only) or process.said("rotation.finished") > 0)

    def _expect(self, code: int, wanted: set[int]) -> None:
        if code not in wanted:
            self.result.findings.append(f"exit code {code}")


def cases(
    loop: asyncio.AbstractEventLoop, pool: Executor, names: Sequence[str], instants: int, chance: Random
) -> Iterator[tuple[str, Case]]:
    """A kill before and after each request that a process makes when nobody kills it, and instants."""
    unharmed = [(name, Case(mode, ())) for name in names for mode in MODES]
    counted = pool.map(lambda each: RealPlay(loop, SCENARIOS[each[0]], each[1]).requests, unharmed)
    for (name, case), requests in zip(unharmed, counted, strict=True):
        for index in range(requests):
            for moment in MOMENTS:
                yield name, Case(case.mode, (Kill(chance.choice((0.0, 0.2, 1.0)), index, moment),))
    for _ in range(instants):
        kills = tuple(
            Kill(round(chance.uniform(0, 1), 2), at=round(chance.uniform(0, 1.5), 3))
            for _ in range(chance.choice((1, 1, 2, 3)))
        )
        yield chance.choice(names), Case(chance.choice(MODES), kills, seed=chance.randrange(1, 2**31))


def kill_all(names: Sequence[str], instants: int, most: int, seed: int, replay: str | None = None) -> int:
    """Play them, at most `most`; 1 if anything was found."""
    chance = Random(seed)
    kills = bad = 0
    with theatre() as loop, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        if replay is not None:
            wanted = [(names[0], Case.parse(replay))]
        else:
            wanted = list(cases(loop, pool, names, instants, chance))
            chance.shuffle(wanted)
            wanted = wanted[:most]
        plays = pool.map(lambda each: RealPlay(loop, SCENARIOS[each[0]], each[1]).result, wanted)
        for (name, case), result in zip(wanted, plays, strict=True):
            kills += result.kills
            bad += bool(result.findings)
            print(f"{name}: {case}: {result.kills} kills, {'; '.join(result.findings) or 'ok'}", flush=True)
            if result.findings:
                print(f'  python -m campaigns.kill --real --scenario "{name}" --case "{case}"')
    print(f"{len(wanted)} plays with real processes, {kills} SIGKILLs, {bad} with a finding (seed {seed})")
    return 1 if bad else 0
