"""The stage of `rotator demo`: four servers in telling states, a configuration, and what has to happen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rotator.clock import Clock
from rotator.models import Id, Outcome
from rotator.naming import slot_text
from rotator.report import Report
from rotator.sandbox import Fault, Switches, World

CONFIG = """\
api:
  base_url: {base_url}      # the sandbox; yours is https://admin.vps.org/api/v1
policies:
  minutely:
    schedule: "* * * * *"   # every minute, so that there is something to see
    keep: {{last: 3}}         # the three newest; older ones are deleted
    wait: {{first: {first}s, interval: 0.5s, timeout: 1m}}
  brimful:
    schedule: "* * * * *"
    keep: {{last: 5}}         # as many as a server has places
    wait: {{first: {first}s, interval: 0.5s, timeout: 1m}}
servers:
  - {{id: 101, name: web-01, policies: [minutely]}}
  - {{id: 102, name: db-01, policies: [brimful]}}
  - {{id: 103, name: files-01, policies: [minutely]}}
  - {{id: 104, name: mail-01, policies: [minutely]}}
"""


@dataclass(frozen=True, slots=True)
class Part:
    """One server of the play: what it holds at first, and what has to come of its first rotation.

    `own` snapshots were made by its policy, `by_hand` by somebody else; `deletes` is how many go.
    """

    id: int
    name: str
    policy: str
    own: int
    by_hand: int
    tells: str
    outcome: Outcome
    creates: int
    deletes: int


PARTS = (
    Part(
        101, "web-01", "minutely", own=3, by_hand=1,
        tells="a place is free: create first, then delete the oldest",
        outcome=Outcome.ROTATED, creates=1, deletes=1,
    ),
    Part(
        102, "db-01", "brimful", own=5, by_hand=0,
        tells="full: the oldest has to go before the new one is made",
        outcome=Outcome.ROTATED, creates=1, deletes=1,
    ),
    Part(
        103, "files-01", "minutely", own=0, by_hand=5,
        tells="full of snapshots made by hand: blocked, nothing is touched",
        outcome=Outcome.CAP_REACHED, creates=0, deletes=0,
    ),
    Part(
        104, "mail-01", "minutely", own=2, by_hand=0,
        tells="its next snapshot fails: nothing is deleted",
        outcome=Outcome.FAILED, creates=1, deletes=0,
    ),
)  # fmt: skip

AFTERWARDS: Mapping[int, Outcome] = {part.id: part.outcome for part in PARTS} | {104: Outcome.ROTATED}
"""What has to come of every later slot: the failure was the only one."""


def furnish(clock: Clock, create_time: float) -> World:
    """The sandbox with all parts in place. Snapshots are a day apart, the newest a day old."""
    world = World(clock, Switches(create_time=create_time))
    now = clock.now().replace(second=0, microsecond=0)
    for part in PARTS:
        world.add_server(part.id, part.name)
        for days in range(part.own, 0, -1):
            at = now - timedelta(days=days)
            world.add_snapshot(part.id, f"{part.policy}-{slot_text(at)}", created_at=at)
        for days in range(part.by_hand, 0, -1):
            at = now - timedelta(days=7 * days)
            world.add_snapshot(part.id, f"by-hand-{at:%Y-%m-%d}", created_at=at)
    world.faults.add(Fault(method="POST", server_id=104, fate="fails"))
    return world


def config(base_url: str, create_time: float) -> str:
    """The configuration of the play."""
    return CONFIG.format(base_url=base_url, first=f"{create_time:g}")


def surprises(world: World, reports: Sequence[Report]) -> list[str]:
    """How the first act differs from what it has to be: by the reports and by what the sandbox truly did."""
    changes = Counter((change.kind, change.server_id) for change in world.history)
    outcomes = {report.pair.server.id: report.outcome for report in reports}
    found = []
    for part in PARTS:
        wanted = (part.outcome, part.creates, part.deletes)
        seen = (outcomes.get(part.id), changes["created", part.id], changes["deleted", part.id])
        if seen != wanted:
            found.append(f"{part.name}: outcome, created and deleted should be {wanted}, but are {seen}")
    return found


def late_surprises(slots: Mapping[datetime, Mapping[Id, Outcome]]) -> list[str]:
    """How the daemon's slots differ from what they have to be."""
    return [
        f"{slot_text(slot)}: expected {dict(AFTERWARDS)}, got {dict(outcomes)}"
        for slot, outcomes in slots.items()
        if outcomes != AFTERWARDS
    ]
