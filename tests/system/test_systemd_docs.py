"""docs/install-systemd.md from its first to its last line, as a new user would, in a machine of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.system import staged
from tests.system.debian import DEBIAN_12, DEBIAN_13, Release
from tests.system.machine import Machine, booted
from tests.system.needing import need

pytestmark = pytest.mark.xdist_group("machine")

PAGE = Path(__file__).parents[2] / "docs" / "install-systemd.md"
ELSEWHERE = "# Elsewhere:"
"""How a block begins that is not for the server. The package is built by `make deb` as the first one says."""

POINTED_AT_THE_SANDBOX = "export VPS_API_URL=http://127.0.0.1:8765/api/v1\n"
"""The page speaks of the user's own servers; here they are the sandbox's. The page itself stays as it is."""


def blocks() -> list[str]:
    """The page's commands for the server, block by block."""
    found = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return [block for block in found if not block.startswith(ELSEWHERE)]


@pytest.mark.parametrize("release", [DEBIAN_12, DEBIAN_13], ids=lambda release: release.name)
def test_the_page_works_from_its_first_to_its_last_line(release: Release) -> None:
    need(programs=staged.PROGRAMS, root=True)
    with booted(release) as machine:
        _serve_sandbox(machine, release)
        script = POINTED_AT_THE_SANDBOX + "\n".join(f"echo '== {n}'\n{b}" for n, b in enumerate(blocks(), 1))
        done = machine.run(f"exec 2>&1\n{script}", stdin="vps_sandbox\n")
        said = dict(re.findall(r"^== (\d+)\n(.*?)(?=^== |\Z)", done.stdout, re.DOTALL | re.MULTILINE))
        assert len(said) == len(blocks()) > 10
        assert re.match(r".*rotator, version \d", said["1"], re.DOTALL)
        assert 'Status: "next: 20' in said["4"]
        assert '"event": "daemon.ready"' in said["5"]
        assert "1 rotated." in said["9"]
        assert said[str(len(said))].rstrip().endswith("policies: [nightly]}")
        _is_gone_but_for_its_configuration(machine)


def _serve_sandbox(machine: Machine, release: Release) -> None:
    """The provider: the sandbox, from the package unpacked beside, as the server has no rotator yet."""
    machine.run("dpkg-deb --extract rotator.deb /opt/provider")
    packages = f"/opt/provider/usr/lib/rotator/lib/python{release.python}/site-packages"
    unit = f"[Service]\nEnvironment=PYTHONPATH={packages}\nExecStart=/usr/bin/python3 -m rotator sandbox\n"
    machine.write("/etc/systemd/system/sandbox.service", unit)
    machine.run("systemctl daemon-reload; systemctl start sandbox")
    machine.run("until journalctl -q -u sandbox | grep -q answers; do sleep 0.2; done")
    machine.run("systemctl set-environment VPS_API_URL=http://127.0.0.1:8765/api/v1")


def _is_gone_but_for_its_configuration(machine: Machine) -> None:
    assert machine.run("command -v rotator", check=False).returncode != 0
    assert machine.out("systemctl list-units --no-legend 'rotator*'") == ""
    before = machine.out("ls /etc/rotator")
    assert {"config.yaml", "token", "agency.yaml"} <= set(before.split())
    machine.run("apt-get purge --yes rotator")
    assert machine.out("ls /etc/rotator") == before
