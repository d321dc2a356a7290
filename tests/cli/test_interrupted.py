"""Work by hand that a signal ends: what was done by then is told, for it stays done."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from typing import Any

import pytest

from rotator.sandbox import Fault
from tests.cli.conftest import PATIENCE, Stage, plant, plant_three, until

POLICIES = """\
defaults: {wait: {first: 0.1s, interval: 0.1s, timeout: 5m}}
policies:
  nightly: {schedule: "0 3 * * *", keep: {last: 3}}
"""


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """One server that is waited for patiently."""
    stage.config("servers: [{id: 101, name: web-01, policies: [nightly]}]\n", POLICIES)
    stage.world.switches = replace(stage.world.switches, create_time=600, restore_time=600)
    return stage


def looked_after(stage: Stage, method: str, path: str = "") -> bool:
    """Whether the API was asked what has become of a write: then its answer has come."""
    asked = [request.method for request in stage.world.requests]
    wrote = [r.method == method and path in r.path for r in stage.world.requests]
    return any(wrote) and "GET" in asked[wrote.index(True) :]


def interrupt(stage: Stage, *command: str, method: str, path: str = "") -> tuple[str, str]:
    """Run the command, interrupt it once it waits for what it wrote, and return what it said."""
    with stage.start(*command) as process:
        until(lambda: looked_after(stage, method, path))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    return out, err


def test_a_create_names_what_it_leaves_behind(stage: Stage) -> None:
    out, err = interrupt(stage, "create", "--server", "101", "--name", "mine", "--wait", method="POST")
    assert out == ""
    assert "rotator: interrupted; mine (id 801) of web-01 is made all the same\n" in err


def test_a_create_names_it_in_the_document_too(stage: Stage) -> None:
    out, _ = interrupt(
        stage, "create", "--server", "101", "--name", "mine", "--wait", "--json", method="POST"
    )
    document: dict[str, Any] = json.loads(out)
    assert (document["ok"], document["errors"]) == (False, [])
    assert (document["snapshot"]["name"], document["snapshot"]["state"]) == ("mine", "in_progress")


def test_a_restore_tells_what_made_room_and_that_nothing_was_begun(stage: Stage) -> None:
    oldest = plant_three(stage.world, 101)
    for number in range(2):
        stage.world.add_snapshot(101, f"by-hand-{number}")
    command = ("restore", oldest, "--yes", "--safety-snapshot")
    out, err = interrupt(stage, *command, method="POST")
    (gone,) = (change.name for change in stage.world.history if change.kind == "deleted")
    assert out.startswith(f"{gone} was deleted to make room (cap).\nNot ready to go back to: safety-")
    assert "the restore was not begun" in err


def test_a_restore_tells_what_made_room_in_the_document_too(stage: Stage) -> None:
    oldest = plant_three(stage.world, 101)
    for number in range(2):
        stage.world.add_snapshot(101, f"by-hand-{number}")
    out, _ = interrupt(stage, "restore", oldest, "--yes", "--safety-snapshot", "--json", method="POST")
    document: dict[str, Any] = json.loads(out)
    restore = document["restore"]
    (gone,) = (change.name for change in stage.world.history if change.kind == "deleted")
    assert (document["ok"], restore["phase"]) == (False, "not_begun")
    assert [verdict["name"] for verdict in restore["deleted"]] == [gone]
    assert restore["safety_snapshot"]["name"].startswith("safety-")


def test_a_restore_that_is_followed_says_that_it_goes_on(stage: Stage) -> None:
    name = plant(stage.world, 101, "nightly", 1)
    out, _ = interrupt(stage, "restore", name, "--yes", "--wait", "--json", method="POST", path="restore")
    assert json.loads(out)["restore"]["phase"] == "begun"


def test_one_that_is_cut_off_in_its_request_may_have_begun(stage: Stage) -> None:
    name = plant(stage.world, 101, "nightly", 1)
    stage.world.faults.add(Fault(method="POST", delay_after=20))
    with stage.start("restore", name, "--yes", "--json") as process:
        until(lambda: any(change.kind == "restored" for change in stage.world.history))
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    assert json.loads(out)["restore"]["phase"] == "maybe_begun"
