"""The program: `rotator`, or `python -m rotator`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr

import click

from rotator.cli import complaints, exits, output
from rotator.cli.completing import completing
from rotator.cli.exits import Exit
from rotator.cli.group import cli
from rotator.cli.signals import Interrupted, heed_as_first_process
from rotator.errors import RotatorError


def main() -> None:
    """Run what the command line asks for and exit with its code."""
    complaints.quiet_streams()
    heed_as_first_process()
    code = complete() if completing() else run(sys.argv[1:])
    output.settle()
    sys.exit(code)


def complete() -> int:
    """Answer a shell that completes a line; whatever goes wrong, nobody is told in the middle of typing."""
    try:
        with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
            cli.main([], prog_name="rotator", standalone_mode=False)
    except (Exception, SystemExit, KeyboardInterrupt):
        return Exit.OK
    return Exit.OK


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; whatever is expected to go wrong has been told then."""
    as_json = "--json" in arguments  # a line that cannot be parsed wants its error in that form too
    try:
        return int(cli.main(list(arguments), prog_name="rotator", standalone_mode=False) or Exit.OK)
    except complaints.Ended as ended:
        complaints.tell(ended.cause, as_json=as_json)
        return ended.exit_code
    except (RotatorError, click.ClickException) as error:
        complaints.tell(error, as_json=as_json)
        return exits.of_error(error)
    except Interrupted as interrupted:
        complaints.tell(interrupted, as_json=as_json)
        return 128 + interrupted.number
    except (click.Abort, KeyboardInterrupt) as abort:
        complaints.tell(abort, as_json=as_json)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        output.silence()
        return Exit.OK


if __name__ == "__main__":
    main()
