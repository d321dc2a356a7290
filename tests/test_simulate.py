"""A simulated future is what real rotations would come to, and its two figures are true at every moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, repeat

import pytest

from rotator.models import Keep, Outcome, Pair, Server, Snapshot, Span, State
from rotator.progress import Progress
from rotator.reach import Figures, Gap, end_of, figures, midnights, standing
from rotator.simulate import Future, Life, lives, simulate
from tests.building import DAY, HOUR, MINUTE, make_managed, make_policy, make_server, make_snapshot
from tests.simulating import Fate, World, perform

START = datetime(2027, 1, 1, tzinfo=UTC)  # a Friday
WEEKLY = make_policy("weekly", schedule=("0 4 * * 0",), keep=Keep(last=1))


def future(*policies: object, days: int = 60, seed: Iterable[Snapshot] = (), **changes: object) -> Future:
    """The future of server 1 with these policies from START on."""
    server = make_server(*policies, **changes)  # type: ignore[arg-type]
    return simulate(server, START, end_of(START, days), tuple(seed))


def names(known: Future, at: datetime, every: Iterable[Life] | None = None) -> set[str]:
    return {life.snapshot.name for life in every or lives(known) if life.stands(at)}


SERVERS: dict[str, Server] = {
    "room to spare": make_server(make_policy(), WEEKLY),
    "just full": make_server(make_policy(), replace(WEEKLY, keep=Keep(last=2))),
    "calendar rules": make_server(make_policy(keep=Keep(daily=2, weekly=2, monthly=2)), cap=5),
    "a window": make_server(make_policy(keep=Keep(within_daily=Span(days=4))), WEEKLY, cap=6),
    "clock changes": make_server(
        make_policy(schedule=("30 */3 * * *",), zone="Europe/Berlin", keep=Keep(last=2, daily=3))
    ),
    "everything is kept": make_server(make_policy(keep=Keep())),
    "splay": make_server(make_policy(splay=6 * HOUR), WEEKLY),
}


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_it_is_what_the_real_rotations_come_to_step_by_step(server: Server) -> None:
    known = simulate(server, START, end_of(START, 120))
    world, every = World(server, START), lives(known)
    assert len(known.turns) > 100
    for turn in known.turns:
        world.now = turn.at
        ending = perform(world, turn.pair, Progress(turn.slot), repeat(Fate.READY))
        assert (ending.outcome is Outcome.CAP_REACHED) == (turn.outcome is Outcome.CAP_REACHED)
        assert {s.name for s in world.snapshots} == names(known, turn.at, every)


@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_reach_and_gap_are_what_looking_every_hour_would_find(server: Server) -> None:
    known = simulate(server, START, end_of(START, 120))
    every = lives(known)
    for policy in (*(p.name for p in server.policies), None):
        found = figures(known, policy, every)
        own = [life for life in every if policy in (None, life.policy)]
        reaches, gaps = [], []
        for hour in range(24 * 120 + 1):
            at = START + hour * HOUR
            points = [life.begins for life in own if life.stands(at)]
            gaps += [later - earlier for earlier, later in pairwise([*points, at])]
            if found.settled is not None and at >= found.settled:
                reaches.append(at - points[0])
        assert found.gap is not None
        assert found.gap - HOUR <= max(gaps) <= found.gap
        if found.reach is not None:
            assert found.reach <= min(reaches) <= found.reach + HOUR
        assert (found.reach is None) == (policy in ("nightly", None) and server.policies[0].keep == Keep())


def test_three_nights_reach_two_days_back_and_one_week_alone_not_at_all() -> None:
    known = future(make_policy(), WEEKLY)
    first = START + 7 * HOUR
    gap = Gap(at=first + DAY, begins=first, ends=first + DAY)
    nightly = Figures(2 * DAY, DAY, settled=first + 3 * DAY, grown=2 * DAY + 17 * HOUR, worst=gap)
    assert figures(known, "nightly") == nightly
    assert (figures(known, "weekly").reach, figures(known, "weekly").gap) == (timedelta(0), 7 * DAY)
    together = figures(known)
    assert (together.reach, together.gap) == (2 * DAY, 4 * DAY + 3 * HOUR)


def test_an_hour_that_is_there_twice_makes_the_gap_an_hour_longer() -> None:
    policy = make_policy(schedule=("0 12 * * *",), zone="Europe/Berlin")
    known = simulate(
        make_server(policy), datetime(2027, 10, 1, tzinfo=UTC), datetime(2027, 12, 1, tzinfo=UTC)
    )
    assert figures(known, "nightly").gap == 25 * HOUR


def test_a_warm_up_that_never_ends_leaves_no_reach_but_what_it_has_come_to() -> None:
    found = figures(future(make_policy(keep=Keep(last=3, monthly=3)), days=40), "nightly")
    assert (found.reach, found.settled, found.grown) == (None, None, 39 * DAY + 17 * HOUR)


def test_a_reach_that_was_not_watched_for_as_long_as_the_largest_gap_is_not_told() -> None:
    """The weekly policy settles on the second Sunday at 04:00; its worst moment may be the next one."""
    short, long = (figures(future(WEEKLY, days=days), "weekly") for days in (16, 17))
    assert (short.reach, short.settled) == (None, START + 9 * DAY + 4 * HOUR)
    assert long.reach == timedelta(0)


def test_a_policy_that_never_fires_in_that_time_has_no_figures() -> None:
    yearly = make_policy("yearly", schedule=("0 0 1 6 *",))
    found = figures(future(yearly, days=30), "yearly")
    assert (found.reach, found.gap, found.grown) == (None, None, timedelta(0))


# --- from what stands there now -------------------------------------------------------------------


def test_it_goes_on_from_what_stands_there() -> None:
    pair = Pair(make_server(), make_policy())
    seed = [make_managed(pair, START - days * DAY + 7 * HOUR) for days in (1, 2, 3)]
    known = future(seed=seed, days=3)
    assert figures(known, "nightly").settled == START + 7 * HOUR
    assert known.turns[0].deleted[0].snapshot == seed[-1]
    assert names(known, START) == {s.name for s in seed}


def test_what_is_being_made_turns_out_well_and_what_hangs_does_not() -> None:
    pair = Pair(make_server(), make_policy())
    moving = make_managed(pair, START - MINUTE, state=State.IN_PROGRESS)
    stuck = make_managed(pair, START - DAY, state=State.IN_PROGRESS)
    known = future(seed=[moving, stuck], days=1)
    assert names(known, START + 8 * HOUR) == {moving.name, "nightly-20270101T070000Z"}
    (gone,) = known.turns[0].deleted
    assert (gone.snapshot.name, gone.reasons) == (stuck.name, ("stuck",))


def test_a_protected_snapshot_is_left_out_of_the_figures() -> None:
    pair = Pair(make_server(), make_policy())
    golden = make_managed(pair, START - 90 * DAY)
    found = figures(future(seed=[golden], protect=(golden.name,), days=10), "nightly")
    assert found.settled == START + 3 * DAY + 7 * HOUR
    assert (found.reach, found.gap) == (2 * DAY, DAY)


def test_a_server_that_others_have_filled_ends_every_slot_with_cap_reached() -> None:
    hands = [make_snapshot(number, f"by-hand-{number}") for number in range(5)]
    known = future(seed=hands, days=3)
    assert [turn.outcome for turn in known.turns] == [Outcome.CAP_REACHED] * 3
    assert [turn.slot.day for turn in known.broken] == [1, 2, 3]
    assert figures(known, "nightly").gap is None


def test_what_can_pass_is_tried_again_as_the_daemon_would() -> None:
    """The weekly policy's turn at 04:20 gives the place for which the nightly one waits since 03:00."""
    nightly = make_policy(schedule=("0 3 * * *",), keep=Keep(last=1))
    other = make_policy("weekly", schedule=("20 4 * * 0",), keep=Keep(last=1), max_deletes=2)
    server = make_server(nightly, other, cap=4)
    pair = Pair(server, other)
    seed = [make_managed(pair, START - days * DAY) for days in (7, 14, 21)]
    seed.append(make_snapshot(9, "by-hand"))
    sunday = datetime(2027, 1, 3, tzinfo=UTC)
    known = simulate(server, sunday, sunday + DAY, tuple(seed))
    tries = [turn for turn in known.turns if turn.pair.policy == nightly]
    clock = [f"{turn.at:%H:%M}" for turn in tries]
    assert clock == ["03:00", "03:05", "03:15", "03:35", "04:05", "04:35"]
    assert [turn.outcome for turn in tries] == [Outcome.CAP_REACHED] * 5 + [Outcome.ROTATED]
    assert known.broken == ()


def test_of_several_that_fall_due_together_the_first_in_the_servers_list_goes_first() -> None:
    first, second = make_policy("b"), make_policy("a")
    turns = future(first, second, days=1).turns
    assert [turn.pair.policy.name for turn in turns] == ["b", "a"]


def test_a_disabled_policy_makes_nothing() -> None:
    assert future(make_policy(enabled=False)).turns == ()


# --- days -----------------------------------------------------------------------------------------


def test_the_days_are_the_midnights_in_utc_after_the_start() -> None:
    known = simulate(make_server(), START + 9 * HOUR, end_of(START + 9 * HOUR, 2))
    assert list(midnights(known)) == [START + DAY, START + 2 * DAY]


def test_each_day_has_its_restore_points_with_the_reasons_of_that_day() -> None:
    hand = make_snapshot(7, "by-hand", created_at=START - DAY)
    known = future(make_policy(keep=Keep(daily=2, weekly=2)), days=10, seed=[hand])
    points = standing(known.server, lives(known), START + 10 * DAY)
    assert [(p.snapshot.name, p.policy, p.reasons) for p in points] == [
        ("by-hand", None, ()),
        ("nightly-20270103T070000Z", "nightly", ("weekly",)),
        ("nightly-20270109T070000Z", "nightly", ("daily",)),
        ("nightly-20270110T070000Z", "nightly", ("daily", "weekly")),
    ]
