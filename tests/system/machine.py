"""A booted Debian: systemd as process 1 in a container of its own, and commands that are run in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.system.debian import DEBIAN_13, NSPAWN, Release, in_memory, package, system_root

T = TypeVar("T")

PATIENCE = 90.0
"""Seconds to wait for what has to come: more than the minute after which cron looks again."""

ENVIRONMENT = ("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "TERM=dumb")


@dataclass(frozen=True)
class Machine:
    """A booted system; `leader` is its process 1 as this machine sees it, `root` its file system."""

    root: Path
    leader: int

    def run(self, script: str, *, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a shell script as root; its failure is an AssertionError unless `check` is off."""
        enter = ["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-C", "--"]
        command = [*enter, *ENVIRONMENT, "sh", "-ec", f"cd /srv\n{script}"]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{script}\n{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def out(self, script: str) -> str:
        """What a script says."""
        return self.run(script).stdout.strip()

    def show(self, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.out(f"systemctl show --value --property={name} '{unit}'")

    def journal(self, unit: str) -> list[Mapping[str, Any]]:
        """The entries of a unit, oldest first, as the journal holds them."""
        return [json.loads(line) for line in self.out(f"journalctl -q -o json -u '{unit}'").splitlines()]

    def events(self, unit: str, name: str = "", **fields: object) -> list[dict[str, Any]]:
        """The log lines that a unit wrote as JSON, all or those of one event with these fields."""
        texts = [entry["MESSAGE"] for entry in self.journal(unit) if isinstance(entry["MESSAGE"], str)]
        lines = [json.loads(text) for text in texts if text.startswith('{"timestamp"')]
        wanted = {"event": name, **fields} if name else fields
        return [line for line in lines if wanted.items() <= line.items()]

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file below the root; its directory is made."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def ask(self, path: str, body: object = None, method: str = "GET") -> Any:
        """Ask the sandbox in the machine, at its control or at the API."""
        data = "None" if body is None else f"{json.dumps(body)!r}.encode()"
        script = (
            "import urllib.request as u; r = u.Request("
            f"'http://127.0.0.1:8765{path}', data={data}, method={method!r},"
            " headers={'Authorization': 'Bearer vps_sandbox', 'Content-Type': 'application/json'});"
            "print(u.urlopen(r).read().decode())"
        )
        text = self.run("python3 -", stdin=script).stdout
        return json.loads(text) if text.strip() else None


def until(look: Callable[[], T], what: str = "what was waited for") -> T:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + PATIENCE
    while not (seen := look()):
        assert time.monotonic() < deadline, f"{what} did not come within {PATIENCE:g} s"
        time.sleep(0.2)
    return seen


@contextmanager
def booted(release: Release = DEBIAN_13) -> Iterator[Machine]:
    """A Debian that runs for the length of the block, with the package lying in /srv/rotator.deb."""
    with in_memory() as scratch:
        root, console = scratch / "root", scratch / "console"
        system_root(release, root)
        (root / "srv/rotator.deb").write_bytes(package(release).read_bytes())
        command = [*NSPAWN, "-D", str(root), "-M", f"rotator-{os.getpid()}", "--boot", "--console=pipe"]
        with console.open("wb") as output:
            nspawn = subprocess.Popen(
                [*command, "--link-journal=no"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            )
        try:
            leader = until(lambda: _leader(nspawn), f"process 1 of the machine ({console.read_text()})")
            machine = Machine(root, leader)
            until(lambda: _is_up(machine), "the end of the machine's start")
            yield machine
        finally:
            _power_off(nspawn)


def _leader(nspawn: subprocess.Popen[bytes]) -> int:
    """The child that is systemd itself, 0 while there is none yet."""
    assert nspawn.poll() is None, "systemd-nspawn ended"
    for children in Path(f"/proc/{nspawn.pid}/task").glob("*/children"):
        for child in children.read_text().split():
            if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                return int(child)
    return 0


def _power_off(nspawn: subprocess.Popen[bytes]) -> None:
    """Without a farewell: what is in it is thrown away."""
    with suppress(AssertionError):
        os.kill(_leader(nspawn) or nspawn.pid, signal.SIGKILL)
    nspawn.wait(30)


def _is_up(machine: Machine) -> bool:
    state = machine.run("systemctl is-system-running", check=False).stdout.strip()
    return state in ("running", "degraded")
