"""rotator.service and rotator@.service in a booted system, with the sandbox as a second unit."""

from __future__ import annotations

import json

import pytest

from tests.system.machine import until
from tests.system.staged import Stage

pytestmark = pytest.mark.xdist_group("machine")

UNITS = ("rotator.service", "rotator@any.service", "rotator-once.service")


# --- start, and the schedule ----------------------------------------------------------------------


def test_the_start_blocks_until_the_api_was_asked(debian: Stage) -> None:
    machine, unit = debian.machine, debian.instance("slow", debian.server())
    debian.drop_in(unit, "TimeoutStartSec=6")  # of which it asks for more
    debian.fault(method="GET", path="/snapshots/", delay=8)
    machine.run(f"systemctl start --no-block {unit}")
    until(lambda: machine.events(unit, "daemon.started"))
    state = machine.show(unit, "ActiveState")
    early = machine.events(unit, "daemon.ready")
    machine.run(f"systemctl start {unit}")
    assert (state, early) == ("activating", [])
    assert machine.show(unit, "ActiveState") == "active"
    assert machine.events(unit, "daemon.ready") != []
    assert machine.show(unit, "StatusText").startswith("next: 20")
    machine.run(f"systemctl stop {unit}")


def test_a_rotation_happens_on_schedule_with_the_lock_of_roots_shell(debian: Stage) -> None:
    machine, server, unit = debian.machine, debian.server(), "rotator.service"
    machine.write("/etc/rotator/config.yaml", debian.config(server, schedule="* * * * *"))
    machine.write("/etc/rotator/token", "vps_sandbox", 0o600)
    machine.run("VPS_API_TOKEN=vps_sandbox rotator run --once")
    machine.run(f"systemctl start {unit}")
    assert machine.show(unit, "StatusText").endswith(f"nightly on {server}")
    done = until(lambda: machine.events(unit, "rotation.finished", outcome="rotated"))[0]
    locks = machine.out("ls -d /run/rotator/*.lock")
    machine.run(f"systemctl stop {unit}")
    assert done["slot"].endswith("00Z")
    assert (done["created"], "completed") in debian.snapshots(server)
    assert f"-{server}.lock" in locks
    assert machine.out("ls -d /run/rotator/*.lock") == locks  # they outlive the service
    assert machine.out("stat -L -c %a /run/rotator") == "750"


def test_lines_in_the_journal_are_json_with_their_priorities(debian: Stage) -> None:
    machine, unit = debian.machine, debian.instance("journal", debian.server())
    machine.run(f"systemctl start {unit}")
    machine.write("/etc/rotator/journal.yaml", "policies: none\n")
    machine.run(f"systemctl kill --kill-whom=main --signal=HUP {unit}")
    until(lambda: machine.events(unit, "config.rejected"))
    machine.run(f"systemctl stop {unit}")
    priorities = {
        json.loads(entry["MESSAGE"])["event"]: entry["PRIORITY"]
        for entry in machine.journal(unit)
        if entry.get("_COMM") == "rotator"
    }
    assert priorities["daemon.ready"] == "6"
    assert priorities["config.rejected"] == "3"


# --- reload, and the token ------------------------------------------------------------------------


def test_a_reload_ends_when_the_new_configuration_is_in_force(debian: Stage) -> None:
    machine, server = debian.machine, debian.server()
    unit = debian.instance("reload", server)
    machine.run(f"systemctl start {unit}")
    before = machine.show(unit, "MainPID")
    debian.instance("reload", server, policy="yearly", schedule="0 0 1 1 *", keep={"last": 1})
    machine.run(f"systemctl reload {unit}")
    assert machine.show(unit, "StatusText").endswith(f"yearly on {server}")
    assert machine.show(unit, "MainPID") == before


def test_a_reload_of_a_broken_configuration_fails_and_the_old_one_stays(debian: Stage) -> None:
    machine, unit = debian.machine, debian.instance("broken", debian.server())
    machine.run(f"systemctl start {unit}")
    before = machine.show(unit, "MainPID")
    machine.write("/etc/rotator/broken.yaml", "policies: {nightly: {shedule: '@daily'}}\n")
    refused = machine.run(f"systemctl reload {unit}", check=False)
    assert refused.returncode == 1
    assert machine.show(unit, "ActiveState") == "active"
    assert machine.show(unit, "MainPID") == before
    rejected = machine.events(unit, "config.rejected")[-1]
    assert any("broken.yaml:1:22" in fault for fault in rejected["faults"])
    machine.run(f"systemctl stop {unit}")


def test_a_token_in_a_credential_takes_a_restart(debian: Stage) -> None:
    machine, unit = debian.machine, debian.instance("token", debian.server())
    machine.run(f"systemctl start {unit}")
    machine.write("/etc/rotator/token.token", "vps_another", 0o600)
    machine.run(f"systemctl reload {unit}")
    assert machine.show(unit, "ActiveState") == "active"
    assert machine.events(unit, "api.unauthorized") == []
    assert machine.run(f"systemctl restart {unit}", check=False).returncode != 0
    assert machine.show(unit, "ExecMainStatus") == "77"


def test_a_token_in_a_file_that_the_service_reads_takes_a_reload(debian: Stage) -> None:
    machine, server = debian.machine, debian.server()
    unit = debian.instance("filed", server, token="vps_unused")
    config = json.loads(debian.config(server))
    config["api"]["token_file"] = "filed.open"
    machine.write("/etc/rotator/filed.yaml", json.dumps(config))
    machine.write("/etc/rotator/filed.open", "vps_sandbox")
    machine.run(f"systemctl start {unit}")
    debian.plant(server)
    machine.write("/etc/rotator/filed.open", "vps_another")
    machine.run(f"systemctl reload {unit}")
    config["policies"]["nightly"]["schedule"] = "* * * * *"
    machine.write("/etc/rotator/filed.yaml", json.dumps(config))
    machine.run(f"systemctl reload {unit}")
    until(lambda: machine.events(unit, "api.unauthorized"))
    assert (
        machine.show(unit, "ActiveState") == "active"
    )  # refused later, it is logged and the schedule goes on
    machine.run(f"systemctl stop {unit}")


def test_the_token_can_be_an_encrypted_credential(debian: Stage) -> None:
    machine, unit = debian.machine, debian.instance("sealed", debian.server(), token="vps_unused")
    machine.run(
        "mkdir -p /etc/credstore.encrypted; printf vps_sandbox | systemd-creds encrypt --with-key=host"
        " --name=vps-api-token - /etc/credstore.encrypted/rotator.token; rm /etc/rotator/sealed.token"
    )
    sealed = "LoadCredentialEncrypted=vps-api-token:/etc/credstore.encrypted/rotator.token"
    debian.drop_in(unit, f"LoadCredential=\n{sealed}")
    machine.run(f"systemctl start {unit}")
    assert machine.show(unit, "ActiveState") == "active"
    machine.run(f"systemctl stop {unit}")


# --- stop, kill, hang -----------------------------------------------------------------------------


def test_a_stop_in_the_middle_of_a_wait_is_quick_and_the_next_start_takes_it_up(debian: Stage) -> None:
    machine, server = debian.machine, debian.server()
    unit = debian.instance("stopped", server)
    debian.drop_in(unit, "TimeoutStopSec=10")  # after that systemd kills, and the result is `timeout`
    debian.plant(server)
    debian.create_time(20)
    machine.run(f"systemctl start {unit}")
    until(lambda: machine.events(unit, "snapshot.created"))
    debian.create_time(4)
    machine.run(f"systemctl stop {unit}")
    assert machine.show(unit, "Result") == "success"
    assert [state for _, state in debian.snapshots(server)].count("in_progress") == 1
    machine.run(f"systemctl start {unit}")
    until(lambda: machine.events(unit, "rotation.finished"))
    assert machine.events(unit, "rotation.resumed") != []
    assert [state for _, state in debian.snapshots(server)] == ["completed", "completed"]
    assert len(machine.events(unit, "snapshot.create_requested")) == 1
    machine.run(f"systemctl stop {unit}")


def test_a_stop_in_the_middle_of_a_request_gets_the_time_that_it_asks_for(debian: Stage) -> None:
    machine, server = debian.machine, debian.server()
    unit = debian.instance("asking", server)
    debian.drop_in(unit, "TimeoutStopSec=2")
    debian.plant(server)
    debian.fault(method="POST", server_id=server, delay_after=6)
    machine.run(f"systemctl start {unit}")
    until(lambda: machine.events(unit, "snapshot.create_requested"))
    machine.run(f"systemctl stop {unit}")
    assert machine.show(unit, "Result") == "success"
    assert machine.events(unit, "snapshot.created") != []  # the answer was waited for
    assert len(debian.snapshots(server)) == 2


def test_killed_in_the_middle_of_a_rotation_it_is_started_again_and_ends_it(debian: Stage) -> None:
    machine, server = debian.machine, debian.server()
    unit = debian.instance("killed", server)
    debian.plant(server)
    debian.create_time(20)
    machine.run(f"systemctl start {unit}")
    until(lambda: machine.events(unit, "snapshot.created"))
    debian.create_time(4)
    machine.run(f"systemctl kill --signal=KILL {unit}")
    until(lambda: machine.events(unit, "rotation.finished"))
    assert machine.show(unit, "NRestarts") == "1"
    assert [state for _, state in debian.snapshots(server)] == ["completed", "completed"]
    assert len(machine.events(unit, "snapshot.create_requested")) == 1
    machine.run(f"systemctl stop {unit}")


def test_a_blocked_loop_is_killed_by_the_watchdog_and_started_again(debian: Stage) -> None:
    """A pipe that nobody writes to in place of the file blocks the loop as a dead file system does."""
    machine, unit = debian.machine, debian.instance("blocked", debian.server())
    debian.drop_in(unit, "WatchdogSec=3")
    machine.run(f"systemctl start {unit}")
    first = machine.show(unit, "MainPID")
    machine.run("cd /etc/rotator; mv blocked.yaml kept; mkfifo blocked.yaml")
    machine.run(f"systemctl kill --kill-whom=main --signal=HUP {unit}")
    until(lambda: machine.show(unit, "SubState") == "auto-restart")
    assert machine.show(unit, "Result") == "watchdog"
    machine.run("cd /etc/rotator; mv kept blocked.yaml")
    until(lambda: machine.show(unit, "ActiveState") == "active")
    assert machine.show(unit, "MainPID") not in ("0", first)
    assert machine.show(unit, "NRestarts") == "1"
    machine.run(f"systemctl stop {unit}")


def test_a_slow_api_is_no_blocked_loop(debian: Stage) -> None:
    machine, server = debian.machine, debian.server()
    unit = debian.instance("patient", server)
    debian.drop_in(unit, "WatchdogSec=3")
    debian.plant(server)
    debian.fault(method="POST", server_id=server, delay_after=8)
    machine.run(f"systemctl start {unit}")
    until(lambda: machine.events(unit, "rotation.finished", outcome="rotated"))
    assert machine.show(unit, "NRestarts") == "0"
    machine.run(f"systemctl stop {unit}")


@pytest.mark.parametrize(
    ("name", "code"),
    [("refused", "77"), ("wrong", "78")],
    ids=["the token is refused", "the config is wrong"],
)
def test_what_would_end_the_same_way_is_not_started_again(debian: Stage, name: str, code: str) -> None:
    machine, unit = debian.machine, debian.instance(name, debian.server(), token="vps_another")
    if code == "78":
        machine.write(f"/etc/rotator/{name}.yaml", "servers: []\n")
    assert machine.run(f"systemctl start {unit}", check=False).returncode != 0
    assert machine.show(unit, "ExecMainStatus") == code
    assert machine.show(unit, "SubState") == "failed"  # `auto-restart` would be the other one
    assert machine.show(unit, "NRestarts") == "0"


# --- how little it may do -------------------------------------------------------------------------

PROBE = """
import ctypes, json, mmap, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def tried(act):
    try:
        act()
    except OSError as error:
        return os.strerror(error.errno)
    return "done"
def called(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "")
def written(path):
    return tried(lambda: open(path, "w").close())
print(json.dumps({
    "writes": {path: written(path) for path in
        ("/etc/rotator/x", "/etc/x", "/usr/lib/rotator/x", "/var/lib/x", "/opt/x")},
    "reads": tried(lambda: os.listdir("/root")),
    "locks": written("/run/rotator/probe.lock"),
    "calls": {
        "unshare": tried(lambda: called(272, 0x10000000)),
        "ptrace": tried(lambda: called(101, 16, 1, 0, 0)),
        "setuid": tried(lambda: called(105, 0)),
        "packet socket": tried(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
        "code made at run time": tried(lambda: mmap.mmap(-1, 4096, prot=7)),
    },
    "status": dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines()),
}))
"""


def test_the_hardening_holds_against_one_who_tries(debian: Stage) -> None:
    machine, unit = debian.machine, debian.instance("probe", debian.server())
    machine.write("/usr/local/lib/probe.py", PROBE)
    run = (
        "Type=oneshot\nRestart=no\nExecStart=\nExecStart=/usr/lib/rotator/bin/python /usr/local/lib/probe.py"
    )
    debian.drop_in(unit, run)
    machine.run(f"systemctl start {unit}")
    (said,) = [entry["MESSAGE"] for entry in machine.journal(unit) if entry["MESSAGE"].startswith("{")]
    found = json.loads(said)
    assert "done" not in {**found["writes"], **found["calls"], "reads": found["reads"]}.values()
    assert found["locks"] == "done"
    status = found["status"]
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert "0" not in status["Uid"].split()


def test_a_hook_runs_in_the_confinement_and_a_drop_in_gives_it_more(debian: Stage) -> None:
    machine, server = debian.machine, debian.server()
    hook = ["/bin/sh", "-c", "cat /run/credentials/rotator@hooked.service/key && id -un >/srv/reports/who"]
    unit = debian.instance("hooked", server, hooks={"after": hook})
    machine.run("install -d -m 777 /srv/reports")
    machine.write("/etc/rotator/key", "a key of the hook's", 0o600)
    debian.drop_in(unit, "LoadCredential=key:/etc/rotator/key")
    debian.plant(server)
    machine.run(f"systemctl start {unit}")
    (failed,) = until(lambda: machine.events(unit, "hook.failed"))
    until(lambda: machine.events(unit, "rotation.finished"))
    machine.run(f"systemctl stop {unit}")
    debian.drop_in(unit, "LoadCredential=key:/etc/rotator/key\nReadWritePaths=/srv/reports")
    machine.write("/etc/rotator/hooked.yaml", debian.config(server, "later", hooks={"after": hook}))
    debian.plant(server, "later")
    machine.run(f"systemctl start {unit}")
    (finished,) = until(lambda: machine.events(unit, "hook.finished"))
    machine.run(f"systemctl stop {unit}")
    assert "Read-only file system" in json.dumps(failed)
    assert "a key of the hook's" in json.dumps(finished)
    assert machine.out("cat /srv/reports/who") == "rotator"


def test_a_stop_leaves_a_hook_that_is_under_way_to_rotator(debian: Stage) -> None:
    """What a `before` froze has to be thawed: systemd must not end the `created` that does it."""
    machine, server = debian.machine, debian.server()
    begun, thawed = "/run/rotator/begun", "/run/rotator/thawed"
    thaw = ["/bin/sh", "-c", f"touch {begun}; sleep 3; touch {thawed}"]
    unit = debian.instance("frozen", server, hooks={"created": thaw})
    debian.plant(server)
    machine.run(f"systemctl start {unit}")
    until(lambda: machine.run(f"test -e {begun}", check=False).returncode == 0)
    machine.run(f"systemctl stop {unit}")
    assert machine.show(unit, "Result") == "success"
    assert machine.run(f"test -e {thawed}", check=False).returncode == 0
    assert machine.events(unit, "hook.failed") == []


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_is_sound_and_exposes_little(debian: Stage, unit: str) -> None:
    verified = debian.machine.run(f"systemd-analyze verify --man=no --recursive-errors=yes {unit}")
    assert verified.stderr == ""
    debian.machine.run(f"systemd-analyze security --offline=true --threshold=15 {unit}")  # tenths


def test_the_timer_is_sound(debian: Stage) -> None:
    done = debian.machine.run("systemd-analyze verify --man=no --recursive-errors=yes rotator-once.timer")
    assert done.stderr == ""
