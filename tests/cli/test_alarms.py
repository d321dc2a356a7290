"""A real daemon that fires slots: its hooks run, its pings go out, and people are told what changed."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rotator.sandbox import Fault
from tests.cli.conftest import PATIENCE, WAIT, Stage, names, plant, until
from tests.cli.receiver import Receiver

EVERY_MINUTE = """\
defaults: {{{wait}}}
policies:
  often:
    schedule: "* * * * *"
    keep: {{last: 2}}
    hooks: {hooks}
    ping_url_file: ping
notify: {{urls_file: urls}}
"""
A_SLOT = 2 * PATIENCE
"""Seconds by which the next slot has certainly come: it is up to a minute away, and a start takes time."""

SERVERS = """\
servers:
  - {id: 101, name: web-01, policies: [often]}
  - {id: 102, name: db-01, policies: [often]}
"""


def configure(stage: Stage, receiver: Receiver, hooks: str) -> None:
    """A policy with a slot every minute."""
    here = stage.directory
    (here / "ping").write_text(f"http://127.0.0.1:{receiver.port}/ping")
    (here / "urls").write_text(f"json://127.0.0.1:{receiver.port}/message\n")
    stage.config(servers=SERVERS, policies=EVERY_MINUTE.format(wait=WAIT, hooks=hooks))


@contextmanager
def daemon(stage: Stage) -> Iterator[subprocess.Popen[str]]:
    """A daemon whose log goes into a file, killed if the test fails."""
    with (stage.directory / "log").open("w") as stage.log, stage.start("run") as process:
        try:
            yield process
        finally:
            process.kill()


def log_of(stage: Stage) -> str:
    return (stage.directory / "log").read_text()


def texts(receiver: Receiver) -> str:
    return "\n".join(json.loads(body)["message"] for _, path, body in receiver.heard if path == "/message")


def test_a_daemon_that_fails_gets_stale_and_recovers_says_each_once(stage: Stage, receiver: Receiver) -> None:
    diary = stage.directory / "diary"
    note = f"""[sh, -c, 'echo $ROTATOR_SERVER $ROTATOR_PHASE $ROTATOR_OUTCOME >> {diary}']"""
    configure(stage, receiver, f"{{before: {note}, created: {note}, after: {note}}}")
    old = plant(stage.world, 101, "often", 1)
    stage.world.faults.add(Fault(method="POST", server_id=101, status=403, times=None))
    with daemon(stage) as process:
        until(lambda: "often on web-01 fails: forbidden" in texts(receiver), patience=A_SLOT)
        until(lambda: "often on web-01 is stale" in texts(receiver), patience=4 * PATIENCE)
        assert old in texts(receiver)
        stage.world.faults.clear()
        until(lambda: "often on web-01 is fresh again" in texts(receiver), patience=3 * PATIENCE)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    for said in ("fails", "is well again", "is stale", "is fresh again"):
        assert texts(receiver).count(f"web-01 {said}") == 1
    assert "db-01" not in texts(receiver)
    assert {path for _, path, _ in receiver.heard} == {"/ping/start", "/ping/fail", "/ping", "/message"}
    assert {"db-01 before", "db-01 created", "db-01 after rotated", "web-01 after failed"} <= {
        line.strip() for line in diary.read_text().splitlines()
    }
    assert log_of(stage).count('"policy.stale"') == log_of(stage).count('"policy.recovered"') == 1


def test_a_daemon_that_is_stopped_during_a_hook_ends_it_and_creates_nothing(
    stage: Stage, receiver: Receiver
) -> None:
    begun = stage.directory / "pid"
    configure(stage, receiver, f"{{before: [sh, -c, 'echo $$ >> {begun}; exec sleep 600']}}")
    with daemon(stage) as process:
        until(lambda: begun.exists() and len(begun.read_text().split()) == 2, patience=A_SLOT)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    for pid in begun.read_text().split():
        assert not Path(f"/proc/{pid}").exists()
    assert names(stage.world, 101) == names(stage.world, 102) == set()
