"""Each command that a page shows is run against the sandbox, or the table says why it cannot be.

A page is one shell session in a directory of its own, with the environment that the page's reader has after
`rotator sandbox`: VPS_API_URL and VPS_API_TOKEN. Snapshots are ready at once there, and the waits of every
configuration are short, so that a page takes as long as its processes do.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import click
import pytest

from rotator.cli.commands import COMMANDS
from rotator.cli.group import cli
from rotator.clock import SystemClock
from rotator.naming import slot_text
from rotator.sandbox import TOKEN, Switches, World, furnish
from tests.cli.conftest import Served, environment
from tests.docs.reading import PAGES, ROOT, Block, Step, alike, blocks, steps

SHOWN: Mapping[str, str] = {
    "README.md": "make builds environments and runs all tests; a token is pasted; the daemon stays",
    "docs/migrating.md": "edits the crontab of whoever runs it",
    "docs/policies.md": "looks at an account, and at the future from now on",
    "docs/restore.md": "a restore waits for somebody who types the server's name; tests/cli restores",
    "docs/upgrading.md": "needs packages of two versions, an installed service and root",
    "docs/install-systemd.md": "needs systemd and root: tests/system boots one",
    "docs/install-container.md": "needs a container engine: tests/system builds and runs the image",
    "docs/install-kubernetes.md": "needs a cluster: tests/system checks the manifests",
    "docs/monitoring.md": "needs Prometheus, Nagios or a dead-man service",
}
"""Pages with commands that are shown and not run (```sh), and why. They are parsed all the same."""

RUN, SHOW = ("console",), ("sh", "bash", "shell")

WAIT = "defaults: {wait: {first: 0.1s, interval: 0.1s, timeout: 5s}}"

MARK = "=== step "

LOG = '{"timestamp"'
"""How a log line begins that goes to no terminal."""

PATIENCE = 120.0
"""Seconds after which a page's session counts as hung."""

WRAPPER = f"""\
#!/bin/sh
case " $* " in *" init "*) [ -e .staged ] && rm .staged config.yaml;; esac
"{sys.executable}" -m rotator "$@"
code=$?
case " $* " in *" init "*) [ $code = 0 ] && echo '{WAIT}' >> config.yaml;; esac
exit $code
"""
"""rotator; what `init` writes gets short waits at its end, and a page's own stage makes way for it."""


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def lived_in(world: World, directory: Path) -> None:
    """A configuration that somebody has tried already: web-server-02 has three nightly snapshots."""
    now = world.api_now().replace(microsecond=0)
    for minutes in (9, 6, 3):
        at = now - timedelta(minutes=minutes)
        world.add_snapshot(12346, f"nightly-{slot_text(at)}", created_at=at)
    policy = '{schedule: "0 3 * * *", keep: {last: 3}}'
    servers = "[{id: 12346, name: web-server-02, policies: [nightly]}]"
    (directory / ".staged").touch()
    (directory / "config.yaml").write_text(f"{WAIT}\npolicies: {{nightly: {policy}}}\nservers: {servers}\n")


def older_script(world: World, directory: Path) -> None:
    """A script of before rotator left its snapshots on web-server-03."""
    world.remove_server(12347)
    world.add_server(12347, "web-server-03")
    now = world.api_now().replace(microsecond=0)
    for weeks in (3, 2, 1):
        at = now - timedelta(weeks=weeks)
        world.add_snapshot(12347, f"weekly-snapshot-{at:%Y-%m-%d}", created_at=at)


STAGES: Mapping[str, Callable[[World, Path], None]] = {"docs/migrating.md": older_script}
"""What a page takes to be there before its first command, where it is not `lived_in`."""


# --- what is run ----------------------------------------------------------------------------------


def session(page: Path) -> list[Step]:
    return [step for block in blocks(page, *RUN) for step in steps(block)]


def script(page: list[Step]) -> str:
    """The session as a program that says before each step which it is, and after it how it ended."""
    lines = ["exec 2>&1"]
    for number, step in enumerate(page):
        lines.append(f"printf '\\n{MARK}%s\\n' {number}")
        if step.makes is not None:
            content = "\n".join(step.shown)
            if re.search("^policies:", content, re.MULTILINE) and "wait:" not in content:
                content += f"\n{WAIT}" if "defaults:" not in content else ""
            lines.append(f"printf '%s\\n' {shlex.quote(content)} > {step.makes}")
        elif re.match("rotator sandbox", step.command):
            lines.append(": # it is there already")
        else:
            lines.append(step.command)
        lines.append(f"printf '\\n{MARK}ended %s\\n' $?")
    return "\n".join([*lines, "kill $(jobs -p) 2>/dev/null", "wait"])


def results(printed: str) -> list[tuple[int, list[str]]]:
    """Of each step the exit code and what it printed."""
    found = re.findall(rf"\n{MARK}\d+\n(.*?)\n{MARK}ended (\d+)\n", printed, re.DOTALL)
    return [(int(code), text.rstrip("\n").split("\n") if text.strip() else []) for text, code in found]


def seen(step: Step, printed: list[str]) -> list[str]:
    """What a person at a terminal sees: log lines only where the page shows some."""
    if any(LOG in line for line in step.shown):
        return printed
    return [line for line in printed if not line.startswith(LOG)]


@pytest.mark.parametrize("page", [page for page in PAGES if session(page)], ids=named)
def test_what_a_page_shows_is_what_happens(page: Path, sandboxes: Served, tmp_path: Path) -> None:
    world = World(SystemClock(), Switches(create_time=0, restore_time=0))
    furnish(world, 3)
    home, bin_ = tmp_path / "home", tmp_path / "bin"
    home.mkdir()
    bin_.mkdir()
    (bin_ / "rotator").write_text(WRAPPER)
    (bin_ / "rotator").chmod(0o755)
    STAGES.get(named(page), lived_in)(world, home)
    environ = environment(tmp_path) | {
        "HOME": str(home),
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "VPS_API_URL": sandboxes.serve(world),
        "VPS_API_TOKEN": TOKEN,
        "COLUMNS": "110",
    }
    told = session(page)
    done = subprocess.run(
        ["bash", "-c", script(told)],
        cwd=home,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    ended = results(done.stdout)
    assert len(ended) == len(told), done.stdout
    for step, (code, printed) in zip(told, ended, strict=True):
        if step.shown and step.makes is None:
            assert alike(step.shown, seen(step, printed)), "\n".join([f"$ {step.command}", *printed])
        else:
            assert code == 0, "\n".join([f"$ {step.command}", *printed])


# --- what is only shown ---------------------------------------------------------------------------


def shown(*languages: str) -> list[Block]:
    return [block for page in PAGES for block in blocks(page, *languages)]


def test_every_command_that_is_not_run_has_a_reason_and_every_reason_a_command() -> None:
    pages = {named(block.page) for block in shown(*SHOW)}
    assert sorted(pages - set(SHOWN)) == [], "run it (```console), or say in SHOWN why not"
    assert sorted({name for name in SHOWN if (ROOT / name).exists()} - pages) == []


def test_no_session_hides_in_a_block_of_another_kind() -> None:
    """Such a block would be neither run nor looked for in the table."""
    kinds = {"", "text", "yaml", "json", "ini"}
    assert [
        block.text for block in shown(*kinds) if re.search(r"^\$ |^rotator ", block.text, re.MULTILINE)
    ] == []


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """The rotator commands of the blocks that are not run, as words."""
    for block in shown(*SHOW):
        for line in block.text.replace("\\\n", " ").splitlines():
            found = re.match(r"(?:[A-Z_]+=\S+ )*(?:sudo )?rotator(?= |$)(.*)", line.strip())
            if found is not None:
                words = shlex.split(found[1], comments=True)
                ends = [i for i, word in enumerate(words) if word in {"&", "&&", "|", ">", ">>", "2>", ";"}]
                yield f"{named(block.page)}: {line}", words[: min(ends, default=len(words))]


@pytest.mark.parametrize(("line", "words"), [pytest.param(*each, id=each[0]) for each in command_lines()])
def test_a_command_that_is_only_shown_is_one_that_rotator_takes(line: str, words: list[str]) -> None:
    name = next((word for word in words if word in COMMANDS), "run" if "--once" in words else None)
    with click.Context(cli, info_name="rotator") as ctx:
        command = cli.get_command(ctx, name) if name is not None else cli
    assert command is not None, line
    known = {opt for param in (*command.params, *cli.params) for opt in param.opts} | {"--help", "-h"}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} - known == set(), line
