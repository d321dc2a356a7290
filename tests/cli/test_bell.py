"""Pings and messages of real processes, at a real receiver on the loopback interface."""

from __future__ import annotations

import json

import pytest

from rotator.sandbox import TOKEN, Fault
from tests.cli.conftest import SERVERS, WAIT, Stage
from tests.cli.receiver import Receiver


def configure(stage: Stage, receiver: Receiver, *, on: str = "[failure, recovery]") -> None:
    """Both policies ping, and messages go to the receiver."""
    here = stage.directory
    (here / "ping").write_text(f"http://127.0.0.1:{receiver.port}/ping/s3cret-uuid\n")
    (here / "urls").write_text(f"# mine\n\njson://127.0.0.1:{receiver.port}/notify/s3cret-path\n")
    policies = f"""\
defaults: {{{WAIT}}}
policies:
  nightly: {{schedule: "0 3 * * *", keep: {{last: 3}}, ping_url_file: ping}}
  off: {{schedule: "0 4 * * *", keep: {{last: 1}}, enabled: false}}
notify: {{urls_file: urls, on: {on}}}
"""
    stage.config(servers=SERVERS, policies=policies)


def pings(receiver: Receiver) -> list[str]:
    return [path.removeprefix("/ping/s3cret-uuid") for _, path, _ in receiver.heard if "/ping/" in path]


def messages(receiver: Receiver) -> list[str]:
    return [json.loads(body)["message"] for _, path, body in receiver.heard if "/notify/" in path]


def test_a_rotation_pings_its_start_and_its_success_and_sends_no_message(
    stage: Stage, receiver: Receiver
) -> None:
    configure(stage, receiver)
    assert stage.rotator("run", "--once", "--server", "101").code == 0
    assert pings(receiver) == ["/start", ""]
    assert messages(receiver) == []


def test_failures_of_a_run_are_pinged_each_and_told_in_one_message(stage: Stage, receiver: Receiver) -> None:
    configure(stage, receiver)
    stage.world.faults.add(Fault(method="POST", status=403, times=None, body={"detail": TOKEN}))
    ran = stage.rotator("run", "--once")
    assert ran.code == 1
    assert sorted(pings(receiver)) == ["/fail", "/fail", "/start", "/start"]
    [message] = messages(receiver)
    assert "nightly on web-01 fails: forbidden" in message
    assert "nightly on db-01 fails: forbidden" in message
    assert TOKEN not in message
    assert "s3cret" not in ran.out + ran.err


def test_what_nobody_wants_to_hear_is_not_told(stage: Stage, receiver: Receiver) -> None:
    configure(stage, receiver, on="[recovery]")
    stage.world.faults.add(Fault(method="POST", status=403, times=None))
    assert stage.rotator("run", "--once").code == 1
    assert messages(receiver) == []


def test_a_receiver_that_refuses_fails_no_rotation_and_no_address_is_shown(
    stage: Stage, receiver: Receiver
) -> None:
    configure(stage, receiver)
    receiver.status = 500
    stage.world.faults.add(Fault(method="POST", server_id=102, status=403, times=None))
    ran = stage.rotator("--log-level", "debug", "run", "--once", "--json")
    assert [r["outcome"] for r in ran.document["rotations"]] == ["rotated", "failed"]
    assert "notify.failed" in ran.err
    assert "not delivered: line 3 of " in ran.err
    lost = [json.loads(line)["ping"] for line in ran.err.splitlines() if '"ping.failed"' in line]
    assert sorted(lost) == ["/", "/fail", "/start", "/start"]
    assert "s3cret" not in ran.out + ran.err


@pytest.mark.parametrize("command", [("run",), ("run", "--once"), ("check", "--online")], ids=" ".join)
@pytest.mark.parametrize(("file", "key"), [("urls", "notify.urls_file"), ("ping", "ping_url_file")])
def test_a_file_of_addresses_that_is_not_there_stops_the_start(
    stage: Stage, receiver: Receiver, file: str, key: str, command: tuple[str, ...]
) -> None:
    configure(stage, receiver)
    (stage.directory / file).unlink()
    ran = stage.rotator(*command)
    assert ran.code == 78
    assert f"{file}: {key}: cannot be read: No such file or directory" in ran.err


@pytest.mark.parametrize("url", ["http://example.org/x", "hc-ping.com/x", "two words"])
def test_a_ping_address_that_must_not_be_used_is_refused_and_not_repeated(
    stage: Stage, receiver: Receiver, url: str
) -> None:
    configure(stage, receiver)
    (stage.directory / "ping").write_text(url)
    ran = stage.rotator("run", "--once")
    assert ran.code == 78
    assert "should hold one address and nothing else" in ran.err
    assert url not in ran.err
    assert receiver.heard == []


def test_messages_without_the_extra_are_a_fault_of_the_configuration(
    stage: Stage, receiver: Receiver
) -> None:
    configure(stage, receiver)
    (stage.directory / "sitecustomize.py").write_text(
        "import importlib.util as u\nf = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'apprise' else f(name, *a)\n"
    )
    path = f"{stage.directory}:{stage.environ['PYTHONPATH']}"
    ran = stage.rotator("check", PYTHONPATH=path)
    assert ran.code == 78
    assert "notify: messages need the extra notify, which is not installed" in ran.err


def test_check_online_knows_that_no_service_has_such_an_address(stage: Stage, receiver: Receiver) -> None:
    configure(stage, receiver)
    (stage.directory / "urls").write_text("# mine\njsn://127.0.0.1/s3cret-path\n")
    ran = stage.rotator("check", "--online")
    assert ran.code == 78
    assert "urls:2:1: notify.urls_file: Apprise knows no service for this address" in ran.err
    assert "s3cret" not in ran.out + ran.err
    assert stage.rotator("run", "--once").code == 0
