"""What is owed after a pause of any length."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rotator.due import Due, due
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

PAIR = make_pair(make_server(make_policy(adopt=("legacy-*",)), make_policy("weekly")))
LAST = NOW
"""The newest slot at each moment of these tests; the schedule's slots are a day apart."""
SECOND = timedelta(seconds=1)
OLDER = make_managed(PAIR, LAST - DAY)
STUCK = make_managed(PAIR, LAST, state=State.IN_PROGRESS, created_at=LAST - HOUR)
NONE = timedelta(0)


def owed(*snapshots: Snapshot, after: timedelta = HOUR, splay: timedelta = NONE, **changes: Any) -> Due:
    """What is due so long after the last slot."""
    pair = make_pair(make_server(replace(PAIR.policy, **changes), make_policy("weekly")))
    return due(make_view(snapshots, pair, now=LAST + after), splay)


@pytest.mark.parametrize(
    "snapshot",
    [
        pytest.param(make_managed(PAIR, LAST), id="the slot's"),
        pytest.param(make_managed(PAIR, LAST + MINUTE), id="a later one's"),
        pytest.param(make_snapshot(1, "legacy-1", created_at=LAST), id="an adopted one of the time"),
        pytest.param(make_managed(PAIR, LAST, created_at=LAST + DAY), id="the slot's, dated in the future"),
    ],
)
def test_nothing_is_owed_once_a_ready_one_of_the_slot_or_later_exists(snapshot: Snapshot) -> None:
    assert owed(OLDER, snapshot).slots == ()


@pytest.mark.parametrize(
    "snapshot",
    [
        pytest.param(OLDER, id="an older one"),
        pytest.param(make_managed(PAIR, LAST, state=State.FAILED), id="a failed one"),
        pytest.param(make_managed(PAIR, LAST, state=State.UNKNOWN), id="an unknown one"),
        pytest.param(make_managed(PAIR, LAST + 9 * DAY), id="a future slot's"),
        pytest.param(make_managed(PAIR, LAST + MINUTE, created_at=LAST + DAY), id="a later one's, future"),
        pytest.param(make_managed(make_pair(PAIR.server, "weekly"), LAST), id="another policy's"),
        pytest.param(make_snapshot(1, created_at=LAST), id="a foreign one"),
        pytest.param(STUCK, id="a stuck one"),
    ],
)
def test_the_last_slot_is_owed_although_there_is(snapshot: Snapshot) -> None:
    found = owed(OLDER, snapshot)
    assert (found.slots, found.caught_up, found.missed) == ((LAST,), LAST, None)


@pytest.mark.parametrize(
    ("after", "catch_up", "splay", "taken"),
    [
        pytest.param(6 * HOUR, 6 * HOUR, 0 * HOUR, True, id="at the last moment"),
        pytest.param(6 * HOUR + SECOND, 6 * HOUR, 0 * HOUR, False, id="too late"),
        pytest.param(6 * HOUR + SECOND, 6 * HOUR, MINUTE, True, id="the splay is not lateness"),
        pytest.param(0 * HOUR, 0 * HOUR, 0 * HOUR, False, id="never"),
    ],
)
def test_a_slot_is_made_up_for_while_it_is_not_too_late(
    after: timedelta, catch_up: timedelta, splay: timedelta, taken: bool
) -> None:
    found = owed(OLDER, after=after, splay=splay, catch_up=catch_up)
    assert (found.caught_up, found.missed) == ((LAST, None) if taken else (None, LAST))
    assert found.slots == ((LAST,) if taken else ())


def test_before_the_splay_has_passed_the_slot_before_is_the_last() -> None:
    assert owed(after=MINUTE, splay=HOUR, catch_up=2 * DAY).slots == (LAST - DAY,)
    assert owed(after=HOUR, splay=HOUR, catch_up=2 * DAY).slots == (LAST,)


def test_after_a_long_pause_one_slot_is_made_up_for_and_not_all() -> None:
    assert owed(make_managed(PAIR, LAST - 30 * DAY)).slots == (LAST,)


def test_snapshots_in_progress_are_taken_up_after_the_due_slots() -> None:
    moving = [
        make_managed(PAIR, LAST - days * DAY, state=State.IN_PROGRESS, created_at=LAST + 30 * MINUTE)
        for days in (1, 0, 2)
    ]
    assert owed(*moving).slots == (LAST, LAST - 2 * DAY, LAST - DAY)


def test_only_own_ones_that_are_named_for_a_slot_and_not_stuck_are_taken_up() -> None:
    done, at = make_managed(PAIR, LAST), LAST + 30 * MINUTE
    moving = [
        make_snapshot(1, "legacy-1", state=State.IN_PROGRESS, created_at=at),
        make_snapshot(2, state=State.IN_PROGRESS, created_at=at),
        make_managed(make_pair(PAIR.server, "weekly"), LAST, state=State.IN_PROGRESS, created_at=at),
        make_managed(PAIR, LAST - DAY, state=State.IN_PROGRESS, created_at=LAST - HOUR),
    ]
    assert owed(done, *moving).slots == ()


def test_a_slot_that_is_late_but_under_way_is_taken_up_and_not_missed() -> None:
    moving = make_managed(PAIR, LAST, state=State.IN_PROGRESS, created_at=LAST + 30 * MINUTE)
    found = owed(moving, catch_up=MINUTE)
    assert (found.slots, found.caught_up, found.missed) == ((LAST,), None, None)


@pytest.mark.parametrize(
    ("snapshot", "managed"),
    [
        pytest.param(OLDER, True, id="its own"),
        pytest.param(make_managed(PAIR, LAST - DAY, state=State.FAILED), True, id="its own, failed"),
        pytest.param(make_snapshot(1, "legacy-1"), False, id="an adopted one"),
        pytest.param(make_managed(make_pair(PAIR.server, "weekly"), LAST), False, id="another policy's"),
        pytest.param(make_snapshot(1), False, id="a foreign one"),
    ],
)
def test_a_policy_is_new_until_it_has_made_something_here(snapshot: Snapshot, managed: bool) -> None:
    assert owed(snapshot).managed is managed


def test_the_last_slot_is_that_of_the_policys_zone() -> None:
    found = owed(OLDER, zone=ZoneInfo("Africa/Nairobi"))  # 07:00 there is 04:00 in UTC
    assert found.slots == (LAST - 3 * HOUR,)


def test_a_schedule_that_never_fired_owes_nothing() -> None:
    assert owed(OLDER, schedule=()) == Due(managed=True)


def test_a_policy_that_made_something_here_is_not_new_whatever_else_stands_here() -> None:
    assert owed(OLDER, make_snapshot(1)).managed
