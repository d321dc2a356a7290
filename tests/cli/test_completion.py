"""Tab: what a shell is offered, in a real bash; and silence where nothing can be offered."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.shell_completion import CompletionItem, ShellComplete

from rotator.cli.commands import COMMANDS
from rotator.cli.completing import SHELLS
from rotator.cli.group import cli
from rotator.config import Names, glance
from tests.cli.conftest import PATIENCE, Stage

OFFERED = {"--server": "101", "--policy": "nightly"}
"""Options of any command that take a server or a policy, and what is offered of the stage's configuration."""


class Tab(ShellComplete):
    """A shell that asks within this process."""

    name = "tab"
    source_template = ""


def offers(*words: str, incomplete: str = "") -> list[str]:
    """The values that are offered after these words."""
    found: list[CompletionItem] = Tab(cli, {}, "rotator", "_X").get_completions(list(words), incomplete)
    return [str(item.value) for item in found]


def options() -> Iterator[tuple[str, str]]:
    """Every command with an option that takes a server or a policy."""
    with click.Context(cli) as ctx:
        for name in COMMANDS:
            command = cli.get_command(ctx, name)
            assert command is not None
            taken = {opt for param in command.params for opt in param.opts}
            yield from ((name, option) for option in OFFERED if option in taken)


def test_servers_and_policies_are_offered_wherever_a_command_takes_them(stage: Stage) -> None:
    path = str(stage.directory / "config.yaml")
    asked = list(options())
    assert ("plan", "--server") in asked
    assert [
        (name, option)
        for name, option in asked
        if OFFERED[option] not in offers("--config", path, name, option)
    ] == []


def test_commands_are_offered_with_what_they_do_and_none_is_imported() -> None:
    code = (
        "import sys; from rotator.__main__ import complete; complete()\n"
        "print([n for n in ('httpx', 'pydantic', 'yaml', 'rich') if n in sys.modules])"
    )
    environ = {"_ROTATOR_COMPLETE": "fish_complete", "COMP_WORDS": "rotator", "COMP_CWORD": "ch"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"plain,check\t{COMMANDS['check'].does}\n[]\n"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (
            "servers: [{id: 7, policies: [a, {name: b}]}, {name: x}]\npolicies: {a: }",
            Names((("7", ""),), ("a", "b")),
        ),
        ("servers: {}\npolicies: [", Names()),
        ("- 5", Names()),
    ],
    ids=["half written", "no YAML", "another shape"],
)
def test_a_file_in_the_middle_of_an_edit_offers_what_is_there(
    stage: Stage, content: str, found: Names
) -> None:
    path = stage.directory / "half.yaml"
    path.write_text(content)
    assert glance(str(path)) == found
    assert glance(str(stage.directory / "absent.yaml")) == Names()


@pytest.mark.parametrize("shell", ["bash_complete", "nonsense", "bash_nonsense"])
def test_whatever_goes_wrong_while_completing_nothing_is_said(stage: Stage, shell: str) -> None:
    (stage.directory / "config.yaml").write_bytes(b"\xff")
    environ = {"_ROTATOR_COMPLETE": shell, "COMP_WORDS": "rotator run --server ", "COMP_CWORD": "3"}
    ran = stage.rotator(**environ)
    assert (ran.code, ran.out.strip(), ran.err) == (0, "", "")


def test_bash_completes_a_server_of_the_configuration(stage: Stage) -> None:
    installed = stage.directory / "rotator"
    installed.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m rotator "$@"\n')
    installed.chmod(0o755)
    program = (
        'eval "$(rotator completion bash)"\n'
        "COMP_WORDS=(rotator list --server 10) COMP_CWORD=3\n"
        '_rotator_completion rotator 10 --server; echo "${COMPREPLY[@]}"\n'
        "complete -p rotator"
    )
    environ = {**stage.environ, "PATH": f"{stage.directory}:{stage.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", program],
        cwd=stage.directory,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.stderr, done.stdout.splitlines()[0]) == ("", "101 102")
    assert done.stdout.splitlines()[1].endswith("-F _rotator_completion rotator")


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_a_script_that_asks_rotator(stage: Stage, shell: str) -> None:
    ran = stage.rotator("completion", shell)
    assert ran.code == 0
    assert f"_ROTATOR_COMPLETE={shell}_complete" in ran.out
