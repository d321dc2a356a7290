"""Planted defects: does the storm notice them? A campaign that never finds anything proves nothing.

    python -m campaigns.planted [--seed N] [--runs N] [--servers 20] [--hours 2] [--only NAME ...]

Each defect is a slip of the hand (planted.toml), written into a copy of the tree. Storms of all weather rage
over it until one finds something, then storms of that weather alone in which it does its harm. What neither
notices has to be held by other tests.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from campaigns import seeds

ROOT = Path(__file__).parent.parent

LIST = Path(__file__).with_name("planted.toml")

FOUND = "  FOUND "
"""How the storm begins a line that tells a finding."""


@dataclass(frozen=True, slots=True)
class Slip:
    """In one module of rotator, this text in place of that one, which stands there once."""

    module: str
    before: str
    after: str

    def plant(self, tree: Path) -> None:
        """Write it into that tree. ValueError if the module does not hold the text once."""
        path = tree / "rotator" / f"{self.module}.py"
        text = path.read_text()
        if text.count(self.before) != 1:
            raise ValueError(f"{self.module}: {self.before!r} stands there {text.count(self.before)} times")
        path.write_text(text.replace(self.before, self.after))


@dataclass(frozen=True, slots=True)
class Defect:
    """What is slipped, and the weather in which it does its harm."""

    name: str
    weather: tuple[str, ...]
    slips: tuple[Slip, ...]


def defects(path: Path = LIST) -> dict[str, Defect]:
    """Those of the list, by name."""
    return {
        row["name"]: Defect(row["name"], tuple(row["weather"]), tuple(Slip(**slip) for slip in row["slip"]))
        for row in tomllib.loads(path.read_text())["defect"]
    }


@dataclass(frozen=True, slots=True)
class Scale:
    """Which storms a defect has to be noticed in, and how large they are."""

    seeds: range
    servers: int
    hours: float


def noticed(defect: Defect, scale: Scale) -> Iterator[tuple[int, list[str]] | None]:
    """The seed of the first storm that notices and what it finds, or None: all weather, then its own."""
    with tempfile.TemporaryDirectory(prefix="planted-") as scratch:
        tree = Path(scratch)
        for name in ("rotator", "tests", "campaigns"):
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        for slip in defect.slips:
            slip.plant(tree)
        for weather in ((), defect.weather):
            storms = ((seed, _storm(tree, seed, scale, weather)) for seed in scale.seeds)
            yield next(((seed, found) for seed, found in storms if found), None)


def _storm(tree: Path, seed: int, scale: Scale, weather: tuple[str, ...]) -> list[str]:
    """What one storm finds. RuntimeError if it did not come to its end."""
    size = ("--servers", str(scale.servers), "--hours", f"{scale.hours:g}")
    kinds = [word for kind in weather for word in ("--kind", kind)]
    command = [sys.executable, "-m", "campaigns.storm", "--seed", str(seed), *size, *kinds]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    if "1 storms: " not in done.stdout:
        raise RuntimeError(f"the storm broke off: {done.stderr.strip().splitlines()[-1:]}")
    return [line.removeprefix(FOUND) for line in done.stdout.splitlines() if line.startswith(FOUND)]


def main(arguments: list[str] | None = None) -> int:
    """Plant one after the other, and print what became of each; 0 whatever was noticed."""
    known = defects()
    parser = argparse.ArgumentParser(
        prog="python -m campaigns.planted", description=__doc__.partition("\n")[0]
    )
    seeds.add_option(parser)
    parser.add_argument("--runs", type=int, default=3, help="storms of a kind, until one notices")
    parser.add_argument("--servers", type=int, default=20)
    parser.add_argument("--hours", type=float, default=2, help="how long a storm lasts")
    parser.add_argument("--only", action="append", choices=known, metavar="NAME", help="this defect alone")
    asked = parser.parse_args(arguments)
    first = seeds.begin(asked.seed)
    scale = Scale(range(first, first + asked.runs), asked.servers, asked.hours)
    caught = Counter[str]()
    names = asked.only or list(known)
    for name in names:
        print(name, flush=True)
        for weather, told in zip(("all weather", "its weather"), noticed(known[name], scale), strict=True):
            caught[weather] += told is not None
            seen = "-" if told is None else f"seed {told[0]}, {len(told[1])} findings: {told[1][0][:200]}"
            print(f"  {weather}: {seen}", flush=True)
    print(f"{len(names)} defects; noticed: {', '.join(f'{n} by {k}' for k, n in caught.items())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
