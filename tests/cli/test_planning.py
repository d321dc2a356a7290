"""`plan`: what would be done, from the account or from a saved list."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from rotator.cli.commands import COMMANDS
from rotator.cli.exits import Exit
from tests.cli.conftest import Stage, names, plant, plant_three

AT = "2027-03-14T07:00:00Z"

NO_NETWORK = {"VPS_API_URL": "http://127.0.0.1:9/api/v1", "VPS_API_TOKEN": ""}


def row(
    number: int, name: str, created_at: str, server_id: int = 101, **changes: object
) -> dict[str, object]:
    """A snapshot as the API lists it."""
    return {
        "id": number,
        "server": {"id": server_id, "name": "web-01"},
        "name": name,
        "status": "completed",
        "size_mb": 5120,
        "created_at": created_at,
        "description": "",
        **changes,
    }


ROWS = [row(day, f"nightly-202703{day}T030000Z", f"2027-03-{day}T03:00:04Z") for day in (11, 12, 13)]


def save(stage: Stage, document: object) -> str:
    """A file in the stage's directory; returns its name."""
    (stage.directory / "saved.json").write_text(json.dumps(document))
    return "saved.json"


def fates(rotation: dict[str, Any]) -> dict[str, list[str]]:
    """The names in every list of a rotation that holds any."""
    lists = {key: value for key, value in rotation.items() if isinstance(value, list) and value}
    return {key: [s["name"] for s in value] for key, value in lists.items()}


def test_the_plan_says_what_would_go_and_why_and_changes_nothing(stage: Stage) -> None:
    oldest = plant_three(stage.world, 101)
    before = names(stage.world, 101)
    ran = stage.rotator("plan", "--server", "101")
    assert ran.code == 0
    rows = [line.split() for line in ran.out.splitlines()]
    verdicts = [row[0] for row in rows[3:7]]
    assert verdicts == ["create", "keep", "keep", "delete"]
    assert rows[6] == ["delete", oldest, "3d", "ready", *["not_kept:", "no", "keep", "rule", "wants", "it"]]
    assert "free places 2 -> 2 of 5" in ran.out
    assert ran.out.endswith("That would be: 1 rotated. Nothing was changed.\n")
    assert names(stage.world, 101) == before
    assert {record.method for record in stage.world.requests} == {"GET"}


@pytest.mark.parametrize("shape", ["envelope", "bare array"])
def test_a_saved_list_needs_neither_network_nor_token(stage: Stage, shape: str) -> None:
    document = {"count": 3, "results": ROWS} if shape == "envelope" else ROWS
    saved = save(stage, document)
    ran = stage.rotator("plan", "--snapshots", saved, "--at", AT, "--server", "101", "--json", **NO_NETWORK)
    assert ran.code == 0
    assert list(ran.document) == ["version", "ok", "dry_run", "rotations"]
    (rotation,) = ran.document["rotations"]
    assert rotation["slot"] == "20270314T070000Z"
    assert rotation["created"] == {"id": None, "name": "nightly-20270314T070000Z"}
    assert fates(rotation) == {
        "deleted": ["nightly-20270311T030000Z"],
        "kept": ["nightly-20270313T030000Z", "nightly-20270312T030000Z"],
    }
    assert stage.world.requests == []


def test_due_at_a_time_plans_the_slot_that_was_due_then(stage: Stage) -> None:
    saved = save(stage, ROWS)
    ran = stage.rotator(
        "plan", "--snapshots", saved, "--at", AT, "--due", "--server", "101", "--json", **NO_NETWORK
    )
    assert [r["slot"] for r in ran.document["rotations"]] == ["20270314T030000Z"]


@pytest.mark.parametrize(
    "document",
    [
        {"count": 4, "results": ROWS},
        {"count": 3, "results": ROWS, "next": "https://api.test/?page=2"},
        [*ROWS, ROWS[0]],
        [*ROWS, "nonsense"],
        [*ROWS, row(14, "nightly-x", "yesterday")],
    ],
    ids=["a row is missing", "a page is missing", "an id twice", "a row of another shape", "a broken row"],
)
def test_a_saved_list_that_is_unsure_allows_nothing(stage: Stage, document: object) -> None:
    saved = save(stage, document)
    ran = stage.rotator("plan", "--snapshots", saved, "--at", AT, "--server", "101", "--json", **NO_NETWORK)
    assert ran.code == 1
    (rotation,) = ran.document["rotations"]
    assert (rotation["outcome"], rotation["error"]["code"]) == ("failed", "list_unsure")
    assert rotation["created"] is None
    assert "deleted" not in fates(rotation)


@pytest.mark.parametrize(
    "content", ["not json", '{"detail": "Invalid token."}', '"text"', "[" * 100_000], ids=str.__len__
)
def test_a_file_that_is_no_list_is_named_as_such(stage: Stage, content: str) -> None:
    (stage.directory / "saved.json").write_text(content)
    ran = stage.rotator("plan", "--snapshots", "saved.json", "--json", **NO_NETWORK)
    assert ran.code == 2
    (error,) = ran.document["errors"]
    assert "'--snapshots': saved.json is" in error["message"]


def test_a_server_under_restore_is_told_and_ends_as_the_help_says(stage: Stage) -> None:
    stage.world.set_server_status(101, "restoring")
    ran = stage.rotator("plan", "--server", "101")
    assert ran.code == Exit.BUSY in COMMANDS["plan"].exits
    assert re.search(r"^web-01  nightly  \S+  would end busy$", ran.out, re.MULTILINE)


@pytest.mark.parametrize("time", ["yesterday", "2027-03-14", "2027-03-14T07:00:00"])
def test_a_time_needs_a_zone(stage: Stage, time: str) -> None:
    ran = stage.rotator("plan", "--at", time)
    assert ran.code == 2
    assert "2027-03-14T03:00:00Z" in ran.err


def test_a_time_can_be_set_for_the_account_too(stage: Stage) -> None:
    name = plant(stage.world, 101, "nightly", 1)
    ran = stage.rotator("plan", "--at", "2020-01-01T00:00:00Z", "--server", "101", "--json")
    (rotation,) = ran.document["rotations"]
    assert rotation["slot"] == "20200101T000000Z"
    assert fates(rotation) == {"quarantined": [name]}


def test_the_table_says_every_reason_in_words_and_what_is_not_rotators_last(stage: Stage) -> None:
    policies = 'policies:\n  nightly: {schedule: "0 3 * * *", keep: {last: 1, daily: 2}}\n'
    stage.config("servers:\n  - {id: 101, name: web-01, policies: [nightly]}\n", policies)
    rows = [
        row(20, "by-hand", "2027-03-13T12:00:00Z"),
        row(10, "nightly-20270310T030000Z", "2027-03-10T03:00:04Z", status="failed", size_mb=0),
        *ROWS,
    ]
    ran = stage.rotator("plan", "--snapshots", save(stage, rows), "--at", AT, COLUMNS="80", **NO_NETWORK)
    assert ran.out.splitlines() == [
        "web-01  nightly  20270314T070000Z  would be rotated (delete first)",
        "  free places 0 -> 2 of 5",
        "  VERDICT  SNAPSHOT                  AGE  STATE   WHY",
        "  create   nightly-20270314T070000Z  new          this slot's snapshot",
        "  keep     nightly-20270313T030000Z  1d   ready   daily: newest of its day (2 kept)",
        "  delete   nightly-20270312T030000Z  2d   ready   not_kept: no keep rule wants it",
        "  delete   nightly-20270311T030000Z  3d   ready   not_kept: no keep rule wants it",
        "  delete   nightly-20270310T030000Z  4d   failed  failed: no restore point came of it",
        "  foreign  by-hand                   19h  ready   not made by rotator: stays",
        "",
        "That would be: 1 rotated. Nothing was changed.",
    ]
