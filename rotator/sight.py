"""One server as one list showed it: what a look answers with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from rotator.models import Snapshot


@dataclass(frozen=True, slots=True)
class Sight:
    """One server as a list showed it, own writes laid over it.

    `unsure` says why it cannot be trusted, `began` is the list's monotonic time, `strays` are the names of
    rows that belong to no server, `failing` the seconds that failed attempts at the list took. `missing`: the
    account was asked for its servers and has none of this id.
    """

    snapshots: tuple[Snapshot, ...] = ()
    unsure: str | None = None
    skew: timedelta = timedelta(0)
    began: float = 0.0
    strays: tuple[str, ...] = ()
    failing: float = 0.0
    missing: bool = False

    def find(self, name: str) -> Snapshot | None:
        """The snapshot of that name, if the list shows one."""
        return next((s for s in self.snapshots if s.name == name), None)
