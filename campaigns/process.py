"""The daemon's process on a stage: begun, killed without a clean end, and begun again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from campaigns.sky import Sky, Wire
from campaigns.witness import Witness
from rotator import garbage
from rotator.errors import Unauthorized
from rotator.models import Server
from tests.daemons import Life, apscheduler_reads, captured, settings
from tests.staging import Stage

AFTER_REFUSAL = 300.0
"""Seconds until somebody has noticed that the daemon did not start because its token was refused."""


class Process:
    """One daemon at a time. What is not its own task (the scene's, the provider's) survives a kill.

    Made in the task that plays the scene.
    """

    def __init__(self, stage: Stage, servers: tuple[Server, ...], sky: Sky, witness: Witness) -> None:
        self._stage, self._sky, self._witness = stage, sky, witness
        self.refused = 0
        self._life = Life(stage, {"v1": settings(*servers)})
        self._wire: Wire | None = None
        self._scene = asyncio.current_task()
        self._stages_own: set[asyncio.Task[Any]] = set()
        self.findings: list[str] = []

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Within this the witness hears every line of the log, and the loop's own complaints are findings."""
        loop, ear = asyncio.get_running_loop(), Ear(self._complaint)
        with apscheduler_reads(self._stage.clock), captured(self._witness.take), seldom_collecting():
            loop.set_exception_handler(lambda _, context: self._complaint(_words(context)))
            logging.getLogger().addHandler(ear)
            try:
                yield
            finally:
                logging.getLogger().removeHandler(ear)
                loop.set_exception_handler(None)

    @property
    def lives(self) -> bool:
        """Whether there is a daemon now."""
        return self._wire is not None

    @property
    def strikes_at_next_write(self) -> bool:
        """Whether a kill waits for a write."""
        return self._sky.fatal is not None

    def strike_at_next_write(self, kill: Callable[[float], None] | None) -> None:
        """Have `kill` called in the process's next write, or not any more."""
        self._sky.fatal = kill

    def begin(self) -> None:
        """A fresh process, where there is none: it knows nothing but the lock directory."""
        if self.lives:
            return
        self._wire = Wire(self._sky)
        self._stage.begin_process(self._wire)
        self._witness.deaf = False
        self._life.begin()
        self._life.task.add_done_callback(partial(self._ended, self._wire))

    async def kill(self) -> None:
        """It is gone at once: it hears no answer, says no word, and none of its tasks does anything more."""
        if self._wire is None:
            return
        self._wire.dead, self._wire, self._witness.deaf = True, None, True
        self._sky.killed()
        while tasks := self._tasks():
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=1)
        for office, api in self._stage.offices:
            del office
            await api.aclose()
        self._stage.offices.clear()

    def _ended(self, wire: Wire, task: asyncio.Task[None]) -> None:
        """It ended by itself: only a refused token at the start may do that, and people see to it."""
        if wire is not self._wire:
            return
        if not isinstance(error := task.exception(), Unauthorized):
            self._complaint(f"the daemon ended by itself: {error!r}")
        self.refused += 1
        self.aside(self._begin_again())

    async def _begin_again(self) -> None:
        await self.kill()
        await self._stage.clock.sleep(AFTER_REFUSAL)
        self.begin()

    def aside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something of the stage's own meanwhile."""
        task = asyncio.create_task(work)
        self._stages_own.add(task)
        task.add_done_callback(self._stages_own.discard)

    async def settle(self) -> None:
        """Wait for all that is done aside."""
        while self._stages_own:
            await asyncio.wait(self._stages_own)

    def _tasks(self) -> list[asyncio.Task[Any]]:
        """Those of the daemon's process, in the order in which they were begun."""
        spared = {self._scene, *self._stages_own, *self._sky.under_way}
        own = [task for task in asyncio.all_tasks() if task not in spared]
        return sorted(own, key=lambda task: int(task.get_name().rpartition("-")[2]))

    def _complaint(self, words: str) -> None:
        if not self._witness.deaf:
            self.findings.append(f"{self._stage.clock.now():%F %T} {words}")


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """A quiet minute comes a thousand times in a run: a full pass of the collector in each is wasted."""
    kept, garbage.NOT_WITHIN = garbage.NOT_WITHIN, garbage.AT_LEAST_EVERY
    try:
        yield
    finally:
        garbage.NOT_WITHIN = kept


class Ear(logging.Handler):
    """Hears what libraries complain of."""

    def __init__(self, heard: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        """A warning or worse."""
        self._heard(f"{record.name}: {self.format(record)}")


def _words(context: dict[str, Any]) -> str:
    return f"the loop complains: {context.get('message')} {context.get('exception')!r}"
