"""Errors as the user sees them: lines on stderr, or the one JSON document on stdout.

Whatever is told here passes `_clean`: no token that was read, and nothing that looks like one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from io import StringIO
from types import TracebackType

import click

from rotator.cli import output
from rotator.cli.signals import Interrupted
from rotator.errors import (
    ApiError,
    ConfigError,
    Fault,
    Forbidden,
    RotatorError,
    ServerRestoring,
    Unauthorized,
    Unreachable,
)

USAGE_CODE = "config"
"""The code of a wrong command line: the closed set has no other word for what the user has to correct."""


HINTS: tuple[tuple[type[Exception], str], ...] = (
    (
        Unauthorized,
        "rotator: the token comes from VPS_API_TOKEN, else api.token_file, else the systemd credential; a new"
        " one is made in the account's developer settings\n",
    ),
    (
        Forbidden,
        "rotator: the token is known, but may not do this: `rotator check --online` shows what it may; a new"
        " one is made in the account's developer settings\n",
    ),
    (
        Unreachable,
        "rotator: is the network up, and is the address right (VPS_API_URL, else api.base_url)?\n",
    ),
    (
        ServerRestoring,
        "rotator: nothing was done: ask again once that is over\n",
    ),
)
"""What helps, by the kind of error; the first that fits."""

ACCOUNT: Mapping[str, str] = {kind.code: hint for kind, hint in HINTS if issubclass(kind, ApiError)}
"""Of these what helps against an API that does not work with us, by the code that results bear."""


class Ended(Exception):
    """A command ended with this error and this exit code: only it knew what the code has to be."""

    def __init__(self, cause: RotatorError, exit_code: int) -> None:
        super().__init__(cause.message)
        self.cause = cause
        self.exit_code = exit_code


def tell(error: BaseException, *, as_json: bool) -> None:
    """Say what went wrong, in the form that was asked for."""
    if as_json:
        done = error.done if isinstance(error, Interrupted) else {}
        output.say_json({**done, **document(faults_of(error))})
    else:
        _show(error)


def advise(codes: Collection[str]) -> None:
    """Say below a result what helps against the problems in it."""
    with suppress(BrokenPipeError):
        sys.stderr.write(next((hint for code, hint in ACCOUNT.items() if code in codes), ""))
        sys.stderr.flush()


def document(faults: tuple[Fault, ...]) -> dict[str, object]:
    """The contract's document of errors."""
    return {"version": 1, "ok": False, "errors": [fault_json(fault) for fault in faults]}


def fault_json(fault: Fault) -> dict[str, object]:
    """One error. Where a fault has a file but no place in it, the message names the file."""
    unplaced = fault.file if not fault.line else ""
    entry: dict[str, object] = {
        "code": fault.code,
        "message": _clean(": ".join(part for part in (unplaced, fault.message) if part)),
    }
    if fault.path:
        entry["path"] = fault.path
    if fault.line:
        entry |= {"line": fault.line, "column": fault.column}
    return entry


def faults_of(error: BaseException) -> tuple[Fault, ...]:
    """What an error says, thing by thing; nothing for an interruption, for then nothing is wrong."""
    if isinstance(error, ConfigError):
        return error.faults
    if isinstance(error, RotatorError):
        return (Fault("", 0, 0, "", error.message, error.code),)
    if isinstance(error, click.ClickException):
        return (Fault("", 0, 0, "", error.format_message(), USAGE_CODE),)
    return ()


def _show(error: BaseException) -> None:
    with suppress(BrokenPipeError):
        if isinstance(error, click.ClickException):
            _show_usage(error)
            return
        for fault in faults_of(error):
            prefix = "" if fault.file else "rotator: "
            sys.stderr.write(_clean(f"{prefix}{fault}\n").encode(errors="backslashreplace").decode())
        hints = (hint for kind, hint in HINTS if isinstance(error, kind))
        interrupted = f"rotator: {error.hint}\n" if isinstance(error, Interrupted) else ""
        sys.stderr.write(next(hints, interrupted))
        sys.stderr.flush()


def _show_usage(error: click.ClickException) -> None:
    """As click shows it, but clean."""
    told = StringIO()
    error.show(told)
    sys.stderr.write(_clean(told.getvalue()))
    sys.stderr.flush()


def _clean(text: str) -> str:
    from rotator.redact import KNOWN, masked  # noqa: PLC0415  # `--help` has nothing to hide

    return masked(KNOWN.scrub(text))


def _unforeseen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """`sys.excepthook`: the interpreter's own account, which shows no local variables, but clean."""
    import traceback  # noqa: PLC0415  # hardly ever needed

    with suppress(OSError, ValueError):
        sys.stderr.write(_clean("".join(traceback.format_exception(kind, error, trace))))


def quiet_streams() -> None:
    """Let no name from outside, no missing encoding and no token spoil what is written."""
    sys.excepthook = _unforeseen
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, os.error):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a file in all but tests
