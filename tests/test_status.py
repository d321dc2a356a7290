"""How a pair stands: the one model of freshness, and the document that two faces share."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rotator.models import Keep, Outcome, Problem, Snapshot, State, Wait
from rotator.report import Report
from rotator.status import Freshness, Last, Places, Standing, document, standing
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
SPLAY, TIMEOUT = 10 * MINUTE, 40 * MINUTE
PAIR = make_pair(
    make_server(
        make_policy(splay=SPLAY, wait=Wait(timeout=TIMEOUT), adopt=("legacy-*",)),
        make_policy("weekly"),
        name="web-01",
    )
)
STALE_AFTER = DAY * 1.25 + SPLAY + TIMEOUT
"""The contract's rule for a daily policy, spelled out."""
SLACK = STALE_AFTER - DAY


def stands(*snapshots: Snapshot, **changes: Any) -> Standing:
    """How the pair stands at NOW, a slot of its own; `changes` are fields of View."""
    return standing(make_view(snapshots, PAIR, **changes))


@pytest.mark.parametrize(
    ("age", "expected"),
    [(STALE_AFTER, Freshness.FRESH), (STALE_AFTER + SECOND, Freshness.STALE), (HOUR, Freshness.FRESH)],
)
def test_a_pair_goes_stale_after_one_and_a_quarter_gaps_the_splay_and_the_wait(
    age: timedelta, expected: Freshness
) -> None:
    found = stands(make_managed(PAIR, NOW - DAY, created_at=NOW - age))
    assert (found.freshness, found.age, found.threshold) == (expected, age, STALE_AFTER)


def test_the_widest_gap_of_an_uneven_schedule_counts_and_in_real_time() -> None:
    weekdays = make_policy(schedule=("0 3 * * mon-fri",), zone=ZoneInfo("America/New_York"))
    pair = make_pair(make_server(weekdays))
    found = standing(make_view([], pair))
    assert found.widest == 3 * DAY + HOUR  # Friday to Monday across the end of daylight saving
    assert found.threshold == 1.25 * (3 * DAY + HOUR) + weekdays.wait.timeout


@pytest.mark.parametrize(
    ("snapshot", "counts"),
    [
        pytest.param(make_managed(PAIR, NOW - DAY), True, id="its own"),
        pytest.param(make_snapshot(9, "legacy-1", created_at=NOW - HOUR), True, id="one that it adopts"),
        pytest.param(make_managed(PAIR, NOW - DAY, state=State.FAILED), False, id="a failed one"),
        pytest.param(make_managed(PAIR, NOW - DAY, state=State.UNKNOWN), False, id="an unknown one"),
        pytest.param(make_managed(PAIR, NOW, state=State.IN_PROGRESS), False, id="one in progress"),
        pytest.param(make_managed(PAIR, NOW + HOUR), False, id="one of the future"),
        pytest.param(make_managed(make_pair(PAIR.server, "weekly"), NOW - DAY), False, id="another policy's"),
        pytest.param(make_snapshot(9, "by-hand"), False, id="a foreign one"),
        pytest.param(make_managed(PAIR, NOW - DAY, server_id=2), False, id="another server's"),
    ],
)
def test_only_a_ready_one_of_the_policy_is_a_restore_point(snapshot: Snapshot, counts: bool) -> None:
    assert stands(snapshot).last_ready == (snapshot if counts else None)


def test_the_newest_is_the_one_that_was_created_last_whatever_its_slot() -> None:
    late = make_managed(PAIR, NOW - 2 * DAY, created_at=NOW - HOUR)
    early = make_managed(PAIR, NOW - DAY)
    assert stands(early, late).last_ready == late


@pytest.mark.parametrize(
    ("after", "expected"),
    [(-MINUTE, Freshness.PENDING), (SLACK, Freshness.PENDING), (SLACK + SECOND, Freshness.STALE)],
)
def test_a_pair_without_any_is_pending_until_its_first_slot_and_the_slack_have_passed(
    after: timedelta, expected: Freshness
) -> None:
    view = make_view([], PAIR, now=NOW + after)
    assert standing(view, since=NOW - HOUR).freshness is expected


def test_a_snapshot_that_failed_tells_that_the_first_slot_is_over() -> None:
    failed = make_managed(PAIR, NOW - DAY, state=State.FAILED)
    assert stands(failed, now=NOW - DAY + SLACK).freshness is Freshness.PENDING
    assert stands(failed, now=NOW - DAY + SLACK + SECOND).freshness is Freshness.STALE
    assert stands(now=NOW + 400 * DAY).freshness is Freshness.PENDING


def test_what_failed_last_is_told_and_a_stuck_one_is_a_failure() -> None:
    older = make_managed(PAIR, NOW - 2 * DAY, state=State.FAILED)
    stuck = make_managed(PAIR, NOW - DAY, state=State.IN_PROGRESS)
    foreign = make_snapshot(9, "by-hand", state=State.FAILED, created_at=NOW)
    assert stands(older, stuck, foreign).last_failed == stuck


def test_every_snapshot_takes_one_place_and_counts_as_one_thing() -> None:
    found = stands(
        make_managed(PAIR, NOW - DAY),
        make_managed(make_pair(PAIR.server, "weekly"), NOW - DAY, state=State.FAILED),
        make_managed(PAIR, NOW, state=State.IN_PROGRESS, created_at=NOW),
        make_managed(PAIR, NOW - 3 * DAY, state=State.UNKNOWN),
        make_snapshot(9, "by-hand", state=State.FAILED),
        make_snapshot(10, "safety-20270301T070000Z"),
    )
    assert found.places == Places(cap=5, managed=1, foreign=2, in_progress=1, failed=1, unknown=1, free=0)


def test_a_pair_whose_next_rotation_would_make_nothing_is_blocked_and_says_why() -> None:
    foreign = [make_snapshot(n, f"by-hand-{n}") for n in range(5)]
    found = stands(*foreign)
    assert found.blocked is not None
    assert found.blocked.code == "cap_reached"
    assert not found.ok
    assert stands(*foreign[:4]).ok


def test_a_full_server_that_can_make_room_is_not_blocked() -> None:
    own = [make_managed(PAIR, NOW - n * DAY) for n in range(1, 6)]
    assert stands(*own).blocked is None


def test_an_unsure_list_makes_nothing_stale_and_nothing_well() -> None:
    failed = make_managed(PAIR, NOW - 9 * DAY, state=State.FAILED)
    found = stands(failed, unsure="count is 2, but 1 row came")
    assert (found.freshness, found.ok, found.unsure) == (
        Freshness.PENDING,
        False,
        "count is 2, but 1 row came",
    )
    assert found.blocked is not None
    assert found.blocked.code == "list_unsure"


def test_the_next_slot_is_that_of_the_policys_zone() -> None:
    pair = make_pair(make_server(make_policy(schedule=("0 3 * * *",), zone="Africa/Nairobi")))
    assert standing(make_view([], pair)).next_slot == NOW + 17 * HOUR


def test_the_document_is_the_contracts_word_for_word() -> None:
    own = make_managed(PAIR, NOW - DAY, id=801)
    report = Report(
        PAIR, NOW, Outcome.FAILED, problem=Problem("snapshot_failed", "nightly failed", passing=True)
    )
    found = standing(make_view([own], PAIR), last=Last.of(report, NOW + MINUTE))
    name = "nightly-20270313T070000Z"
    assert document([found]) == {
        "version": 1,
        "ok": True,
        "pairs": [
            {
                "server_id": 1,
                "server": "web-01",
                "policy": "nightly",
                "freshness": "fresh",
                "last_ready": {"id": 801, "name": name, "created_at": "2027-03-13T07:00:00Z"},
                "age_seconds": 86400,
                "threshold_seconds": 111000,
                "next_slot": "2027-03-15T07:00:00Z",
                "places": {
                    "cap": 5,
                    "managed": 1,
                    "foreign": 0,
                    "in_progress": 0,
                    "failed": 0,
                    "free": 4,
                },
                "blocked": None,
                "last_outcome": {
                    "outcome": "failed",
                    "slot": "20270314T070000Z",
                    "at": "2027-03-14T07:01:00Z",
                    "error": {"code": "snapshot_failed", "message": "nightly failed"},
                },
            }
        ],
    }


def test_the_document_says_what_is_not_known_as_null_and_is_not_ok_once_one_is_stale() -> None:
    never = standing(make_view([], PAIR))
    stale = stands(make_managed(PAIR, NOW - 9 * DAY))
    told = document([never, stale])
    assert told["ok"] is False
    pair = told["pairs"][0]  # type: ignore[index]
    nulls = [key for key, value in pair.items() if value is None]
    assert nulls == ["last_ready", "age_seconds", "blocked", "last_outcome"]
    assert document([never])["ok"] is True


def test_the_id_is_the_apis_own_where_it_has_shown_one() -> None:
    pair = replace(PAIR, server=replace(PAIR.server, id="1"))
    assert standing(make_view([make_managed(pair, NOW - DAY, server_id=1)], pair)).server_id == 1
    assert standing(make_view([], pair)).server_id == "1"


def test_a_policy_that_keeps_everything_is_blocked_once_its_server_is_full() -> None:
    pair = make_pair(make_server(make_policy(keep=Keep())))
    own = [make_managed(pair, NOW - n * DAY) for n in range(1, 6)]
    assert standing(make_view(own, pair)).blocked is not None
