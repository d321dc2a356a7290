"""What must hold for the files of the repository that are not modules."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
REQUIREMENTS = ("runtime", "build", "dev")

# In parts, so that this file does not name what it looks for.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("pypi", "python", "org"),
        ("anaconda", "org"),
        ("registry", "npmjs"),
        ("proxy", "golang"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
    )
]
INDEX_OPTIONS = [
    "--" + "-".join(parts) for parts in (("index", "url"), ("find", "links"), ("trusted", "host"))
]
OWN_PLACES = re.compile(r"(?<![\w.])/(home|root|Users|work|workspace)/\w")


def files() -> list[Path]:
    """All files of the repository: what git knows, and what it would take up."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git clone")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def text(path: Path) -> str:
    return path.read_text(errors="replace")


# --- nothing of one machine, nothing of one network -----------------------------------------------


@pytest.mark.parametrize("words", [REGISTRIES, INDEX_OPTIONS], ids=["registries", "index options"])
def test_no_file_says_where_packages_come_from(words: list[str]) -> None:
    found = [f"{path}: {word}" for path in files() for word in words if word in text(path).lower()]
    assert found == []


def test_no_file_names_a_place_of_somebodys_machine() -> None:
    assert [str(path) for path in files() if OWN_PLACES.search(text(path))] == []


# --- pins -----------------------------------------------------------------------------------------


def requirement_lines(name: str) -> Iterator[str]:
    """The requirements of a file, each with its hashes on one line."""
    joined = (ROOT / "requirements" / f"{name}.txt").read_text().replace("\\\n", " ")
    yield from (line for line in joined.splitlines() if line and not line.startswith(("#", "-r ")))


def pins(*names: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        for line in requirement_lines(name):
            package, _, version = line.split()[0].partition("==")
            found[canonicalize_name(package)] = version
    return found


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_requirement_is_pinned_with_its_hashes(name: str) -> None:
    pinned = re.compile(r"[a-z0-9.-]+==[0-9][\w.]*( +--hash=sha256:[0-9a-f]{64})+")
    assert [line for line in requirement_lines(name) if not pinned.fullmatch(line)] == []


def test_no_package_is_pinned_in_two_files() -> None:
    assert len(pins(*REQUIREMENTS)) == sum(len(pins(name)) for name in REQUIREMENTS)


def declared(name: str) -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    found: dict[str, list[str]] = {
        "runtime": project["project"]["dependencies"],
        "build": project["build-system"]["requires"],
        "dev": [spec for spec in extras["test"] + extras["dev"] if not spec.startswith("rotator[")],
    }
    return found[name]


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_the_pins_are_what_the_project_asks_for(name: str) -> None:
    pinned = pins(name)
    wanted = [Requirement(spec) for spec in declared(name)]
    missing = [
        str(want) for want in wanted if pinned.get(canonicalize_name(want.name), "") not in want.specifier
    ]
    assert missing == []


# --- the container --------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments, in order."""
    joined = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = (line.strip() for line in joined.splitlines())
    return [
        (word, rest) for word, _, rest in (line.partition(" ") for line in lines if line and line[0] != "#")
    ]


def test_the_container_runs_rotator_and_not_as_root() -> None:
    last = dict(instructions())
    assert [int(part) > 0 for part in last["USER"].split(":")] == [True, True]
    assert json.loads(last["ENTRYPOINT"]) == ["rotator"]
    assert json.loads(last["CMD"]) == ["run"]


def test_the_image_is_built_from_the_pins() -> None:
    installs = [
        part
        for word, rest in instructions()
        if word == "RUN"
        for part in rest.split("&&")
        if "install" in part
    ]
    from_files = [part for part in installs if " -r " in part]
    assert len(from_files) == 2
    assert all("--require-hashes" in part for part in from_files)


def test_all_that_the_dockerfile_copies_is_there_and_not_ignored() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = [line[1:] for line in lines if line.startswith("!")]
    assert lines[1] == "*"
    sources = [
        source
        for word, rest in instructions()
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert [s for s in sources if not any(fnmatchcase(s, p) or s.startswith(f"{p}/") for p in let_in)] == []


# --- the first commands ---------------------------------------------------------------------------


def test_the_ci_script_can_be_run_and_calls_the_readmes_test_command() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert re.search(r"^[^#\n]*\bmake test ", script.read_text(), re.MULTILINE)
    assert "make test" in (ROOT / "README.md").read_text()


def test_the_licence_is_the_one_that_the_project_declares() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0"
    assert (
        "Apache License\n                           Version 2.0, January 2004"
        in (ROOT / "LICENSE").read_text()
    )
