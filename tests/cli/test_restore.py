"""`restore`: the right server, asked for once, with a way back, and no rotation in between."""

from __future__ import annotations

import json
import signal
from dataclasses import replace

import pytest

from rotator.sandbox import Fault
from rotator.sandbox.switches import ServerList
from tests.cli.conftest import Stage, names, noted, plant, plant_three, until
from tests.cli.terminals import at_a_terminal

ONE_SERVER = "servers: [{id: 101, name: web-01, policies: [nightly, weekly]}]\n"
WAIT = "wait: {first: 0.1s, interval: 0.1s, timeout: 20s}"
POLICIES = f"""\
defaults: {{{WAIT}}}
policies:
  nightly: {{schedule: "0 3 * * *", keep: {{last: 3}}}}
  weekly: {{schedule: "0 4 * * sun", keep: {{last: 1}}}}
"""


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """One server; a restore takes a moment."""
    stage.config(ONE_SERVER, POLICIES)
    stage.world.switches = replace(stage.world.switches, restore_time=0.5)
    return stage


def restores(stage: Stage) -> list[str]:
    """The names of the snapshots that were restored."""
    return [change.name for change in stage.world.history if change.kind == "restored"]


def asked_to_restore(stage: Stage) -> int:
    """How often the sandbox was asked for a restore."""
    return sum(request.path.endswith("/restore/") for request in stage.world.requests)


def id_of(stage: Stage, name: str) -> str:
    """The id of the snapshot of that name."""
    return next(str(row.id) for row in stage.world.snapshots(101) if row.name == name)


def test_a_restore_is_asked_for_once_and_followed_to_its_end(stage: Stage) -> None:
    name = plant(stage.world, 101, "nightly", 1)
    ran = stage.rotator("restore", id_of(stage, name), "--yes", "--wait", "--json")
    assert ran.code == 0, ran.err
    assert ran.document == {
        "version": 1,
        "ok": True,
        "restore": {
            "server_id": 101,
            "server": "web-01",
            "snapshot": {"id": int(id_of(stage, name)), "name": name},
            "phase": "done",
            "server_state": "active",
            "safety_snapshot": None,
            "deleted": [],
        },
    }
    assert (restores(stage), asked_to_restore(stage)) == ([name], 1)
    assert noted(stage, "restore") is None
    events = [line for line in ran.err.splitlines() if '"restore.' in line]
    assert len(events) == 2


def test_without_wait_it_says_that_it_has_begun(stage: Stage) -> None:
    name = plant(stage.world, 101, "nightly", 1)
    ran = stage.rotator("restore", name, "--yes")
    assert ran.code == 0
    assert ran.out == f"The restore of web-01 to {name} has begun; it takes 5 to 15 minutes.\n"
    assert noted(stage, "restore")["name"] == name


@pytest.mark.parametrize(
    "fault",
    [Fault(path="*/restore/", status=502, act=True), Fault(path="*/restore/", drop="before")],
    ids=["it was done", "it was not"],
)
def test_a_lost_answer_may_have_begun_and_is_never_asked_again(stage: Stage, fault: Fault) -> None:
    name = plant(stage.world, 101, "nightly", 1)
    stage.world.faults.add(fault)
    ran = stage.rotator("restore", name, "--yes", "--json")
    assert (ran.code, ran.document["ok"]) == (1, False)
    assert ran.document["restore"]["phase"] == "maybe_begun"
    assert asked_to_restore(stage) == 1
    assert noted(stage, "restore")["name"] == name


def test_a_refusal_has_not_begun_and_leaves_no_note(stage: Stage) -> None:
    name = plant(stage.world, 101, "nightly", 1)
    stage.world.set_server_status(101, "suspended")
    ran = stage.rotator("restore", name, "--yes", "--json")
    assert (ran.code, ran.document["restore"]["phase"]) == (1, "not_begun")
    assert ran.document["errors"][0]["code"] == "bad_request"
    assert noted(stage, "restore") is None


def test_a_token_that_may_not_restore_is_told_what_helps(stage: Stage) -> None:
    name = plant(stage.world, 101, "nightly", 1)
    stage.world.faults.add(Fault(method="POST", status=403))
    ran = stage.rotator("restore", name, "--yes")
    assert ran.code == 1
    assert "rotator check --online` shows what it may" in ran.err


def test_only_a_restore_point_is_restored(stage: Stage) -> None:
    stage.world.add_snapshot(101, "x", status="failed")
    ran = stage.rotator("restore", "x", "--yes", "--json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (1, "bad_request")
    assert asked_to_restore(stage) == 0


# --- the safety snapshot ------------------------------------------------------------------------------


def test_the_safety_snapshot_takes_a_free_place_and_is_ready_before_the_restore(stage: Stage) -> None:
    name = plant(stage.world, 101, "nightly", 1)
    ran = stage.rotator("restore", name, "--yes", "--safety-snapshot", "--json")
    assert ran.code == 0, ran.err
    safety = ran.document["restore"]["safety_snapshot"]["name"]
    assert safety.startswith("safety-")
    kinds = [(c.kind, c.name) for c in stage.world.history]
    assert kinds == [("created", safety), ("ready", safety), ("restored", name)]


def test_on_a_full_server_it_makes_room_but_never_at_the_cost_of_the_one_to_be_restored(
    stage: Stage,
) -> None:
    oldest = plant_three(stage.world, 101)
    second = sorted(names(stage.world, 101))[1]
    stage.world.add_snapshot(101, "by-hand-1")
    stage.world.add_snapshot(101, "by-hand-2")
    ran = stage.rotator("restore", oldest, "--yes", "--safety-snapshot", "--json")
    assert ran.code == 0, ran.err
    (gone,) = ran.document["restore"]["deleted"]
    assert (gone["name"], gone["reasons"]) == (second, ["cap"])
    assert restores(stage) == [oldest]


def test_where_no_place_can_be_made_nothing_is_restored_and_nothing_deleted(stage: Stage) -> None:
    name = plant(stage.world, 101, "nightly", 1)
    for number in range(4):
        stage.world.add_snapshot(101, f"by-hand-{number}")
    before = names(stage.world, 101)
    ran = stage.rotator("restore", name, "--yes", "--safety-snapshot", "--json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (1, "cap_reached")
    assert (ran.document["restore"]["phase"], names(stage.world, 101)) == ("not_begun", before)


def test_a_safety_snapshot_that_fails_stops_the_restore(stage: Stage) -> None:
    name = plant(stage.world, 101, "nightly", 1)
    stage.world.faults.add(Fault(method="POST", fate="fails"))
    ran = stage.rotator("restore", name, "--yes", "--safety-snapshot")
    assert ran.code == 1
    assert ran.out.startswith("Not ready to go back to: safety-")
    assert "ended in the state 'failed'" in ran.err
    assert asked_to_restore(stage) == 0


def test_one_that_is_killed_while_it_waits_is_taken_up_with_the_same_safety_snapshot(stage: Stage) -> None:
    oldest = plant_three(stage.world, 101)
    for number in range(2):
        stage.world.add_snapshot(101, f"by-hand-{number}")
    stage.world.switches = replace(stage.world.switches, create_time=3)
    with stage.start("restore", oldest, "--yes", "--safety-snapshot") as process:
        until(lambda: any(change.kind == "created" for change in stage.world.history))
        process.send_signal(signal.SIGKILL)
    ran = stage.rotator("restore", oldest, "--yes", "--safety-snapshot", "--json")
    assert ran.code == 0, ran.err
    made = [change.name for change in stage.world.history if change.kind == "created"]
    gone = [change.name for change in stage.world.history if change.kind == "deleted"]
    assert (len(made), len(gone)) == (1, 1)
    assert oldest not in gone
    assert restores(stage) == [oldest]


# --- while it runs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("server_list", ["told", "missing", "forbidden"])
def test_no_rotation_starts_while_a_restore_from_this_host_is_under_way(
    stage: Stage, server_list: ServerList
) -> None:
    stage.world.switches = replace(stage.world.switches, restore_time=100, server_list=server_list)
    name = plant(stage.world, 101, "nightly", 1)
    assert stage.rotator("restore", name, "--yes").code == 0
    ran = stage.rotator("run", "--once", "--json")
    assert ran.code == 75
    assert [r["outcome"] for r in ran.document["rotations"]] == ["busy", "busy"]
    assert {r["error"]["code"] for r in ran.document["rotations"]} == {"server_restoring"}
    for command in (("delete", name, "--yes"), ("create", "--server", "101", "--name", "x")):
        assert stage.rotator(*command).code == 75
    assert names(stage.world, 101) == {name}


def test_no_rotation_starts_where_the_server_says_that_it_is_restored_from_elsewhere(stage: Stage) -> None:
    stage.world.set_server_status(101, "restoring")
    ran = stage.rotator("run", "--once", "--policy", "nightly", "--json")
    assert (ran.code, ran.document["rotations"][0]["error"]["code"]) == (75, "server_restoring")


@pytest.mark.parametrize("server_list", ["missing", "forbidden"])
def test_rotations_go_on_where_nobody_tells_of_servers(stage: Stage, server_list: ServerList) -> None:
    stage.world.switches = replace(stage.world.switches, server_list=server_list)
    assert stage.rotator("run", "--once", "--policy", "nightly").code == 0


def test_where_nobody_tells_the_end_cannot_be_waited_for(stage: Stage) -> None:
    stage.world.switches = replace(stage.world.switches, server_list="missing")
    name = plant(stage.world, 101, "nightly", 1)
    ran = stage.rotator("restore", name, "--yes", "--wait")
    assert ran.code == 0
    assert ran.out.endswith("so the end cannot be waited for.\n")


# --- somebody at a terminal ---------------------------------------------------------------------------


def test_a_person_reads_what_is_lost_takes_the_offer_and_types_the_name(stage: Stage) -> None:
    name = plant(stage.world, 101, "nightly", 2)
    with at_a_terminal(stage, "restore", name, "--wait") as person:
        person.answer("Take a safety snapshot first?", "y")
        person.answer("Type the server's name", "web-01")
        assert person.end() == 0
    assert "This overwrites web-01 with" in person.text
    assert "managed: a restore point of the policy nightly" in person.text
    assert "All that was written to web-01 in the last 2d is lost" in person.text
    assert "takes one of 4 free places" in person.text
    assert person.text.rstrip().endswith(f"The restore of web-01 to {name} is over: the server is active.")
    assert person.shown.count("\x1b[?25l") == person.shown.count("\x1b[?25h") > 0
    assert [c.kind for c in stage.world.history] == ["created", "ready", "restored"]


def test_a_wrong_name_changes_nothing(stage: Stage) -> None:
    name = plant(stage.world, 101, "nightly", 1)
    with at_a_terminal(stage, "restore", name) as person:
        person.answer("Take a safety snapshot first?", "n")
        person.answer("Type the server's name", "web-02")
        assert person.end() == 2
    assert "rotator: that is not the server's name: nothing was changed.\n" in person.text.replace("\r", "")
    assert "Usage:" not in person.text
    assert stage.world.history == []


def test_the_question_counts_what_is_newer_whosever_it_is(stage: Stage) -> None:
    name = plant(stage.world, 101, "nightly", 3)
    plant(stage.world, 101, "nightly", 2)
    stage.world.add_snapshot(101, "by-hand")
    stage.world.add_snapshot(101, "half-made", status="in_progress")
    with at_a_terminal(stage, "restore", name) as person:
        person.answer("Take a safety snapshot first?", "n")
        person.answer("Type the server's name", "no")
        assert person.end() == 2
    assert "2 newer snapshots of it are ready: the newest is by-hand, " in person.text


def test_a_plan_knows_that_a_server_is_being_restored(stage: Stage) -> None:
    stage.config()
    stage.world.set_server_status(101, "restoring")
    ran = stage.rotator("plan", "--policy", "nightly", "--json")
    assert ran.code == 75
    web, db = sorted(ran.document["rotations"], key=lambda rotation: rotation["server_id"])
    assert (web["outcome"], web["error"]["code"]) == ("busy", "server_restoring")
    assert db["outcome"] == "rotated"


def test_every_line_of_work_by_hand_bears_the_server(stage: Stage) -> None:
    name = plant(stage.world, 101, "nightly", 1)
    ran = stage.rotator(
        "--log-format", "json", "--log-level", "info", "restore", name, "--yes", "--safety-snapshot"
    )
    assert ran.code == 0
    lines = [json.loads(line) for line in ran.err.splitlines()]
    acts = [line for line in lines if line["event"].split(".")[0] in {"snapshot", "restore"}]
    assert {line["event"] for line in acts} >= {
        "snapshot.create_requested",
        "snapshot.created",
        "restore.started",
    }
    assert {(line["server_id"], line["server"]) for line in acts} == {(101, "web-01")}


def test_ctrl_c_at_the_question_changes_nothing_and_at_the_wait_leaves_the_screen_whole(
    stage: Stage,
) -> None:
    stage.world.switches = replace(stage.world.switches, restore_time=100)
    name = plant(stage.world, 101, "nightly", 1)
    with at_a_terminal(stage, "restore", name) as person:
        person.read_until("Take a safety snapshot first?")
        assert person.interrupt_question() == 130
    assert stage.world.history == []
    with at_a_terminal(stage, "restore", name, "--yes", "--wait") as person:
        until(lambda: restores(stage))
        person.read_until("being restored to")
        person.type("\x03")
        assert person.end() == 130
    assert "the restore was begun, and goes on without this command" in person.text
    assert person.shown.count("\x1b[?25l") == person.shown.count("\x1b[?25h") > 0


def test_who_deletes_a_foreign_one_reads_that_it_is_foreign(stage: Stage) -> None:
    stage.world.add_snapshot(101, "golden", description="Do not lose")
    with at_a_terminal(stage, "delete", "golden") as person:
        person.answer("Type the server's name", "web-01")
        assert person.end() == 0
    assert "foreign: no policy of rotator made it" in person.text
    assert "Do not lose" in person.text
    assert names(stage.world, 101) == set()


def test_who_deletes_the_last_restore_point_of_a_policy_reads_that(stage: Stage) -> None:
    name = plant(stage.world, 101, "nightly", 1)
    with at_a_terminal(stage, "delete", name) as person:
        person.answer("Type the server's name", "no")
        assert person.end() == 2
    assert "the last restore point of the policy nightly" in person.text
    assert names(stage.world, 101) == {name}
