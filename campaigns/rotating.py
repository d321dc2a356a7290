"""Whole rotations on a simulated server: plans performed one after the other until they come to an end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from campaigns.known import Case, counts, may_go, ready_among
from rotator.models import Pair, Snapshot, State
from rotator.progress import Progress
from tests.simulating import Fate, World, perform

NAMED = {"cap_reached", "snapshot_failed", "snapshot_stuck"}
"""Why a rotation on a sure list with a right clock may come to nothing."""


def unending(case: Case, random: Random) -> Iterator[str]:
    """What is wrong with the rotation that begins at this view, on a sure list and with a right clock.

    It has to end, in a bounded number of plans, with its snapshot ready or for a named reason; the same again
    has to settle what was deferred.
    """
    pair = case.pair
    rows = [replace(row, server_id=1) for row in case.view.snapshots if row.key not in case.view.gone]
    world = World(pair.server, max(case.now, case.progress.slot), rows)
    bound = len(rows) + 6  # each is waited for, the new one too; clear, create, an end
    ending = perform(world, pair, Progress(case.progress.slot), _fates(random))
    ready = any(s.state is State.READY and s.name == case.name for s in world.snapshots)
    yield from wrong_acts(world, pair, case.name)
    if ending.plans > bound:
        yield f"it took {ending.plans} plans"
    if ending.problem is None and not ready:
        yield "it ended well, and the slot has no ready snapshot"
    if ending.problem is not None and ending.problem.code not in NAMED:
        yield f"it ended with {ending.problem.code}"
    if ready_among(act.snapshot for act in world.acts if act.kind != "create") > pair.policy.max_deletes:
        yield "more than max_deletes ready ones went"
    if sum(1 for act in world.acts if act.kind == "create") > 1:
        yield "two creates for one slot"
    if ending.problem is None:
        yield from _unsettled(world, pair, case)


def _unsettled(world: World, pair: Pair, case: Case) -> Iterator[str]:
    """Rotations of the same slot settle what was deferred, and create nothing."""
    made, after = world.made, None
    for _ in range(len(world.snapshots) + 2):
        after = perform(world, pair, Progress(case.progress.slot), iter(())).last
    if world.made > made:
        yield "the same slot again created a second one"
    if after is not None and after.now and after.suspicious is None:
        yield f"the same slot again and again, and {after.now[0].name} still has to go"


def wrong_acts(world: World, pair: Pair, name: str) -> Iterator[str]:
    """What has to hold at each instant of any rotation for the snapshot of that name, killed or not."""
    for act in world.acts:
        if act.kind == "create":
            if len(act.before) >= pair.server.cap:
                yield f"a create with {len(act.before)} of {pair.server.cap} places taken"
            if name in {snapshot.name for snapshot in act.before}:
                yield f"a second create of {name}"
            continue
        if not may_go(pair, act.snapshot, act.at):
            yield f"{act.snapshot.name} was deleted, and may not be"
        standing = sum(1 for s in act.before if counts(pair, s, act.at))
        if act.snapshot.state is State.READY and standing <= pair.policy.min_ready:
            yield f"{act.snapshot.name} was deleted at the floor"
        if act.kind == "prune" and not _is_ready(act.before, name):
            yield f"{act.snapshot.name} was pruned before {name} was ready"


def _is_ready(rows: tuple[Snapshot, ...], name: str) -> bool:
    return State.READY in {s.state for s in rows if s.name == name}


def _fates(random: Random) -> Iterator[Fate]:
    """What becomes of those that are waited for: a few accidents, and then all is well."""
    for _ in range(random.randrange(4)):
        yield random.choice((Fate.READY, Fate.READY, Fate.FAILED, Fate.NOTHING))
    while True:
        yield Fate.READY
