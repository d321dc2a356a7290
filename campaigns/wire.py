"""What lies between the processes and a sandbox: a scenario's faults, slowness, and the place of a kill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Literal

from rotator.models import Id
from rotator.sandbox import Fault
from rotator.sandbox.faults import Faults
from rotator.sandbox.records import Call

Moment = Literal["before", "late", "after"]
"""Killed before the request arrives; as it is under way, and it arrives later; before its answer arrives."""

MOMENTS: tuple[Moment, ...] = ("before", "late", "after")

FOR_EVER = 1e7
"""Seconds that the fatal request is held: whoever sent it is dead by then."""

LATE = 5.0
"""Seconds that the request of a dead process is under way before it is carried out: well under the 15 s after
which a create counts as lost."""


class Wire(Faults):
    """The faults, each request and answer delayed by up to `slowest` seconds, and maybe a kill."""

    def __init__(self, *faults: Fault, chance: Random | None = None, slowest: float = 0.0) -> None:
        super().__init__()
        self.add(*faults)
        self.seen = 0
        self._chance = chance or Random(0)
        self._slowest = slowest
        self._fatal: tuple[int, Moment, Callable[[], None]] | None = None

    def kill_at(self, index: int, moment: Moment, reached: Callable[[], None]) -> None:
        """Hold the request of that index, counted from here, and say that it is reached."""
        self._fatal = (self.seen + index, moment, reached)

    def pass_all(self) -> None:
        """Hold none."""
        self._fatal = None

    def take(self, call: Call, server_id: Id | None) -> Fault:
        """The fault that hits this request, as `Faults` has it, with what the wire adds."""
        self.seen += 1
        fatal = self._fatal
        if fatal is None or self.seen <= fatal[0]:
            return self._slowed(super().take(call, server_id))
        self._fatal = None
        _, moment, reached = fatal
        reached()
        if moment == "before":
            return Fault(delay=FOR_EVER, drop="before")
        held = replace(super().take(call, server_id), delay_after=FOR_EVER)
        return replace(held, delay=LATE) if moment == "late" else held

    def _slowed(self, fault: Fault) -> Fault:
        if not self._slowest:
            return fault
        there, back = (self._chance.uniform(0, self._slowest) for _ in range(2))
        return replace(fault, delay=fault.delay + there, delay_after=fault.delay_after + back)
