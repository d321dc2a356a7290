"""What the endpoints show, worked out from the vitals: off the loop, and once for all who ask.

What is read from the daemon is read in the loop, in slices; judging ten thousand pairs takes seconds, and
happens in a thread.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rotator import __version__, metrics, status
from rotator.census import View
from rotator.clock import Clock
from rotator.status import Last, Standing
from rotator.vitals import Vitals

from .shared import Shared

SLICE = 200
"""Pairs that are looked up before the loop gets its turn: about a millisecond of work."""


class Stopping(Exception):
    """The daemon stops, and waits for no thread."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the loop knew of one pair."""

    view: View
    since: datetime | None
    last: Last | None


class Desk:
    """`standings`, `status` (a JSON document) and `metrics` (a text) are to be asked with `get`."""

    def __init__(self, vitals: Vitals, clock: Clock) -> None:
        self._vitals = vitals
        self._clock = clock
        self.standings = Shared(self._standings, clock)
        self.status = Shared(self._status, clock)
        self.metrics = Shared(self._metrics, clock)

    async def _standings(self) -> tuple[Standing, ...]:
        """Every pair as it stands, in the order of the configuration."""
        seen = await self._look()
        return await asyncio.to_thread(lambda: tuple(self._judged(seen, foresee=True)))

    async def _status(self) -> bytes:
        standings = await self.standings.get()
        return await asyncio.to_thread(lambda: _written(status.document(standings)))

    async def _metrics(self) -> bytes:
        seen, vitals = await self._look(), self._vitals
        known = metrics.Facts(
            version=__version__,
            now=self._clock.now(),
            outcomes=vitals.outcomes.copy(),
            tally=vitals.tally.copy(),
            reload_ok=vitals.reload_ok,
        )

        def told() -> bytes:
            return metrics.render(replace(known, standings=tuple(self._judged(seen, foresee=False))))

        return await asyncio.to_thread(told)

    async def _look(self) -> Sequence[Seen]:
        vitals, seen = self._vitals, []
        for count, (key, pair) in enumerate(list(vitals.pairs.items()), 1):
            seen.append(Seen(vitals.view(pair), vitals.since.get(key), vitals.last.get(key)))
            if count % SLICE == 0:
                await asyncio.sleep(0)
        return seen

    def _judged(self, seen: Sequence[Seen], *, foresee: bool) -> Iterator[Standing]:
        for each in seen:
            if self._vitals.stopping:
                raise Stopping
            yield status.standing(each.view, since=each.since, last=each.last, foresee=foresee)


def _written(document: Mapping[str, object]) -> bytes:
    """The document as JSON, its pairs one by one: as a whole they would keep every other thread waiting."""
    pairs = document["pairs"]
    assert isinstance(pairs, list)  # noqa: S101  # the contract's document
    head = json.dumps({**document, "pairs": []}).removesuffix("]}")
    return f"{head}{', '.join(map(json.dumps, pairs))}]}}".encode()
