"""Errors as the user sees them: lines on stderr, or the one JSON document on stdout."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

import click

from rotator.cli import output
from rotator.cli.signals import Interrupted
from rotator.errors import ConfigError, Fault, RotatorError, Unauthorized

USAGE_CODE = "config"
"""The code of a wrong command line: the closed set has no other word for what the user has to correct."""


HINTS: tuple[tuple[type[Exception], str], ...] = (
    (
        Unauthorized,
        "rotator: the token comes from VPS_API_TOKEN, else api.token_file, else the systemd credential; a new"
        " one is made in the account's developer settings\n",
    ),
    (
        Interrupted,
        "rotator: interrupted; snapshots that are being made stay, and the daemon or `run --once --due` takes"
        " up those of scheduled slots\n",
    ),
)
"""What helps, by the kind of error; the first that fits."""


class Ended(Exception):
    """A command ended with this error and this exit code: only it knew what the code has to be."""

    def __init__(self, cause: RotatorError, exit_code: int) -> None:
        super().__init__(cause.message)
        self.cause = cause
        self.exit_code = exit_code


def tell(error: BaseException, *, as_json: bool) -> None:
    """Say what went wrong, in the form that was asked for."""
    if as_json:
        output.say_json(document(faults_of(error)))
    else:
        _show(error)


def document(faults: tuple[Fault, ...]) -> dict[str, object]:
    """The contract's document of errors."""
    return {"version": 1, "ok": False, "errors": [fault_json(fault) for fault in faults]}


def fault_json(fault: Fault) -> dict[str, object]:
    """One error. Where a fault has a file but no place in it, the message names the file."""
    unplaced = fault.file if not fault.line else ""
    entry: dict[str, object] = {
        "code": fault.code,
        "message": ": ".join(part for part in (unplaced, fault.message) if part),
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
            error.show()
            return
        for fault in faults_of(error):
            prefix = "" if fault.file else "rotator: "
            sys.stderr.write(f"{prefix}{fault}\n".encode(errors="backslashreplace").decode())
        hints = (hint for kind, hint in HINTS if isinstance(error, kind))
        sys.stderr.write(next(hints, ""))
        sys.stderr.flush()


def quiet_streams() -> None:
    """Let no name from outside, and no missing encoding, break a line of output."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, os.error):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a file in all but tests
