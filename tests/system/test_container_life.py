"""A container's life: hardened as the manual says, signals, orphans, health, a changed configuration."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rotator.sandbox import TOKEN
from tests.cli.conftest import WAIT, Stage, names, plant
from tests.system.podman import HARDENED, Container, Podman, until

pytestmark = pytest.mark.xdist_group("containers")

NOBODY = 10001

ORPHAN = "import os, sys, time; pid = os.fork(); pid or (time.sleep(0.5), os._exit(0)); sys.exit(7)"
"""A hook that leaves a process behind, which ends soon after, and whose own exit code is 7."""


def policy(more: str = "") -> str:
    return (
        "http: {listen: 'unix:/run/rotator/http.sock'}\n"
        f"policies:\n  nightly: {{schedule: '0 3 * * *', catch_up: 24h, keep: {{last: 3}}, {WAIT}{more}}}\n"
    )


def write(path: Path, stage: Stage, servers: str, more: str = "") -> None:
    api = f"api: {{base_url: '{stage.base_url}', token_file: /run/secrets/vps-api-token, rate_limit: 0}}\n"
    path.write_text(f"{api}{policy(more)}servers:\n{servers}")


@pytest.fixture
def mounted(stage: Stage, tmp_path: Path) -> list[str]:
    """The options that bring in a configuration, as Kubernetes lays one out, and the token."""
    config = tmp_path / "etc"
    config.mkdir()
    (config / "..1").mkdir()
    write(config / "..1" / "config.yaml", stage, "  - {id: 101, policies: [nightly]}\n")
    (config / "..data").symlink_to("..1")
    (config / "config.yaml").symlink_to("..data/config.yaml")
    token = tmp_path / "token"
    token.write_text(TOKEN)
    os.chown(token, NOBODY, NOBODY)
    token.chmod(0o400)
    return [
        "--network=host",
        f"--volume={config}:/etc/rotator:ro",
        f"--volume={token}:/run/secrets/vps-api-token:ro",
    ]


def change(config: Path, stage: Stage, servers: str) -> None:
    """As the kubelet does it: a new directory, and one link that is swapped."""
    (config / "..2").mkdir()
    write(config / "..2" / "config.yaml", stage, servers)
    (config / "..data_tmp").symlink_to("..2")
    (config / "..data_tmp").rename(config / "..data")


def begin(podman: Podman, *options: str) -> Container:
    """The daemon, ready."""
    daemon = podman.start(*HARDENED, *options, command=("run", "--watch"))
    until(lambda: daemon.events("daemon.ready"))
    return daemon


def of_first_process(daemon: Container) -> dict[str, str]:
    """Its /proc status, as this machine sees it."""
    lines = Path(f"/proc/{daemon.state('Pid')}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def zombies(daemon: Container) -> list[str]:
    """The dead children of process 1 that nobody has asked for."""
    first = daemon.state("Pid")
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    stats = [Path(f"/proc/{child}/stat") for child in children]
    return [path.parent.name for path in stats if path.exists() and " Z " in path.read_text()]


def test_it_rotates_read_only_without_capabilities_shell_or_root(
    podman: Podman, stage: Stage, mounted: list[str]
) -> None:
    done = podman.once(*HARDENED, *mounted, command=("run", "--once", "--json"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rotations"][0]["outcome"] == "rotated"
    assert len(names(stage.world, 101)) == 1


def test_nothing_is_left_to_break_out_with(podman: Podman, mounted: list[str]) -> None:
    daemon = begin(podman, *mounted)
    status = of_first_process(daemon)
    assert (status["Uid"].split()[0], status["NSpid"].split()[-1]) == (str(NOBODY), "1")
    assert (int(status["CapEff"], 16), int(status["CapBnd"], 16), status["NoNewPrivs"]) == (0, 0, "1")
    assert "Read-only file system" in daemon.python("open('/opt/rotator/x', 'w')").stderr
    assert '"sh": executable file not found' in podman.process("exec", daemon.name, "sh").stderr
    assert daemon.inspect()["HostConfig"]["Memory"] == 128 * 1024 * 1024
    assert TOKEN not in daemon.logs() + json.dumps(daemon.inspect())


def test_sigterm_ends_it_within_its_grace_time(podman: Podman, mounted: list[str]) -> None:
    daemon = begin(podman, *mounted)
    assert daemon.stop() == 0  # 137 if it had been killed
    assert daemon.events("daemon.stopped")


def test_sigterm_is_heeded_before_a_command_has_set_itself_up(podman: Podman, tmp_path: Path) -> None:
    config = tmp_path / "etc"
    config.mkdir()
    os.mkfifo(config / "config.yaml")
    waiting = podman.start(f"--volume={config}:/etc/rotator:ro", "--network=none", command=("check",))
    until(lambda: "wait_for_partner" in Path(f"/proc/{waiting.state('Pid')}/wchan").read_text())
    assert waiting.stop() == 143


AT_ONCE = ('--health-cmd=["rotator", "healthcheck"]', "--health-retries=1", "--health-start-period=0s")
"""The image's own check, its verdict after one failure and not after three."""


def test_health_is_lost_while_the_loop_hangs_and_comes_back(podman: Podman, mounted: list[str]) -> None:
    daemon = begin(podman, *AT_ONCE, *mounted)
    seen = []
    for signal in ("CONT", "STOP", "CONT"):
        daemon.kill(signal)
        seen.append((daemon.is_well(), daemon.health()))
    assert seen == [(True, "healthy"), (False, "unhealthy"), (True, "healthy")]


def test_it_reaps_the_orphans_of_hooks_and_takes_over_a_swapped_configuration(
    podman: Podman, stage: Stage, mounted: list[str], tmp_path: Path
) -> None:
    hook = f", hooks: {{created: [python, -c, '{ORPHAN}']}}"
    write(tmp_path / "etc/..1/config.yaml", stage, "  - {id: 101, policies: [nightly]}\n", hook)
    plant(stage.world, 101, "nightly", days=2)
    daemon = begin(podman, *mounted)
    until(lambda: zombies(daemon))
    change(
        tmp_path / "etc", stage, "  - {id: 101, policies: [nightly]}\n  - {id: 102, policies: [nightly]}\n"
    )
    until(lambda: not zombies(daemon))
    failed = daemon.events("hook.failed")
    assert ["7" in json.dumps(event) for event in failed] == [True]  # nobody took its exit status away
    until(lambda: len(daemon.events("config.loaded")) == 2)
    assert [event["servers"] for event in daemon.events("config.loaded")] == [1, 2]


def test_any_other_user_will_do(podman: Podman, stage: Stage, mounted: list[str], tmp_path: Path) -> None:
    os.chown(tmp_path / "token", 4711, 0)
    done = podman.once(*HARDENED, *mounted, "--user=4711:0", command=("run", "--once"))
    assert (done.returncode, len(names(stage.world, 101))) == (0, 1)


def test_without_any_place_for_locks_it_says_what_to_do(podman: Podman, mounted: list[str]) -> None:
    done = podman.once("--read-only", "--read-only-tmpfs=false", *mounted, command=("run",))
    assert done.returncode == 78
    assert "--tmpfs /run/rotator" in done.stderr
    assert "Traceback" not in done.stderr
