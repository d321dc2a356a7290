"""deploy/compose.yaml, run by podman-compose: the profile that needs no token and no network."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rotator import __version__
from tests.system.needing import need
from tests.system.podman import PATIENCE, ROOT, Container, Podman, until

pytestmark = pytest.mark.xdist_group("containers")


def compose(podman: Podman, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run podman-compose over a copy of deploy/, with the storage of the tests."""
    program = Path(sys.executable).with_name("podman-compose")
    need(programs=(str(program),))
    wrapper = directory / "podman"
    wrapper.write_text(f'#!/bin/sh\nexec {" ".join(podman.command())} "$@"\n')
    wrapper.chmod(0o755)
    return subprocess.run(
        [program, "--podman-path", wrapper, "--project-name", directory.name, *arguments],
        cwd=directory / "deploy",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env=podman.environ(),
    )


@pytest.fixture
def trial(podman: Podman, tmp_path: Path) -> Iterator[Container]:
    """The trial's daemon, beside its sandbox."""
    directory = tmp_path / f"rotator-test-{tmp_path.name[-8:].strip('_').lower()}"
    shutil.copytree(ROOT / "deploy", directory / "deploy")
    podman("tag", podman.image, f"localhost/rotator:{__version__}")
    names = ("sandbox", "trial")
    up = compose(podman, directory, "--profile", "try", "up", "--detach", "--no-build", *names)
    assert up.returncode == 0, up.stderr
    yield Container(podman, f"{directory.name}_trial_1")
    compose(podman, directory, "--profile", "try", "down", "--timeout", "1")
    podman("untag", podman.image, f"localhost/rotator:{__version__}")


def test_the_trial_rotates_the_sandbox_and_is_well(trial: Container) -> None:
    until(lambda: trial.events("daemon.ready"))
    assert trial.is_well()
    done = trial.podman.process("exec", trial.name, "rotator", "run", "--once", "--json")
    assert json.loads(done.stdout)["rotations"][0]["outcome"] == "rotated"
    host = trial.inspect()["HostConfig"]
    assert (host["ReadonlyRootfs"], host["Memory"], host["PidsLimit"]) == (True, 128 * 1024 * 1024, 64)
