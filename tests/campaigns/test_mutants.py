"""A bounded share of the mutation campaign, and that it would find a rule that no test holds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mutmut", reason="mutation testing needs mutmut")

from campaigns import seeds
from campaigns.mutants import ROOT, TESTS
from campaigns.mutations import Mutant, mutants
from campaigns.survivors import Justified, justified

QUICK = ("retention", "plan", "naming", "cron")
"""The modules whose tests are quick: a few mutants of each are tried here. The campaign tries all of all."""

EXAMPLE = '''"""What is kept."""
from __future__ import annotations

log = make_log()

@property
def kept(age: int, limit: int | None = 3) -> bool:
    """Whether it is young enough."""
    log.info("looked", age=age)
    if limit is None:
        raise ValueError("no limit")
    return age < limit and age > 0

RULES = (young, old)
'''

EXPECTED = [
    ("kept", "return age < limit and age > 0", "return age <= limit and age > 0"),
    ("kept", "return age < limit and age > 0", "return age < limit or age > 0"),
    ("kept", "return age < limit and age > 0", "return age < limit"),
    ("kept", "return age < limit and age > 0", "return age > 0"),
    ("kept", "return age < limit and age > 0", "return age < limit and age > 1"),
    ("kept", "return age < limit and age > 0", "return None"),
    ("kept", "if limit is None:", "if limit is not None:"),
    ("kept", "if limit is None:", "if False:"),
    ("kept", 'raise ValueError("no limit")', "pass"),
    (
        "kept",
        "def kept(age: int, limit: int | None = 3) -> bool:",
        "def kept(age: int, limit: int | None = 2) -> bool:",
    ),
    ("(module)", "RULES = (young, old)", "RULES = (young, )"),
    ("(module)", "RULES = (young, old)", "RULES = (old,)"),
]


@pytest.mark.parametrize(("function", "before", "after"), EXPECTED)
def test_a_slip_of_the_hand_is_tried(function: str, before: str, after: str) -> None:
    made = {(mutant.function, mutant.before, mutant.after) for mutant in mutants("example", EXAMPLE)}
    assert (function, before, after) in made


def test_each_mutant_is_another_text_that_python_can_read() -> None:
    sources = [mutant.source for mutant in mutants("example", EXAMPLE)]
    assert len({EXAMPLE, *sources}) == len(sources) + 1
    assert all(compile(source, "example.py", "exec") for source in sources)


def test_what_decides_nothing_is_left_alone() -> None:
    changed = " ".join(mutant.before for mutant in mutants("example", EXAMPLE))
    for idle in ("What is kept", "log", "__future__", "@property", "Whether it is young"):
        assert idle not in changed


def test_a_justified_survivor_is_known_by_its_text_wherever_its_line_moves() -> None:
    entry = Justified("example", "kept", "return age < limit and age > 0", ("return None",), "an example")
    moved = EXAMPLE.replace("RULES = (young, old)\n", "").replace("log = make_log()", "RULES = (young, old)")
    for text in (EXAMPLE, moved):
        covered = [mutant.after for mutant in mutants("example", text) if entry.covers(mutant)]
        assert covered == ["return None"]
    assert not entry.covers(Mutant("example", "kept", "return age < limit", "return None", ""))


def test_each_justified_line_stands_in_its_module_and_has_a_reason() -> None:
    for entry in justified():
        text = " ".join((ROOT / "rotator" / f"{entry.module}.py").read_text().split())
        assert entry.before in text, entry
        assert len(entry.why) > 20, entry


def test_a_list_without_a_reason_is_refused(tmp_path: Path) -> None:
    listed = tmp_path / "mutants.toml"
    listed.write_text('[[survivor]]\nmodule = "plan"\nfunction = "plan"\nbefore = "x"\nwhy = " "\n')
    with pytest.raises(ValueError, match="needs a reason: x"):
        justified(listed)


def test_the_chosen_tests_are_there() -> None:
    assert all((ROOT / "tests" / f"{name}.py").exists() for names in TESTS.values() for name in names)


def campaign(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own: none that has imported rotator can put a mutant in its place."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "campaigns.mutants", *arguments]
    return subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)


def test_the_tests_notice_every_mutant_of_a_sample_that_matters() -> None:
    done = campaign(*QUICK, "--sample", "5", "--seed", str(seeds.fresh()))
    assert done.returncode == 0, done.stdout + done.stderr
    figures = done.stdout.splitlines()[-1]
    assert figures.startswith("all: 20 mutants: ")
    assert ", 0 survived; score 100.0 %" in figures


def test_the_quickest_tests_of_a_rotation_notice_a_fixed_sample() -> None:
    quick = ("test_watched", "test_overtaken", "test_rotation")  # all that the table names take a minute
    done = campaign("rotation", "--tests", *quick, "--sample", "2", "--seed", str(seeds.FIXED[0]))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rule_that_no_test_holds_is_found_and_the_command_that_shows_it_again_is_named() -> None:
    asked = ("naming", "--tests", "test_due", "--sample", "6", "--seed", "1")
    done = campaign(*asked)
    assert done.returncode == 1, done.stdout + done.stderr
    key = done.stdout.partition("again: python -m campaigns.mutants naming --only ")[2].split()[0]
    again = campaign("naming", "--tests", "test_due", "--only", key)
    assert again.returncode == 1
    assert "1 survived" in again.stdout


def test_tests_that_never_import_the_module_prove_nothing() -> None:
    done = campaign("rotation", "--tests", "test_retention", "--sample", "1", "--seed", "1")
    assert done.returncode == 1
    assert "its tests do not pass as it is, or never import it" in done.stderr
