"""Faults by chance: of all requests so many in a hundred go wrong, in the ways of a provider on a bad day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from rotator.models import Id
from rotator.sandbox import Fault
from rotator.sandbox.faults import NO_FAULT, Faults
from rotator.sandbox.records import Call

Table = Mapping[str, tuple[float, Fault]]
"""By name: the share of the requests that are hit, and with what."""

MILD: Table = {
    "500": (0.005, Fault(status=500)),
    "502, carried out": (0.005, Fault(status=502, act=True)),
    "503": (0.01, Fault(status=503)),
    "reset before": (0.005, Fault(drop="before")),
    "reset after": (0.005, Fault(drop="after")),
    "429": (0.01, Fault(status=429, headers={"Retry-After": "2"})),
    "slow by 3 s": (0.02, Fault(delay=3)),
    "half an answer": (0.0025, Fault(truncated=True)),
    "a page of HTML": (0.0025, Fault(garbage=True)),
}
"""Some seven requests in a hundred."""

FATES: Table = {"fails": (0.02, Fault(fate="fails")), "hangs": (0.01, Fault(fate="hangs"))}
"""What becomes of creates that were carried out all right."""


@dataclass
class Odds(Faults):
    """Takes the place of a world's faults. `calm` holds it back; `hits` counts what it did."""

    chance: Random
    table: Table = field(default_factory=lambda: MILD)
    fates: Table = field(default_factory=lambda: FATES)
    calm: bool = False
    hits: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        super().__init__()

    def take(self, call: Call, server_id: Id | None) -> Fault:
        """One draw for each request, so that a seed repeats all of them."""
        drawn = self.chance.random()
        is_create = (call.method, call.path) == ("POST", "/snapshots/")
        table: Table = {**self.table, **self.fates} if is_create else self.table
        for name, (share, fault) in table.items():
            drawn -= share
            if drawn < 0 and not self.calm:
                self.hits[name] += 1
                return fault
        return NO_FAULT
