"""Room for a safety snapshot: the guards of every rotation, and never the one that is to be restored."""

from __future__ import annotations

from datetime import timedelta

from rotator.byhand import pair_of
from rotator.models import Keep, Server, Snapshot, State, Wait
from rotator.room import Room, make_room
from tests.building import (
    DAY,
    HOUR,
    NOW,
    make_managed,
    make_pair,
    make_policy,
    make_server,
    make_snapshot,
    make_view,
)

NIGHTLY, WEEKLY = make_policy(), make_policy("weekly", keep=Keep(last=1))
SERVER = make_server(NIGHTLY, WEEKLY)


def managed(policy: str, days: int, **changes: object) -> Snapshot:
    """One of that policy's, so many days old."""
    return make_managed(make_pair(SERVER, policy), NOW - days * DAY, **changes)  # type: ignore[arg-type]


def room(*snapshots: Snapshot, spared: Snapshot, server: Server = SERVER, **changes: object) -> Room:
    """What has to go for one more place; `changes` are fields of View."""
    return make_room(make_view(snapshots, pair_of(server, Wait()), **changes), spared)


def names(found: Room) -> list[tuple[str, str]]:
    """What goes and why."""
    return [(snapshot.name, reason) for snapshot, reason in found.goes]


NIGHTS = [managed("nightly", days) for days in (1, 2, 3)]
FOREIGN = [make_snapshot(n, f"by-hand-{n}") for n in range(5)]


def test_a_free_place_costs_nothing() -> None:
    assert room(*NIGHTS, FOREIGN[0], spared=NIGHTS[2]) == Room()


def test_the_oldest_goes_but_not_the_one_to_be_restored() -> None:
    full = [*NIGHTS, *FOREIGN[:2]]
    assert names(room(*full, spared=NIGHTS[0])) == [(NIGHTS[2].name, "cap")]
    assert names(room(*full, spared=NIGHTS[2])) == [(NIGHTS[1].name, "cap")]


def test_a_failed_one_of_any_policy_goes_before_a_ready_one_of_the_first() -> None:
    failed = managed("weekly", 7, state=State.FAILED)
    assert names(room(*NIGHTS, failed, FOREIGN[0], spared=NIGHTS[0])) == [(failed.name, "failed")]


def test_one_that_no_rule_keeps_goes_before_one_that_a_rule_of_the_first_policy_keeps() -> None:
    weeks = [managed("weekly", days) for days in (7, 14)]
    found = room(*NIGHTS, *weeks, spared=NIGHTS[0])
    assert names(found) == [(weeks[1].name, "not_kept")]


def test_no_policy_goes_below_its_floor_and_then_nothing_goes_at_all() -> None:
    found = room(managed("nightly", 1), managed("weekly", 7), *FOREIGN[:3], spared=FOREIGN[0])
    assert found.goes == ()
    assert found.problem is not None
    assert found.problem.code == "cap_reached"
    assert "3 foreign (by-hand-0, by-hand-1, by-hand-2)" in found.problem.message


def test_what_is_over_the_cap_needs_more_than_one_to_go() -> None:
    found = room(*NIGHTS, *FOREIGN[:3], spared=FOREIGN[0])
    assert [name for name, _ in names(found)] == [NIGHTS[2].name, NIGHTS[1].name]


def test_a_disabled_policy_gives_nothing() -> None:
    server = make_server(make_policy(enabled=False))
    assert room(*NIGHTS, *FOREIGN[:2], spared=FOREIGN[0], server=server).problem is not None


def test_a_doubt_gives_nothing() -> None:
    full = [*NIGHTS, *FOREIGN[:2]]
    unsure = room(*full, spared=NIGHTS[0], unsure="count is 6, but 5 rows came")
    skewed = room(*full, spared=NIGHTS[0], skew=HOUR)
    assert [found.problem.code for found in (unsure, skewed) if found.problem] == [
        "list_unsure",
        "clock_skewed",
    ]
    assert (unsure.goes, skewed.goes) == ((), ())


def test_a_protected_a_future_and_an_unknown_one_stay() -> None:
    server = make_server(NIGHTLY, protect=(NIGHTS[2].name,))
    assert names(room(*NIGHTS, *FOREIGN[:2], spared=FOREIGN[0], server=server)) == [(NIGHTS[1].name, "cap")]
    ahead = make_managed(make_pair(SERVER, "nightly"), NOW + timedelta(days=2), state=State.FAILED)
    assert room(managed("nightly", 1), ahead, *FOREIGN[:3], spared=FOREIGN[0]).problem is not None
