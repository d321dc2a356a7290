"""Planted defects: does the storm notice them? A campaign that never finds anything proves nothing.

    python -m campaigns.planted [--seed N] [--runs N] [--servers 20] [--hours 2] [--only NAME ...]

Each defect is a slip of the hand (planted.toml), written into a copy of the tree. Storms of all weather rage
over it until one finds something; then storms of that weather alone in which it does its harm, or kills in
such a scenario. What neither notices has to be held by other tests.
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
from typing import Any

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
    """What is slipped, and where it does its harm: in some weather, or in a scenario of the kill matrix."""

    name: str
    weather: tuple[str, ...]
    scenario: str | None
    slips: tuple[Slip, ...]


def defects(path: Path = LIST) -> dict[str, Defect]:
    """Those of the list, by name."""
    return {row["name"]: _defect(row) for row in tomllib.loads(path.read_text())["defect"]}


def _defect(row: dict[str, Any]) -> Defect:
    slips = tuple(Slip(**slip) for slip in row["slip"])
    return Defect(row["name"], tuple(row.get("weather", ())), row.get("scenario"), slips)


@dataclass(frozen=True, slots=True)
class Scale:
    """Which storms a defect has to be noticed in, and how large they are."""

    seeds: range
    servers: int
    hours: float


@dataclass(frozen=True, slots=True)
class Notice:
    """Where a defect was noticed first, and all that was found there."""

    where: str
    found: list[str]

    def __str__(self) -> str:
        return f"{self.where}: {self.found[0][:200]}"


def noticed(defect: Defect, scale: Scale) -> Iterator[Notice | None]:
    """What notices it, if anything: storms of all weather, then what it does its harm in."""
    with tempfile.TemporaryDirectory(prefix="planted-") as scratch:
        tree = Path(scratch)
        for name in ("rotator", "tests", "campaigns"):
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        for slip in defect.slips:
            slip.plant(tree)
        yield _noticed(tree, scale, ())
        yield (
            _noticed(tree, scale, defect.weather)
            if defect.scenario is None
            else _kills(tree, defect.scenario)
        )


def _noticed(tree: Path, scale: Scale, weather: tuple[str, ...]) -> Notice | None:
    """The first of the storms that finds anything."""
    size = ("--servers", str(scale.servers), "--hours", f"{scale.hours:g}")
    kinds = [word for kind in weather for word in ("--kind", kind)]
    for seed in scale.seeds:
        told = _run(tree, "storm", "--seed", str(seed), *size, *kinds)
        found = [line.removeprefix(FOUND) for line in told if line.startswith(FOUND)]
        if found:
            return Notice(f"seed {seed}", found)
    return None


def _kills(tree: Path, scenario: str) -> Notice | None:
    """A kill at each request of the scenario."""
    told = _run(tree, "kill", "--random", "0", "--pauses", "2", "--seed", "1", "--scenario", scenario)
    found = [line.strip() for line in told if line.startswith("    ")]
    return Notice("killed", found) if found else None


def _run(tree: Path, campaign: str, *arguments: str) -> list[str]:
    """What a campaign prints in that tree. RuntimeError if it did not come to its end."""
    command = [sys.executable, "-m", f"campaigns.{campaign}", *arguments]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    told = done.stdout.splitlines()
    if not told or not told[-1].startswith("1 s"):
        raise RuntimeError(f"{campaign} broke off: {done.stderr.strip().splitlines()[-1:]}")
    return told


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
        for campaign, told in zip(("all weather", "its own"), noticed(known[name], scale), strict=True):
            caught[campaign] += told is not None
            print(f"  {campaign}: {told or '-'}", flush=True)
    print(f"{len(names)} defects; noticed: {', '.join(f'{n} by {k}' for k, n in caught.items())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
