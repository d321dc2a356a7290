"""Processes at a real terminal, with somebody who reads what they ask and types an answer."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.cli.conftest import PATIENCE, Stage

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Person:
    """Somebody at the other end of a process's terminal. `shown` is all that it was sent."""

    process: subprocess.Popen[bytes]
    terminal: int
    shown: str = ""

    def read_until(self, words: str) -> None:
        """Read on until those words stand on the screen."""
        deadline = time.monotonic() + PATIENCE
        while words not in CONTROL.sub("", self.shown):
            assert time.monotonic() < deadline, self.shown
            ready, _, _ = select.select([self.terminal], [], [], 0.1)
            if ready:
                chunk = self._read()
                assert chunk, f"it ended before it said {words!r}: {self.shown}"
                self.shown += chunk

    def type(self, text: str) -> None:
        """Type a line, or a control character."""
        os.write(self.terminal, text.encode())

    def answer(self, question: str, text: str) -> None:
        """Wait for a question and answer it with a line."""
        self.read_until(question)
        self.type(f"{text}\n")

    def interrupt_question(self) -> int:
        """Press Ctrl-C until it ends, and return the exit code.

        Once is not always enough: readline loses an interrupt that comes in the moment in which it begins to
        wait for a key.
        """
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.type("\x03")
            if self._has_ended(within=1):
                break
        return self.process.wait(PATIENCE)

    def end(self) -> int:
        """Read to the end and return the exit code."""
        assert self._has_ended(within=PATIENCE), f"it never ended: {self.shown}"
        return self.process.wait(PATIENCE)

    def _has_ended(self, within: float) -> bool:
        """Read on for so many seconds, and tell whether nobody writes there any more."""
        deadline = time.monotonic() + within
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([self.terminal], [], [], left)
            if ready:
                chunk = self._read()
                if not chunk:
                    return True
                self.shown += chunk
        return False

    @property
    def text(self) -> str:
        """What was shown, without colours and cursor movements."""
        return CONTROL.sub("", self.shown).replace("\r\n", "\n")

    def _read(self) -> str:
        """Linux tells a terminal that the other side has closed as EIO."""
        try:
            return os.read(self.terminal, 65536).decode()
        except OSError:
            return ""


@contextmanager
def at_a_terminal(stage: Stage, *arguments: str) -> Iterator[Person]:
    """Run a command line with a terminal of its own, which sends it the signals of Ctrl-C too."""
    pid, terminal = pty.fork()
    environ = {**stage.environ, "TERM": "xterm-256color", "COLUMNS": "160"}
    if pid == 0:
        os.chdir(stage.directory)
        os.execve(sys.executable, [sys.executable, "-m", "rotator", *arguments], environ)
    process = _Child(pid)
    try:
        yield Person(process, terminal)  # type: ignore[arg-type]  # it has what a Person needs of a Popen
    finally:
        process.kill()
        os.close(terminal)


@dataclass
class _Child:
    """The part of `subprocess.Popen` that is needed of a process that `pty.fork` made."""

    pid: int
    code: int | None = None

    def wait(self, timeout: float) -> int:
        """Its exit code, in subprocess's manner."""
        deadline = time.monotonic() + timeout
        while self.code is None:
            assert time.monotonic() < deadline, "it never ended"
            found, status = os.waitpid(self.pid, os.WNOHANG)
            if found:
                self.code = os.waitstatus_to_exitcode(status)
            else:
                time.sleep(0.01)
        return self.code

    def kill(self) -> None:
        """End it, if it has not ended."""
        if self.code is None:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
