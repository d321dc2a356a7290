"""`run`: the daemon as a process."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.cli.conftest import PATIENCE, Stage, until


def events(err: str) -> list[dict[str, Any]]:
    """The log, line by line."""
    return [json.loads(line) for line in err.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_it_gets_ready_and_ends_well_on_a_signal(stage: Stage, number: signal.Signals) -> None:
    with stage.start("run", "--log-format", "json") as process:
        until(lambda: stage.world.requests)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (0, "")
    names = [event["event"] for event in events(err)]
    assert names[0] == "daemon.started"
    assert names[-1] == "daemon.stopped"


def test_a_reload_takes_the_new_log_level_over(stage: Stage) -> None:
    path = stage.config()
    text = path.read_text()
    path.write_text(text + "log: {level: warning}\n")
    with stage.start("run") as process:
        until(lambda: stage.world.requests)
        path.write_text(text + "log: {level: info}\n")
        process.send_signal(signal.SIGHUP)
        assert process.stderr is not None
        first = json.loads(process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    assert (first["event"], first["level"]) == ("config.loaded", "info")
    assert process.returncode == 0


def test_a_refused_token_ends_it_at_the_start(stage: Stage) -> None:
    ran = stage.rotator("run", VPS_API_TOKEN="vps_wrong")
    assert ran.code == 77
    assert "Traceback" not in ran.err
    assert "vps_wrong" not in ran.err


def test_a_wrong_configuration_starts_nothing(stage: Stage) -> None:
    path = stage.config(servers="servers: []\n")
    ran = stage.rotator("run")
    assert (ran.code, ran.out) == (78, "")
    assert ran.err.startswith(f"{path.name}:")
    assert stage.world.requests == []
