"""Debian's root file systems, and the package as it is built in one: made once, kept in the user's cache.

A root is kept under a digest of what went into it, and the package under one of the tree that it was built
from: a change makes a new one, a machine that is fresh makes both.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Release:
    """A release of Debian and its own Python."""

    name: str
    python: str


DEBIAN_12, DEBIAN_13 = Release("bookworm", "3.11"), Release("trixie", "3.13")

SYSTEM = ("systemd", "systemd-sysv", "dbus", "procps", "python3", "ca-certificates", "cron", "libnss-systemd")
BUILDING = ("debhelper", "make", "python3-venv")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rotator-tests"

FORGET = "rm -rf /var/lib/apt/lists/* /var/cache/apt/*"
"""What apt knows of the mirror: much, and nothing that a test wants."""

SHARED_MEMORY, ENOUGH = Path("/dev/shm"), 2 * 1024**3

NSPAWN = (
    "systemd-nspawn",
    "--quiet",
    "--register=no",
    "--keep-unit",
    "--private-network",
    "--resolv-conf=off",
    "--timezone=off",
)
"""A container that stands alone: no network but its own loopback, unknown to this machine's systemd."""


def system_root(release: Release, into: Path) -> None:
    """Unpack a Debian that has booted never, with nothing in it that only building needs."""
    _unpack(_kept(f"{_root_name(release)}-system.tar", partial(_make_system_root, release)), into)


def package(release: Release) -> Path:
    """The .deb of this tree as `make deb` builds it in the release's own root."""
    digest = _digest([release.name, *_sources()])
    return _kept(f"{digest}/rotator.deb", partial(_build_package, release))


def _root_name(release: Release) -> str:
    return _digest([release.name, *SYSTEM, *BUILDING])


def _make_system_root(release: Release, tar: Path) -> None:
    with TemporaryDirectory(dir=tar.parent) as scratch:
        root = Path(scratch)
        _unpack(_building_root(release), root)
        # debootstrap marks all packages as wanted: what only building wanted has to be told apart.
        mark = f"apt-mark auto '*'; apt-mark manual apt {' '.join(SYSTEM)}"
        _inside(root, f"{mark}; apt-get purge --yes --auto-remove {' '.join(BUILDING)}; {FORGET}")
        _pack(root, tar)


def _building_root(release: Release) -> Path:
    return _kept(f"{_root_name(release)}-building.tar", partial(_bootstrap, release))


def _bootstrap(release: Release, tar: Path) -> None:
    with TemporaryDirectory(dir=tar.parent) as scratch:
        include = ",".join((*SYSTEM, *BUILDING))
        _do(["debootstrap", "--variant=minbase", f"--include={include}", release.name, scratch, _mirror()])
        _inside(Path(scratch), FORGET)
        _pack(Path(scratch), tar)


def _build_package(release: Release, deb: Path) -> None:
    with in_memory() as scratch:
        root, wheels = scratch / "root", scratch / "wheels"
        _unpack(_building_root(release), root)
        _download(release, wheels)
        for name in _tracked():
            (root / "src" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / "src" / name, follow_symlinks=False)
        bind = f"--bind-ro={wheels}:/wheels"
        _inside(root, "cd /src && PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels make deb", bind)
        (built,) = (root / "src" / "dist").glob("*.deb")
        shutil.move(built, deb)


def _download(release: Release, wheels: Path) -> None:
    """The pinned libraries for the release's Python, by this machine's pip, which knows where they are."""
    pins = [part for name in ("notify", "build") for part in ("-r", str(ROOT / f"requirements/{name}.txt"))]
    only = ["--no-deps", "--only-binary=:all:", "--python-version", release.python, "--require-hashes"]
    _do([sys.executable, "-m", "pip", "download", "--quiet", *only, *pins, "--dest", str(wheels)])


def _sources() -> list[str]:
    """What the package is made of: all that git knows or would take up, but for the tests."""
    names = [name for name in _tracked() if not name.startswith(("tests/", "campaigns/", "bench/", ".ci/"))]
    return [text for name in names for text in (name, _content(ROOT / name))]


def _tracked() -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return sorted(name for name in listed.split("\0") if name and os.path.lexists(ROOT / name))


def _content(path: Path) -> str:
    return str(path.readlink()) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest()


def _mirror() -> str:
    """Where this machine gets its Debian from."""
    fields = ["--format", "$(SITE)", "Created-By: Packages", "Origin: Debian", "Label: Debian"]
    told = subprocess.run(["apt-get", "indextargets", *fields], check=True, capture_output=True, text=True)
    return told.stdout.splitlines()[0]


@contextmanager
def in_memory() -> Iterator[Path]:
    """A scratch directory for a whole root: ten thousand files are quick there, and on many disks are not."""
    roomy = SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > ENOUGH
    with TemporaryDirectory(prefix="rotator-root-", dir=SHARED_MEMORY if roomy else None) as scratch:
        yield Path(scratch)


# --- how things are kept --------------------------------------------------------------------------


def _kept(name: str, make: Callable[[Path], None]) -> Path:
    """The file of that name in the cache; made, and put there whole, if it is missing."""
    path = CACHE / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent, prefix="making-") as scratch:
            made = Path(scratch, path.name)
            make(made)
            made.rename(path)
    return path


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _pack(root: Path, tar: Path) -> None:
    _do(["tar", "--create", "--numeric-owner", "--xattrs", f"--file={tar}", f"--directory={root}", "."])


def _unpack(tar: Path, into: Path) -> None:
    into.mkdir(exist_ok=True)
    _do(["tar", "--extract", "--numeric-owner", "--xattrs", f"--file={tar}", f"--directory={into}"])
    into.chmod(0o755)  # it was packed with the mode of a private scratch directory


def _inside(root: Path, script: str, *options: str) -> None:
    """Run a script in a root that is not booted."""
    _do([*NSPAWN, "-D", str(root), *options, "--pipe", "sh", "-ec", script])


def _do(command: list[str]) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
