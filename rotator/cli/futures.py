"""What a simulation found, as a timeline for a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import click

from rotator.cli import output
from rotator.cli.complaints import fault_json
from rotator.cli.row import Row, heading, rows
from rotator.errors import Fault
from rotator.models import Pair
from rotator.naming import slot_text
from rotator.reach import Figures, figures, midnights, standing
from rotator.redact import printable
from rotator.report import timestamp
from rotator.simulate import Future, Turn, lives
from rotator.wording import how_long

TOGETHER = "together"
"""What stands in a policy's place where all policies of a server are meant."""

HEAD = ("SERVER", "POLICY", "REACH", "LARGEST GAP", "SETTLED", "POINTS", "OLDEST")

EXPLAINED = (
    "Reach: how far back one can go at the worst moment, the warm-up left out.",
    "Largest gap: the longest time without a restore point, up to the present.",
    "Settled: the warm-up is over. Where the reach is still growing, or the time",
    "after the warm-up too short to see the worst moment, simulate more days.",
    "Points, oldest: how many restore points there are at the end, and how far back.",
)


@dataclass(frozen=True, slots=True)
class Simulated:
    """The futures of the servers, which of their pairs are shown, and whose list cannot be trusted."""

    futures: tuple[Future, ...]
    shown: frozenset[tuple[str, str]]
    unsure: Mapping[str, str]
    from_empty: bool

    @property
    def well(self) -> bool:
        """Every slot of what is shown gets its snapshot."""
        return not self.unsure and not any(self.broken(future) for future in self.futures)

    def pairs(self, future: Future) -> list[Pair]:
        """The pairs of a server that are shown, in the server's order."""
        every = (Pair(future.server, policy) for policy in future.server.enabled)
        return [pair for pair in every if pair.key in self.shown]

    def broken(self, future: Future) -> list[Turn]:
        """The slots that get no snapshot."""
        return [turn for turn in future.broken if turn.pair.key in self.shown]


# --- JSON -----------------------------------------------------------------------------------------


def document(found: Simulated) -> dict[str, object]:
    """The contract's document; where something is not well, its errors too."""
    whole: dict[str, object] = {
        "version": 1,
        "ok": found.well,
        "pairs": [_pair_json(future, pair) for future in found.futures for pair in found.pairs(future)],
        "days": [day for future in found.futures for day in _days_json(found, future)],
    }
    faults = [_fault(f"server {key}: {why}", "list_unsure") for key, why in found.unsure.items()]
    faults += [_fault(*_trouble(turns)) for turns in _troubles(found)]
    return {**whole, "errors": [fault_json(fault) for fault in faults]} if faults else whole


def _fault(message: str, code: str) -> Fault:
    return Fault("", 0, 0, "", message, code)


def _pair_json(future: Future, pair: Pair) -> dict[str, object]:
    found = figures(future, pair.policy.name)
    slots = dict.fromkeys(turn.slot for turn in future.turns if turn.pair.key == pair.key)
    return {
        "server_id": pair.server.id,
        "policy": pair.policy.name,
        "slots": [slot_text(slot) for slot in slots],
        "reach_days": None if found.reach is None else round(found.reach / timedelta(days=1), 3),
        "largest_gap_seconds": None if found.gap is None else found.gap // timedelta(seconds=1),
    }


def _days_json(found: Simulated, future: Future) -> Iterator[dict[str, object]]:
    known = lives(future)
    hidden = _hidden(found, future)
    for at in midnights(future):
        points = [point for point in standing(future.server, known, at) if point.policy not in hidden]
        yield {
            "at": timestamp(at),
            "server_id": future.server.id,
            "snapshots": [
                {"name": p.snapshot.name, "policy": p.policy, "reasons": list(p.reasons)} for p in points
            ],
        }


def _hidden(found: Simulated, future: Future) -> set[str | None]:
    """Whose snapshots are left out where not all policies are shown: the other ones', and foreign ones."""
    shown = {pair.policy.name for pair in found.pairs(future)}
    others = {p.name for p in future.server.enabled if p.name not in shown}
    return {*others, None} if others else set()


# --- text -----------------------------------------------------------------------------------------


def lines(found: Simulated, width: int, *, quiet: bool) -> Iterator[str]:
    """For people, `width` columns wide; `quiet` leaves what is wrong."""
    if not quiet and found.futures:
        yield from _timeline(found, width)
        yield ""
        yield from output.columns([HEAD, *_figures(found)])
        yield ""
        yield from EXPLAINED
    for key, why in found.unsure.items():
        yield f"{click.style('not simulated', fg='red', bold=True)}: server {key}: {printable(why)}"
    for turns in _troubles(found):
        message, code = _trouble(turns)
        yield f"{click.style(code, fg='red', bold=True)}: {printable(message)}"


def _timeline(found: Simulated, width: int) -> Iterator[str]:
    start, end = found.futures[0].start, found.futures[0].end
    base = "empty servers" if found.from_empty else "what stands there now"
    made = [
        Row(future.server, pair.policy.name, lives(future), found.broken(future), i == 0)
        for future in found.futures
        for i, pair in enumerate(found.pairs(future))
    ]
    days = list(midnights(found.futures[0]))
    step, drawn = rows(made, days, width)
    yield f"From {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, from {base}."
    if step == 1:
        yield "A column is a day: how many restore points there are at its end, midnight UTC."
    else:
        yield f"A column is {step} days: how many restore points there are at the end of the poorest."
    if not found.well:
        yield f"{click.style('!', fg='red', bold=True)}: a slot gets no snapshot."
    yield ""
    yield from heading(made, days, step)
    yield from drawn


def _figures(found: Simulated) -> Iterator[Sequence[str]]:
    for future in found.futures:
        known, pairs = lives(future), found.pairs(future)
        names: list[str | None] = [pair.policy.name for pair in pairs]
        several = len(pairs) > 1 and len(pairs) == sum(p.enabled for p in future.server.policies)
        for i, name in enumerate([*names, *([None] if several else [])]):
            ages = [
                how_long(future.end - point.snapshot.created_at)
                for point in standing(future.server, known, future.end)
                if point.policy is not None and name in (None, point.policy)
            ]
            label = " " if i else printable(future.server.label)
            cells = _figure_cells(figures(future, name, known))
            yield (label, name or TOGETHER, *cells, str(len(ages)), ages[0] if ages else "")


def _figure_cells(found: Figures) -> tuple[str, str, str]:
    if found.gap is None:
        return "none", "", ""
    if found.settled is None:
        return "growing", how_long(found.gap), "not yet"
    reach = how_long(found.reach) if found.reach is not None else "too short"
    return reach, how_long(found.gap), f"{found.settled:%Y-%m-%d}"


# --- what goes wrong ------------------------------------------------------------------------------


def _troubles(found: Simulated) -> Iterator[list[Turn]]:
    """The slots that get no snapshot, pair by pair."""
    for future in found.futures:
        for pair in found.pairs(future):
            turns = [turn for turn in found.broken(future) if turn.pair.key == pair.key]
            if turns:
                yield turns


def _trouble(turns: Sequence[Turn]) -> tuple[str, str]:
    """What to say of a pair's slots that get no snapshot, and the code of the first one's error."""
    first = turns[0]
    problem = first.problem
    assert problem is not None  # noqa: S101  # that is what makes a turn broken
    label, policy = first.pair.server.label, first.pair.policy.name
    slots = f"{output.counted(len(turns), 'slot')} of {policy} on {label} would get no snapshot"
    return f"{slots}, the first at {_moment(first.slot)}: {problem.message}", problem.code


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
