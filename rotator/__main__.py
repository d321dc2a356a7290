"""The program: `rotator`, or `python -m rotator`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from rotator.cli import complaints, exits, output
from rotator.cli.exits import Exit
from rotator.cli.group import cli
from rotator.cli.signals import Interrupted, heed_as_first_process
from rotator.errors import RotatorError


def main() -> None:
    """Run what the command line asks for and exit with its code."""
    complaints.quiet_streams()
    heed_as_first_process()
    code = run(sys.argv[1:])
    output.settle()
    sys.exit(code)


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
