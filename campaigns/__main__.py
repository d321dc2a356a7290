"""All campaigns in a row, as long as one cares to wait: `python -m campaigns [--scale N] [NAME ...]`.

Each runs as a process of its own with the seed that is printed; the last lines say what came of each.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from campaigns import seeds


@dataclass(frozen=True)
class Campaign:
    """A module of this package, what it tries to break, and its options for a run of that scale."""

    module: str
    about: str
    options: Callable[[int], Sequence[str]] = lambda scale: ()
    seeded: bool = True


def _kills(scale: int) -> Sequence[str]:
    return "--real", "--random", str(600 * scale), "--most", str(400 * scale)


def _meetings(scale: int) -> Sequence[str]:
    return "--rounds", str(300 * scale), "--real", str(25 * scale)


def _lives(scale: int) -> Sequence[str]:
    return "--runs", str(20 * scale)


def _storms(scale: int) -> Sequence[str]:
    return "--runs", str(4 * scale), "--servers", "50", "--hours", "12"


CAMPAIGNS: tuple[Campaign, ...] = (
    Campaign("oracle", "keep rules against a naive count, plans against the contract"),
    Campaign("configs", "hostile configurations, saved lists and answers"),
    Campaign("kill", "killed at every request and at any instant, in virtual time and for real", _kills),
    Campaign("together", "several processes on one host", _meetings),
    Campaign("clocks", "clock changes, suspends, steps, and a year", _lives),
    Campaign("storm", "a provider that goes wrong in every way it can", _storms),
    Campaign("resources", "a day's life leaves nothing behind", lambda scale: ("--faults",)),
    Campaign("secrets_hunt", "the token in all that is emitted", lambda scale: ("--rounds", str(scale))),
    Campaign("mutants", "every small wrong change is noticed by a test", seeded=False),
)
"""From the quick ones to the slow ones; all of them take hours."""


def run(campaign: Campaign, scale: int, seed: int) -> tuple[int, float]:
    """Exit code and seconds of one campaign; what it prints goes where ours goes."""
    seeded = ("--seed", str(seed)) if campaign.seeded else ()
    command = [sys.executable, "-m", f"campaigns.{campaign.module}", *seeded, *campaign.options(scale)]
    print(f"\n== {campaign.module}: {campaign.about}\n$ python {' '.join(command[1:])}", flush=True)
    began = time.monotonic()
    return subprocess.run(command, check=False).returncode, time.monotonic() - began


def main(argv: Sequence[str] | None = None) -> int:
    """Run the campaigns that are asked for, all by default; 1 if any found something."""
    parser = argparse.ArgumentParser(prog="python -m campaigns", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(c.module for c in CAMPAIGNS))
    parser.add_argument("--scale", type=int, default=1, help="how many times as long (default: 1)")
    seeds.add_option(parser)
    asked = parser.parse_args(argv)
    unknown = set(asked.names) - {campaign.module for campaign in CAMPAIGNS}
    if unknown:
        parser.error(f"no such campaign: {', '.join(sorted(unknown))}")
    seed = seeds.begin(asked.seed)
    chosen = [c for c in CAMPAIGNS if not asked.names or c.module in asked.names]
    results = [(campaign, *run(campaign, asked.scale, seed)) for campaign in chosen]
    print(f"\n== seed {seed}, scale {asked.scale}")
    for campaign, code, seconds in results:
        print(f"{campaign.module:12} {'nothing found' if code == 0 else 'FOUND SOMETHING'}, {seconds:.0f} s")
    return int(any(code != 0 for _, code, _ in results))


if __name__ == "__main__":
    raise SystemExit(main())
