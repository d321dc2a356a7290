"""`simulate`: the timeline of what will exist when, its figures, its picture, and what would be blocked."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from tests.cli.conftest import Stage, plant_three

AT = ("--at", "2027-03-01T00:00:00Z")
NO_NETWORK = {"VPS_API_URL": "http://127.0.0.1:9/api/v1", "VPS_API_TOKEN": ""}
POLICIES = """\
policies:
  nightly: {schedule: "0 3 * * *", keep: {last: 3}}
  weekly: {schedule: "0 4 * * sun", keep: {last: 1}}
  everything: {schedule: "0 3 * * *"}
  spare: {schedule: "0 */6 * * *", keep: {last: 2}}
"""
SERVERS = """\
servers:
  - {id: 101, name: web-01, policies: [nightly, weekly]}
"""


@pytest.fixture
def planned(stage: Stage) -> Stage:
    """A server with two policies, and two policies that no server uses."""
    stage.config(SERVERS, POLICIES)
    return stage


def test_the_timeline_has_a_row_for_each_policy_and_both_figures(planned: Stage) -> None:
    ran = planned.rotator("simulate", "--days", "28", *AT, **NO_NETWORK)
    assert (ran.code, ran.err) == (0, "")
    rows = [line.split() for line in ran.out.splitlines()]
    assert ["web-01", "nightly", "12" + 26 * "3"] in rows
    assert ["weekly", "······" + 22 * "1"] in rows
    assert "web-01  nightly   2 d    1 d          2027-03-04  3       2 d 21 h" in ran.out
    assert "        together  2 d    4 d 23 h     2027-03-14  4       2 d 21 h" in ran.out
    assert planned.world.requests == []


def test_the_document_is_the_contracts(planned: Stage) -> None:
    ran = planned.rotator("simulate", "--days", "28", *AT, "--json", **NO_NETWORK)
    document = ran.document
    assert list(document) == ["version", "ok", "pairs", "days"]
    nightly, weekly = document["pairs"]
    assert weekly == {
        "server_id": 101,
        "policy": "weekly",
        "slots": [f"202703{day:02}T040000Z" for day in (7, 14, 21, 28)],
        "reach_days": 0.0,
        "largest_gap_seconds": 7 * 86400,
    }
    assert (len(nightly["slots"]), nightly["reach_days"]) == (28, 2.0)
    assert [day["at"] for day in document["days"]][::27] == ["2027-03-02T00:00:00Z", "2027-03-29T00:00:00Z"]
    last = document["days"][-1]
    assert (last["server_id"], last["snapshots"][-1]) == (
        101,
        {"name": "weekly-20270328T040000Z", "policy": "weekly", "reasons": ["last"]},
    )


def test_one_policy_alone_is_shown_but_runs_with_the_others(planned: Stage) -> None:
    ran = planned.rotator("simulate", "--days", "14", "--policy", "weekly", *AT, "--json", **NO_NETWORK)
    assert [pair["policy"] for pair in ran.document["pairs"]] == ["weekly"]
    assert {s["policy"] for day in ran.document["days"] for s in day["snapshots"]} == {"weekly"}


def test_a_policy_that_no_server_uses_gets_a_virtual_one(planned: Stage) -> None:
    ran = planned.rotator("simulate", "--policy", "spare", *AT, "--json", **NO_NETWORK)
    assert [(p["server_id"], p["policy"], p["reach_days"]) for p in ran.document["pairs"]] == [
        ("virtual", "spare", 0.25)
    ]


def test_what_would_be_blocked_is_said_loudly(planned: Stage) -> None:
    ran = planned.rotator("simulate", "--days", "10", "--policy", "everything", *AT, **NO_NETWORK)
    assert ran.code == 1
    assert "virtual  everything  12345!!!!!" in ran.out
    loud = "cap_reached: 5 slots of everything on virtual would get no snapshot, the first at 2027-03-06"
    assert ran.out.splitlines()[-1].startswith(loud)
    asked = ("simulate", "--days", "10", "--policy", "everything", *AT, "--json")
    document = planned.rotator(*asked, **NO_NETWORK).document
    assert (document["ok"], [error["code"] for error in document["errors"]]) == (False, ["cap_reached"])


def test_quiet_leaves_only_what_is_wrong(planned: Stage) -> None:
    assert planned.rotator("--quiet", "simulate", *AT, **NO_NETWORK).out == ""
    ran = planned.rotator("--quiet", "simulate", "--policy", "everything", *AT, **NO_NETWORK)
    assert ran.out.startswith("cap_reached: ")


def test_online_it_begins_with_what_stands_there(stage: Stage) -> None:
    oldest = plant_three(stage.world, 101)
    ran = stage.rotator("simulate", "--days", "10", "--online", "--server", "101", "--json")
    assert ran.code == 0
    (pair,) = ran.document["pairs"]
    assert pair["reach_days"] > 0
    assert oldest not in {s["name"] for s in ran.document["days"][-1]["snapshots"]}
    assert {record.method for record in stage.world.requests} == {"GET"}


def test_a_saved_list_needs_no_network(stage: Stage) -> None:
    created = datetime(2027, 2, 28, 12, tzinfo=UTC)
    rows = [
        {
            "id": number,
            "server": {"id": 101, "name": "web-01"},
            "name": f"by-hand-{number}",
            "status": "completed",
            "size_mb": 5120,
            "created_at": (created - timedelta(days=number)).isoformat(),
            "description": "",
        }
        for number in range(5)
    ]
    (stage.directory / "saved.json").write_text(json.dumps(rows))
    asked = ("simulate", "--snapshots", "saved.json", "--server", "101", "--days", "2", *AT)
    ran = stage.rotator(*asked, **NO_NETWORK)
    assert ran.code == 1
    assert "5 foreign (by-hand-4, by-hand-3" in ran.out
    (stage.directory / "saved.json").write_text(json.dumps([*rows, rows[0]]))
    ran = stage.rotator(*asked, "--json", **NO_NETWORK)
    assert (ran.code, ran.document["errors"][0]["code"], ran.document["pairs"]) == (1, "list_unsure", [])


def test_a_token_that_is_refused_ends_it_with_77(stage: Stage) -> None:
    ran = stage.rotator("simulate", "--online", "--json", VPS_API_TOKEN="vps_wrong")
    assert (ran.code, ran.document["errors"][0]["code"]) == (77, "unauthorized")


def test_the_picture_is_written_and_tells_the_figures(planned: Stage) -> None:
    ran = planned.rotator("simulate", "--days", "14", *AT, "--svg", "out.svg", **NO_NETWORK)
    assert ran.code == 0
    picture = ElementTree.fromstring((planned.directory / "out.svg").read_text())
    assert "web-01: nightly: reach 2 d, largest gap 1 d;" in "".join(picture.itertext())


def test_a_picture_that_cannot_be_written_is_a_fault_of_the_command_line(planned: Stage) -> None:
    ran = planned.rotator("simulate", *AT, "--svg", "nowhere/out.svg", **NO_NETWORK)
    assert ran.code == 2
    assert "'--svg': nowhere/out.svg: No such file or directory" in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--policy", "nightli"], "did you mean nightly?"),
        (["--server", "7"], "there is no server '7'"),
        (["--days", "0"], "1<=x<=3660"),
        (["--policy", "spare", "--policy", "everything"], "simulate them one at a time"),
        (["--online", "--snapshots", "config.yaml"], "give one of them"),
        (["--at", "9999-12-30T00:00:00Z"], "the calendar ends before that"),
    ],
)
def test_a_wrong_command_line_says_what_to_write_instead(
    planned: Stage, arguments: list[str], says: str
) -> None:
    ran = planned.rotator("simulate", *arguments, **NO_NETWORK)
    assert ran.code == 2
    assert says in ran.err


def test_where_no_server_has_a_policy_one_has_to_be_named(planned: Stage) -> None:
    off = '  off: {schedule: "@daily", keep: {last: 1}, enabled: false}\n'
    planned.config("servers:\n  - {id: 101, policies: [off]}\n", POLICIES + off)
    ran = planned.rotator("simulate", *AT, **NO_NETWORK)
    assert (ran.code, "name one by --policy" in ran.err) == (2, True)
    assert planned.rotator("simulate", "--policy", "nightly", *AT, **NO_NETWORK).code == 0


@pytest.mark.parametrize("columns", ["80", "40"])
@pytest.mark.parametrize("days", ["30", "365"])
def test_it_fits_the_columns_there_are(planned: Stage, columns: str, days: str) -> None:
    ran = planned.rotator("simulate", "--days", days, *AT, COLUMNS=columns, **NO_NETWORK)
    timeline, figures = ran.out.split("\n\n")[1:3]
    assert max(len(line) for line in timeline.splitlines()) <= int(columns)
    assert max(len(line) for line in figures.splitlines()) <= 80
    assert "\x1b" not in ran.out


def test_a_label_from_outside_cannot_write_to_the_terminal(planned: Stage) -> None:
    planned.config('servers:\n  - {id: 101, name: "a\\eb", policies: [nightly]}\n', POLICIES)
    ran = planned.rotator("simulate", "--days", "3", *AT, **NO_NETWORK)
    assert "\x1b" not in ran.out


def test_foreign_snapshots_stand_in_the_days_unless_one_policy_is_asked_for(planned: Stage) -> None:
    planned.world.add_snapshot(101, "by-hand", created_at=datetime(2027, 2, 20, tzinfo=UTC))
    asked = ("simulate", "--days", "3", "--online", *AT, "--json")
    for more, expected in ([], {None, "nightly"}), (["--policy", "nightly"], {"nightly"}):
        days = planned.rotator(*asked, *more).document["days"]
        assert {s["policy"] for day in days for s in day["snapshots"]} == expected
