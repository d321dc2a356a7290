"""What a test of the real thing needs of the machine: skipped with the reason elsewhere, a failure in CI."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Collection

import pytest


def need(*, programs: Collection[str] = (), modules: Collection[str] = (), root: bool = False) -> None:
    """Go on only where all of this is there. `.ci/packages` lists what CI installs for it."""
    missing = [f"the program {name}" for name in programs if shutil.which(name) is None]
    missing += [f"the module {name}" for name in modules if importlib.util.find_spec(name) is None]
    missing += ["root"] if root and os.geteuid() != 0 else []
    if missing:
        stop = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        stop(f"needs {', '.join(missing)}")
