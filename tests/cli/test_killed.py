"""Processes that are killed for real, and processes that meet: one snapshot for the slot, nothing lost."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from rotator.sandbox import Fault
from tests.cli.conftest import PATIENCE, Stage, names, plant, until

DAILY = 'policies:\n  nightly: {schedule: "@daily", keep: {last: 4}, catch_up: 24h}\n'
WAITING = "defaults: {wait: {first: 0.2s, interval: 0.2s, timeout: 30s}}\n"
LISTS = "/snapshots/"
ONE_SERVER = "servers: [{id: 101, name: web-01, policies: [nightly]}]\n"
FIVE = 'policies:\n  nightly: {schedule: "@daily", keep: {last: 5}, catch_up: 24h}\n'


@pytest.mark.parametrize(
    ("fault", "policies", "planted"),
    [
        pytest.param(Fault(method="GET", path=LISTS, delay=20), DAILY, 4, id="before its first list"),
        pytest.param(Fault(method="POST", delay_after=20), DAILY, 4, id="before the answer to its create"),
        pytest.param(Fault(method="POST", delay_after=20), FIVE, 5, id="... after it made room"),
        pytest.param(Fault(method="GET", path=LISTS, skip=2, delay=20), DAILY, 4, id="while it waits"),
        pytest.param(Fault(method="DELETE", delay=20), DAILY, 4, id="before its delete is carried out"),
        pytest.param(Fault(method="DELETE", delay_after=20), DAILY, 4, id="before the answer to its delete"),
        pytest.param(Fault(method="DELETE", delay_after=20), FIVE, 5, id="... that makes room"),
    ],
)
def test_a_killed_process_leaves_nothing_that_the_next_one_does_not_finish(
    stage: Stage, fault: Fault, policies: str, planted: int
) -> None:
    stage.config(ONE_SERVER, WAITING + policies)
    old = {plant(stage.world, 101, "nightly", days) for days in range(1, planted + 1)}
    stage.world.switches = replace(stage.world.switches, create_time=0.5)
    stage.world.faults.add(fault)
    with stage.start("run", "--once", "--due", "--json") as process:
        until(lambda: not stage.world.faults.live)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    ran = stage.rotator("run", "--once", "--due", "--json")
    assert ran.code == 0, ran.err
    left = names(stage.world, 101)
    assert len(left - old) == 1
    assert len(left & old) in {planted - 1, planted}  # the last delete is left to the next slot, if need be
    assert len(left) <= 5
    made = [change.name for change in stage.world.history if change.kind == "created"]
    assert made == list(left - old)
    assert {row.status for row in stage.world.snapshots(101)} == {"completed"}


def test_ten_at_once_make_one_snapshot_and_lose_none(stage: Stage) -> None:
    stage.config(ONE_SERVER, WAITING + DAILY)
    old = {plant(stage.world, 101, "nightly", days) for days in (1, 2, 3, 4)}
    stage.world.switches = replace(stage.world.switches, create_time=1)
    processes = [stage.start("run", "--once", "--due", "--json") for _ in range(10)]
    codes = []
    for process in processes:
        process.communicate(timeout=PATIENCE)
        codes.append(process.returncode)
    assert set(codes) <= {0, 75}
    assert 0 in codes
    left = names(stage.world, 101)
    assert len(left - old) == 1
    assert len(left & old) == 3
    assert len([change for change in stage.world.history if change.kind == "created"]) == 1


def test_a_daemon_that_is_killed_in_a_wait_takes_it_up_when_it_is_started_again(stage: Stage) -> None:
    stage.config(ONE_SERVER, WAITING + DAILY)
    old = {plant(stage.world, 101, "nightly", days) for days in (1, 2, 3, 4)}
    stage.world.switches = replace(stage.world.switches, create_time=10)  # no start takes longer
    with stage.start("run") as process:
        until(lambda: stage.world.history)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
    with stage.start("run") as process:
        until(lambda: any(change.kind == "deleted" for change in stage.world.history))
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    assert "rotation.resumed" in log
    left = names(stage.world, 101)
    assert (len(left - old), len(left & old)) == (1, 3)
