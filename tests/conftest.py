"""What holds for all tests: one seed nobody has tried, the same for every worker, and printed."""

from __future__ import annotations

import pytest
from hypothesis import settings

from campaigns import seeds

# Here and nowhere later: whoever names another profile on the command line shall have it.
settings.register_profile("untimed", deadline=None)  # a busy machine is no reason to fail
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the fresh seed before any worker starts: they inherit it."""
    seeds.fresh()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how to see this run again."""
    terminalreporter.write_line(f"fresh seed: {seeds.VARIABLE}={seeds.fresh()} repeats it")
