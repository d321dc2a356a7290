"""The one-shot for those who want no daemon: under systemd's timer, and under a plain cron."""

from __future__ import annotations

import json
import re
from email import message_from_bytes
from email.message import Message

import pytest

from tests.system.machine import until
from tests.system.staged import FIRST_SERVER, SERVERS, Stage

pytestmark = pytest.mark.xdist_group("machine")

UNIT = "rotator-once.service"


def configured(debian: Stage, token: str = "vps_sandbox") -> int:
    """The configuration of the one-shot with a server of its own, whose id is returned."""
    server = debian.server()
    debian.machine.write("/etc/rotator/config.yaml", debian.config(server))
    debian.machine.write("/etc/rotator/token", token, 0o600)
    return server


# --- systemd's timer ------------------------------------------------------------------------------


def test_the_timer_catches_up_after_being_off(debian: Stage) -> None:
    machine, server = debian.machine, configured(debian)
    yearly = "[Timer]\nOnCalendar=\nOnCalendar=yearly\nRandomizedDelaySec=0\n"  # nothing else makes it fire
    machine.write("/etc/systemd/system/rotator-once.timer.d/test.conf", yearly)
    stamp = "/var/lib/systemd/timers/stamp-rotator-once.timer"
    machine.run(
        f"mkdir -p {stamp.rpartition('/')[0]}; touch -d '2 years ago' {stamp}; systemctl daemon-reload"
    )
    machine.run("systemctl start rotator-once.timer")
    done = until(lambda: machine.events(UNIT, "rotation.finished", server_id=server))[0]
    until(lambda: machine.show(UNIT, "ActiveState") == "inactive")
    machine.run("systemctl stop rotator-once.timer")
    assert done["outcome"] == "rotated"
    assert machine.show(UNIT, "Result") == "success"
    assert debian.snapshots(server) == [(done["created"], "completed")]


def test_the_next_pass_finds_nothing_due_and_says_only_that(debian: Stage) -> None:
    machine, server = debian.machine, configured(debian)
    machine.run(f"systemctl start {UNIT}; systemctl start {UNIT}")
    done = [line["outcome"] for line in machine.events(UNIT, "rotation.finished", server_id=server)]
    assert [outcome for outcome in done if outcome != "unchanged"] == ["rotated"]
    assert [state for _, state in debian.snapshots(server)] == ["completed"]
    texts = [entry["MESSAGE"] for entry in machine.journal(UNIT) if entry.get("_COMM") == "rotator"]
    assert [text for text in texts if not text.startswith('{"timestamp"')] == []


def test_a_pass_ends_as_the_command_does(debian: Stage) -> None:
    machine = debian.machine
    configured(debian, token="vps_another")
    assert machine.run(f"systemctl start {UNIT}", check=False).returncode != 0
    assert machine.show(UNIT, "ExecMainStatus") == "77"
    machine.write("/etc/rotator/config.yaml", "servers: []\n")
    assert machine.run(f"systemctl start {UNIT}", check=False).returncode != 0
    assert machine.show(UNIT, "ExecMainStatus") == "78"
    machine.run(f"systemctl reset-failed {UNIT}")


def test_a_pass_beside_one_of_roots_shell_makes_one_snapshot(debian: Stage) -> None:
    machine, server = debian.machine, configured(debian)
    pass_by_hand = "VPS_API_TOKEN=vps_sandbox rotator --quiet run --once --due --json"
    done = machine.run(f"systemctl start --no-block {UNIT}\n{pass_by_hand}", check=False)
    until(lambda: machine.show(UNIT, "ActiveState") == "inactive")
    by_hand = json.loads(done.stdout)["rotations"][0]["outcome"]
    (by_unit,) = [line["outcome"] for line in machine.events(UNIT, "rotation.finished", server_id=server)]
    assert {by_hand, by_unit} in ({"rotated", "pruned"}, {"rotated", "busy"})
    assert done.returncode in (0, 75)
    assert [state for _, state in debian.snapshots(server)] == ["completed"]


# --- a plain cron ---------------------------------------------------------------------------------


def test_under_cron_two_passes_make_one_snapshot_and_only_what_is_wrong_is_mailed(debian: Stage) -> None:
    machine, server = debian.machine, debian.server()
    for name, config, token in (
        ("well", debian.config(server), "vps_sandbox"),
        ("refused", debian.config(debian.server()), "vps_another"),
        ("wrong", "servers: []\n", "vps_sandbox"),
    ):
        machine.write(f"/srv/cron/{name}.yaml", config)
        machine.write(f"/srv/cron/{name}.token", token, 0o600)
    lines = ["MAILTO=root", *(line(name) for name in ("well", "well", "refused", "wrong"))]
    machine.write("/etc/cron.d/rotator-test", "\n".join(lines) + "\n")
    until(lambda: len(endings(debian)) >= 4, "cron's four passes")
    machine.run("rm /etc/cron.d/rotator-test")
    mails = [message_from_bytes(file.read_bytes()) for file in (machine.root / "srv/mail").iterdir()]
    codes = sorted(endings(debian)[:4])
    assert codes in (
        ["refused 77", "well 0", "well 0", "wrong 78"],
        ["refused 77", "well 0", "well 75", "wrong 78"],
    )
    assert [state for _, state in debian.snapshots(server)] == ["completed"]
    said = {re.findall(r"cron/(\w+)\.yaml", str(mail["Subject"]))[0]: body(mail) for mail in mails}
    assert said.keys() == {"refused", "wrong"}
    assert "401 Unauthorized" in said["refused"]
    assert "cron/wrong.yaml:1:" in said["wrong"]


def body(mail: Message) -> str:
    """A mail's text, whatever it is wrapped in."""
    content = mail.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


def line(name: str) -> str:
    """A line of a crontab, with the command as the documentation has it, and its exit code noted."""
    token = f"VPS_API_TOKEN=$(cat cron/{name}.token)"
    command = f"rotator --quiet --config cron/{name}.yaml run --once --due"
    return f"* * * * * root cd /srv; {token} {command}; echo {name} $? >>/srv/cron/ended"


def endings(debian: Stage) -> list[str]:
    """Which of cron's passes have ended, and how."""
    return debian.machine.run("cat /srv/cron/ended", check=False).stdout.splitlines()


def test_there_are_enough_servers_for_all_tests(debian: Stage) -> None:
    assert debian.server() < FIRST_SERVER + SERVERS
