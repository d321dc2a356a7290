"""`create` and `delete`: by hand, under the same guards as a rotation, and never the wrong one."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Any

import pytest

from rotator.sandbox import Fault
from tests.cli.conftest import Stage, names, noted, plant, plant_three, until
from tests.cli.test_list import KEYS

FULL = ("a", "b", "c", "d", "e")


def fill(stage: Stage, server_id: int = 101) -> None:
    """Take every place of a server with snapshots made by hand."""
    for name in FULL:
        stage.world.add_snapshot(server_id, name)


def asked(stage: Stage, method: str) -> int:
    """How many requests of that method the sandbox has seen."""
    return sum(request.method == method for request in stage.world.requests)


def test_a_snapshot_by_hand_is_asked_for_and_not_waited_for(stage: Stage) -> None:
    ran = stage.rotator("create", "--server", "101", "--name", "before-upgrade", "--json")
    assert ran.code == 0, ran.err
    assert list(ran.document) == ["version", "ok", "snapshot", "notes"]
    row = ran.document["snapshot"]
    assert list(row) == KEYS
    assert (row["name"], row["state"], row["kind"]) == ("before-upgrade", "in_progress", "foreign")
    assert names(stage.world, 101) == {"before-upgrade"}


def test_with_wait_it_is_ready_in_the_end(stage: Stage) -> None:
    ran = stage.rotator("create", "--server", "101", "--name", "before-upgrade", "--wait", "--json")
    assert (ran.code, ran.document["snapshot"]["state"]) == (0, "ready")


@pytest.mark.parametrize(("fate", "code"), [("fails", "snapshot_failed"), ("hangs", "snapshot_stuck")])
def test_with_wait_one_that_comes_to_nothing_is_a_failure(stage: Stage, fate: str, code: str) -> None:
    stage.config(policies=stage_policies(timeout="0.5s"))
    stage.world.faults.add(Fault(method="POST", fate=fate))
    ran = stage.rotator("create", "--server", "101", "--name", "x", "--wait", "--json")
    assert (ran.code, [error["code"] for error in ran.document["errors"]]) == (1, [code])


def stage_policies(timeout: str) -> str:
    """The policies with that `defaults.wait.timeout`."""
    wait = f"{{first: 0.1s, interval: 0.1s, timeout: {timeout}}}"
    policies = 'nightly: {schedule: "0 3 * * *"}, off: {schedule: "@daily"}'
    return f"defaults: {{wait: {wait}}}\npolicies: {{{policies}}}\n"


@pytest.mark.parametrize("name", ["with space", "dot.ted", "", "x" * 65])
def test_a_name_that_the_provider_refuses_is_refused_before_anything_is_asked(
    stage: Stage, name: str
) -> None:
    ran = stage.rotator("create", "--server", "101", "--name", name)
    assert ran.code == 2
    assert "--name" in ran.err
    assert asked(stage, "POST") == 0


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nightly-20270314T070000Z", "its rotations count it, and may delete it"),
        ("daily-20270314T070000Z", "reported as an orphan"),
        ("safety-1", "for safety snapshots"),
    ],
)
def test_a_name_that_means_more_than_it_seems_is_said(stage: Stage, name: str, told: str) -> None:
    assert told in stage.rotator("create", "--server", "101", "--name", name).err
    document = stage.rotator("create", "--server", "102", "--name", name, "--json").document
    assert [told in note for note in document["notes"]] == [True]


def test_a_full_server_is_refused_with_what_takes_the_places(stage: Stage) -> None:
    fill(stage)
    ran = stage.rotator("create", "--server", "101", "--name", "x", "--json")
    assert ran.code == 1
    (error,) = ran.document["errors"]
    assert error == {
        "code": "cap_reached",
        "message": "5 of 5 places are taken: 5 foreign (a, b, c, d, e)",
    }
    assert asked(stage, "POST") == 0


def test_a_name_that_is_there_is_not_made_twice(stage: Stage) -> None:
    stage.world.add_snapshot(101, "x")
    ran = stage.rotator("create", "--server", "101", "--name", "x")
    assert ran.code == 1
    assert "there is a snapshot x on web-01 already" in ran.err


def test_a_lost_answer_is_settled_by_looking_for_the_name(stage: Stage) -> None:
    stage.world.faults.add(Fault(method="POST", status=502, act=True))
    ran = stage.rotator("create", "--server", "101", "--name", "x", "--json")
    assert ran.code == 0, ran.err
    assert asked(stage, "POST") == 1
    assert [change.name for change in stage.world.history if change.kind == "created"] == ["x"]


# --- delete -------------------------------------------------------------------------------------------


def test_a_snapshot_is_deleted_by_its_id_and_noted_for_the_next_rotation(stage: Stage) -> None:
    oldest = plant_three(stage.world, 101)
    target = next(row for row in stage.world.snapshots(101) if row.name == oldest)
    ran = stage.rotator("delete", str(target.id), "--yes", "--json")
    assert ran.code == 0, ran.err
    assert list(ran.document) == ["version", "ok", "deleted", "was_gone"]
    assert (ran.document["deleted"]["name"], ran.document["was_gone"]) == (oldest, False)
    assert oldest not in names(stage.world, 101)
    assert [(stone["key"], stone["gone"]) for stone in noted(stage, "gone")] == [(str(target.id), True)]


def test_a_name_serves_if_only_one_bears_it(stage: Stage) -> None:
    stage.world.add_snapshot(101, "x")
    assert stage.rotator("delete", "x", "--yes").out == "x of web-01 is deleted.\n"


def test_a_name_that_two_bear_is_refused_with_both_ids_unless_the_server_tells_them_apart(
    stage: Stage,
) -> None:
    ids = [stage.world.add_snapshot(server_id, "x") for server_id in (101, 102)]
    ran = stage.rotator("delete", "x", "--yes")
    assert ran.code == 2
    assert all(f"{id_} (x on " in ran.err for id_ in ids)
    assert asked(stage, "DELETE") == 0
    assert stage.rotator("delete", "x", "--server", "102", "--yes").code == 0
    assert (names(stage.world, 101), names(stage.world, 102)) == ({"x"}, set())


def test_a_name_that_is_anothers_id_is_refused(stage: Stage) -> None:
    id_ = stage.world.add_snapshot(101, "x")
    stage.world.add_snapshot(102, str(id_))
    assert stage.rotator("delete", str(id_), "--yes").code == 2
    assert asked(stage, "DELETE") == 0


def test_what_is_not_there_is_said(stage: Stage) -> None:
    ran = stage.rotator("delete", "999", "--yes", "--json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (1, "not_found")


def test_one_that_went_meanwhile_is_done(stage: Stage) -> None:
    id_ = stage.world.add_snapshot(101, "x")
    stage.world.faults.add(Fault(method="DELETE", status=404))
    ran = stage.rotator("delete", str(id_), "--yes", "--json")
    assert (ran.code, ran.document["ok"]) == (0, True)


def test_a_list_that_cannot_be_trusted_finds_no_name(stage: Stage) -> None:
    stage.world.add_snapshot(101, "x")
    stage.world.add_snapshot(102, "y", size_mb=-1)
    ran = stage.rotator("delete", "x", "--yes", "--json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (1, "list_unsure")
    assert names(stage.world, 101) == {"x"}


@pytest.mark.parametrize("command", ["delete", "restore"])
def test_without_a_terminal_and_without_yes_the_dangerous_ones_refuse(stage: Stage, command: str) -> None:
    stage.world.add_snapshot(101, "x")
    ran = stage.rotator(command, "x")
    assert ran.code == 2
    assert f"there is no terminal to ask whether to {command} x: say --yes" in ran.err
    assert stage.world.requests == []


def test_a_command_that_is_killed_before_its_answer_leaves_the_next_rotation_a_note(stage: Stage) -> None:
    oldest = plant_three(stage.world, 101)
    stage.world.switches = replace(stage.world.switches, delete_lag=3)
    stage.world.faults.add(Fault(method="DELETE", delay_after=20))
    with stage.start("delete", oldest, "--yes") as process:
        until(lambda: oldest not in names(stage.world, 101))
        process.send_signal(signal.SIGKILL)
    assert [stone["gone"] for stone in noted(stage, "gone")] == [False]


def test_json_is_one_document_also_where_the_token_is_refused(stage: Stage) -> None:
    ran = stage.rotator("create", "--server", "101", "--name", "x", "--json", VPS_API_TOKEN="vps_wrong")
    error: dict[str, Any] = ran.document["errors"][0]
    assert (ran.code, error["code"]) == (77, "unauthorized")
    assert plant(stage.world, 101, "nightly", 1) in names(stage.world, 101)


@pytest.mark.parametrize(
    "command", [("create", "--server", "101", "--name", "mine"), ("delete", "801", "--yes")]
)
def test_while_a_restore_is_under_way_nothing_is_done_and_that_is_said(
    stage: Stage, command: tuple[str, ...]
) -> None:
    plant(stage.world, 101, "nightly", 1)
    stage.world.set_server_status(101, "restoring")
    ran = stage.rotator(*command)
    assert ran.code == 75
    assert "the server web-01 is being restored" in ran.err
    assert "nothing was done: ask again once that is over" in ran.err
    assert len(stage.world.snapshots(101)) == 1


def test_a_create_for_two_servers_is_refused_and_makes_none(stage: Stage) -> None:
    ran = stage.rotator("create", "--server", "101", "--server", "102", "--name", "x")
    assert ran.code == 2
    assert "--server: one at a time" in ran.err
    assert stage.world.requests == []


def test_what_is_not_there_is_told_with_where_it_was_looked_for(stage: Stage) -> None:
    stage.world.add_snapshot(101, "x")
    ran = stage.rotator("delete", "x", "--server", "102", "--yes")
    assert ran.code == 1
    assert "there is no snapshot x on db-01\n" in ran.err
    assert "there is no snapshot y on web-01 and db-01\n" in stage.rotator("delete", "y", "--yes").err
