"""Commands with `match` entries: the servers are looked up first."""

from __future__ import annotations

import json

import pytest

from rotator.sandbox import Fault
from tests.cli.conftest import Stage, names, plant_three

MATCH = "servers:\n  - {match: '*-01', policies: [nightly]}\n"
BOTH = MATCH.replace("servers:", "servers:\n  - {id: 101, name: web-01, policies: [nightly]}")
DOWN = Fault(path="/servers/", status=404, times=None)


def test_run_once_rotates_the_servers_that_were_found(stage: Stage) -> None:
    stage.world.add_server(103, "other")
    plant_three(stage.world, 102)
    stage.config(servers=MATCH)
    ran = stage.rotator("run", "--once", "--json")
    assert ran.code == 0
    assert [(r["server_id"], r["server"]) for r in ran.document["rotations"]] == [
        (101, "web-01"),
        (102, "db-01"),
    ]
    assert len(names(stage.world, 102)) == 3
    assert names(stage.world, 103) == set()


@pytest.mark.parametrize("command", [("list",), ("plan",), ("status",), ("check", "--online")])
def test_every_command_that_selects_servers_knows_them(stage: Stage, command: tuple[str, ...]) -> None:
    stage.config(servers=MATCH)
    ran = stage.rotator(*command)
    assert "db-01" in ran.out, ran.err


def test_a_server_that_was_found_can_be_selected_by_its_id(stage: Stage) -> None:
    stage.config(servers=MATCH)
    ran = stage.rotator("plan", "--server", "102", "--json")
    assert [r["server_id"] for r in ran.document["rotations"]] == [102]


@pytest.mark.parametrize("command", [("list",), ("plan",), ("check", "--online")])
def test_a_command_that_only_looks_ends_where_they_cannot_be_looked_up(
    stage: Stage, command: tuple[str, ...]
) -> None:
    stage.config(servers=BOTH)
    stage.world.faults.add(DOWN)
    ran = stage.rotator(*command, "--json")
    assert ran.code == 1
    assert ran.document["errors"][0]["code"] == "not_found"


def test_run_once_rotates_those_with_an_entry_of_their_own_all_the_same_and_fails(stage: Stage) -> None:
    stage.config(servers=BOTH)
    stage.world.faults.add(DOWN)
    ran = stage.rotator("run", "--once", "--json")
    assert ran.code == 1
    assert [r["outcome"] for r in ran.document["rotations"]] == ["rotated"]
    assert (ran.document["ok"], ran.document["errors"][0]["code"]) == (False, "not_found")
    assert len(names(stage.world, 101)) == 1


def test_run_once_needs_no_look_up_for_a_server_with_an_entry_of_its_own(stage: Stage) -> None:
    stage.config(servers=BOTH)
    stage.world.faults.add(DOWN)
    assert stage.rotator("run", "--once", "--server", "101").code == 0


def test_run_once_with_matches_alone_ends_where_they_cannot_be_looked_up(stage: Stage) -> None:
    stage.config(servers=MATCH)
    stage.world.faults.add(DOWN)
    ran = stage.rotator("run", "--once", "--json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (1, "not_found")


def test_without_a_network_it_is_said_that_they_were_not_looked_up(stage: Stage) -> None:
    stage.config(servers=BOTH)
    assert "were not looked up" in stage.rotator("check").out
    [warning] = stage.rotator("check", "--json").document["warnings"]
    assert (warning["code"], warning["path"]) == ("match_not_looked_up", "servers[1].match")
    (stage.directory / "saved.json").write_text(json.dumps({"count": 0, "results": []}))
    ran = stage.rotator("plan", "--snapshots", "saved.json")
    assert ran.code == 0
    assert "were not looked up" in ran.err


TYPO = (
    "servers:\n  - {id: 101, name: web-01, policies: [nightly]}\n  - {match: 'wbe-*', policies: [nightly]}\n"
)


def test_check_online_warns_of_a_match_that_fits_nothing(stage: Stage) -> None:
    stage.config(servers=TYPO)
    [warning] = stage.rotator("check", "--online", "--json").document["warnings"]
    assert (warning["code"], warning["path"]) == ("match_fits_nothing", "servers[1].match")
    assert warning["message"] == "'wbe-*' fits no server of the account"
    assert stage.rotator("check", "--online").err == ""


@pytest.mark.parametrize("command", [("status",), ("plan",), ("list",), ("run", "--once")], ids=" ".join)
def test_every_other_command_logs_it(stage: Stage, command: tuple[str, ...]) -> None:
    stage.config(servers=TYPO)
    ran = stage.rotator(*command)
    assert ran.code == 0
    assert "'wbe-*' fits no server of the account" in ran.err


def test_a_check_that_watches_nothing_is_not_green(stage: Stage) -> None:
    stage.config(servers="servers:\n  - {match: 'wbe-*', policies: [nightly]}\n")
    ran = stage.rotator("status", "--nagios")
    assert ran.code == 3
    assert ran.out.startswith("ROTATOR UNKNOWN - no server has an enabled policy: nothing is watched")
    assert "Nothing to rotate: no server has an enabled policy." in stage.rotator("run", "--once").out
