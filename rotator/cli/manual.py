"""The manual page rotator(1), from what `--help` is made of: the table of commands and their parameters.

`python -m rotator.cli.manual` prints it; `make man` builds `man/rotator.1`.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Iterator

import click

from rotator import __version__
from rotator.cli.commands import COMMANDS, Entry
from rotator.cli.exits import MEANING, Exit
from rotator.cli.group import cli

ENVIRONMENT: tuple[tuple[str, str], ...] = (
    ("ROTATOR_CONFIG", "The configuration, where --config names none."),
    ("VPS_API_TOKEN", "The token; it goes before api.token_file and the systemd credential."),
    ("VPS_API_URL", "The API's address; it goes before api.base_url."),
    ("CREDENTIALS_DIRECTORY", "Where systemd puts credentials; the token's is called vps-api-token."),
    ("RUNTIME_DIRECTORY, XDG_RUNTIME_DIR", "Where locks lie if /run/rotator cannot be written."),
    ("NO_COLOR", "If it is set and not empty, nothing is coloured."),
)

FILES: tuple[tuple[str, str], ...] = (
    ("./config.yaml, /etc/rotator/config.yaml", "The configuration; the first that exists."),
    ("/run/rotator", "Locks, one for each server. Nothing in it has to survive."),
)

INTRODUCTION = (
    "rotator takes named snapshots of VPS.org servers on cron schedules and deletes the oldest ones, so that"
    " each server stays under the provider's cap, and never at the cost of a restore point.",
    "The configuration is one YAML file: rotator init writes a first one, rotator check says whether it is"
    " right, and rotator schema --markdown explains every key. rotator --once is short for run --once.",
)


def page() -> str:
    """The page in roff's man macros."""
    parts = (_head(), _options(cli), _commands(), _tail())
    return "\n".join(line for part in parts for line in part) + "\n"


def _head() -> Iterator[str]:
    yield f'.TH ROTATOR 1 "" "rotator {__version__}" "User Commands"'
    yield from (".SH NAME", r"rotator \- scheduled snapshots of VPS.org servers")
    yield from (".SH SYNOPSIS", ".B rotator", r"[\fIOPTIONS\fR] \fICOMMAND\fR [\fIARGUMENTS\fR]")
    yield ".SH DESCRIPTION"
    yield from _paragraphs(INTRODUCTION)


def _options(command: click.Command) -> Iterator[str]:
    yield from (".SH OPTIONS", "They may stand before the command or after it.")
    yield from _records(command)


def _commands() -> Iterator[str]:
    yield ".SH COMMANDS"
    shared = {option for param in cli.params for option in param.opts}
    with click.Context(cli, info_name="rotator") as ctx:
        for name, entry in COMMANDS.items():
            command = cli.get_command(ctx, name)
            assert command is not None  # noqa: S101  # the table is where commands come from
            yield from _command(ctx, name, entry, command, shared)


def _command(
    ctx: click.Context, name: str, entry: Entry, command: click.Command, shared: set[str]
) -> Iterator[str]:
    usage = " ".join(command.collect_usage_pieces(click.Context(command, parent=ctx, info_name=name)))
    yield f".SS {_plain(f'rotator {name} {usage}')}"
    yield from _paragraphs(inspect.cleandoc(command.help or entry.does).split("\n\n"))
    yield from _records(command, shared)
    yield from (".PP", "Examples:", ".PP", ".nf", ".RS")
    yield from map(_plain, entry.examples)
    yield from (".RE", ".fi", ".PP")
    yield _plain(f"Exit status: {', '.join(str(code.value) for code in entry.exits)}.")


def _records(command: click.Command, but: Iterable[str] = ()) -> Iterator[str]:
    """The options as tagged paragraphs, but for those that stand elsewhere."""
    ctx = click.Context(command)
    for param in command.params:
        record = None if set(param.opts) & set(but) else param.get_help_record(ctx)
        if record is not None:
            yield from _tagged(*record)


def _tail() -> Iterator[str]:
    sections = (
        ("EXIT STATUS", tuple((str(code.value), f"{MEANING[code]}.") for code in Exit)),
        ("ENVIRONMENT", ENVIRONMENT),
        ("FILES", FILES),
    )
    for title, entries in sections:
        yield f".SH {title}"
        for tag, text in entries:
            yield from _tagged(tag, text)


def _tagged(tag: str, text: str) -> Iterator[str]:
    yield from (".TP", f".B {_plain(tag)}", _plain(text))


def _paragraphs(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from (".PP", _plain(" ".join(text.replace("\b", "").split())))


def _plain(text: str) -> str:
    """Text that roff takes as it is: its escapes escaped, hyphens that can be copied, no line a request."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return re.sub(r"^(?=[.'])", r"\\&", escaped)


if __name__ == "__main__":
    sys.stdout.write(page())
