"""What a new configuration lets go that the old one kept."""

from __future__ import annotations

from rotator.changes import beyond
from rotator.models import Keep, Pair, Snapshot, State
from tests.building import (
    DAY,
    NOW,
    make_managed,
    make_pair,
    make_policy,
    make_server,
    make_snapshot,
    make_view,
)


def pair(keep: int, **changes: object) -> Pair:
    return make_pair(make_server(make_policy(keep=Keep(last=keep)), **changes))


NIGHTS = [make_managed(pair(9), NOW - age * DAY) for age in range(5)]


def said(old: Pair | None, new: Pair, *more: Snapshot) -> list[tuple[Pair, tuple[Snapshot, ...]]]:
    return beyond([make_view([*NIGHTS, *more], new)], {old.key: old} if old else {})


def test_fewer_kept_ones_are_said_oldest_first() -> None:
    assert said(pair(4), pair(2)) == [(pair(2), (NIGHTS[3], NIGHTS[2]))]


def test_nothing_is_said_where_no_more_goes_than_before() -> None:
    assert said(pair(2), pair(2)) == said(pair(2), pair(4)) == []


def test_a_pair_that_is_new_lets_go_all_that_its_rules_do_not_keep() -> None:
    assert said(None, pair(3)) == [(pair(3), (NIGHTS[4], NIGHTS[3]))]


def test_a_glob_that_no_longer_protects_is_said() -> None:
    assert said(pair(4, protect=("nightly-*",)), pair(4)) == [(pair(4), (NIGHTS[4],))]


def test_what_the_new_rules_may_not_delete_is_not_said() -> None:
    new = pair(1, protect=("nightly-*",))
    assert said(pair(4), new) == []


def test_only_own_ready_ones_that_count_are_said() -> None:
    others = (
        make_snapshot(1),
        make_managed(pair(1), NOW - 9 * DAY, state=State.FAILED),
        make_managed(pair(1), NOW + 9 * DAY),
    )
    assert said(pair(5), pair(4), *others) == [(pair(4), (NIGHTS[4],))]
