"""Time: clock changes, suspends, steps of the clock, and a year.

    python -m campaigns.clocks                      every clock change of 2027, 20 suspends, 20 steps, a year
    python -m campaigns.clocks --only year --days 60
    python -m campaigns.clocks --only steps --seed 7 --runs 1

The daemon is the real one, in virtual time, over the in-process sandbox.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from time import process_time
from zoneinfo import ZoneInfo

from campaigns import almanac, seeds
from campaigns.clock_life import Run
from campaigns.clock_steps import STEPS, step_and_back
from campaigns.clock_suspends import sleep_through
from campaigns.clock_year import YEAR, live
from campaigns.summertime import ZONES, live_through

Life = tuple[Callable[[], Run], str]
"""One run, and the options that repeat it."""


def _changes(options: argparse.Namespace) -> Iterator[Life]:
    for zone in options.zone or ZONES:
        for change in almanac.changes(ZoneInfo(zone), options.year):
            yield partial(live_through, change), f"--zone {zone} --year {options.year}"


def _suspends(options: argparse.Namespace) -> Iterator[Life]:
    for seed in range(options.seed, options.seed + options.runs):
        yield partial(sleep_through, seed), f"--seed {seed} --runs 1"


def _steps(options: argparse.Namespace) -> Iterator[Life]:
    """Each step in turn, then as the seed draws them."""
    names = (
        [options.step] * options.runs if options.step else [*STEPS, *[None] * options.runs][: options.runs]
    )
    for seed, by in enumerate(names, options.seed):
        again = f"--seed {seed} --runs 1" + (f" --step '{by}'" if by else " --step drawn")
        yield partial(step_and_back, seed, None if by == "drawn" else by), again


def _year(options: argparse.Namespace) -> Iterator[Life]:
    yield partial(live, options.days), f"--days {options.days}"


PARTS: dict[str, Callable[[argparse.Namespace], Iterator[Life]]] = {
    "changes": _changes,
    "suspends": _suspends,
    "steps": _steps,
    "year": _year,
}


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for; 1 if anything was wrong."""
    options = _parser().parse_args(arguments)
    options.seed = seeds.begin(options.seed)
    failed = 0
    for part in options.only or PARTS:
        began, runs, made, wrong = process_time(), 0, 0, 0
        for life, again in PARTS[part](options):
            run = life()
            runs, made, wrong = runs + 1, made + run.made, wrong + len(run.wrong)
            print(run, flush=True)
            if run.wrong:
                print(*(f"  {what}" for what in run.wrong), sep="\n")
                print(f"  again: python -m campaigns.clocks --only {part} {again}")
        print(
            f"{part}: {runs} lives, {made} slots made, {wrong} wrong, {process_time() - began:.0f} s of CPU"
        )
        failed += wrong
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m campaigns.clocks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    seeds.add_option(parser)
    parser.add_argument("--only", action="append", choices=list(PARTS), help="this part (may be repeated)")
    parser.add_argument("--runs", type=int, default=20, help="lives with suspends, and with steps (20)")
    parser.add_argument("--days", type=int, default=YEAR, help=f"how long the year is ({YEAR})")
    parser.add_argument("--year", type=int, default=2027, help="whose clock changes (2027)")
    parser.add_argument("--zone", action="append", help="a zone to change clocks in (may be repeated)")
    parser.add_argument("--step", choices=[*STEPS, "drawn"], help="this step of the clock alone")
    return parser


if __name__ == "__main__":
    sys.exit(main())
