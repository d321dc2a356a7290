"""Own writes count at once: what this process did to a server, laid over lists that may lag behind it.

Law 1: an id deleted here is gone, whatever a list shows.
Law 2: an id created here exists until a list that counts has shown it, at most for `wait.timeout`.
Law 3: a list counts only if its first request began after the last write to that server.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rotator.models import Snapshot

REMEMBER_GONE = 24 * 3600.0
"""Seconds that a deleted id is remembered: far longer than any list lags, so that memory stays bounded."""


@dataclass(slots=True)
class Overlay:
    """The own writes to one server. Times are monotonic seconds."""

    last_write: float = float("-inf")
    created: dict[str, tuple[Snapshot, float]] = field(default_factory=dict)
    gone: dict[str, float] = field(default_factory=dict)

    def wrote(self, at: float) -> None:
        """A write was sent, or its answer came, at `at`."""
        self.last_write = max(self.last_write, at)

    def add(self, snapshot: Snapshot, at: float, until: float) -> None:
        """A create was answered at `at`; unless a list shows it, it is believed until `until`."""
        self.wrote(at)
        self.gone.pop(snapshot.key, None)
        self.created[snapshot.key] = (snapshot, until)

    def remove(self, key: str, at: float) -> None:
        """A delete was answered: done, or gone already."""
        self.wrote(at)
        self.bury(key, at)

    def bury(self, key: str, at: float) -> None:
        """Somebody else deleted the id, before any list that is still to be asked for."""
        self.gone[key] = at
        self.created.pop(key, None)

    def counts(self, began: float) -> bool:
        """Whether a list whose first request went out at `began` shows all that was written here."""
        return began >= self.last_write

    def over(self, rows: tuple[Snapshot, ...], began: float, now: float) -> tuple[Snapshot, ...]:
        """The list's rows of this server, with the own writes laid over them."""
        shown = {row.key for row in rows}
        if self.counts(began):
            self._forget(shown, now)
        unseen = tuple(s for s, until in self.created.values() if s.key not in shown and now < until)
        return tuple(row for row in rows if row.key not in self.gone) + unseen

    def _forget(self, shown: set[str], now: float) -> None:
        self.created = {k: v for k, v in self.created.items() if k not in shown and now < v[1]}
        self.gone = {k: at for k, at in self.gone.items() if k in shown or now - at < REMEMBER_GONE}
