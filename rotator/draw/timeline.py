"""A server's places in time: what stands there, which slots come, what the next rotations delete and why.

A row is a place. A dot is a restore point at its time, the band behind it how long it stands; a dashed one
does not exist yet. A cross ends what a rotation deletes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from rotator import wording
from rotator.models import State
from rotator.simulate import Future, Life, Turn, lives

from . import svg
from .legend import legend
from .places import places
from .scale import Scale
from .style import hue

WIDTH = 960.0
_LEFT, _RIGHT = 74.0, 930.0
_TOP, _ROW, _BAR = 84.0, 26.0, 18.0
_LETTER = 6.4  # pixels of an average character in 12 px
_MOST_TOLD = 4
_LONGEST = 150  # characters of a small line across the picture


def timeline(
    future: Future, *, back: timedelta | None = None, ident: str = "timeline", style: bool = True
) -> str:
    """The picture of a server from `back` before the future's start (by default as long as it is) to its end.

    `future` comes from `simulate` with what stands on the server now; its start is now. `ident` has to be
    another one for every picture of a page; `style=False` leaves the stylesheet to the page.
    """
    scale = Scale(future.start - (back or future.end - future.start), future.end, _LEFT, _RIGHT)
    rows = places(
        [life for life in lives(future) if life.ends is None or life.ends > scale.start], future.server.cap
    )
    count = max([future.server.cap, *(place + 1 for place, _ in rows)])
    bottom = _TOP + count * _ROW
    going = [turn for turn in future.turns if turn.deleted or turn.problem is not None]
    going = sorted(going, key=lambda turn: turn.problem is None)[:_MOST_TOLD]
    told = [_told(turn) for turn in going]
    body = [
        *_header(future, rows),
        *_lanes(count, future.server.cap),
        *scale.axis(_TOP, bottom),
        *_now(scale, future.start, bottom),
        *(_life(scale, future, place, life) for place, life in rows),
        *_slots(scale, future),
        *(
            svg.text(line, class_="bad small" if turn.problem else "small", x=16.0, y=bottom + 42 + 17 * i)
            for i, (turn, line) in enumerate(zip(going, told, strict=True))
        ),
    ]
    height = bottom + 28 + (17 * len(told) + 8 if told else 0)
    title = f"{future.server.label}: snapshots and slots"
    return svg.picture(WIDTH, height, title, _description(future, rows, told), body, ident=ident, style=style)


def _header(future: Future, rows: Sequence[tuple[int, Life]]) -> Iterator[str]:
    taken = sum(life.stands(future.start) for _, life in rows)
    yield svg.text(future.server.label, class_="head", x=16.0, y=28.0)
    yield svg.text(f"{taken} of {future.server.cap} places taken", class_="muted end", x=_RIGHT, y=28.0)
    foreign = any(life.policy is None for _, life in rows)
    yield from legend(future.server, 16.0, 50.0, foreign=foreign)


def _lanes(count: int, cap: int) -> Iterator[str]:
    for place in range(count):
        top = _TOP + place * _ROW
        if place % 2 == 0:
            yield svg.element("rect", class_="band", x=_LEFT, y=top, width=_RIGHT - _LEFT, height=_ROW)
        label = f"place {place + 1}" if place < cap else "too many"
        yield svg.text(label, class_="muted small", x=16.0, y=top + _ROW / 2 + 4)


def _life(scale: Scale, future: Future, place: int, life: Life) -> str:
    left = scale.x(life.begins)
    right = scale.x(life.ends) if life.ends is not None else _RIGHT
    middle = _TOP + place * _ROW + _ROW / 2
    kind = "ahead line thin" if life.foreseen else "fill tint"
    parts = [
        svg.element(
            "rect",
            class_=kind,
            x=left,
            y=middle - _BAR / 2,
            width=max(1.0, right - left - 2),
            height=_BAR,
            rx=4,
        )
    ]
    dot = "line" if life.foreseen or life.snapshot.state is not State.READY else "fill"
    if scale.inside(life.begins):
        parts.append(svg.element("circle", class_=dot, cx=left, cy=middle, r=4.5))
    else:
        parts.append(svg.element("path", class_="fill", d=f"M{left + 9:.1f} {middle - 5:.1f}v10l-7-5z"))
    label = f"{_when(life.begins)}{_condition(life)}"
    if right - left > _LETTER * len(label) + 24:
        parts.append(svg.text(label, class_="small", x=left + 13, y=middle + 4))
    if life.ends is not None and scale.inside(life.ends):
        parts.append(_cross(max(left, right - 9), middle))
    return svg.told(_fate(future, life), *parts, class_=hue(future.server, life.policy))


def _cross(x: float, y: float) -> str:
    return svg.element("path", class_="off", d=svg.cross(x, y))


def _slots(scale: Scale, future: Future) -> Iterator[str]:
    """A mark above the places at each slot that comes."""
    for turn in future.turns:
        x, y = scale.x(turn.at), _TOP - 9
        says = f"{turn.pair.policy.name}: slot of {_when(turn.slot)}, {turn.outcome.value}"
        shape = svg.element("path", class_="fill", d=f"M{x - 4:.1f} {y - 4:.1f}h8l-4 7z")
        if turn.problem is not None:
            shape = _cross(x, y)
        yield svg.told(says, shape, class_=hue(future.server, turn.pair.policy.name))


def _now(scale: Scale, now: datetime, bottom: float) -> Iterator[str]:
    x = scale.x(now)
    yield svg.element("line", class_="now", x1=x, y1=_TOP - 14, x2=x, y2=bottom)
    yield svg.text("now", class_="small mid", x=x, y=_TOP - 18)


def _condition(life: Life) -> str:
    state = life.snapshot.state
    return "" if state is State.READY else f" {state.value.replace('_', ' ')}"


def _fate(future: Future, life: Life) -> str:
    """One sentence about a snapshot, for whoever points at it."""
    whose = life.policy or "not made by rotator"
    until = ""
    if life.ended_by is not None:
        by = life.ended_by.pair.policy
        why = f"{', '.join(life.why)}: {wording.all_in_words(life.why, by)}"
        until = f"; deleted by {by.name} at {_when(life.ended_by.at)} ({why})"
    will = "will be made" if life.foreseen else "made"
    return f"{life.snapshot.name} ({whose}){_condition(life)}, {will} {_when(life.begins)}{until}"


def _told(turn: Turn) -> str:
    """One line about a rotation that deletes, or that cannot be done."""
    policy = turn.pair.policy
    head = f"{_when(turn.at)}  {policy.name}"
    if turn.problem is not None:
        return _cut(f"{head}: {turn.problem.code}: {turn.problem.message}")
    gone = "; ".join(f"{v.snapshot.name} ({wording.all_in_words(v.reasons, policy)})" for v in turn.deleted)
    return _cut(f"{head} will delete {gone}")


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _when(at: datetime) -> str:
    return f"{at:%a %d %b %H:%M}"


def _description(future: Future, rows: Sequence[tuple[int, Life]], told: Sequence[str]) -> str:
    there = [life.snapshot.name for _, life in rows if life.stands(future.start) and not life.foreseen]
    return (
        f"At {future.start:%Y-%m-%d %H:%M} UTC there stand {', '.join(there) or 'no snapshots'};"
        f" {len(future.turns)} rotations until {future.end:%Y-%m-%d %H:%M} UTC. {'. '.join(told)}"
    )
