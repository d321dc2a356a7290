"""What the tests of the real thing share: sandboxes, the image and a booted Debian, made once for all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.conftest import sandboxes, stage
from tests.system import podman as podmen
from tests.system import staged
from tests.system.needing import need
from tests.system.podman import Podman

__all__ = ["debian", "engine", "podman", "sandboxes", "stage"]


@pytest.fixture(scope="session")
def engine() -> Iterator[Podman]:
    """podman with the image of this tree."""
    need(programs=podmen.PROGRAMS, root=True)
    with podmen.built() as podman:
        yield podman


@pytest.fixture
def podman(engine: Podman) -> Iterator[Podman]:
    """The same; what a test started is removed after it."""
    yield engine
    engine.remove_started()


@pytest.fixture(scope="session")
def debian() -> Iterator[staged.Stage]:
    """A booted Debian with the package installed and the sandbox running as a second unit."""
    need(programs=staged.PROGRAMS, root=True)
    with staged.furnished() as stage:
        yield stage
