"""What stands on a server, as one pair sees it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from rotator.census import Item, Judgement, View, sort_into_buckets, take_census
from rotator.models import Snapshot, State
from tests.building import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    make_managed,
    make_pair,
    make_policy,
    make_server,
    make_snapshot,
    make_view,
)

SECOND = timedelta(seconds=1)
TIMEOUT = make_policy().wait.timeout
PAIR = make_pair(make_server(make_policy(adopt=("legacy-*",)), make_policy("weekly"), protect=("golden-*",)))
WEEKLY = make_pair(PAIR.server, "weekly")


def only(snapshot: Snapshot) -> Item:
    (item,) = take_census(make_view([snapshot], PAIR)).items
    return item


@pytest.mark.parametrize(
    ("snapshot", "policy", "own", "adopted", "protected"),
    [
        pytest.param(make_managed(PAIR, NOW), "nightly", True, False, False, id="own"),
        pytest.param(make_managed(WEEKLY, NOW), "weekly", False, False, False, id="another policy's"),
        pytest.param(make_snapshot(1, "legacy-1"), "nightly", True, True, False, id="adopted"),
        pytest.param(make_snapshot(1, "by-hand"), None, False, False, False, id="foreign"),
        pytest.param(make_snapshot(1, "golden-1"), None, False, False, True, id="foreign and protected"),
        pytest.param(make_snapshot(1, "safety-20270301T000000Z"), None, False, False, False, id="safety"),
        pytest.param(make_snapshot(1, "old-20270301T000000Z"), None, False, False, False, id="orphan"),
    ],
)
def test_every_snapshot_has_one_owner_or_none(
    snapshot: Snapshot, policy: str | None, own: bool, adopted: bool, protected: bool
) -> None:
    item = only(snapshot)
    assert (item.policy.name if item.policy else None) == policy
    assert (item.own, item.adopted, item.protected) == (own, adopted, protected)


def test_the_slot_comes_from_the_name_and_for_an_adopted_one_from_created_at() -> None:
    assert only(make_managed(PAIR, NOW - DAY, created_at=NOW)).slot == NOW - DAY
    assert only(make_snapshot(1, "legacy-20270301T000000Z", created_at=NOW)).slot == NOW


@pytest.mark.parametrize("ahead", [timedelta(0), 5 * MINUTE, 5 * MINUTE + SECOND])
def test_more_than_five_minutes_ahead_by_slot_or_by_created_at_is_the_future(ahead: timedelta) -> None:
    future = ahead > 5 * MINUTE
    assert only(make_managed(PAIR, NOW + ahead, created_at=NOW)).future is future
    assert only(make_managed(PAIR, NOW, created_at=NOW + ahead)).future is future
    assert only(make_snapshot(1, created_at=NOW + ahead)).future is future


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("over", [timedelta(0), SECOND])
def test_stuck_is_in_progress_for_longer_than_the_timeout(state: State, over: timedelta) -> None:
    item = only(make_managed(PAIR, NOW, state=state, created_at=NOW - TIMEOUT - over))
    assert item.stuck is (state is State.IN_PROGRESS and bool(over))
    assert item.moving is (state is State.IN_PROGRESS and not over)
    assert item.broken is (item.stuck or state is State.FAILED)


@pytest.mark.parametrize(
    ("snapshot", "deletable"),
    [
        pytest.param(make_managed(PAIR, NOW), True, id="ready"),
        pytest.param(make_managed(PAIR, NOW, state=State.FAILED), True, id="failed"),
        pytest.param(make_managed(PAIR, NOW, state=State.UNKNOWN), False, id="unknown"),
        pytest.param(make_managed(PAIR, NOW, state=State.IN_PROGRESS), False, id="in progress"),
        pytest.param(make_managed(PAIR, NOW - DAY, state=State.IN_PROGRESS), True, id="stuck"),
        pytest.param(make_managed(PAIR, NOW + DAY), False, id="future"),
        pytest.param(make_managed(WEEKLY, NOW), False, id="another policy's"),
        pytest.param(make_snapshot(1), False, id="foreign"),
    ],
)
def test_what_a_rotation_may_delete_at_all(snapshot: Snapshot, deletable: bool) -> None:
    assert only(snapshot).deletable is deletable
    protected = replace(PAIR, server=replace(PAIR.server, protect=("*",)))
    (item,) = take_census(make_view([snapshot], protected)).items
    assert not item.deletable


def test_rows_of_other_servers_and_ids_known_gone_are_not_there() -> None:
    rows = [
        make_snapshot(1),
        make_snapshot("2"),
        make_snapshot(3, server_id=2),
        make_snapshot(4, server_id="1"),
    ]
    census = take_census(make_view(rows, PAIR, gone=frozenset({"1", "2"})))
    assert [item.key for item in census.items] == ["4"]


def test_items_are_sorted_from_oldest_to_newest_whatever_the_order_of_the_list() -> None:
    rows = [
        make_managed(PAIR, NOW - DAY, created_at=NOW),
        make_managed(PAIR, NOW - HOUR, "b"),
        make_managed(PAIR, NOW - HOUR, "c"),
        make_managed(PAIR, NOW - HOUR, "a", created_at=NOW),
    ]
    for order in permutations(rows):
        assert [item.snapshot for item in take_census(make_view(order, PAIR)).items] == rows


@pytest.mark.parametrize(("cap", "free"), [(3, 1), (2, 0), (1, 0)])
def test_everything_takes_a_place_and_free_places_are_never_negative(cap: int, free: int) -> None:
    rows = [make_snapshot(1, state=State.FAILED), make_managed(PAIR, NOW + DAY)]
    census = take_census(make_view(rows, make_pair(replace(PAIR.server, cap=cap))))
    assert (census.used, census.free) == (2, free)


def test_own_ready_are_the_restore_points_that_count_oldest_first() -> None:
    counting = [
        make_managed(PAIR, NOW - DAY),
        make_snapshot(1, "legacy-1", created_at=NOW - HOUR),
        make_managed(PAIR, NOW),
    ]
    others = [
        make_managed(PAIR, NOW + DAY),
        make_managed(PAIR, NOW - HOUR, state=State.FAILED),
        make_managed(WEEKLY, NOW),
        make_snapshot(2),
    ]
    census = take_census(make_view([*others, *reversed(counting)], PAIR))
    assert [item.snapshot for item in census.own_ready] == counting


def test_the_most_useful_of_a_slots_snapshots_comes_first() -> None:
    ranked = [
        make_managed(PAIR, NOW, 5),
        make_managed(PAIR, NOW, 4, state=State.IN_PROGRESS),
        make_managed(PAIR, NOW, 3, state=State.UNKNOWN),
        make_managed(PAIR, NOW, 2, state=State.IN_PROGRESS, created_at=NOW - DAY),
        make_managed(PAIR, NOW, 1, state=State.FAILED),
    ]
    strangers = [make_snapshot(6, "legacy-1", created_at=NOW), make_managed(WEEKLY, NOW)]
    census = take_census(make_view([*strangers, *reversed(ranked)], PAIR))
    assert [item.snapshot for item in census.of_slot(NOW)] == ranked


@pytest.mark.parametrize(
    ("skew", "skewed"), [(5 * MINUTE, False), (5 * MINUTE + SECOND, True), (-5 * MINUTE - SECOND, True)]
)
def test_clocks_may_differ_by_five_minutes(skew: timedelta, skewed: bool) -> None:
    assert make_view(skew=skew).skewed is skewed


def test_a_view_of_which_nothing_else_is_said_is_sure_and_its_clocks_agree() -> None:
    view = View(make_pair(), (), NOW)
    assert (view.unsure, view.skewed, view.skew) == (None, False, timedelta(0))


def test_without_a_judgement_all_own_ready_ones_stay_without_a_reason() -> None:
    pair = make_pair()
    census = take_census(make_view([make_managed(pair, NOW), make_snapshot(1)], pair))
    buckets = sort_into_buckets(census, Judgement())
    assert [verdict.reasons for verdict in (*buckets.kept, *buckets.foreign)] == [(), ()]
    assert (buckets.deleted, buckets.deferred) == ((), ())


def test_a_server_is_taken_to_be_there_unless_the_account_was_asked() -> None:
    assert View(make_pair(), (), NOW).missing is False
