"""Real containers of the real image: podman with a storage of its own, nothing of the user's is touched.

No image registry is asked: what stands for python:3.13-slim is Debian 13 with its own Python 3.13, made once
by debootstrap and kept in the user's cache; rotator's packages come from a directory that pip fills from the
pins.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from rotator import __version__

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0

BASE = "python:3.13-slim"
PACKAGES = "python3,python3-venv,ca-certificates"
PROGRAMS = ("podman", "runc", "debootstrap", "tar")

EPOCH = "1700000000"
"""What the image's files and the image itself are dated."""

CONFIGURATION = """\
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
"""

PIP = """\
[global]
no-index = true
find-links = /wheels
disable-pip-version-check = true
root-user-action = ignore
"""

HARDENED = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--tmpfs=/run/rotator",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--memory=128m",
    *("--volume=/dev/null:/usr/bin/dash:ro", "--volume=/dev/null:/usr/bin/bash:ro"),
)
"""How the daemon is meant to be run; no shell is there either."""


ENGINE_FAILED = 125
"""podman-run(1): the error is with podman itself."""


def cache() -> Path:
    """Where what takes long to make is kept from one run to the next."""
    path = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rotator-tests"
    path.mkdir(parents=True, exist_ok=True)
    return path


@dataclass
class Container:
    """A container that was started."""

    podman: Podman
    name: str

    def inspect(self) -> dict[str, Any]:
        """All that podman knows of it."""
        found = json.loads(self.podman("container", "inspect", self.name))
        assert isinstance(found[0], dict)
        return found[0]

    def state(self, key: str) -> Any:
        """One value of its state: Running, ExitCode, Pid."""
        return self.inspect()["State"][key]

    def logs(self) -> str:
        """What it wrote, to both streams."""
        done = self.podman.process("logs", self.name)
        return done.stdout + done.stderr

    def output(self) -> str:
        """What it wrote to its standard output."""
        return self.podman("logs", self.name)

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log lines of that event so far."""
        lines = (line for line in self.logs().splitlines() if line.startswith("{"))
        return [event for event in map(json.loads, lines) if event["event"] == name]

    def python(self, source: str) -> subprocess.CompletedProcess[str]:
        """Run some Python inside, beside process 1."""
        return self.podman.process("exec", self.name, "python", "-c", source)

    def kill(self, signal: str) -> None:
        """Send a signal to process 1."""
        self.podman("kill", f"--signal={signal}", self.name)

    def is_well(self) -> bool:
        """Run the image's own health check now: podman's timer for it needs systemd."""
        return self.podman.process("healthcheck", "run", self.name).returncode == 0

    def health(self) -> Any:
        """What podman makes of the checks so far."""
        return self.state("Health")["Status"]

    def stop(self) -> int:
        """SIGTERM, and SIGKILL after ten seconds; the exit code."""
        self.podman("stop", "--time=10", self.name)
        return int(self.state("ExitCode"))

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        until(lambda: not self.state("Running"))
        return int(self.state("ExitCode"))


@dataclass
class Podman:
    """podman with a storage and a configuration of its own."""

    directory: Path
    image: str = ""
    started: list[str] = field(default_factory=list)

    def process(self, *arguments: str, stdin: Any = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
        """Run one podman command to its end, however it ends."""
        return subprocess.run(
            [*self.command(), *arguments],
            stdin=stdin,
            capture_output=True,
            text=True,
            check=False,
            env=self.environ(),
        )

    def command(self) -> list[str]:
        """How it is called; the second directory has to be one that a boot empties."""
        return ["podman", f"--root={self.directory}/storage", "--runroot=/run/rotator-tests"]

    def environ(self) -> dict[str, str]:
        """The environment of podman and of what calls it."""
        configuration = self.directory / "containers.conf"
        if not configuration.exists() or configuration.read_text() != CONFIGURATION:
            configuration.write_text(CONFIGURATION)  # never while another podman may be reading it
        return {**os.environ, "CONTAINERS_CONF": str(configuration)}

    def __call__(self, *arguments: str, stdin: Any = subprocess.DEVNULL) -> str:
        done = self.process(*arguments, stdin=stdin)
        assert done.returncode == 0, f"podman {' '.join(arguments)}: {done.stderr}"
        return done.stdout.strip()

    def start(self, *options: str, command: tuple[str, ...] = (), image: str | None = None) -> Container:
        """Start a container of the image under test."""
        name = f"rotator-test-{uuid4().hex[:8]}"
        self.started.append(name)
        self("run", "--detach", f"--name={name}", *options, image or self.image, *command)
        return Container(self, name)

    def once(self, *options: str, command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        """Run a container of the image under test to its end.

        Where the engine itself failed, nothing of the image was run: that is tried once more.
        """
        run = ("run", "--rm", *options, self.image, *command)
        done = self.process(*run)
        return self.process(*run) if done.returncode == ENGINE_FAILED else done

    def remove_started(self) -> None:
        """What the test started."""
        while self.started:
            self.process("rm", "--force", "--time=0", self.started.pop())


def until(condition: Callable[[], object]) -> None:
    """Return once the condition holds; fail if it never does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.1)


@contextmanager
def built() -> Iterator[Podman]:
    """A podman that has the image of this very tree, for the length of the block."""
    podman = Podman(cache() / "containers")
    podman.directory.mkdir(exist_ok=True)
    with _alone(podman.directory):
        _have_base(podman)
        _have_wheels(podman.directory / "wheels")
    podman.image = f"rotator-test:{uuid4().hex[:8]}"
    build(podman, podman.image)
    try:
        yield podman
    finally:
        podman.process("rmi", "--force", podman.image)


def build(podman: Podman, tag: str, *more: str) -> None:
    """Build the Dockerfile as it is, without a network: the packages lie in a directory. `more`: options."""
    podman(
        *("build", "--quiet", "--format=docker", "--pull=never", "--network=none", "--layers=false"),
        f"--tag={tag}",
        f"--volume={podman.directory}/wheels:/wheels:ro",
        f"--volume={_pip(podman.directory)}:/etc/pip.conf:ro",
        f"--timestamp={EPOCH}",
        f"--build-arg=SOURCE_DATE_EPOCH={EPOCH}",
        f"--build-arg=VERSION={__version__}",
        f"--build-arg=REVISION={tag}",  # an image of its own: whoever removes another one leaves it alone
        *more,
        str(ROOT),
    )


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """One run at a time makes what is kept for all."""
    with (directory / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _pip(directory: Path) -> Path:
    path = directory / "pip.conf"
    path.write_text(PIP)
    return path


def _have_base(podman: Podman) -> None:
    if podman.process("image", "exists", BASE).returncode == 0:
        return
    root = podman.directory / "root"
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "trixie", str(root), mirror()],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    archive = [
        "tar",
        "-C",
        str(root),
        "--exclude=./var/cache/apt",
        "--exclude=./var/lib/apt/lists",
        "-c",
        ".",
    ]
    with subprocess.Popen(archive, stdout=subprocess.PIPE) as tar:
        podman("import", "-", BASE, stdin=tar.stdout)
    shutil.rmtree(root)


def mirror() -> str:
    """The archive that this machine gets its own packages from."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(SUITE)", "Created-By: Packages"]
    listed = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.splitlines()
    return next(line.split()[0] for line in listed if line.split()[1].isalpha())


def _have_wheels(directory: Path) -> None:
    """Fill the directory from the pins, for the image's Python and not for this one."""
    platforms = [
        f"--platform=manylinux{suffix}_{platform.machine()}" for suffix in ("2014", "_2_17", "_2_28")
    ]
    wanted = [f"--requirement={ROOT}/requirements/{name}.txt" for name in ("notify", "build")]
    pins = ("runtime", "notify", "build")  # the second one refers to the first
    contents = "".join((ROOT / f"requirements/{name}.txt").read_text() for name in pins)
    stamp = directory / "stamp"
    if stamp.exists() and stamp.read_text() == contents:
        return
    shutil.rmtree(directory, ignore_errors=True)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"),
            *("--only-binary=:all:", "--python-version=3.13", "--implementation=cp"),
            *("--abi=cp313", "--abi=abi3", "--abi=none", *platforms, f"--dest={directory}", *wanted),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    stamp.write_text(contents)
