"""The fenced blocks of the pages, and the commands in them.

```console: run, in the order of the page, in one directory; what stands below a command has to be what it
prints, but for times, spans and addresses. `...` stands for any number of lines. `$ cat NAME` with content
below it makes that file.
```sh: run too, each command by itself, but for those that tests/docs/excused.py excuses; what they print is
looked at by nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

PAGES = (ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md")))

CONSOLE, SHELL = "console", ("sh", "bash", "shell")

PROMPT = "$ "

ANYTHING = "..."

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)

_HERE = re.compile(r"<<'(\w+)'\n.*?^\1$", re.MULTILINE | re.DOTALL)
"""A here-document, which is part of the command that it is given to."""

_VARYING: tuple[tuple[str, str], ...] = (
    (r"\d{8}T\d{6}Z", "SLOT"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
    (r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b", "DAY"),
    (r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?", "DATE"),
    (r"\b\d\d:\d\d:\d\d\b", "TIME"),
    (r"127\.0\.0\.1:\d+", "ADDRESS"),
    (r"\b(\d+(\.\d+)?\s?[smhdw])+\b", "SPAN"),
    (r"\b(snapshot|id) \d+", r"\1 ID"),
    (r"[ \t]+", " "),
)
"""What differs from run to run, and what stands for it when two texts are compared."""


def named(page: Path) -> str:
    """The page's path in the repository."""
    return str(page.relative_to(ROOT))


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: Path
    language: str
    text: str


@dataclass(frozen=True)
class Step:
    """One command, and what stands below it in a console block."""

    command: str
    shown: tuple[str, ...] = ()

    @property
    def makes(self) -> str | None:
        """The file that a `cat NAME` with content below it makes."""
        found = re.fullmatch(r"cat ([\w.-]+)", self.command)
        return found[1] if found and self.shown else None


def blocks(page: Path, *languages: str) -> Iterator[Block]:
    """The page's blocks in these languages, or in all; without their indentation."""
    for indent, language, text in _FENCE.findall(page.read_text()):
        if language in languages or not languages:
            yield Block(page, language, re.sub(rf"(?m)^{indent}", "", text))


def unfenced(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text())


def steps(block: Block) -> Iterator[Step]:
    """The commands of a console or a shell block."""
    if block.language == CONSOLE:
        yield from _prompted(block.text)
    else:
        yield from map(Step, commands(block.text))


def commands(script: str) -> Iterator[str]:
    """The commands of a script, one a line; a backslash or a here-document takes further lines in."""
    command = ""
    for line in script.splitlines():
        command = f"{command}\n{line}" if command else line
        begun = "<<'" in command and not _HERE.search(command)
        if not begun and not command.endswith("\\"):
            if command.strip() and not command.startswith("#"):
                yield command
            command = ""


def _prompted(session: str) -> Iterator[Step]:
    """A line that ends with a backslash goes on in the next."""
    command = ""
    shown: list[str] = []
    for line in session.splitlines():
        if command.endswith("\\"):
            command = f"{command}\n{line.removeprefix('> ')}"
        elif line.startswith(PROMPT):
            if command:
                yield Step(command, tuple(shown))
            command, shown = line.removeprefix(PROMPT), []
        else:
            shown.append(line)
    if command:
        yield Step(command, tuple(shown))


def alike(shown: tuple[str, ...], printed: list[str]) -> bool:
    """Whether what a page shows is what was printed, but for what varies."""
    parts = "\n".join(map(_constant, shown)).split(ANYTHING)
    pattern = "(?:.|\n)*".join(map(re.escape, parts))
    return re.fullmatch(pattern, "\n".join(map(_constant, printed))) is not None


def _constant(line: str) -> str:
    for pattern, stands_for in _VARYING:
        line = re.sub(pattern, stands_for, line)
    return line.strip()
