"""What a page takes to be there before its first command, and what stands in for what a test cannot have."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rotator.clock import SystemClock
from rotator.naming import slot_text
from rotator.sandbox import TOKEN, Switches, World, furnish
from tests.web.conftest import free_port

WAIT = "defaults: {wait: {first: 0.1s, interval: 0.1s, timeout: 5s}}"

TYPED = f"{shlex.quote(sys.executable)} -m tests.docs.somebody"


@dataclass(frozen=True)
class Scene:
    """The provider that a page sees, how its commands are changed, and what is run before the first."""

    world: World
    stand_ins: tuple[tuple[str, str], ...] = ()
    first: tuple[str, ...] = ()

    def staged(self, command: str) -> str:
        """The command as it is run."""
        for written, run in self.stand_ins:
            command = command.replace(written, run)
        return command


def furnished() -> World:
    """Three servers, two of them with snapshots made by hand; whatever is asked for is ready at once."""
    world = World(SystemClock(), Switches(create_time=0, restore_time=1))
    furnish(world, 3)
    return world


def configured(
    directory: Path, server: str = "{id: 12346, name: web-server-02, policies: [nightly]}"
) -> None:
    """A configuration that `init` may make way for."""
    (directory / ".staged").touch()
    policies = '{nightly: {schedule: "0 3 * * *", keep: {last: 3}}}'
    (directory / "config.yaml").write_text(f"{WAIT}\npolicies: {policies}\nservers: [{server}]\n")


def plant_nightly(world: World, server_id: int, *minutes: int) -> None:
    """Ready snapshots of the policy nightly, so many minutes old."""
    now = world.api_now().replace(microsecond=0)
    for ago in minutes:
        at = now - timedelta(minutes=ago)
        world.add_snapshot(server_id, f"nightly-{slot_text(at)}", created_at=at)


def lived_in(directory: Path) -> Scene:
    """A configuration that somebody has tried already: web-server-02 has three nightly snapshots."""
    world = furnished()
    plant_nightly(world, 12346, 9, 6, 3)
    configured(directory)
    return Scene(world)


def newcomer(directory: Path) -> Scene:
    """The README: from its block about the sandbox on, its commands talk to the one that they start."""
    (directory / ".venv").mkdir()
    (directory / ".venv" / "bin").symlink_to(directory.parent / "bin")
    before = lived_in(directory)
    port = str(free_port())
    sandbox, daemon = "rotator sandbox --create-time 2s", "rotator run  "
    listening = f"{sandbox} --listen 127.0.0.1:{port} > sandbox.log & {said('answers', 'sandbox.log')} #"
    ready = f"rotator run 2> daemon.log & {said('daemon.ready', 'daemon.log')}; kill -INT $!; wait $! #"
    paste = "cat > token"
    return Scene(
        before.world,
        ((f"{sandbox} &", listening), ("8765", port), (paste, f"{paste} <<< {TOKEN}"), (daemon, ready)),
    )


def older_script(directory: Path) -> Scene:
    """A script of before rotator left its snapshots on web-server-03."""
    world = furnished()
    world.remove_server(12347)
    world.add_server(12347, "web-server-03")
    now = world.api_now().replace(microsecond=0)
    for weeks in (3, 2, 1):
        at = now - timedelta(weeks=weeks)
        world.add_snapshot(12347, f"weekly-snapshot-{at:%Y-%m-%d}", created_at=at)
    line = "*/10 * * * * VPS_API_TOKEN=… /usr/local/bin/"
    return Scene(world, ((line, ""), ("/etc/rotator/config.yaml", "config.yaml")))


def broken(directory: Path) -> Scene:
    """Something went wrong on web-server-01; its snapshot 801 is from before, and so is an older scare's.

    Somebody types what is asked for: no to a safety snapshot, and the server's name.
    """
    world = World(SystemClock(), Switches(create_time=0, restore_time=1))
    world.add_server(12345, "web-server-01")
    plant_nightly(world, 12345, 300, 60)
    world.add_snapshot(12345, "safety-20270314T031500Z", created_at=world.api_now() - timedelta(days=2))
    configured(directory, "{id: 12345, name: web-server-01, policies: [nightly]}")
    restore, delete = "rotator restore 801 --wait", "rotator delete safety"
    return Scene(
        world,
        ((restore, f"{TYPED} n web-server-01 -- {restore}"), (delete, f"{TYPED} web-server-01 -- {delete}")),
    )


def watched(directory: Path) -> Scene:
    """A daemon that listens, and a directory in the place of /etc/rotator."""
    before = lived_in(directory)
    port = str(free_port())
    (directory / "daemon.yaml").write_text(
        (directory / "config.yaml").read_text() + f"http: {{listen: 127.0.0.1:{port}}}\n"
    )
    daemon = f"rotator --config daemon.yaml run 2> daemon.log & {said('daemon.ready', 'daemon.log')}"
    return Scene(before.world, (("9187", port), ("/etc/rotator/", "")), (daemon,))


def said(words: str, log: str) -> str:
    """A command that ends once the words stand in that file."""
    return f"until grep -q {words} {log}; do sleep 0.05; done"


SCENES: Mapping[str, Callable[[Path], Scene]] = {
    "README.md": newcomer,
    "docs/migrating.md": older_script,
    "docs/monitoring.md": watched,
    "docs/restore.md": broken,
}
"""Page -> its scene, where it is not `lived_in`."""
