"""Run one command of the user's, without a shell: the only module that starts processes.

Law 1: a command never sees a token: neither rotator's variables for it nor any other that holds one.
Law 2: it leads a process group of its own, which is killed when its time is over or nobody waits any more.
       What it leaves running on purpose when it ends in time is left alone.
Law 3: what it prints is kept to the last LINES lines, stripped of secrets before they are cut.
Law 4: whatever it does, the answer is a `Ran`.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from rotator.clock import Clock
from rotator.models import Command
from rotator.redact import KNOWN

LINES = 40
"""Lines of output that are kept, the last ones: a traceback fits, and a log line of them fits the journal."""

LINE = 300
"""Characters of a line that are kept."""

KILL_AFTER = 1.0
"""Seconds that a command whose time is over gets after SIGTERM to clean up."""

EMPTIED_WITHIN = 0.2
"""Seconds to read what an ended command left in the pipe; one that it left running may keep it open."""

_HELD = 16_384  # bytes of one line that are held: a secret that begins in what is shown ends in here

PRIVATE = frozenset(
    {
        "CREDENTIALS_DIRECTORY",
        "LISTEN_FDNAMES",
        "LISTEN_FDS",
        "LISTEN_PID",
        "NOTIFY_SOCKET",
        "VPS_API_TOKEN",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
    }
)
"""Variables between rotator and whoever started it."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How it went: `fault` is None if it ended with 0. `omitted` counts the lines before `output`."""

    fault: str | None
    output: tuple[str, ...] = ()
    omitted: int = 0
    seconds: float = 0.0


def environment(own: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """What a command gets: rotator's own environment without secrets, and `more`."""
    kept = {key: value for key, value in own.items() if key not in PRIVATE and KNOWN.scrub(value) == value}
    return {**kept, **more}


async def run(command: Command, environ: Mapping[str, str], clock: Clock) -> Ran:
    """Run it to its end. Cancelled, it is killed before the cancellation goes on."""
    began = clock.monotonic()
    output = _Output()
    try:
        reading, theirs = await _piped(output)
    except OSError as error:  # no descriptor is left
        return Ran(f"could not be started: {error.strerror or error}")
    try:
        fault = await _fault(command, environ, theirs)
        with suppress(TimeoutError):
            async with asyncio.timeout(EMPTIED_WITHIN):
                await output.ended.wait()
    finally:
        reading.close()
    return Ran(fault, *output.shown(), seconds=clock.monotonic() - began)


async def _piped(output: _Output) -> tuple[asyncio.ReadTransport, int]:
    """Where the output is read from, and the end that a command writes to. Raises OSError."""
    ours, theirs = os.pipe()
    try:
        reading, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: output, os.fdopen(ours, "rb", 0)
        )
    except BaseException:
        os.close(theirs)
        raise
    return reading, theirs


async def _fault(command: Command, environ: Mapping[str, str], pipe: int) -> str | None:
    """Why the command did not end well. `pipe` takes what it prints, and is closed here."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command.argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            env=dict(environ),
            start_new_session=True,
        )
    except OSError as error:
        return f"could not be started: {error.strerror or error}"
    except ValueError:  # a NUL in a word
        return "could not be started: a word holds a character that none can hold"
    finally:
        os.close(pipe)
    code = await _ended(process, command.timeout)
    if code is None:
        return f"did not end within {command.timeout.total_seconds():g} s and was killed"
    if code < 0:
        return f"was ended by {_signal(-code)}"
    return f"ended with {code}" if code else None


async def _ended(process: asyncio.subprocess.Process, timeout: timedelta) -> int | None:
    """Its exit code; None where its time was over. Nothing of its group outlives that, or a cancellation."""
    try:
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                return await process.wait()
        except TimeoutError:
            _tell(process, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(KILL_AFTER):
                await process.wait()
        _tell(process, signal.SIGKILL)
        await process.wait()
        return None
    except asyncio.CancelledError:
        _tell(process, signal.SIGKILL)
        await process.wait()
        raise


def _tell(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Signal the whole group, what its leader left behind too."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class _Output(asyncio.Protocol):
    """The last lines of what is printed, however much that is."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self._lines: deque[str] = deque(maxlen=LINES)
        self._count = 0
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        """Take what was printed."""
        *whole, rest = data.split(b"\n")
        for line in whole:
            self._add(self._rest + line)
            self._rest = b""
        self._rest = (self._rest + rest)[:_HELD]

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody can print there any more."""
        self.ended.set()

    def shown(self) -> tuple[tuple[str, ...], int]:
        """The lines that are kept, and how many came before them."""
        if self._rest:
            self._add(self._rest)
            self._rest = b""
        return tuple(self._lines), self._count - len(self._lines)

    def _add(self, line: bytes) -> None:
        text = KNOWN.scrub(line[:_HELD].decode(errors="replace")).rstrip()
        self._lines.append(text if len(text) <= LINE else text[: LINE - 1] + "…")
        self._count += 1
