"""Servers in any state, clocks and memories of earlier tries, drawn from one `random.Random`.

Nothing here asks whether a state can come about: a plan has to be right on every list there is.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from campaigns import histories
from rotator.census import View
from rotator.models import UNLIMITED, Id, Keep, Pair, Policy, Server, Snapshot, Span, State, Wait
from rotator.progress import Progress

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

NAMES = ("nightly", "weekly", "hourly")
TEMPLATES = ("{policy}-{slot}", "{policy}-{slot}", "{server}_{policy}-{slot}", "{slot}-{policy}-x")
KEEPS = (
    Keep(last=3),
    Keep(last=1),
    Keep(last=2, daily=2),
    Keep(last=2, weekly=2),
    Keep(daily=3, weekly=2),
    Keep(hourly=2, monthly=1),
    Keep(within_daily=Span(days=7), yearly=1),
    Keep(weekly=1, monthly=UNLIMITED),
    Keep(),
)
STEPS = (_DAY, _DAY, _DAY, _HOUR, 7 * _DAY)
PROTECT = ((), (), (), ("golden-*",), ("*-2027030*",), ("legacy-1", "*T070000Z"), ("*",))
FOREIGN = (
    "by-hand",
    "golden-1",
    "safety-{slot}",
    "old-{slot}",
    "nightly-{slot}-2",
    "Nightly-{slot}",
    "legacy-1",
)
WORDS = {
    State.READY: ("completed",),
    State.IN_PROGRESS: ("in_progress",),
    State.FAILED: ("failed", "error"),
    State.UNKNOWN: ("completed", "archiving", "", "COMPLETED", "deleting"),
}
"""The provider's words; a `completed` one of no size is unknown."""


def case(random: Random) -> tuple[View, Progress]:
    """A view of one pair, and what its rotation did before."""
    now = datetime(2027, 3, 14, 7, 0, tzinfo=UTC) + random.choice((0, 0, 1, 90)) * _DAY
    slot = now
    if random.random() < 0.3:
        now += timedelta(seconds=random.choice((1, 60, 1799.5, 6 * 3600, -60, -301)))
    server = _server(random)
    pair = Pair(server, server.policies[0])
    step = random.choice(STEPS)
    rows = [_row(random, pair, number, (slot, step, now)) for number in range(random.choice(_LENGTHS))]
    if random.random() < 0.6:  # mostly as full as it gets
        server = replace(server, cap=max(1, min(8, len(rows) - random.choice((0, 0, 0, 1, -1)))))
        pair = Pair(server, server.policies[0])
    unsure = "a row is missing" if random.random() < 0.06 else None
    skew = random.choice((0, 0, 0, 0, 0, 0, 0, 5, -5, 6, -6)) * _MINUTE
    gone = frozenset(str(row.id) for row in rows if random.random() < 0.03)
    view = View(pair, tuple(rows), now, unsure, skew, gone)
    return view, _progress(random, slot, rows)


_LENGTHS = (0, 1, 2, 3, 4, 5, 5, 5, 6, 7, 8, 9)


def _server(random: Random) -> Server:
    count = random.choice((1, 1, 2, 3))
    policies = [_policy(random, name) for name in NAMES[:count]]
    policies[0] = replace(policies[0], enabled=True)
    return Server(
        id=random.choice((1, "1")),
        policies=tuple(policies),
        name=random.choice((None, "web-01")),
        protect=random.choice(PROTECT),
        cap=random.choice((5, 5, 5, 1, 2, 3, 4, 6, 7, 8)),
    )


def _policy(random: Random, name: str) -> Policy:
    return Policy(
        name=name,
        schedule=("0 7 * * *",),
        zone=histories.zone(random),
        catch_up=6 * _HOUR,
        keep=random.choice(KEEPS) if random.random() < 0.8 else histories.keep(random),
        template=random.choice(TEMPLATES),
        min_ready=random.choice((1, 1, 1, 1, 0, 2, 3)),
        max_deletes=random.choice((2, 2, 2, 1, 3, 5)),
        wait=Wait(timeout=random.choice((45, 45, 45, 1, 600)) * _MINUTE),
        adopt=random.choice(((), (), ("legacy-*",), ("old-*",), ("safety-*", "by-*"))),
        enabled=random.random() < 0.8,
    )


def _row(random: Random, pair: Pair, number: int, times: tuple[datetime, timedelta, datetime]) -> Snapshot:
    """A snapshot of any kind, state and age, sometimes of another server."""
    slot, step, now = times
    ago = random.choice((0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 8, 14, 40))
    usual = (State.READY,) * (7 if ago else 2)
    state = random.choice((*usual, State.FAILED, State.IN_PROGRESS, State.UNKNOWN))
    when = slot - ago * step
    if random.random() < 0.1:
        when += timedelta(seconds=random.choice((1, -1, 300, 301, 44 * 60, 46 * 60, 7200, 9 * 86400)))
    created_at = when
    if random.random() < 0.15:
        created_at = random.choice(
            (now - 44 * _MINUTE, now - 46 * _MINUTE, now + 6 * _MINUTE, now - 9 * _DAY)
        )
    word = random.choice(WORDS[state])
    size = random.choice((5000, 5000, 2000, 0.5, None))
    if state is State.UNKNOWN and word == "completed":
        size = 0
    return Snapshot(
        id=_id(random, number),
        server_id=random.choice((1, 1, 1, 1, 1, 1, "1", 1, 1, 2)),
        name=_name(random, pair, when),
        status=word,
        state=state,
        created_at=created_at,
        size_mb=size,
    )


def _id(random: Random, number: int) -> Id:
    return random.choice((number, 1000 + number, f"{number:08x}-uuid", f"s {number}", -number - 1))


def _name(random: Random, pair: Pair, when: datetime) -> str:
    text = f"{when.year:04}{when:%m%dT%H%M%SZ}"
    if random.random() < 0.25:
        return random.choice(FOREIGN).replace("{slot}", text)
    chosen = pair.policy if random.random() < 0.7 else random.choice(pair.server.policies)
    values = {"{policy}": chosen.name, "{server}": pair.server.label, "{slot}": text}
    name = chosen.template
    for placeholder, value in values.items():
        name = name.replace(placeholder, value)
    return name


def _progress(random: Random, slot: datetime, rows: list[Snapshot]) -> Progress:
    """Mostly a fresh one; else deletes of this rotation, and of earlier tries of the slot."""
    if random.random() < 0.6 or not rows:
        return Progress(slot)
    tried = frozenset(str(row.id) for row in random.sample(rows, random.choice((0, 0, min(2, len(rows))))))
    room_deleted = len(tried) + random.choice((0, 0, 1))
    return Progress(
        slot,
        deleted=random.choice((0, 0, 1, 2, 7)),
        room_limit=random.choice((None, 0, 1, 2)) if not room_deleted else random.choice((1, 2, 3)),
        room_deleted=room_deleted,
        waited_out=frozenset(str(row.id) for row in random.sample(rows, random.choice((0, 0, 1)))),
        tried=tried,
    )
