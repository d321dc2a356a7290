"""Hooks of a whole process that is told to stop."""

from __future__ import annotations

import signal

import pytest

from tests.cli.conftest import PATIENCE, SERVERS, WAIT, Stage, names, until


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_stopped_during_before_runs_created_and_creates_nothing(
    stage: Stage, number: signal.Signals, code: int
) -> None:
    diary = stage.directory / "diary"
    note = f"echo $ROTATOR_PHASE >> {diary}"
    hooks = f"before: [sh, -c, '{note}; sleep 600'], created: [sh, -c, '{note}'], after: [sh, -c, '{note}']"
    policies = f"""\
defaults: {{{WAIT}}}
policies:
  nightly: {{schedule: "0 3 * * *", keep: {{last: 3}}, hooks: {{{hooks}}}}}
  off: {{schedule: "0 4 * * *", keep: {{last: 1}}, enabled: false}}
"""
    stage.config(servers=SERVERS, policies=policies)
    with stage.start("run", "--once", "--server", "101") as process:
        until(diary.exists)
        process.send_signal(number)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    assert diary.read_text().splitlines() == ["before", "created", "after"]
    assert names(stage.world, 101) == set()
