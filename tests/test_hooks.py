"""Commands of the user's, run as real processes."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from rotator import hooks, redact
from rotator.clock import SystemClock
from rotator.hooks import LINE, LINES, Ran
from rotator.models import Command

T = TypeVar("T")

PLAIN = {"PATH": os.environ["PATH"]}


def play(scene: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(scene)


def ran(*argv: str, timeout: float = 60, **environ: str) -> Ran:
    command = Command(argv, timedelta(seconds=timeout))
    return play(hooks.run(command, {**PLAIN, **environ}, SystemClock()))


def shell(script: str, *, timeout: float = 60, **environ: str) -> Ran:
    return ran("sh", "-c", script, timeout=timeout, **environ)


def is_alive(pid: int) -> bool:
    """Whether a process of that id runs; one that was killed and not yet reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    """Wait for a killed process to be gone: the kernel does not take long, but it takes its time."""
    for _ in range(2000):
        if not is_alive(pid):
            return True
        os.sched_yield()
    return not is_alive(pid)


def test_a_command_that_ends_with_0_has_no_fault_and_what_it_printed_is_kept() -> None:
    found = shell("echo one; echo two >&2")
    assert (found.fault, found.output, found.omitted) == (None, ("one", "two"), 0)


@pytest.mark.parametrize(
    ("script", "fault"),
    [("exit 3", "ended with 3"), ("kill -9 $$", "was ended by SIGKILL"), ("kill -35 $$", "signal 35")],
)
def test_how_a_command_failed_is_said(script: str, fault: str) -> None:
    found = shell(script).fault
    assert found is not None
    assert fault in found


def test_there_is_no_shell_between() -> None:
    assert ran("echo", "$HOME; echo *", HOME="/root").output == ("$HOME; echo *",)


def test_a_command_has_nothing_to_read() -> None:
    assert shell("read line; echo $?").output == ("1",)


def test_a_program_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    assert ran(str(tmp_path / "none")).fault == "could not be started: No such file or directory"


def test_a_program_that_may_not_be_run_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/bin/sh\n")
    assert ran(str(tmp_path / "script")).fault == "could not be started: Permission denied"


def test_a_word_that_no_process_can_be_given_is_a_fault() -> None:
    found = ran("echo", "a\0b").fault
    assert found is not None
    assert found.startswith("could not be started")


def test_a_command_that_hangs_is_killed_with_all_that_it_began(tmp_path: Path) -> None:
    script = f"trap '' TERM; sleep 600 & echo $! > {tmp_path}/child; wait; wait"
    found = shell(script, timeout=0.3)
    assert found.fault == "did not end within 0.3 s and was killed"
    assert gone(int((tmp_path / "child").read_text()))


def test_a_command_whose_time_is_over_may_clean_up() -> None:
    found = shell("trap 'echo cleaning; exit 0' TERM; while :; do sleep 0.05; done", timeout=0.3)
    assert found.fault is not None
    assert found.output[-1] == "cleaning"


def test_what_a_command_leaves_running_on_purpose_is_left_alone(tmp_path: Path) -> None:
    found = shell(f"sleep 600 & echo $! > {tmp_path}/child; echo done")
    child = int((tmp_path / "child").read_text())
    try:
        assert (found.fault, found.output) == (None, ("done",))
        assert is_alive(child)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_command_nobody_waits_for_any_more_is_killed(tmp_path: Path) -> None:
    async def scene() -> int:
        command = Command(
            ("sh", "-c", f"echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; sleep 600")
        )
        task = asyncio.create_task(hooks.run(command, PLAIN, SystemClock()))
        while not (tmp_path / "pid").exists():
            await SystemClock().sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return int((tmp_path / "pid").read_text())

    assert gone(play(scene()))


def test_only_the_last_lines_are_kept_and_the_others_are_counted() -> None:
    found = shell(f"seq {LINES + 60}")
    assert found.output == tuple(str(number) for number in range(61, LINES + 61))
    assert found.omitted == 60


def test_a_long_line_is_cut() -> None:
    [line] = shell("head -c 1000000 /dev/zero | tr '\\0' x").output
    assert line == "x" * (LINE - 1) + "…"


def test_bytes_that_are_no_text_are_shown_all_the_same() -> None:
    assert shell("printf 'a\\377b\\n'").output == ("a�b",)


def test_a_secret_in_the_output_is_struck_out_before_the_line_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "KNOWN", known := redact.Secrets())
    secret = "vps_" + "s3cret" * 20
    known.add(secret)
    before = "x" * (LINE - 10)
    [line] = ran(sys.executable, "-c", f"print({before + secret + ' end'!r})").output
    assert line == before + "[redacted…"


def test_a_command_sees_neither_a_token_nor_how_rotator_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "KNOWN", known := redact.Secrets())
    known.add("vps_s3cret-of-mine")
    own = {
        "PATH": "/bin",
        "PGPASSWORD": "theirs",
        "VPS_API_TOKEN": "vps_another",
        "CREDENTIALS_DIRECTORY": "/run/credentials",
        "NOTIFY_SOCKET": "/run/notify",
        "COPY": "Token=vps_s3cret-of-mine",
    }
    found = hooks.environment(own, {"ROTATOR_PHASE": "before"})
    assert found == {"PATH": "/bin", "PGPASSWORD": "theirs", "ROTATOR_PHASE": "before"}
    shown = play(hooks.run(Command(("/usr/bin/env",)), found, SystemClock()))
    assert set(shown.output) == {"PATH=/bin", "PGPASSWORD=theirs", "ROTATOR_PHASE=before"}


def test_where_no_descriptor_is_left_a_command_could_not_be_started() -> None:
    async def scene() -> Ran:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        opened: list[int] = []
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
        try:
            with suppress(OSError):
                while True:
                    opened.append(os.open(os.devnull, os.O_RDONLY))
            return await hooks.run(Command(("true",)), PLAIN, SystemClock())
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for descriptor in opened:
                os.close(descriptor)

    assert play(scene()).fault == "could not be started: Too many open files"
