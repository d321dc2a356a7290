"""Imports go one way, each outside library has one door, and nobody reads a clock but clock.py.

The order is architecture.md's. Whoever adds a module gives it a line here, below everything that it imports.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import rotator

SOURCE = Path(rotator.__file__).parent

DECIDE = (
    "errors",
    "models",
    "settings",
    "naming",
    "legacy",
    "crontab",
    "cron",
    "retention",
    "census",
    "progress",
    "deletes",
    "occupants",
    "room",
    "plan",
    "due",
    "report",
    "endings",
    "matching",
    "alarm",
    "foresight",
    "wording",
    "status",
    "simulate",
    "reach",
)
TOUCH = (
    "clock",
    "redact",
    "tally",
    "config",
    "http",
    "answers",
    "rows",
    "pace",
    "retry",
    "gate",
    "exchange",
    "listing",
    "api",
    "sight",
    "overlay",
    "poller",
    "inventory",
    "notefile",
    "record",
    "tombstones",
    "restorenote",
    "lock",
    "serverstates",
    "schedule",
    "hooks",
    "notify",
    "pings",
    "systemd",
    "probe",
    "garbage",
    "reaper",
    "log",
    "metrics",
)
CONDUCT = (
    "restoring",
    "office",
    "showing",
    "accounts",
    "waiting",
    "settling",
    "creation",
    "deletion",
    "hands",
    "notices",
    "surround",
    "rotation",
    "once",
    "byhand",
    "restore",
    "dispatch",
    "stock",
    "roster",
    "changes",
    "refresh",
    "chronicle",
    "vitals",
    "bell",
    "front",
    "chores",
    "daemon",
)
FACES = (
    "draw",
    "web",
    "sandbox",
    "cli",
    "__main__",
)
ORDER = DECIDE + TOUCH + CONDUCT + FACES
"""From the top: a module or package of rotator imports only from what stands above it."""

SANDBOX_MAY_IMPORT = {"errors", "models", "clock", "sandbox"}
"""It stands for the provider: what it shared with the rest could not be tested against it."""

PURE = {
    *(
        "__future__",
        "abc",
        "bisect",
        "collections",
        "dataclasses",
        "datetime",
        "enum",
        "fnmatch",
        "functools",
    ),
    *("hashlib", "heapq", "itertools", "json", "math", "operator", "re", "string", "typing", "zoneinfo"),
    "glob",  # for its escape()
    "cronsim",
}
"""All that the deciding modules may import from outside."""

DOORS = {
    "apprise": {"notify"},
    "apscheduler": {"schedule"},
    "click": {"cli", "__main__"},
    "cronsim": {"cron", "crontab"},
    "filelock": {"lock"},
    "httpx": {"http"},
    "jinja2": {"web"},
    "markupsafe": {"web"},  # Jinja's own, for what is HTML already
    "prometheus_client": {"metrics"},
    "pydantic": {"config", "sandbox"},
    "pydantic_core": {"config"},
    "rich": {"cli"},
    "stamina": {"retry"},
    "starlette": {"web", "sandbox"},
    "structlog": set(ORDER) - set(DECIDE) - {"sandbox"},  # to log; what may be used of it stands below
    "uvicorn": {"web", "sandbox"},
    "yaml": {"config"},
}
"""Who may import which outside library."""

STRUCTLOG_FOR_ALL = {"get_logger", "contextvars", "stdlib", "typing"}
"""Loggers, their context and their types. Only log.py says what becomes of a line."""

CLOCKS = {"now", "utcnow", "today", "fromtimestamp", "utcfromtimestamp"}
"""What `datetime` and `date` can be asked; the last two turn a given number into a time and are allowed."""

LONGEST = 300  # lines; architecture.md's bound
VAGUE = {"utils", "util", "base", "manager", "helpers", "common", "misc", "core"}


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(SOURCE))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def layer(path: Path) -> str:
    """The line of ORDER that a file belongs to: its module's name, or its package's."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, ...]]:
    """Every module that a file imports, wherever in the file, as the parts of its full name."""
    package = ("rotator", *path.relative_to(SOURCE).parts[:-1])
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else ()
            origin = (*start, *(node.module.split(".") if node.module else ()))
            yield from ((*origin, alias.name) for alias in node.names)


def inner(path: Path) -> set[str]:
    """The layers that a file imports from. `rotator` itself holds only the version."""
    found = {parts[1] for parts in imports(path) if parts[0] == "rotator" and len(parts) > 1}
    return found - {"__version__"}


def outer(path: Path) -> set[str]:
    """The packages from outside that a file imports."""
    return {parts[0] for parts in imports(path)} - {"rotator"}


ALL = pytest.mark.parametrize("path", modules(), ids=named)
BELOW_THE_ROOT = pytest.mark.parametrize("path", [p for p in modules() if layer(p) != "__init__"], ids=named)


@BELOW_THE_ROOT
def test_a_module_imports_only_from_what_stands_above_it(path: Path) -> None:
    own = layer(path)
    assert own in ORDER, f"{own} has no place in ORDER yet"
    above = {*ORDER[: ORDER.index(own)], *([own] if path.parent != SOURCE else [])}
    assert inner(path) - above == set()


def test_the_root_imports_nothing() -> None:
    assert list(imports(SOURCE / "__init__.py")) in ([], [("__future__", "annotations")])


@pytest.mark.parametrize("path", [p for p in modules() if layer(p) == "sandbox"], ids=named)
def test_the_sandbox_stands_alone(path: Path) -> None:
    assert inner(path) - SANDBOX_MAY_IMPORT == set()


@pytest.mark.parametrize("path", [p for p in modules() if layer(p) in DECIDE], ids=named)
def test_a_deciding_module_touches_nothing(path: Path) -> None:
    assert outer(path) - PURE == set()


@ALL
def test_an_outside_library_is_imported_through_its_one_door(path: Path) -> None:
    libraries = {name for name in outer(path) if name not in sys.stdlib_module_names}
    assert libraries - set(DOORS) == set(), "say in DOORS who may import it"
    assert {name for name in libraries if layer(path) not in DOORS[name]} == set()


@pytest.mark.parametrize("path", [p for p in modules() if layer(p) != "log"], ids=named)
def test_only_log_configures_structlog(path: Path) -> None:
    used = {
        node.attr
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "structlog"
    }
    imported = {parts[1] for parts in imports(path) if parts[0] == "structlog" and len(parts) > 1}
    assert (used | imported) - STRUCTLOG_FOR_ALL == set()


@pytest.mark.parametrize("path", [p for p in modules() if layer(p) != "clock"], ids=named)
def test_nobody_else_reads_a_clock_or_sleeps(path: Path) -> None:
    assert "time" not in outer(path), "clock.py imports it, and is handed in"
    assert [ast.unparse(node) for node in ast.walk(tree(path)) if _reads_a_clock(node) or _sleeps(node)] == []


def _reads_a_clock(node: ast.AST) -> bool:
    """`datetime.now` and its like, called or handed on; `loop.time()`."""
    if not isinstance(node, ast.Attribute):
        return False
    owner = ast.unparse(node.value).split(".")[-1]
    asks_a_date = owner in {"datetime", "date"} and node.attr in CLOCKS - {
        "fromtimestamp",
        "utcfromtimestamp",
    }
    return asks_a_date or (owner in {"loop", "get_running_loop()"} and node.attr == "time")


def _sleeps(node: ast.AST) -> bool:
    """`asyncio.sleep` of more than nothing: sleep(0) gives the loop a turn and takes no time."""
    if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "asyncio.sleep"):
        return False
    return [ast.unparse(argument) for argument in node.args] != ["0"]


@pytest.mark.parametrize("path", [p for p in modules() if layer(p) not in {"cli", "__main__"}], ids=named)
def test_nobody_but_the_commands_rolls_dice(path: Path) -> None:
    rolled = [
        ast.unparse(node)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("random.")
    ]
    assert rolled == [], "the random source is handed in"


@ALL
def test_a_module_is_short_and_says_in_its_name_what_it_is_about(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST
    assert path.stem not in VAGUE


@BELOW_THE_ROOT
def test_a_module_opens_with_its_law(path: Path) -> None:
    assert ast.get_docstring(tree(path)) or not path.read_text()
