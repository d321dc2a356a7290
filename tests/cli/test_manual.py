"""The manual page: all that `--help` knows, in roff that no formatter complains about."""

from __future__ import annotations

import re
import shutil
import subprocess

import click
import pytest

from rotator.cli.commands import COMMANDS
from rotator.cli.exits import MEANING, Exit
from rotator.cli.group import cli
from rotator.cli.manual import ENVIRONMENT, page


def told() -> str:
    """The page as a reader has it, but for its layout."""
    return page().replace("\\-", "-").replace("\\&", "").replace("\\e", "\\")


def test_every_command_stands_in_the_page_with_its_options_and_examples() -> None:
    text = told()
    shared = {opt for param in cli.params for opt in param.opts}
    assert all(opt in text for opt in shared)
    for name, entry in COMMANDS.items():
        section = text[text.index(f"\n.SS rotator {name}") :]
        assert all(f"\n{example}\n" in section for example in entry.examples), name
        section = section[: section.index("\nExit status:")]
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        own = {opt for param in command.params for opt in param.opts if opt.startswith("-")} - shared
        assert [opt for opt in own if opt not in section] == []


def test_every_exit_code_and_variable_stands_in_the_page() -> None:
    text = told()
    assert all(f".B {code.value}\n{MEANING[code]}.\n" in text for code in Exit)
    assert all(f".B {names}\n" in text for names, _ in ENVIRONMENT)


def test_no_line_is_a_request_by_accident() -> None:
    requests = {line.split()[0] for line in page().splitlines() if re.match(r"[.']", line)}
    assert requests <= {".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".nf", ".fi", ".RS", ".RE"}


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not on this machine")
def test_groff_has_nothing_to_complain_about() -> None:
    command = ["groff", "-man", "-Tascii", "-ww", "-z"]
    done = subprocess.run(command, input=page(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
