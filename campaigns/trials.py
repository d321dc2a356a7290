"""One trial of the search for the token: a directory, a token in one of its three places, real processes.

Whatever a process writes is searched as it ends: stdout, stderr, its place among the processes, and every
file below its directory and where the locks lie.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

from campaigns.secrecy import found_in, found_in_process, found_under, make_token
from rotator.lock import lock_directory

ROOT = Path(__file__).parents[1]
PATIENCE = 120.0  # seconds after which a process counts as hung

Way = Literal["file", "environment", "credential"]
WAYS: tuple[Way, ...] = ("file", "environment", "credential")
"""The places from which rotator reads its token."""

CONFIG = """\
api:
  base_url: {base_url}
  rate_limit: 0
  concurrency: 1
  timeout: 5s
{api}\
defaults: {{wait: {{first: 0.1s, interval: 0.1s, timeout: 5s}}}}
policies:
  nightly: {{schedule: "0 3 * * *", keep: {{last: 3}}}}
servers:
  - {{id: 101, name: web-01, policies: [nightly], protect: ["golden*"]}}
{more}"""


@dataclass(frozen=True)
class Ran:
    """A process that ended; `code` is negative for a signal."""

    code: int
    out: bytes
    err: bytes

    @property
    def both(self) -> str:
        """What it said, on either stream."""
        return (self.out + self.err).decode(errors="replace")


@dataclass
class Trial:
    """A scenario's stage. `findings` are the places where the token was found, `runs` the processes."""

    directory: Path
    random: Random
    way: Way
    token: str = ""
    findings: list[str] = field(default_factory=list)
    runs: int = 0
    searched: int = 0

    def __post_init__(self) -> None:
        self.token = self.token or make_token(self.random)
        self.work = self.directory / "work"
        self.work.mkdir(parents=True)
        self.token_file = self.directory / "credentials" / "vps-api-token"
        self.token_file.parent.mkdir(mode=0o700)
        self.keep_token(self.token.encode() + b"\n")
        self.before = frozenset(self._places())  # an earlier run of this very trial may have left something

    def keep_token(self, content: bytes) -> None:
        """Put something else into the token's file."""
        self.token_file.write_bytes(content)
        self.token_file.chmod(0o600)

    @property
    def environ(self) -> dict[str, str]:
        """What the processes are given, and nothing of whoever started the campaign."""
        given: Mapping[Way, dict[str, str]] = {
            "file": {},
            "environment": {"VPS_API_TOKEN": self.token},
            "credential": {"CREDENTIALS_DIRECTORY": str(self.token_file.parent)},
        }
        return {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(ROOT),
            "RUNTIME_DIRECTORY": str(self.work),
            "TMPDIR": str(self.work),
            **given[self.way],
        }

    def config(self, base_url: str, *, api: str = "", more: str = "") -> Path:
        """Write the configuration; `api` and `more` are further lines of its section and of its end."""
        if self.way == "file":
            api += f"  token_file: {self.token_file}\n"
        path = self.work / "config.yaml"
        path.write_text(CONFIG.format(base_url=base_url, api=api, more=more))
        return path

    def run(self, *arguments: str, shell: str = "", **environ: str) -> Ran:
        """Run rotator to its end and search all that it left; see `start` for `shell`."""
        with self.started(*arguments, shell=shell, **environ) as process:
            out, err = process.communicate(timeout=PATIENCE)
        return self.ended(process, out, err, arguments)

    @contextmanager
    def started(self, *arguments: str, shell: str = "", **environ: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process of rotator, killed at the end of the block. `shell` is what a shell does before it."""
        command = [sys.executable, "-m", "rotator", *arguments]
        if shell:
            command = ["/bin/sh", "-c", f'{shell}; exec "$@"', "sh", *command]
        self.runs += 1
        with subprocess.Popen(
            command,
            cwd=self.work,
            env=self.environ | environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                by_environment = self.way == "environment" or self.token in "".join(environ.values())
                found = found_in_process(self.token, process.pid, given_by_environment=by_environment)
                self.findings += [f"{arguments}: {place}" for place in found]
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def ended(
        self, process: subprocess.Popen[bytes], out: bytes, err: bytes, arguments: tuple[str, ...]
    ) -> Ran:
        """What came of a process, searched."""
        ran = Ran(process.returncode, out, err)
        self.look("stdout of", " ".join(arguments), out)
        self.look("stderr of", " ".join(arguments), err)
        self.look_around(" ".join(arguments))
        return ran

    def look(self, what: str, whose: str, data: bytes) -> None:
        """Search some bytes."""
        self.searched += len(data)
        trace = found_in(self.token, data)
        if trace is not None:
            self.findings.append(f"{what} {whose}: {trace}")

    def look_around(self, whose: str) -> None:
        """Search every file that rotator could have written."""
        self.findings += [f"{whose}: {place}" for place in self._places() if place not in self.before]

    def _places(self) -> list[str]:
        directories = {self.work, lock_directory(self.environ)}
        return [found for directory in directories for found in found_under(self.token, directory)]

    def expect(self, holds: object, what: str) -> None:
        """A scenario that did not come to pass shows nothing: that is a finding too."""
        if not holds:
            self.findings.append(f"not as it should be: {what}")

    def interrupt(
        self, number: signal.Signals, *arguments: str, when: str, shell: str = "", **environ: str
    ) -> Ran:
        """Start rotator, send the signal once `when` stands on stderr, and search what is left."""
        with self.started(*arguments, shell=shell, **environ) as process:
            assert process.stderr is not None
            err = b""
            while when.encode() not in err:
                line = process.stderr.readline()
                if not line:
                    break
                err += line
            process.send_signal(number)
            out, rest = process.communicate(timeout=PATIENCE)
        return self.ended(process, out, err + rest, arguments)
