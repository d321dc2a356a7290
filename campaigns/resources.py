"""A day of the daemon in virtual time: what does it hold at the end that it did not hold after an hour?

The real daemon rotates N servers every few minutes in the first half of each hour, with `--faults` in bad
weather. Each hour its configuration is reloaded: a server leaves, one comes, every second time the API's
settings change, and odd snapshots (orphans, unknown states, rows without a server) come and go. In a quiet
moment at the end of each hour it is counted: files, tasks, threads, objects, the daemon's containers.

    python -m campaigns.resources [--hours 26] [--servers 40] [--seed N] [--faults] [--trace]
    python -m campaigns.resources --real [--minutes 5] [--seed N]

Exactly equal at the end: files, tasks, threads, instances of rotator's own classes, all containers but those
of BOUNDS. Deleted ids are remembered for a day, so the default goes on for two hours more, in which the first
ones have to be forgotten. The resident memory is printed, and not judged.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from bench.sandboxed import IN_MEMORY
from campaigns import holdings, resources_real, seeds
from campaigns.long_day import REMEMBERS, SWITCHES, Day
from campaigns.odds import Odds
from rotator.sandbox import World
from rotator.settings import ApiSettings
from tests.daemons import apscheduler_reads, captured
from tests.virtual import VirtualClock, run_virtual

REMEMBERED = timedelta(hours=25)
"""A deleted id is remembered for 24 hours, and until its server is looked at for the next time."""

CAP = ApiSettings().snapshot_limit
"""Snapshots that stand on a server at most."""

BOUNDS: Mapping[str, Callable[[Day], int]] = {
    "gone": lambda day: day.deleted_since(day.ended - REMEMBERED),
    "reported": lambda day: 2 * len(day.world.servers()) + 10,  # once for each odd one that stands
    "overlays": lambda day: day.servers_ever,
    "ids": lambda day: day.servers_ever,
    "seen": lambda day: day.servers_ever,
    "snapshots seen": lambda day: CAP * day.servers_ever,
    "vitals": lambda day: 2 * day.servers_ever,
}
"""Containers that may differ, and by what they are bounded."""

BOUNDED_CLASSES = {"rotator.overlay.Overlay", "rotator.sight.Sight", "rotator.models.Snapshot"}
"""Instances that are counted among the containers already."""

GROWTH, SLACK = 1.02, 100
"""By how much objects of another type may have grown in number: libraries' caches, the sandbox's rows."""


def findings(day: Day) -> list[str]:
    """What is held at the end that was not after the first hour, or the other way round."""
    before, after = day.samples[0], day.samples[-1]
    plain = [(name, getattr(before, name), getattr(after, name)) for name in ("files", "tasks", "threads")]
    own = [(name, *two) for name, two in holdings.grown(before.own, after.own).items()]
    kept = [(name, length, after.containers[name]) for name, length in before.containers.items()]
    found = [
        f"{name}: {one} after the first hour, {other} at the end"
        for name, one, other in (*plain, *own, *kept)
        if one != other and name not in BOUNDS and name not in BOUNDED_CLASSES
    ]
    for name, bound in BOUNDS.items():
        if after.containers[name] > bound(day):
            found.append(f"{name}: {after.containers[name]}, and {bound(day)} would be explained")
    for name, (one, other) in holdings.grown(before.foreign, after.foreign).items():
        if other > one * GROWTH + SLACK and not name.startswith(holdings.STAGE):
            found.append(f"objects of type {name}: {one} after the first hour, {other} at the end")
    return found


def live_through(seed: int, hours: int, servers: int, *, faults: bool) -> Day:
    """One run from its beginning to its end."""

    async def play(clock: VirtualClock) -> Day:
        odds = Odds(random.Random(seed)) if faults else None
        with tempfile.TemporaryDirectory(dir=IN_MEMORY) as locks:
            day = Day(World(clock, SWITCHES, REMEMBERS), clock, Path(locks), servers, odds)
            with apscheduler_reads(clock), captured(day.heard):
                await day.live(hours)
            return day

    return run_virtual(play)


def main() -> int:
    """Run it and print; 1 if something was left behind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--hours", type=int, default=26, help="virtual hours, 2 at least")
    parser.add_argument("--servers", type=int, default=40)
    parser.add_argument("--faults", action="store_true", help="some seven requests in a hundred go wrong")
    parser.add_argument("--trace", action="store_true", help="trace memory too (takes three times as long)")
    parser.add_argument("--real", action="store_true", help="a real process instead of virtual time")
    parser.add_argument("--minutes", type=float, default=5, help="with --real: how long")
    seeds.add_option(parser)
    args = parser.parse_args()
    seed = seeds.begin(args.seed)
    if args.real:
        return resources_real.run(seed, args.minutes)
    if args.trace:
        tracemalloc.start()
    day = live_through(seed, max(2, args.hours), args.servers, faults=args.faults)
    found = findings(day)
    for finding in found:
        print(f"FOUND {finding}")
    if found:
        asked = f"--seed {seed} --hours {args.hours} --servers {args.servers}"
        print(f"again: python -m campaigns.resources {asked}{' --faults' if args.faults else ''}")
    print(figures(day))
    return 1 if found else 0


def figures(day: Day) -> str:
    """The last line."""
    before, after = day.samples[0], day.samples[-1]
    hits = f", {day.odds.hits.total()} faults" if day.odds is not None else ""
    pairs = {
        "files": (before.files, after.files),
        "tasks": (before.tasks, after.tasks),
        "threads": (before.threads, after.threads),
        "own objects": (before.own.total(), after.own.total()),
        "other objects": (others(before), others(after)),
        "MiB resident": (round(before.resident), round(after.resident)),
    }
    told = ", ".join(f"{name} {one} and {other}" for name, (one, other) in pairs.items())
    rotations = f"{day.hour} hours, {day.servers} servers, {day.outcomes.total()} rotations"
    return f"{rotations}{hits}; after the first hour and at the end: {told}"


def others(sample: holdings.Holdings) -> int:
    """Objects that are neither rotator's own nor the sandbox's."""
    return sum(n for name, n in sample.foreign.items() if not name.startswith(holdings.STAGE))


if __name__ == "__main__":
    sys.exit(main())
