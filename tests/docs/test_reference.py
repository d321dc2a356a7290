"""What the docs say of names and keys is what the code has: no more, and no less."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import rotator
from rotator import errors
from rotator.cli.commands import COMMANDS
from rotator.cli.exits import Exit
from rotator.cli.rollcall import NOT_LOOKED_UP
from rotator.config import json_schema, markdown
from rotator.config.findings import Unwise
from rotator.log import EVENTS
from rotator.matching import IDLE

ROOT = Path(__file__).parents[2]

DOCS = ROOT / "docs"

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def section(title: str) -> str:
    """A section of the troubleshooting page."""
    text = (DOCS / "troubleshooting.md").read_text()
    return text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(title: str) -> list[str]:
    """What stands in the first column of a section's table."""
    rows = [line for line in section(title).splitlines() if line.startswith("| ")]
    return [row.split("|")[1].strip().strip("`") for row in rows[2:]]


def error_codes() -> Iterator[str]:
    """Every code that an error or a problem can have."""
    for path in Path(rotator.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Problem":
                yield from (str(arg.value) for arg in node.args[:1] if isinstance(arg, ast.Constant))
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.RotatorError):
            yield from [kind.code] if isinstance(getattr(kind, "code", None), str) else []


def test_every_event_is_explained_once() -> None:
    assert sorted(first_cells("By event")) == sorted(EVENTS)


def test_every_warning_is_explained_once() -> None:
    assert sorted(first_cells("By warning")) == sorted([*Unwise, IDLE, NOT_LOOKED_UP])


def test_every_exit_code_is_explained_once() -> None:
    assert first_cells("By exit code") == [str(code.value) for code in Exit]


def test_every_error_code_is_explained_once() -> None:
    told = first_cells("By error code")
    assert len(told) == len(set(told))
    assert set(error_codes()) - set(told) == set()


def test_the_reference_of_the_configuration_is_current() -> None:
    assert (DOCS / "configuration.md").read_text() == markdown().rstrip() + "\n", "make reference"


def test_the_schema_beside_the_example_is_current() -> None:
    assert json.loads((ROOT / "rotator.schema.json").read_text()) == json_schema(), "make reference"
    first, _, _ = (ROOT / "config.example.yaml").read_text().partition("\n")
    assert first == "# yaml-language-server: $schema=rotator.schema.json"


def test_every_key_stands_in_the_reference() -> None:
    keys = {key for part in json_schema()["$defs"].values() for key in part["properties"]}  # type: ignore[attr-defined]
    assert [key for key in keys if f"| `{key}` |" not in (DOCS / "configuration.md").read_text()] == []


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(DOCS.glob("*.md"))], ids=lambda page: page.name)
def test_every_link_leads_to_a_file_that_is_there(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_index_names_every_page() -> None:
    index = (DOCS / "README.md").read_text()
    assert [
        page.name for page in DOCS.glob("*.md") if page.name != "README.md" and f"({page.name})" not in index
    ] == []


def test_the_readme_names_every_command() -> None:
    text = (ROOT / "README.md").read_text()
    assert [name for name in COMMANDS if not re.search(rf"^\| .*`{name}\b", text, re.MULTILINE)] == []
