"""`status`: for people, for scripts and for a monitoring check."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from rotator.sandbox import Fault
from tests.cli.conftest import SERVERS, Ran, Stage, plant

WEEK = 'policies:\n  nightly: {schedule: "0 3 * * *", timezone: Africa/Nairobi, keep: {last: 3}}\n'
BOTH = """\
servers:
  - {id: 101, name: web-01, policies: [nightly]}
  - {id: 102, name: db-01, policies: [nightly]}
"""


def all_fresh(stage: Stage) -> str:
    """Give both servers a restore point of yesterday; returns the name of the first one's."""
    stage.config(BOTH, WEEK)
    plant(stage.world, 102, "nightly", 1)
    return plant(stage.world, 101, "nightly", 1)


def block(stage: Stage, server_id: int) -> None:
    """Take every place of a server that a rotation could make."""
    for number in range(4):
        stage.world.add_snapshot(server_id, f"by-hand-{number}")


def test_people_see_a_line_for_each_pair_with_the_next_slot_in_its_zone(stage: Stage) -> None:
    name = all_fresh(stage)
    ran = stage.rotator("status")
    assert (ran.code, ran.err) == (0, "")
    line = next(line for line in ran.out.splitlines() if line.startswith("web-01"))
    assert re.search(
        rf"nightly +fresh +{name} +1d +\w{{3}} \d{{4}}-\d\d-\d\d 03:00 EAT +in \d+[hms] +4 of 5$", line
    )
    assert "\x1b" not in ran.out


def test_a_stale_pair_is_the_exit_code_1_and_quiet_leaves_only_that(stage: Stage) -> None:
    stage.config(BOTH, WEEK)
    plant(stage.world, 101, "nightly", 1)
    plant(stage.world, 102, "nightly", 9)
    ran = stage.rotator("--quiet", "status")
    assert ran.code == 1
    assert "web-01" not in ran.out
    assert re.search(r"db-01 +nightly +stale ", ran.out)
    assert re.search(r"db-01  nightly: stale: nothing new for 9d, \dd are allowed: the log says", ran.out)


def test_what_blocks_and_what_failed_last_is_told_below_the_table(stage: Stage) -> None:
    all_fresh(stage)
    block(stage, 101)
    stage.world.add_snapshot(102, "nightly-20991231T000000Z", status="failed")
    ran = stage.rotator("status")
    assert ran.code == 1
    assert re.search(r"web-01  nightly: cap_reached: .*4 foreign \(by-hand-0", ran.out)
    assert re.search(r"db-01  nightly: failed: nightly-20991231T000000Z, \d+s ago\n", ran.out)


def test_a_snapshot_that_is_being_made_for_too_long_is_called_stuck(stage: Stage) -> None:
    all_fresh(stage)
    at = datetime.now(UTC) - timedelta(hours=2)
    stage.world.add_snapshot(102, "nightly-20991231T000000Z", status="in_progress", created_at=at)
    plant(stage.world, 102, "nightly", 3)
    ran = stage.rotator("status")
    assert ran.code == 0
    told = "db-01  nightly: stuck: nightly-20991231T000000Z, being made for 2h, longer than wait.timeout"
    assert told in ran.out.splitlines()
    assert "failed" not in ran.out
    assert stage.rotator("status", "--json").document["pairs"][1]["places"]["failed"] == 1


def test_the_document_is_that_of_the_contract(stage: Stage) -> None:
    name = all_fresh(stage)
    ran = stage.rotator("status", "--server", "101", "--json")
    assert ran.code == 0
    assert list(ran.document) == ["version", "ok", "pairs"]
    (pair,) = ran.document["pairs"]
    assert list(pair) == [
        *("server_id", "server", "policy", "freshness", "last_ready", "age_seconds", "threshold_seconds"),
        *("next_slot", "places", "blocked", "last_outcome"),
    ]
    assert (pair["freshness"], pair["last_ready"]["name"]) == ("fresh", name)
    assert pair["places"] == {"cap": 5, "managed": 1, "foreign": 0, "in_progress": 0, "failed": 0, "free": 4}


def test_a_pair_that_never_had_one_is_pending_and_well(stage: Stage) -> None:
    ran = stage.rotator("status", "--json")
    assert (ran.code, ran.document["ok"]) == (0, True)
    assert [pair["freshness"] for pair in ran.document["pairs"]] == ["pending", "pending"]


def test_a_list_that_cannot_be_trusted_is_not_well_for_its_server_alone(stage: Stage) -> None:
    all_fresh(stage)
    stage.world.add_snapshot(102, "x", size_mb=-1)
    ran = stage.rotator("status", "--json")
    assert ran.code == 1
    assert [pair["blocked"] is None for pair in ran.document["pairs"]] == [True, False]
    assert stage.rotator("status", "--nagios").code == 3


def test_a_check_is_one_line_with_the_ages_as_performance_data(stage: Stage) -> None:
    all_fresh(stage)
    ran = stage.rotator("status", "--nagios")
    assert (ran.code, ran.err) == (0, "")
    text, data = ran.out.rstrip("\n").split(" | ")
    assert text == "ROTATOR OK - 2 pairs fresh"
    assert data.startswith("fresh=2;;;0;2 stale=0;;;0;2 pending=0;;;0;2 blocked=0;;;0;2 ")
    assert re.search(r"'age web-01/nightly'=864\d\ds;;\d+;0", data)


@pytest.mark.parametrize(
    ("age", "blocked", "code", "told"),
    [
        (1, True, 1, r"ROTATOR WARNING - 1 blocked \(web-01/nightly\)"),
        (9, False, 2, r"ROTATOR CRITICAL - 1 stale \(web-01/nightly\)"),
        (9, True, 2, r"ROTATOR CRITICAL - 1 stale \(web-01/nightly\); 1 blocked \(web-01/nightly\)"),
        (None, False, 2, r"ROTATOR CRITICAL - 1 without any restore point \(web-01/nightly\)"),
    ],
    ids=["blocked", "stale", "stale and blocked", "never"],
)
def test_the_exit_code_of_a_check_says_how_bad_it_is(
    stage: Stage, age: int | None, blocked: bool, code: int, told: str
) -> None:
    stage.config(BOTH, WEEK)
    plant(stage.world, 102, "nightly", 1)
    if age is not None:
        plant(stage.world, 101, "nightly", age)
    if blocked:
        block(stage, 101)
    ran = stage.rotator("status", "--nagios")
    assert ran.code == code
    assert re.match(told + r" \| ", ran.out)


def test_a_check_that_nobody_answers_is_unknown_whatever_the_reason(stage: Stage) -> None:
    refused = stage.rotator("status", "--nagios", VPS_API_TOKEN="vps_wrong")
    nowhere = stage.rotator("status", "--nagios", "--server", "1")
    (stage.directory / "config.yaml").write_text("policies: [\n")
    broken = stage.rotator("status", "--nagios")
    assert [ran.code for ran in (refused, nowhere, broken)] == [3, 3, 3]
    for ran in (refused, nowhere, broken):
        assert re.fullmatch(r"ROTATOR UNKNOWN - [^\n]+\n", ran.out)


def test_an_account_that_cannot_be_listed_is_an_error_with_its_own_code(stage: Stage) -> None:
    stage.config(SERVERS)
    stage.world.faults.add(Fault(method="GET", status=403, times=9))
    ran = stage.rotator("status", "--json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (1, "forbidden")


def test_a_plugin_does_not_wait_for_an_api_that_says_nothing(stage: Stage) -> None:
    """Monitors give a plugin ten seconds, and end it without a word after that."""
    ran = stage.rotator("status", "--nagios", VPS_API_URL="http://127.0.0.1:9/api/v1")
    assert ran.code == 3
    assert ran.out.startswith("ROTATOR UNKNOWN - the API has not answered within 8 s")


def test_a_plugin_writes_no_document_and_says_so_as_a_plugin_does(stage: Stage) -> None:
    ran = stage.rotator("status", "--nagios", "--json")
    assert ran == Ran(3, "ROTATOR UNKNOWN - --nagios writes one line: leave --json or --nagios out\n", "")
