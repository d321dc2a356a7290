"""Each command that a page shows is run against the sandbox, or tests/docs/excused.py says why it cannot be.

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
from pathlib import Path

import pytest

from rotator.sandbox import TOKEN
from tests.cli.conftest import Served, Stage, environment, forget_locks
from tests.docs.excused import excuse
from tests.docs.reading import CONSOLE, PAGES, SHELL, Step, alike, blocks, named, steps
from tests.docs.scenes import SCENES, WAIT, Scene, lived_in

MARK = "=== step "

LOG = '{"timestamp"'
"""How a log line begins that goes to no terminal."""

PATIENCE = 120.0
"""Seconds after which a page's session counts as hung."""

WRAPPER = f"""\
#!/bin/sh
case " $* " in
*" init "*) ;;
*) exec "{sys.executable}" -m rotator "$@";;
esac
[ -e .staged ] && rm .staged config.yaml
"{sys.executable}" -m rotator "$@"
code=$?
[ $code = 0 ] && echo '{WAIT}' >> config.yaml
exit $code
"""
"""rotator; what `init` writes gets short waits at its end, and a page's own stage makes way for it."""


def session(page: Path) -> list[Step]:
    """The commands of the page that are run."""
    told = (step for block in blocks(page, CONSOLE, *SHELL) for step in steps(block))
    return [step for step in told if excuse(page, step.command) is None]


def script(page: list[Step], scene: Scene) -> str:
    """The session as a program that says before each step which it is, and after it how it ended."""
    lines = ["exec 2>&1", *scene.first]
    for number, step in enumerate(page):
        lines.append(f"printf '\\n{MARK}%s\\n' {number}")
        if step.makes is not None:
            content = "\n".join(step.shown)
            if re.search("^policies:", content, re.MULTILINE) and "wait:" not in content:
                content += f"\n{WAIT}" if "defaults:" not in content else ""
            lines.append(f"printf '%s\\n' {shlex.quote(content)} > {step.makes}")
        else:
            lines.append(scene.staged(step.command))
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
    home, bin_ = tmp_path / "home", tmp_path / "bin"
    home.mkdir()
    bin_.mkdir()
    (bin_ / "rotator").write_text(WRAPPER)
    (bin_ / "rotator").chmod(0o755)
    scene = SCENES.get(named(page), lived_in)(home)
    base_url = sandboxes.serve(scene.world)
    environ = environment(tmp_path) | {
        "HOME": str(home),
        "PATH": f"{bin_}:{os.environ['PATH']}",
        "VPS_API_URL": base_url,
        "VPS_API_TOKEN": TOKEN,
        "COLUMNS": "110",
    }
    told = session(page)
    done = subprocess.run(
        ["bash", "-c", script(told, scene)],
        cwd=home,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    forget_locks(
        Stage(home, scene.world, base_url, environ)
    )  # a restore that was not waited for leaves a note
    ended = results(done.stdout)
    assert len(ended) == len(told), done.stdout
    for step, (code, printed) in zip(told, ended, strict=True):
        if step.shown and step.makes is None:
            assert alike(step.shown, seen(step, printed)), "\n".join([f"$ {step.command}", *printed])
        else:
            assert code == 0, "\n".join([f"$ {step.command}", *printed])
