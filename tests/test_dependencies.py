"""What rotator depends on: pinned, bounded for a reason, audited honestly, and checked for insecure code."""

from __future__ import annotations

import re
import tomllib
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = (ROOT / "pyproject.toml").read_text()
DECLARED = tomllib.loads(PROJECT)
REQUIREMENT = re.compile(r'^\s*"(?P<requirement>[A-Za-z][^"]*)",?(?P<rest>.*)$')
PINS = sorted((ROOT / "requirements").glob("*.txt"))


def audit_script() -> Any:
    """`.ci/audit` as a module."""
    loader = SourceFileLoader("audit", str(ROOT / ".ci" / "audit"))
    spec = spec_from_loader("audit", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def requirements() -> dict[str, str]:
    """Every requirement of pyproject.toml, and the rest of its line."""
    lists = [
        DECLARED["project"]["dependencies"],
        *DECLARED["project"]["optional-dependencies"].values(),
        DECLARED["build-system"]["requires"],
    ]
    declared = {requirement for several in lists for requirement in several}
    lines = (REQUIREMENT.match(line) for line in PROJECT.splitlines())
    found = {match["requirement"]: match["rest"] for match in lines if match}
    return {requirement: found.get(requirement, "") for requirement in declared}


def is_bounded(requirement: str) -> bool:
    """Whether newer versions are kept out."""
    return re.search(r"<|==|~=", requirement) is not None


def test_every_upper_bound_says_why() -> None:
    bounded = {text: rest for text, rest in requirements().items() if is_bounded(text)}
    assert bounded, "there is none to look at"
    assert [text for text, rest in bounded.items() if not re.search(r"#\s*\w+", rest)] == []


def test_every_pinned_package_carries_its_hashes() -> None:
    assert PINS
    for path in PINS:
        pins = re.split(r"\n(?=[A-Za-z])", re.sub(r"(?m)^(#|-r ).*\n", "", path.read_text()))
        unhashed = [pin.splitlines()[0] for pin in pins if "--hash=sha256:" not in pin]
        assert unhashed == [], path.name


def test_the_rules_about_insecure_code_are_on_and_nothing_is_exempt_without_a_reason() -> None:
    lint = DECLARED["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    assert [rule for rule in lint["ignore"] if re.fullmatch(r"S\d*", rule)] == []
    shipped = [path for path in lint["per-file-ignores"] if path.startswith("rotator")]
    assert shipped == []
    exempt = [
        line
        for path in (ROOT / "rotator").rglob("*.py")
        for line in path.read_text().splitlines()
        if re.search(r"noqa: .*\bS\d", line)
    ]
    assert exempt, "there is none to look at"
    assert [line for line in exempt if not re.search(r"noqa: [A-Z0-9, ]+#\s*\w+", line)] == []


ANSWERED = {"name": "good", "version": "1.0", "vulns": []}
SILENT = {"name": "unheard", "skip_reason": "Dependency not found on PyPI and could not be audited"}
FLAWED = {"name": "bad", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}


@pytest.mark.parametrize(
    ("packages", "code", "last"),
    [
        ([ANSWERED], 0, "audit: 1 of 1 packages audited, known vulnerabilities: 0"),
        (
            [ANSWERED, SILENT],
            0,
            "audit: 1 of 2 packages audited, known vulnerabilities: 0;"
            " THE DATABASE DID NOT ANSWER FOR 1: for those this is no audit",
        ),
        ([ANSWERED, FLAWED], 1, "audit: 2 of 2 packages audited, known vulnerabilities: 1"),
        (
            [],
            0,
            "audit: 0 of 0 packages audited, known vulnerabilities: 0;"
            " THE DATABASE DID NOT ANSWER FOR 0: for those this is no audit",
        ),
    ],
    ids=["answered", "silent", "flawed", "nothing"],
)
def test_an_audit_counts_what_was_audited_and_fails_on_a_vulnerability(
    packages: list[dict[str, Any]], code: int, last: str
) -> None:
    found, lines = audit_script().verdict([{"dependencies": packages}, {"dependencies": packages}])
    assert (found, lines[-1]) == (code, last)
    assert (lines[:-1] == ["VULNERABLE bad 2.0: PYSEC-1, mended in 2.1"]) == (code == 1)
