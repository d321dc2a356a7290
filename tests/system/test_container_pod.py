"""The manifests at work: podman starts their containers with what they ask for, in one pod and as jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from rotator.sandbox import TOKEN
from tests.cli.conftest import WAIT, Stage, names
from tests.system.manifests import Document, copied, documents, kubectl, kustomize, pod_of, rotator_of
from tests.system.podman import Podman, until

pytestmark = pytest.mark.xdist_group("containers")

DAILY = f"nightly: {{schedule: '0 3 * * *', catch_up: 24h, keep: {{last: 3}}, {WAIT}}}"

ASK = "import urllib.request as r; print(r.urlopen('http://{}').read().decode())"

OK, BUSY, REFUSED, CONFIG = 0, 75, 77, 78


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The manifests as a user has them."""
    return copied(tmp_path)


@pytest.fixture
def pod(podman: Podman) -> Iterator[str]:
    """A pod whose containers share a loopback interface and have no other."""
    name = f"rotator-test-{uuid4().hex[:8]}"
    podman("pod", "create", f"--name={name}", "--network=none")
    yield name
    podman.remove_started()
    podman("pod", "rm", "--force", "--time=0", name)


def container_of(copy: Path, overlay: str, directory: Path) -> Document:
    """rotator's container of an overlay, as kubectl renders it."""
    done = kustomize(kubectl(directory), copy / overlay)
    return rotator_of(pod_of(documents(done.stdout)))


def as_podman(container: Document, settings: Path) -> list[str]:
    """What the manifest asks of the kubelet, asked of podman."""
    security = container["securityContext"]
    sources = {
        "/etc/rotator": settings,
        "/run/secrets/rotator": settings,
        "/run/rotator": settings.parent / "locks",
    }
    sources["/run/rotator"].mkdir(exist_ok=True)
    sources["/run/rotator"].chmod(0o777)  # as an emptyDir
    settings.chmod(0o755)
    mounts = [
        (mount["mountPath"], "ro" if mount.get("readOnly") else "rw") for mount in container["volumeMounts"]
    ]
    return [
        *([f"--read-only={security['readOnlyRootFilesystem']}".lower(), "--read-only-tmpfs=false"]),
        *(f"--cap-drop={name}" for name in security["capabilities"]["drop"]),
        *(["--security-opt=no-new-privileges"] if not security["allowPrivilegeEscalation"] else []),
        f"--memory={container['resources']['limits']['memory'].replace('Mi', 'm')}",
        *(f"--volume={sources[path]}:{path}:{mode}" for path, mode in mounts),
    ]


def point_at(settings: Path, base_url: str, policy: str = DAILY, servers: str = "[101]") -> None:
    """Let the shipped configuration speak to a sandbox, and leave the rest of it as it is."""
    shipped = yaml.safe_load((settings / "config.yaml").read_text())
    shipped["api"] |= {"base_url": base_url, "rate_limit": 0}
    shipped["policies"] = yaml.safe_load(policy)
    (name,) = shipped["policies"]
    shipped["servers"] = [{"id": number, "policies": [name]} for number in yaml.safe_load(servers)]
    (settings / "config.yaml").write_text(yaml.safe_dump(shipped))
    (settings / "vps-api-token").chmod(0o444)


def test_the_sidecar_works_beside_its_application(
    podman: Podman, pod: str, copy: Path, tmp_path: Path
) -> None:
    container = container_of(copy, "overlays/sidecar", tmp_path)
    point_at(copy / "settings", "http://127.0.0.1:8765/api/v1", servers="[12345]")
    application = podman.start(f"--pod={pod}", command=("sandbox", "--create-time", "0.2s"))
    until(lambda: "answers at" in application.logs())
    options = [*as_podman(container, copy / "settings"), f"--pod={pod}"]
    sidecar = podman.start(*options, command=tuple(container["args"]))
    until(lambda: sidecar.events("daemon.ready"))
    ready = application.python(ASK.format("127.0.0.1:9187/readyz"))
    assert json.loads(ready.stdout)["ok"] is True
    by_hand = podman.process("exec", sidecar.name, "rotator", "run", "--once", "--json")
    assert json.loads(by_hand.stdout)["rotations"][0]["outcome"] == "rotated"
    assert (sidecar.stop(), application.stop()) == (0, 0)


def test_a_job_rotates_what_is_due_and_its_exit_code_says_how_it_went(
    podman: Podman, stage: Stage, copy: Path, tmp_path: Path
) -> None:
    container = container_of(copy, "overlays/cronjob", tmp_path)
    settings = copy / "settings"
    point_at(settings, stage.base_url)
    options = [*as_podman(container, settings), "--network=host"]
    codes = [podman.once(*options, command=tuple(container["args"])).returncode for _ in "ab"]
    assert (codes, len(names(stage.world, 101))) == ([OK, OK], 1)
    (settings / "vps-api-token").write_text("vps_wrong")
    assert podman.once(*options, command=tuple(container["args"])).returncode == REFUSED
    (settings / "config.yaml").write_text("policies: {}\n")
    assert podman.once(*options, command=tuple(container["args"])).returncode == CONFIG
    assert len(names(stage.world, 101)) == 1


def test_two_jobs_that_overlap_make_one_snapshot(
    podman: Podman, stage: Stage, copy: Path, tmp_path: Path
) -> None:
    container = container_of(copy, "overlays/cronjob", tmp_path)
    point_at(copy / "settings", stage.base_url)
    options = [*as_podman(container, copy / "settings"), "--network=host"]
    stage.world.switches = replace(stage.world.switches, create_time=3.0)
    jobs = [podman.start(*options, command=(*container["args"], "--json")) for _ in "ab"]
    assert {job.wait() for job in jobs} <= {OK, BUSY}
    documents = [json.loads(job.output()) for job in jobs]
    outcomes = sorted(rotation["outcome"] for document in documents for rotation in document["rotations"])
    # The last of these where one container took so long to start that the other had ended by then.
    assert outcomes in (["busy", "rotated"], ["pruned", "rotated"], ["rotated", "unchanged"])
    assert len(names(stage.world, 101)) == 1
    assert [job.name for job in jobs if TOKEN in job.logs()] == []
