"""No command of a page escapes its run but by a written reason; what is excused is looked at all the same."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from rotator.cli.commands import COMMANDS
from rotator.cli.group import cli
from tests.docs.excused import COMMENTS, EXCUSED, excuse
from tests.docs.reading import CONSOLE, PAGES, ROOT, SHELL, blocks, named, steps, unfenced

OTHER = {"", "text", "yaml", "json", "ini", "nginx"}
"""Languages of blocks that hold no commands."""

PROGRAM = (
    r"(?:rotator|make|kubectl|docker|podman|podman-compose|systemctl|promtool|curl|python -m|\.venv/\S+)"
)

KNOWN = {opt for param in cli.params for opt in param.opts} | {"--help", "-h", "--version"}
"""What rotator takes with every command."""

ENDS = {"&", "&&", "|", ">", ">>", "2>", ";"}


def told(page: Path) -> list[str]:
    """All commands of the page's blocks."""
    return [step.command for block in blocks(page, CONSOLE, *SHELL) for step in steps(block)]


def test_the_pages_with_commands_are_these_and_each_command_is_run_or_excused() -> None:
    run = {named(page) for page in PAGES if any(excuse(page, command) is None for command in told(page))}
    assert run == {
        "README.md",
        "docs/migrating.md",
        "docs/monitoring.md",
        "docs/policies.md",
        "docs/restore.md",
        "docs/troubleshooting.md",
        "docs/upgrading.md",
    }
    assert {named(page) for page in PAGES if told(page)} == run | set(EXCUSED)


@pytest.mark.parametrize("name", EXCUSED)
def test_every_excuse_has_its_command_and_its_reason(name: str) -> None:
    used = {excuse(ROOT / name, command) for command in told(ROOT / name)}
    assert set(EXCUSED[name].values()) - used == set()
    assert all(EXCUSED[name].values())


def test_what_an_excuse_points_at_is_there() -> None:
    reasons = [*COMMENTS.values(), *(reason for page in EXCUSED.values() for reason in page.values())]
    pointed = {path for reason in reasons for path in re.findall(r"(?:tests/|\.ci/)[\w/*.]*\w", reason)}
    assert [path for path in sorted(pointed) if not list(ROOT.glob(path))] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_command_hides_in_a_block_of_another_kind(page: Path) -> None:
    """It would be neither run nor excused."""
    kinds = {block.language for block in blocks(page)}
    assert kinds <= OTHER | {CONSOLE, *SHELL}
    hiding = rf"^(?:\$ |(?:sudo )?{PROGRAM} )"
    assert [b.text for b in blocks(page, *OTHER) if re.search(hiding, b.text, re.MULTILINE)] == []
    assert re.findall(r"(?<=\n\n)(?: {4}|\t)[^\s*-].*", unfenced(page)) == [], (
        "write it as a block with a fence"
    )


def test_the_comments_beside_units_and_manifests_that_name_commands_are_these() -> None:
    naming = re.compile(rf"^\s*#.*\s`?{PROGRAM} [a-z-]+", re.MULTILINE)
    files = [path for part in ("deploy", "systemd") for path in (ROOT / part).rglob("*") if path.is_file()]
    found = {str(path.relative_to(ROOT)) for path in files if naming.search(path.read_text())}
    spoken = {
        "is told to rotator alone",
        "rotator drains within",
        "rotator in your application",
        "make the Secret",
    }
    assert {name for name in found if not only_spoken(ROOT / name, naming, spoken)} == set(COMMENTS)


def only_spoken(path: Path, naming: re.Pattern[str], spoken: set[str]) -> bool:
    """Whether the file speaks of rotator, and names no command."""
    lines = [line for line in path.read_text().splitlines() if naming.search(line)]
    return all(any(words in line for words in spoken) for line in lines)


# --- what is excused, or stands in a sentence, is one that the program takes -------------------------


def shown() -> Iterator[tuple[str, str]]:
    """Page and command: what is excused, and the commands within sentences."""
    for page in PAGES:
        for command in told(page):
            if excuse(page, command) is not None:
                yield named(page), command
        for spoken in re.findall(r"`((?:\.venv/bin/)?(?:rotator|python|make) [^`…]+)`", unfenced(page)):
            yield named(page), " ".join(spoken.split())


def rotators() -> Iterator[tuple[str, list[str]]]:
    """Of each command line of rotator the words behind its name."""
    for page, command in shown():
        for line in command.replace("\\\n", " ").splitlines():
            found = re.search(r".*(?:^|[\s/])rotator(?::[\d.]+)? (?=-|[a-z])(.*)", line)
            words = shlex.split(found[1], comments=True) if found is not None else []
            words = words[: min((i for i, word in enumerate(words) if word in ENDS), default=len(words))]
            if words and (words[0] in COMMANDS or words[0] in KNOWN):
                yield f"{page}: {line}", words


@pytest.mark.parametrize(("line", "words"), [pytest.param(*each, id=each[0]) for each in rotators()])
def test_a_command_that_is_only_shown_is_one_that_rotator_takes(line: str, words: list[str]) -> None:
    name = next((word for word in words if word in COMMANDS), "run" if "--once" in words else None)
    with click.Context(cli, info_name="rotator") as ctx:
        command = cli.get_command(ctx, name) if name is not None else cli
    assert command is not None, line
    known = KNOWN | {opt for param in command.params for opt in param.opts}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} - known == set(), line


def test_every_target_of_make_that_a_page_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text().replace("$(VENV)", ".venv")
    lines = [line for _, command in shown() for line in command.splitlines()]
    found = [re.match(r"(?:[A-Z_]+=\S+ )?make ((?:\.venv/\.)?[a-z]+)", line) for line in lines]
    targets = {match[1] for match in found if match is not None}
    assert targets > {"demo", "test", "soak", "deb"}
    assert [target for target in sorted(targets) if not re.search(rf"^{target}:", makefile, re.M)] == []


HELP = """\
import runpy, sys
for module in sys.argv[1:]:
    sys.argv = [module, "--help"]
    print("=== " + module)
    try:
        runpy.run_module(module, run_name="__main__")
    except SystemExit as ended:
        assert not ended.code, module
"""


def test_a_program_of_this_repository_that_a_page_names_takes_the_options_that_it_shows() -> None:
    options: dict[str, set[str]] = {}
    for _, command in shown():
        for module, rest in re.findall(r"python -m ((?:bench|campaigns)[\w.]*)([^#\n]*)", command):
            options.setdefault(module, set()).update(re.findall(r"--[a-z-]+", rest))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", HELP, *options],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    says = dict(re.findall(r"^=== (\S+)\n(.*?)(?=^=== |\Z)", done.stdout, re.MULTILINE | re.DOTALL))
    assert {name: [o for o in taken if o not in says[name]] for name, taken in options.items()} == {
        name: [] for name in options
    }
