"""State, time and the true history, without HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.sandbox import Change, Switches, World
from rotator.sandbox.records import Refused
from tests.sandbox.conftest import START, StandingClock


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_a_snapshot_is_ready_when_its_time_has_come_and_not_before(
    world: World, clock: StandingClock
) -> None:
    world.switches = Switches(create_time=180, new_size_mb=4000)
    row = world.create(12345, "a", "")
    assert (row.status, row.size_mb) == ("in_progress", None)

    clock.pass_by(179)
    assert world.snapshots(12345) == [row]
    clock.pass_by(1)
    [row] = world.snapshots(12345)
    assert (row.status, row.size_mb) == ("completed", 4000)


def test_a_change_of_create_time_does_not_touch_what_is_under_way(world: World, clock: StandingClock) -> None:
    world.switches = Switches(create_time=10)
    world.create(12345, "a", "")
    world.switches = Switches(create_time=1000)
    clock.pass_by(10)

    assert world.snapshots(12345)[0].status == "completed"


def test_history_dates_changes_when_they_happened_however_late_they_are_noticed(
    world: World, clock: StandingClock
) -> None:
    world.switches = Switches(create_time=100)
    first = world.create(12345, "first", "").id
    clock.pass_by(10)
    second = world.create(12345, "second", "", "fails").id
    clock.pass_by(10)
    third = world.create(12345, "third", "", "hangs").id
    clock.pass_by(1000)
    world.delete(third)
    world.restore(first)

    going, gone, done = ("in_progress", None), ("failed", None), ("completed", 5120)
    assert world.history == [
        Change(at(0), "created", first, 12345, "first", *going, at(0)),
        Change(at(10), "created", second, 12345, "second", *going, at(10)),
        Change(at(20), "created", third, 12345, "third", *going, at(20)),
        Change(at(100), "ready", first, 12345, "first", *done, at(0)),
        Change(at(110), "failed", second, 12345, "second", *gone, at(10)),
        Change(at(1020), "deleted", third, 12345, "third", *going, at(20)),
        Change(at(1020), "restored", first, 12345, "first", *done, at(0)),
    ]


def test_a_snapshot_that_is_deleted_in_progress_never_becomes_ready(
    world: World, clock: StandingClock
) -> None:
    world.delete(world.create(12345, "a", "").id)
    clock.pass_by(1000)

    assert [change.kind for change in world.history] == ["created", "deleted"]


def test_setting_the_stage_writes_no_history(world: World) -> None:
    world.remove_snapshot(world.add_snapshot(12345, "a"))
    world.add_snapshot(12345, "b")
    world.remove_server(12345)

    assert world.history == []


def test_a_planted_status_stays_and_a_planted_end_comes(world: World, clock: StandingClock) -> None:
    world.add_snapshot(12345, "stuck", status="in_progress")
    world.add_snapshot(12345, "odd", status="archived", size_mb=7)
    world.add_snapshot(12345, "coming", ready_at=START + timedelta(seconds=5))

    def shown() -> list[tuple[str, float | None]]:
        return [(row.status, row.size_mb) for row in world.snapshots(12345)]

    assert shown() == [("in_progress", None), ("archived", 7), ("in_progress", None)]
    clock.pass_by(100_000)
    assert shown() == [("in_progress", None), ("archived", 7), ("completed", 5120)]
    assert [(change.kind, change.at) for change in world.history] == [("ready", at(5))]


def test_what_is_not_there_cannot_be_removed_or_deleted(world: World) -> None:
    with pytest.raises(KeyError):
        world.remove_snapshot(801)
    with pytest.raises(Refused):
        world.delete(801)


def test_a_removed_server_takes_its_snapshots_along(world: World) -> None:
    world.add_snapshot(12345, "a")
    world.remove_server(12345)

    assert (world.listed(), world.servers(), world.snapshot(801)) == ([], [], None)


def test_a_server_is_restoring_for_a_while_and_is_then_started_again(
    world: World, clock: StandingClock
) -> None:
    world.switches = Switches(restore_time=300)
    world.restore(world.add_snapshot(12345, "a"))

    clock.pass_by(299)
    assert [row.status for row in world.servers()] == ["restoring"]
    clock.pass_by(1)
    assert [row.status for row in world.servers()] == ["active"]


Step = Callable[[World, StandingClock], object]


def creating(fate: str | None) -> Step:
    return lambda world, clock: world.create(1, "a", "", fate)


def deleting(index: int) -> Step:
    def step(world: World, clock: StandingClock) -> None:
        for row in world.snapshots(1)[index : index + 1]:
            world.delete(row.id)

    return step


def waiting(seconds: int) -> Step:
    return lambda world, clock: clock.pass_by(seconds)


def looking(_: None) -> Step:
    return lambda world, clock: world.history


STEPS = st.one_of(
    st.sampled_from([None, "fails", "hangs", "odd"]).map(creating),
    st.integers(0, 9).map(deleting),
    st.integers(0, 120).map(waiting),
    st.none().map(looking),
)


@given(st.lists(STEPS, max_size=40), st.integers(0, 200))
def test_history_is_in_order_and_tells_what_is_there(steps: list[Step], create_time: int) -> None:
    clock = StandingClock()
    world = World(clock, Switches(create_time=create_time))
    world.add_server(1, "a")
    for step in steps:
        step(world, clock)

    assert [change.at for change in world.history] == sorted(change.at for change in world.history)
    last = {change.id: change.kind for change in world.history}
    told = {id: kind for id, kind in last.items() if kind != "deleted"}
    words = {"completed": "ready", "failed": "failed", "odd": "failed", "in_progress": "created"}
    assert told == {row.id: words[row.status] for row in world.snapshots(1)}
