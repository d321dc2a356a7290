"""The image: small, the same each time, and nothing in it that is secret or belongs to one machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rotator import __version__
from tests.system.needing import need
from tests.system.podman import BASE, ROOT, Podman, build

pytestmark = pytest.mark.xdist_group("containers")

LARGEST = 50_000_000
"""Bytes of the image's own layers; they have 41 million."""

LARGEST_WITH_MESSAGES = 30_000_000
"""Bytes that Apprise and its libraries add."""


def inspected(podman: Podman, image: str) -> dict[str, Any]:
    found = json.loads(podman("image", "inspect", image))[0]
    assert isinstance(found, dict)
    return found


def test_its_recipe_passes_the_linter() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    need(programs=(str(linter),))
    done = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_says_what_it_is_and_how_it_is_run(podman: Podman) -> None:
    config = inspected(podman, podman.image)["Config"]
    assert config["User"] == "10001:10001"
    assert (config["Entrypoint"], config["Cmd"]) == (["rotator"], ["run"])
    assert config["Labels"]["org.opencontainers.image.version"] == __version__
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert inspected(podman, podman.image)["Healthcheck"]["Test"] == ["CMD", "rotator", "healthcheck"]


def test_no_token_is_in_its_environment_or_its_history(podman: Podman) -> None:
    names = [pair.partition("=")[0] for pair in inspected(podman, podman.image)["Config"]["Env"]]
    assert [name for name in names if name.startswith(("VPS", "ROTATOR", "PIP"))] == []
    history = podman("history", "--no-trunc", "--format={{.CreatedBy}}", podman.image)
    assert "COPY" in history
    assert "token" not in history.lower()


def test_its_own_layers_are_small(podman: Podman) -> None:
    whole, base = (inspected(podman, image)["Size"] for image in (podman.image, BASE))
    assert 0 < whole - base < LARGEST


def test_all_that_it_adds_to_the_base_is_rotator_and_the_place_of_its_locks(podman: Podman) -> None:
    changed = podman("image", "diff", podman.image, BASE).splitlines()
    paths = {line.split(maxsplit=1)[1] for line in changed}
    assert "/opt/rotator" in paths
    allowed = ("/opt/rotator/", "/run/rotator/")
    assert {path for path in paths if not f"{path}/".startswith(allowed)} - {"/opt", "/run"} == set()


def test_the_same_sources_make_the_same_layers(podman: Podman) -> None:
    again = f"{podman.image}-again"
    build(podman, again)
    try:
        first, second = (inspected(podman, image) for image in (podman.image, again))
        assert first["RootFS"]["Layers"] == second["RootFS"]["Layers"]
        assert first["Created"] == second["Created"] == "2023-11-14T22:13:20Z"
    finally:
        podman("rmi", again)


def test_messages_are_an_option_of_the_build(podman: Podman) -> None:
    speaking, find = f"{podman.image}-notify", "import importlib.util as u; print(u.find_spec('apprise'))"
    build(podman, speaking, "--build-arg=REQUIREMENTS=notify")
    try:
        run = ("run", "--rm", "--network=none", "--entrypoint=python")
        assert podman(*run, podman.image, "-c", find) == "None"
        assert "/opt/rotator/lib/python3.13/site-packages/apprise/" in podman(*run, speaking, "-c", find)
        whole, without = (inspected(podman, image)["Size"] for image in (speaking, podman.image))
        assert 0 < whole - without < LARGEST_WITH_MESSAGES
    finally:
        podman("rmi", speaking)
