"""What holds of every rotation that performs its plans, wherever it is killed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, repeat

from hypothesis import event, given
from hypothesis import strategies as st

from campaigns.known import ready_among
from campaigns.rotating import NAMED, wrong_acts
from rotator import naming
from rotator.models import Pair, State
from rotator.plan import Step, plan
from rotator.progress import Progress
from tests.building import DAY, HOUR, NOW, make_policy, make_server, make_snapshot
from tests.drawing import many, views
from tests.simulating import Fate, Killed, World, perform


@st.composite
def worlds(draw: st.DrawFn) -> World:
    view = draw(views())
    return World(view.pair.server, NOW, [replace(row, server_id=1) for row in view.snapshots])


fates = st.lists(st.sampled_from([Fate.READY, Fate.READY, Fate.FAILED, Fate.NOTHING]), max_size=6)


def unfolding(drawn: list[Fate]) -> Iterator[Fate]:
    """The drawn fates, and then all is well."""
    return chain(drawn, repeat(Fate.READY))


def check_acts(world: World, pair: Pair) -> None:
    """What has to hold at each instant of any rotation, killed or not."""
    assert list(wrong_acts(world, pair, naming.snapshot_name(pair.server, pair.policy, NOW))) == []


@many
@given(worlds(), fates)
def test_a_rotation_ends_with_its_snapshot_ready_or_a_named_reason(world: World, drawn: list[Fate]) -> None:
    pair = Pair(world.server, world.server.policies[0])
    bound = len(world.snapshots) + 6  # each is waited for, the new one too; clear, create, an end
    ending = perform(world, pair, Progress(NOW), unfolding(drawn))
    event(f"{ending.outcome} {ending.problem.code if ending.problem else ''}")
    check_acts(world, pair)
    name = naming.snapshot_name(pair.server, pair.policy, NOW)
    assert ending.plans <= bound
    if ending.problem is None:
        assert State.READY in {s.state for s in world.snapshots if s.name == name}
    else:
        assert ending.problem.code in NAMED
    assert ready_among(act.snapshot for act in world.acts) <= pair.policy.max_deletes
    assert sum(1 for act in world.acts if act.kind == "create") <= 1


@many
@given(worlds(), fates, st.lists(st.integers(0, 5), max_size=4))
def test_a_rotation_that_was_killed_is_taken_up_from_the_list_alone(
    world: World, drawn: list[Fate], kills: list[int]
) -> None:
    pair, told = Pair(world.server, world.server.policies[0]), unfolding(drawn)
    for lives in kills:
        world.lives = lives
        try:
            perform(world, pair, Progress(NOW), told)
        except Killed:
            event("killed")
    world.lives = None
    ending = perform(world, pair, Progress(NOW), told)
    check_acts(world, pair)
    name = naming.snapshot_name(pair.server, pair.policy, NOW)
    made = [s for s in world.snapshots if s.name == name and s.key.startswith("made-")]
    assert len(made) <= 1
    assert ending.problem is not None or State.READY in {s.state for s in world.snapshots if s.name == name}


@many
@given(worlds(), fates)
def test_planning_again_creates_nothing_and_deletes_at_most_what_was_deferred(
    world: World, drawn: list[Fate]
) -> None:
    pair = Pair(world.server, world.server.policies[0])
    ending = perform(world, pair, Progress(NOW), unfolding(drawn))
    if ending.problem is not None:
        return
    again = plan(world.view(pair), Progress(NOW))
    assert again.step is Step.PRUNE
    assert {s.key for s in again.now} <= {v.snapshot.key for v in ending.last.buckets.deferred}


@many
@given(worlds(), fates, st.lists(st.integers(0, 2), min_size=1, max_size=4))
def test_one_slot_deletes_no_more_for_room_than_at_first_whatever_comes_up_between_its_tries(
    world: World, drawn: list[Fate], arrivals: list[int]
) -> None:
    pair, told = Pair(world.server, world.server.policies[0]), unfolding(drawn)
    progress, limit = Progress(NOW), None
    for try_, arriving in enumerate(arrivals):
        progress = perform(world, pair, progress.next_try(), told).progress
        limit = progress.room_limit if limit is None else limit
        free = max(0, world.server.cap - len(world.snapshots))
        rows = [make_snapshot(f"late-{try_}-{n}", created_at=world.now) for n in range(min(arriving, free))]
        world.snapshots.extend(rows)
        world.now += HOUR
    cleared = ready_among(act.snapshot for act in world.acts if act.kind == "clear")
    assert cleared <= (limit or 0)
    check_acts(world, pair)


@many
@given(worlds())
def test_rotations_of_the_same_slot_settle_what_was_deferred(world: World) -> None:
    """Nothing stays that the rules let go but, perhaps, the slot's own snapshot."""
    pair = Pair(world.server, replace(world.server.policies[0], max_deletes=3))
    for _ in range(4):  # nine at most stood there
        ending = perform(world, pair, Progress(NOW), repeat(Fate.READY))
    if ending.problem is None and ending.last.suspicious is None:
        assert ending.last.now == ()
        name = naming.snapshot_name(pair.server, pair.policy, NOW)
        assert {v.snapshot.name for v in ending.last.buckets.deferred} <= {name}


def test_the_simulation_itself_notices_a_plan_that_goes_wrong() -> None:
    """A create on a full server and a delete below the floor would not go unseen."""
    pair = Pair(make_server(cap=1), make_policy())
    world = World(
        pair.server, NOW, [make_snapshot(1, naming.snapshot_name(pair.server, pair.policy, NOW - DAY))]
    )
    world.delete("clear", world.snapshots[0])
    try:
        check_acts(world, pair)
    except AssertionError:
        return
    raise AssertionError("the floor was broken and nobody said so")
