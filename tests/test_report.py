"""A rotation's result, as scripts read it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from rotator.models import Keep, Outcome, Problem, State
from rotator.plan import plan
from rotator.progress import Progress
from rotator.report import Report, as_json, document, planned, timestamp
from tests.building import (
    DAY,
    MINUTE,
    NOW,
    make_managed,
    make_pair,
    make_policy,
    make_server,
    make_snapshot,
    make_view,
)

PAIR = make_pair(make_server(make_policy(keep=Keep(last=2)), name="web-1"))
NIGHTS = [make_managed(PAIR, NOW - age * DAY, id=age) for age in (1, 2, 3)]
HAND = make_snapshot(9, created_at=NOW - 2 * DAY)


def dry_run(**changes: object) -> Report:
    view = make_view([*NIGHTS, HAND], PAIR, **changes)
    return planned(PAIR, NOW, plan(view, Progress(NOW)))


def test_a_planned_rotation_is_the_contracts_object_key_by_key() -> None:
    def night(day: int, reason: str) -> dict[str, object]:
        name, at = f"nightly-202703{day}T070000Z", f"2027-03-{day}T07:00:00Z"
        return {"id": 14 - day, "name": name, "state": "ready", "created_at": at, "reasons": [reason]}

    by_hand = {
        "id": 9,
        "name": "by-hand",
        "state": "ready",
        "created_at": "2027-03-12T07:00:00Z",
        "reasons": [],
    }
    assert as_json(dry_run()) == {
        "server_id": 1,
        "server": "web-1",
        "policy": "nightly",
        "slot": "20270314T070000Z",
        "outcome": "rotated",
        "mode": "create_first",
        "created": {"id": None, "name": "nightly-20270314T070000Z"},
        "deleted": [night(11, "not_kept"), night(12, "not_kept")],
        "kept": [night(13, "last")],
        "deferred": [],
        "other": [],
        "foreign": [by_hand],
        "failed": [],
        "in_progress": [],
        "unknown": [],
        "quarantined": [],
        "cap": 5,
        "free_before": 1,
        "free_after": 2,
        "error": None,
        "retry_at": None,
        "api_calls": 0,
        "seconds": 0.0,
    }


def test_the_lists_stand_in_the_order_of_the_contract() -> None:
    keys = list(as_json(dry_run()))
    order = [
        "deleted",
        "kept",
        "deferred",
        "other",
        "foreign",
        "failed",
        "in_progress",
        "unknown",
        "quarantined",
    ]
    assert keys[keys.index("created") + 1 : keys.index("cap")] == order


def test_a_failure_shows_its_code_and_when_it_is_tried_again() -> None:
    failed = replace(dry_run(unsure="short"), retry_at=NOW + 5 * MINUTE, seconds=1.23456, api_calls=3)
    shown = as_json(failed)
    assert shown["error"] == {"code": "list_unsure", "message": "the list cannot be trusted: short"}
    assert (shown["outcome"], shown["mode"], shown["created"]) == ("failed", None, None)
    assert (shown["retry_at"], shown["seconds"], shown["api_calls"]) == ("2027-03-14T07:05:00Z", 1.235, 3)


def test_ids_go_out_as_the_api_gave_them() -> None:
    assert as_json(replace(dry_run(), server_id="1"))["server_id"] == "1"
    assert as_json(dry_run())["server_id"] == 1


def test_a_server_without_a_label_is_called_by_its_id() -> None:
    pair = make_pair()
    assert as_json(Report(pair, NOW, Outcome.UNCHANGED))["server"] == "1"


@pytest.mark.parametrize("state", list(State))
def test_states_are_shown_as_their_meaning_and_not_as_the_providers_word(state: State) -> None:
    view = make_view([make_snapshot(1, state=state, created_at=NOW)], PAIR)
    shown = as_json(planned(PAIR, NOW, plan(view, Progress(NOW))))
    assert isinstance(shown["foreign"], list)
    assert [row["state"] for row in shown["foreign"]] == [state.value]


@pytest.mark.parametrize(
    ("at", "text"),
    [
        pytest.param(NOW, "2027-03-14T07:00:00Z", id="whole seconds"),
        pytest.param(NOW.replace(microsecond=120000), "2027-03-14T07:00:00.120000Z", id="a fraction"),
        pytest.param(
            NOW.astimezone(timezone(timedelta(hours=3))),
            "2027-03-14T07:00:00Z",
            id="another zone",
        ),
        pytest.param(datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00Z", id="the year 1"),
    ],
)
def test_times_are_rfc_3339_in_utc_with_z(at: datetime, text: str) -> None:
    assert timestamp(at) == text


@pytest.mark.parametrize(
    ("outcome", "problem", "ok"),
    [
        (Outcome.ROTATED, None, True),
        (Outcome.PRUNED, None, True),
        (Outcome.UNCHANGED, None, True),
        (Outcome.ROTATED, Problem("delete_failed", "no"), False),
        (Outcome.FAILED, Problem("unreachable", "no"), False),
        (Outcome.CAP_REACHED, Problem("cap_reached", "full"), False),
        (Outcome.BUSY, Problem("lock_held", "later"), False),
        (Outcome.FAILED, None, False),
        (Outcome.CAP_REACHED, None, False),
        (Outcome.BUSY, None, False),
    ],
)
def test_a_document_is_ok_if_every_rotation_is(outcome: Outcome, problem: Problem | None, ok: bool) -> None:
    report = Report(PAIR, NOW, outcome, problem=problem)
    well = Report(PAIR, NOW, Outcome.ROTATED)
    shown = document([well, report, well], dry_run=True)
    assert (shown["version"], shown["ok"], shown["dry_run"]) == (1, ok, True)
    assert json.loads(json.dumps(shown)) == shown


def test_a_document_of_no_rotations_is_ok() -> None:
    assert document([], dry_run=False) == {"version": 1, "ok": True, "dry_run": False, "rotations": []}
