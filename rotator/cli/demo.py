"""`rotator demo`: the main job on an embedded VPS.org API, explained as it goes, and checked at the end."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import click

from rotator.cli import demo_stage, output, progress, rotations
from rotator.cli.exits import Exit
from rotator.cli.invocation import Invocation, invocation, shared_options
from rotator.cli.signals import run_to_end
from rotator.cli.wiring import Account
from rotator.config import load, parse
from rotator.daemon import Daemon, Source
from rotator.models import Id, Outcome, Pair, Snapshot
from rotator.office import Spectator
from rotator.once import rotate_now
from rotator.report import Report
from rotator.sandbox import TOKEN, World, served
from rotator.settings import Settings
from rotator.systemd import Notifier

CREATE_SECONDS = 3.0
"""How long a snapshot takes here; with the provider it is 3 to 10 minutes."""

FAST_CREATE_SECONDS = 1.0

SLOTS = 2
"""How many scheduled slots the daemon is shown for."""

LONGEST = 135.0
"""Seconds after which the daemon's act ends whatever came of it: two minutes for two slots, and a little."""

ENVIRON = {"VPS_API_TOKEN": TOKEN}
"""All that the demo knows of the world outside: no variable of the user's can point it at a real account."""


@click.command("demo")
@click.option("--fast", is_flag=True, help="Leave the daemon out: a few seconds instead of two minutes.")
@shared_options
def command(*, fast: bool) -> int:
    """Show the main job on an embedded VPS.org API.

    Four servers are rotated once: one with a free place, a full one, one that snapshots made by hand block,
    and one whose snapshot fails. Then the daemon runs through two slots of a schedule of every minute.
    Nothing outside of this process is touched, but for a temporary directory that is gone afterwards.
    """
    asked = invocation()
    surprises = run_to_end(_play(asked, fast=fast))
    for surprise in surprises:
        output.say(click.style(f"Not as expected: {surprise}", fg="red"))
    if not surprises:
        output.say("", "That is all: everything went as it should, the failures too.")
    return Exit.FAILED if surprises else Exit.OK


@dataclass(frozen=True, slots=True)
class Play:
    """What both acts share."""

    asked: Invocation
    world: World
    settings: Settings
    directory: Path

    def account(self, spectator: Spectator | None) -> Account:
        """The account at the sandbox; its locks lie in the temporary directory."""
        return Account(
            self.settings,
            environ=ENVIRON,
            secrets=self.asked.secrets,
            clock=self.asked.clock,
            locks=self.directory,
            spectator=spectator,
        )


async def _play(asked: Invocation, *, fast: bool) -> list[str]:
    """All of it. Returns what was not as expected."""
    clock = asked.clock
    create_time = FAST_CREATE_SECONDS if fast else CREATE_SECONDS
    world = demo_stage.furnish(clock, create_time)
    with tempfile.TemporaryDirectory(prefix="rotator-demo-") as directory:
        async with served(world) as base_url:
            path = Path(directory, "config.yaml")
            path.write_text(demo_stage.config(base_url, create_time))
            settings = load(str(path), ENVIRON, clock.now())
            play = Play(asked, world, settings, Path(directory))
            _introduce(path, base_url)
            surprises = await _first_act(play)
            return surprises if fast or surprises else await _second_act(play)


def _introduce(path: Path, base_url: str) -> None:
    output.say(
        f"An embedded VPS.org API answers at {base_url}. A server there has five places for snapshots,",
        "as with the provider. Four servers stand in telling states:",
        "",
        *output.columns([(part.name, part.tells) for part in demo_stage.PARTS], indent="  "),
        "",
        "This is the configuration:",
        "",
        *(f"  {line}" for line in path.read_text().splitlines()),
        "",
    )


# --- the first act --------------------------------------------------------------------------------


async def _first_act(play: Play) -> list[str]:
    """Rotate once and show what came of it."""
    output.say(click.style("Act one: rotate every server once, as `rotator run --once` does.", bold=True), "")
    live = progress.wanted(as_json=False, quiet=play.asked.quiet)
    slot = play.asked.clock.now().replace(microsecond=0)
    with progress.shown(len(play.settings.pairs), live=live) as screen:
        _log(play, "error" if live else "info")
        async with play.account(screen) as account:
            reports = await rotate_now(account.office, play.settings.pairs, slot)
    output.say("", *rotations.lines(reports, play.asked.clock.now(), dry_run=False), "")
    output.say(
        "Only snapshots of rotator's own were deleted, the oldest first; those made by hand still stand, and",
        "where the new snapshot failed the old ones were kept.",
    )
    return demo_stage.surprises(play.world, reports)


# --- the second act -------------------------------------------------------------------------------


@dataclass(slots=True)
class Witness:
    """`office.Spectator`: notes what came of each slot, and says when enough of them are complete."""

    began: datetime
    slots: defaultdict[datetime, dict[Id, Outcome]] = field(default_factory=lambda: defaultdict(dict))
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    def started(self, pair: Pair) -> None:
        """The log tells it."""

    def waiting(self, pair: Pair, snapshot: Snapshot, seconds: float) -> None:
        """The log tells it."""

    def finished(self, report: Report) -> None:
        """Note the outcome; slots of before belong to what was caught up."""
        if report.slot > self.began:
            self.slots[report.slot][report.pair.server.id] = report.outcome
        complete = [outcomes for outcomes in self.slots.values() if len(outcomes) == len(demo_stage.PARTS)]
        if len(complete) >= SLOTS:
            self.enough.set()


async def _second_act(play: Play) -> list[str]:
    """Let the daemon live through the slots, and end it."""
    next_minute = play.asked.clock.now().replace(second=0, microsecond=0) + timedelta(minutes=1)
    output.say(
        "",
        click.style(
            "Act two: the daemon, as `rotator run` starts it, through two slots of its schedule.", bold=True
        ),
        "At its start it makes up for what is due: the snapshot of mail-01 that failed (files-01 has none of",
        "its own yet, and a policy that is new on a server waits for its first slot). Then every full minute",
        "is a slot, and files-01 is blocked again at each. Between slots it is silent, until",
        f"{next_minute:%H:%M:%S} and {next_minute + timedelta(minutes=1):%H:%M:%S} UTC. Its log lines:",
        "",
    )
    _log(play, "info")
    witness = Witness(play.asked.clock.now())
    daemon = Daemon(
        Path(play.settings.path).read_text(),
        play.settings,
        source=Source(
            read=Path(play.settings.path).read_text,
            parse=lambda content: parse(content, play.settings.path, ENVIRON, play.asked.clock.now()),
        ),
        open_account=lambda settings: play.account(witness),
        clock=play.asked.clock,
        notifier=Notifier({}),
    )
    life = asyncio.create_task(daemon.run())
    enough = asyncio.create_task(witness.enough.wait())
    try:
        await asyncio.wait({life, enough}, timeout=LONGEST, return_when=asyncio.FIRST_COMPLETED)
    finally:
        enough.cancel()
        daemon.stop()
        await life
    _conclude(play.world)
    if len(witness.slots) < SLOTS:
        return [f"the daemon ran only {output.counted(len(witness.slots), 'slot')} to the end"]
    return demo_stage.late_surprises(witness.slots)


def _conclude(world: World) -> None:
    held = [(part.name, ", ".join(row.name for row in world.snapshots(part.id))) for part in demo_stage.PARTS]
    output.say("", "The daemon has ended, as it does on SIGTERM. What stands on the servers now:", "")
    output.say(*output.columns(held, indent="  "))


def _log(play: Play, level: str) -> None:
    """Log lines for people, also where nobody looks: the demo is read, not collected."""
    play.asked.log_for(play.settings, level=level, log_format="console", stream=sys.stderr)
