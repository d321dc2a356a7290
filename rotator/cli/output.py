"""What goes to stdout, and how a reader that has gone is survived: the work goes on, in silence."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import click

GAP = "  "
"""What stands between two columns."""


def say(*lines: str) -> None:
    """Write lines for people. Colour stays only on a terminal, and where NO_COLOR is not set."""
    text = "".join(f"{line}\n" for line in lines)
    _write(text if _colourful() else click.unstyle(text))


def tell(*lines: str) -> None:
    """Write lines for people to stderr: a question and all that belongs to it. stdout is the result's."""
    for line in lines:
        click.echo(line, err=True, color=None if not os.environ.get("NO_COLOR") else False)


def say_json(document: Mapping[str, object]) -> None:
    """Write the one JSON document of a command; pure ASCII, so that no encoding can break it."""
    _write(json.dumps(document, indent=2) + "\n")


def columns(rows: Iterable[Sequence[str]], indent: str = "") -> list[str]:
    """Rows of cells as aligned lines; the colour of a cell takes no room. An empty cell is a dash."""
    table = [[cell or "-" for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*table, strict=True)]
    return [(indent + GAP.join(map(_padded, row, widths))).rstrip() for row in table]


def counted(number: int, one: str, many: str = "") -> str:
    """`1 server`, `2 servers`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def width() -> int:
    """How many columns there are: those of the terminal or of $COLUMNS, else 80."""
    return max(40, shutil.get_terminal_size((80, 24)).columns)


def silence() -> None:
    """Nobody reads stdout any more: send the rest nowhere, so that the interpreter ends quietly too."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def settle() -> None:
    """Make sure that everything is out, before the interpreter tries it and complains."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        silence()


def _write(text: str) -> None:
    from rotator.redact import KNOWN  # noqa: PLC0415  # `--help` has nothing to hide

    try:
        sys.stdout.write(KNOWN.scrub(text))
        sys.stdout.flush()
    except BrokenPipeError:
        silence()


def _colourful() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _width(cell: str) -> int:
    return len(click.unstyle(cell))


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - _width(cell))
