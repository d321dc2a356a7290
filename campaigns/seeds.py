"""Which runs are repeated each time, and one that is new each time.

A campaign draws everything from one `random.Random(seed)`, so that a number is all that it takes to see a run
again: `ROTATOR_SEED=12345 make test`, or `--seed 12345` on the campaign's own command line.
"""

from __future__ import annotations

import argparse
import os
import secrets

VARIABLE = "ROTATOR_SEED"
"""The environment variable that takes the place of chance."""

FIXED = (1,)
"""The seeds that every run of the tests tries: what they find, everybody finds."""


def fresh() -> int:
    """The seed in `VARIABLE`, else one that nobody has tried: set there too, for the processes to come.

    Raises SystemExit if the variable holds no whole number.
    """
    text = os.environ.setdefault(VARIABLE, str(secrets.randbelow(2**31)))
    try:
        return int(text)
    except ValueError:
        raise SystemExit(f"{VARIABLE} has to be a whole number, not {text!r}") from None


def add_option(parser: argparse.ArgumentParser) -> None:
    """Give a campaign's command line its `--seed`."""
    parser.add_argument("--seed", type=int, help=f"the first seed (default: ${VARIABLE}, else a new one)")


def begin(asked: int | None) -> int:
    """The seed that was asked for, else a fresh one; printed either way."""
    seed = fresh() if asked is None else asked
    print(f"seed {seed}", flush=True)
    return seed
