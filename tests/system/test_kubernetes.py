"""The manifests: rendered by kubectl, valid by the strict schemas, and safe by the rules of this program."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from rotator import __version__
from rotator.sandbox import TOKEN
from tests.system.manifests import (
    OVERLAYS,
    SOURCE,
    Document,
    copied,
    documents,
    kubectl,
    kustomize,
    of_kind,
    pod_of,
    rotator_of,
)
from tests.system.needing import need

pytestmark = pytest.mark.xdist_group("kubernetes")

VERSIONS = ("1.29", "1.37")
"""The oldest with native sidecars, and the newest that the validator knows."""

PER_CONTAINER: tuple[tuple[str, Any], ...] = (
    ("allowPrivilegeEscalation", False),
    ("readOnlyRootFilesystem", True),
    ("capabilities", {"drop": ["ALL"]}),
)
PER_POD_OR_CONTAINER: tuple[tuple[str, Any], ...] = (
    ("runAsNonRoot", True),
    ("runAsUser", 10001),
    ("seccompProfile", {"type": "RuntimeDefault"}),
)
"""What the level "restricted" of the pod security standards asks for, and a read-only root."""


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """kubectl."""
    return kubectl(tmp_path_factory.mktemp("kubectl"))


@pytest.fixture(scope="session")
def rendered(program: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Each overlay as text."""
    copy = copied(tmp_path_factory.mktemp("manifests"))
    done = {overlay: kustomize(program, copy / overlay) for overlay in OVERLAYS}
    assert [each.stderr for each in done.values()] == ["", "", ""]
    return {overlay: each.stdout for overlay, each in done.items()}


@pytest.fixture(params=OVERLAYS)
def found(request: pytest.FixtureRequest, rendered: dict[str, str]) -> list[Document]:
    """The objects of each overlay."""
    return documents(rendered[request.param])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_fits_the_strict_schemas(
    rendered: dict[str, str], overlay: str, version: str, tmp_path: Path
) -> None:
    validator = Path(sys.executable).with_name("kubernetes-validate")
    need(programs=(str(validator),))
    (tmp_path / "all.yaml").write_text(rendered[overlay])
    command = [str(validator), "--strict", "-k", version, str(tmp_path / "all.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).splitlines()
    assert (done.returncode, [line for line in said if not line.startswith("INFO")]) == (0, [])
    assert len(said) == len(documents(rendered[overlay]))


def test_every_pod_is_restricted(found: list[Document]) -> None:
    pod = pod_of(found)
    container = rotator_of(pod)
    own, around = container["securityContext"], pod.get("securityContext", {})
    assert [key for key, value in PER_CONTAINER if own.get(key) != value] == []
    assert [key for key, value in PER_POD_OR_CONTAINER if {**around, **own}.get(key) != value] == []
    assert {next(iter(set(volume) - {"name"})) for volume in pod["volumes"]} <= {
        "configMap",
        "secret",
        "emptyDir",
    }
    assert {"hostNetwork", "hostPID", "hostIPC"} & set(pod) == set()


def test_there_are_never_two_of_them(rendered: dict[str, str]) -> None:
    for overlay in ("base", "overlays/sidecar"):
        spec = of_kind("Deployment", documents(rendered[overlay]))["spec"]
        assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    spec = of_kind("CronJob", documents(rendered["overlays/cronjob"]))["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["jobTemplate"]["spec"]["backoffLimit"] == 0


def test_the_token_is_in_the_secret_and_nowhere_else(found: list[Document]) -> None:
    secret = of_kind("Secret", found)
    assert base64.b64decode(secret["data"]["vps-api-token"]).decode() == TOKEN
    others = yaml.safe_dump([document for document in found if document["kind"] != "Secret"])
    assert TOKEN not in others
    assert "env" not in rotator_of(pod_of(found))


def test_without_the_token_nothing_is_rendered(program: Path, tmp_path: Path) -> None:
    done = kustomize(program, copied(tmp_path, token=None) / "base")
    assert done.returncode != 0
    assert "vps-api-token" in done.stderr


def test_what_may_change_is_mounted_as_a_directory_under_a_name_that_stays(found: list[Document]) -> None:
    assert of_kind("ConfigMap", found)["metadata"]["name"] == "rotator"
    assert of_kind("Secret", found)["metadata"]["name"] == "rotator-token"
    mounts = rotator_of(pod_of(found))["volumeMounts"]
    assert {mount["mountPath"] for mount in mounts} == {
        "/etc/rotator",
        "/run/rotator",
        "/run/secrets/rotator",
    }
    assert [mount for mount in mounts if "subPath" in mount] == []


def test_the_probes_ask_where_the_configuration_listens(rendered: dict[str, str]) -> None:
    listen = yaml.safe_load((SOURCE / "settings" / "config.yaml").read_text())["http"]["listen"]
    assert listen.startswith("0.0.0.0:")
    for overlay, probes in (
        ("base", {"livenessProbe": "/healthz", "readinessProbe": "/readyz"}),
        ("overlays/sidecar", {"livenessProbe": "/healthz"}),
    ):
        container = rotator_of(pod_of(documents(rendered[overlay])))
        (port,) = container["ports"]
        assert port["containerPort"] == int(listen.rpartition(":")[2])
        asked = {key: value["httpGet"] for key, value in container.items() if key.endswith("Probe")}
        assert asked == {key: {"path": path, "port": port["name"]} for key, path in probes.items()}


def test_the_sidecar_starts_first_and_holds_up_nobody(rendered: dict[str, str]) -> None:
    pod = pod_of(documents(rendered["overlays/sidecar"]))
    assert [(each["name"], each["restartPolicy"]) for each in pod["initContainers"]] == [
        ("rotator", "Always")
    ]
    assert [each["name"] for each in pod["containers"]] == ["app"]
    assert {"startupProbe", "readinessProbe"} & set(rotator_of(pod)) == set()


def test_the_grace_time_is_longer_than_the_drain(rendered: dict[str, str]) -> None:
    for overlay in ("base", "overlays/cronjob"):
        assert pod_of(documents(rendered[overlay]))["terminationGracePeriodSeconds"] > 10


def test_the_image_is_the_one_of_this_version(found: list[Document]) -> None:
    assert rotator_of(pod_of(found))["image"] == f"rotator:{__version__}"
