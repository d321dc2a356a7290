"""The rotations that ended last, each as its canonical line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from rotator.naming import slot_text
from rotator.notices import canonical
from rotator.report import Report


@dataclass(frozen=True, slots=True)
class Ended:
    """A rotation that ended at that time. `ok`: nothing failed and nothing is blocked."""

    at: datetime
    ok: bool
    line: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, report: Report, at: datetime) -> Ended:
        """The canonical line of the report: the fields of the log's `rotation.finished`."""
        return cls(at, report.ok, tuple(_fields(report)))


def _fields(report: Report) -> Iterator[tuple[str, str]]:
    facts: Mapping[str, object] = {
        "server": report.pair.server.label,
        "policy": report.pair.policy.name,
        "slot": slot_text(report.slot),
        **canonical(report),
    }
    for name, value in facts.items():
        listed = ",".join(map(str, value)) if isinstance(value, list) else value
        if listed not in (None, ""):
            yield name, f"{listed}"
