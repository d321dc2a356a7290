"""A test that cannot run here says why, and fails where it has to run."""

from __future__ import annotations

import pytest

from tests.system.needing import need


def test_what_is_not_there_is_named_and_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="needs the program no-such-program, the module no_such"):
        need(programs=("sh", "no-such-program"), modules=("pytest", "no_such"))


def test_in_ci_it_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="needs the program no-such-program"):
        need(programs=("no-such-program",))


def test_what_is_there_is_no_reason_to_stop() -> None:
    need(programs=("sh",), modules=("pytest",))
