"""What the program says of itself, and how little it needs to say it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

from rotator import __version__
from rotator.cli.commands import COMMANDS
from rotator.cli.exits import MEANING, Exit
from rotator.cli.version import MAIN
from tests.cli.conftest import Stage

HEAVY = ("httpx", "pydantic", "apscheduler", "starlette", "uvicorn", "rich", "structlog", "yaml")


def test_help_lists_every_command_on_one_line_and_every_exit_code(stage: Stage) -> None:
    ran = stage.rotator("--help")
    assert (ran.code, ran.err) == (0, "")
    lines = [line.split(None, 1) for line in ran.out.splitlines()]
    assert all([name, entry.does] in lines for name, entry in COMMANDS.items())
    assert all([str(code.value), MEANING[code]] in lines for code in Exit)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_ends_with_examples_and_its_exit_codes(stage: Stage, name: str) -> None:
    ran = stage.rotator(name, "--help")
    assert (ran.code, ran.err) == (0, "")
    ending = ran.out[ran.out.index("Examples:") :]
    assert all(example in ending for example in COMMANDS[name].examples)
    last = [line.split(None, 1) for line in ending[ending.index("Exit codes:") :].splitlines()[1:]]
    assert last == [[str(code.value), MEANING[code]] for code in COMMANDS[name].exits]


def test_the_version_is_that_of_the_package_and_those_of_its_dependencies_follow(stage: Stage) -> None:
    first, *others = stage.rotator("--version").out.splitlines()
    assert first == f"rotator, version {__version__}"
    assert [f"  {name} {version(name)}" for name in MAIN] == others[1:]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['rotator', '--help']\n"
        "from rotator.__main__ import run\n"
        "assert run(sys.argv[1:]) == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_a_closed_pipe_is_quiet(stage: Stage) -> None:
    with stage.start("schema") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_the_schema_is_printed_without_any_configuration(stage: Stage) -> None:
    (stage.directory / "config.yaml").unlink()
    ran = stage.rotator("schema")
    assert ran.code == 0
    assert {"api", "policies", "servers"} <= set(ran.document["properties"])


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [(("chekc",), "check"), (("plan", "--sever", "1"), "--server")],
    ids=["command", "option"],
)
def test_a_misspelt_word_is_answered_with_the_one_that_was_meant(
    stage: Stage, arguments: tuple[str, ...], meant: str
) -> None:
    ran = stage.rotator(*arguments)
    assert ran.code == 2
    assert meant in ran.err
