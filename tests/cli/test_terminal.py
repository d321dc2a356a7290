"""On a terminal: progress while snapshots are being made, and nothing torn afterwards."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys

from rotator.cli.rotate import LEFT_BEHIND
from rotator.sandbox import Switches
from tests.cli.conftest import PATIENCE, Stage

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_a_terminal(stage: Stage, *arguments: str) -> tuple[int, str]:
    """Run with a terminal for all three streams; returns the exit code and what the terminal was sent."""
    ours, theirs = pty.openpty()
    environ = {**stage.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    command = [sys.executable, "-m", "rotator", *arguments]
    with subprocess.Popen(
        command, cwd=stage.directory, env=environ, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
        os.close(ours)
        code = process.wait(PATIENCE)
    return code, shown.decode()


def _read(terminal: int) -> bytes:
    """What the other side wrote; nothing once it has closed the terminal, which Linux tells as EIO."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def test_progress_names_the_snapshot_that_is_waited_for_and_gives_way_to_the_result(stage: Stage) -> None:
    stage.world.switches = Switches(create_time=1)
    code, shown = on_a_terminal(stage, "run", "--once")
    assert code == 0
    assert "0 of 2 done" in shown
    assert re.search(r"web-01 nightly .*nightly-\w+ is being made", CONTROL.sub("", shown))
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") > 0
    result = CONTROL.sub("", shown[shown.rindex("\x1b[?25h") :])
    assert result.rstrip().endswith("2 rotated.")
    assert "rotation.started" not in shown


def test_ctrl_c_wipes_the_progress_and_says_how_many_had_not_ended_and_what_becomes_of_the_snapshots(
    stage: Stage,
) -> None:
    stage.world.switches = Switches(create_time=60)
    stage.environ["TERM"] = "xterm-256color"
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "rotator", "run", "--once", "--server", "101"]
    with subprocess.Popen(
        command, cwd=stage.directory, env=stage.environ, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        while b"is being made" not in shown:
            shown += _read(ours)
        process.send_signal(signal.SIGINT)
        while chunk := _read(ours):
            shown += chunk
        os.close(ours)
        code = process.wait(PATIENCE)
    text = shown.decode()
    assert code == 130
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") > 0
    left = CONTROL.sub("", text[text.rindex("\x1b[?25h") :]).split("\r\n")
    count, awaited, hint = (line.strip() for line in left if line.strip())
    assert (count, hint) == ("rotator: 1 rotation had not ended", f"rotator: {LEFT_BEHIND}")
    assert awaited.startswith("rotator: being made on web-01: nightly-")


def test_colour_is_for_terminals_and_no_color_is_honoured(stage: Stage) -> None:
    stage.environ["NO_COLOR"] = "1"
    assert "\x1b" not in on_a_terminal(stage, "list")[1]
    del stage.environ["NO_COLOR"]
    assert "\x1b[1m" in on_a_terminal(stage, "list")[1]


def test_json_stays_json_on_a_terminal(stage: Stage) -> None:
    code, shown = on_a_terminal(stage, "--quiet", "run", "--once", "--json")
    assert code == 0
    assert shown.startswith("{")
    assert "\x1b" not in shown
