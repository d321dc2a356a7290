"""The units and the package as they lie in the repository; tests/system boots a system that has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import rotator

ROOT = Path(__file__).parent.parent
UNITS = ("rotator.service", "rotator@.service", "rotator-once.service")
DAEMONS = UNITS[:2]


def settings(name: str) -> Iterator[tuple[str, str]]:
    """The settings of a unit in their order; a key may stand there twice."""
    for line in (ROOT / "systemd" / name).read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith(("#", "[")):
            yield key, value


def service(name: str) -> dict[str, str]:
    return dict(settings(name))


@pytest.mark.parametrize("name", DAEMONS)
def test_a_daemon_says_when_it_is_ready_and_is_reloaded_with_a_signal(name: str) -> None:
    unit = service(name)
    assert (unit["Type"], unit["ExecStart"]) == ("notify", "/usr/bin/rotator run")
    assert [value for key, value in settings(name) if key == "ExecReload"] == [
        "/usr/bin/rotator --quiet check",
        "/bin/kill -HUP $MAINPID",
    ]


@pytest.mark.parametrize("name", DAEMONS)
def test_a_daemon_is_not_restarted_where_it_would_end_the_same_way(name: str) -> None:
    assert service(name)["Restart"] == "on-failure"
    refused_and_wrong = ["77", "78"]
    assert service(name)["RestartPreventExitStatus"].split() == refused_and_wrong


@pytest.mark.parametrize(("name", "stem"), [*zip(UNITS, ("config", "%i", "config"), strict=True)])
def test_a_unit_has_its_own_configuration_and_token(name: str, stem: str) -> None:
    token = "token" if stem == "config" else "%i.token"
    assert service(name)["Environment"] == f"ROTATOR_CONFIG=/etc/rotator/{stem}.yaml"
    assert service(name)["LoadCredential"] == f"vps-api-token:/etc/rotator/{token}"


@pytest.mark.parametrize("name", UNITS)
def test_all_units_share_the_user_and_the_locks_and_keep_others_out(name: str) -> None:
    unit = service(name)
    assert (unit["DynamicUser"], unit["User"]) == ("yes", "rotator")
    assert (unit["RuntimeDirectory"], unit["RuntimeDirectoryPreserve"]) == ("rotator", "yes")
    assert not int(unit["RuntimeDirectoryMode"], 8) & 0o007


def hardening(name: str) -> str:
    """What stands between the heading of that name and the next section."""
    text = (ROOT / "systemd" / name).read_text().partition("# --- how little it may do")[2]
    return text.partition("[Install]")[0].strip()


def test_all_units_may_do_equally_little() -> None:
    assert hardening(UNITS[0])
    assert {hardening(name) for name in UNITS} == {hardening(UNITS[0])}


def test_the_packages_units_are_those_of_the_repository() -> None:
    links = sorted(path.name for path in (ROOT / "debian").iterdir() if path.is_symlink())
    assert links == [
        "rotator.rotator-once.service",
        "rotator.rotator-once.timer",
        "rotator.service",
        "rotator@.service",
    ]
    assert all((ROOT / "debian" / name).is_file() for name in links)


def test_the_package_has_the_programs_version() -> None:
    first = (ROOT / "debian" / "changelog").read_text().splitlines()[0]
    version = re.search(r"\((.*)\)", first)
    assert version is not None
    assert version.group(1) == rotator.__version__
