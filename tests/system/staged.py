"""The stage of the systemd tests: a booted machine, the package in it, and the sandbox as a second unit.

Each test has a server of the sandbox and an instance of rotator@.service for itself: none waits for another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.system.machine import Machine, booted

PROGRAMS = ("systemd-nspawn", "debootstrap", "nsenter", "git", "tar", "apt-get")

SERVERS, FIRST_SERVER = 200, 12345
CREATE_TIME = 4

SANDBOX = f"""
[Service]
ExecStart=/usr/bin/rotator sandbox --servers {SERVERS} --create-time {CREATE_TIME}s
"""

SENDMAIL = """#!/bin/sh
# What cron has to say, one file a mail.
cat >"$(mktemp /srv/mail/XXXXXX)"
"""


@dataclass
class Stage:
    """The machine, and servers that nobody has used yet."""

    machine: Machine
    _free: Iterator[int] = field(default_factory=lambda: count(FIRST_SERVER, 4))

    def server(self) -> int:
        """The id of a server that has no snapshot and belongs to nobody."""
        return next(self._free)

    def config(self, server: int, policy: str = "nightly", **rules: Any) -> str:
        """A configuration, for the sandbox, of one policy on one server. JSON is YAML too."""
        wait = {"first": "0.5s", "interval": "0.5s", "timeout": "10m"}
        rules = {"schedule": "@hourly", "keep": {"last": 2}, "wait": wait, **rules}
        return json.dumps(
            {
                "api": {"base_url": "http://127.0.0.1:8765/api/v1", "rate_limit": 0},
                "policies": {policy: rules},
                "servers": [{"id": server, "policies": [policy]}],
            }
        )

    def instance(self, name: str, server: int, token: str = "vps_sandbox", **rules: Any) -> str:
        """Furnish rotator@NAME.service with a configuration and a token, and return the unit's name."""
        self.machine.write(f"/etc/rotator/{name}.yaml", self.config(server, **rules))
        self.machine.write(f"/etc/rotator/{name}.token", token, 0o600)
        return f"rotator@{name}.service"

    def drop_in(self, unit: str, text: str) -> None:
        """Change a unit as its administrator would."""
        self.machine.write(f"/etc/systemd/system/{unit}.d/test.conf", f"[Service]\n{text}\n")
        self.machine.run("systemctl daemon-reload")

    def plant(self, server: int, policy: str = "nightly") -> None:
        """A snapshot of long ago: the daemon makes up for a missed slot only where the policy has one."""
        body = {"server_id": server, "name": f"{policy}-20200101T000000Z"}
        self.machine.ask("/sandbox/snapshots/", body, "POST")

    def fault(self, **what: Any) -> None:
        """Let something go wrong in the sandbox."""
        self.machine.ask("/sandbox/faults/", what, "POST")

    def create_time(self, seconds: float) -> None:
        """How long the snapshots that are asked for from now on take."""
        self.machine.ask("/sandbox/switches/", {"create_time": seconds}, "PUT")

    def snapshots(self, server: int) -> list[tuple[str, str]]:
        """Name and status of a server's snapshots, as the API lists them."""
        rows = self.machine.ask(f"/api/v1/snapshots/?server_id={server}")["results"]
        return sorted((row["name"], row["status"]) for row in rows)


@contextmanager
def furnished() -> Iterator[Stage]:
    """A stage for the length of the block."""
    with booted() as machine:
        machine.run("DEBIAN_FRONTEND=noninteractive apt-get install --yes ./rotator.deb")
        machine.write("/etc/systemd/system/sandbox.service", SANDBOX)
        machine.write("/usr/sbin/sendmail", SENDMAIL, 0o755)
        machine.run("mkdir /srv/mail; systemctl daemon-reload; systemctl start sandbox")
        machine.run("until journalctl -q -u sandbox | grep -q answers; do sleep 0.2; done")
        yield Stage(machine)
