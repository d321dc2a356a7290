"""The figures and pictures of docs/policies.md, from the configurations that stand in it.

python -m bench.cookbook           writes them anew
python -m bench.cookbook --year    simulates each for a year and says how long that took

A recipe is a section with a block of YAML, a whole configuration, and a comment that says for how many days
it is simulated; what follows up to the closing comment is written here.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rotator import draw
from rotator.config import parse, places_needed
from rotator.models import UNLIMITED, Policy
from rotator.reach import Figures, end_of, figures, reach_in_words
from rotator.settings import Settings
from rotator.simulate import Future, lives, simulate
from rotator.wording import how_long

PAGE = Path(__file__).parent.parent / "docs" / "policies.md"
IMAGES = "images/policies"
START = datetime(2027, 3, 1, tzinfo=UTC)
"""A Monday, four weeks before the clocks change in Europe."""

_RECIPE = re.compile(
    r"^## (?P<title>[^\n]+)\n(?P<text>(?:(?!^## ).)*?)```yaml\n(?P<yaml>.*?)```\n"
    r"(?P<between>(?:(?!^## ).)*?)<!-- simulated for (?P<days>\d+) days -->\n(?P<written>.*?)<!-- end -->",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """One configuration of the page, and for how long it is simulated."""

    title: str
    yaml: str
    days: int

    @property
    def image(self) -> str:
        """The picture's path beside the page."""
        return f"{IMAGES}/{re.sub('[^a-z0-9]+', '-', self.title.lower()).strip('-')}.svg"

    @property
    def settings(self) -> Settings:
        """The configuration, checked as every other one. Raises ConfigError."""
        return parse(self.yaml, self.title, {}, START)

    def future(self, days: int | None = None) -> Future:
        """Its one server, empty at START."""
        (server,) = self.settings.servers
        return simulate(server, START, end_of(START, days or self.days))


def recipes(page: str) -> list[Recipe]:
    """The recipes of the page, in their order."""
    return [Recipe(m["title"], m["yaml"], int(m["days"])) for m in _RECIPE.finditer(page)]


def written(page: str) -> tuple[str, dict[str, str]]:
    """The page with its figures anew, and the pictures by their paths beside it."""
    made = {recipe.title: (recipe, recipe.future()) for recipe in recipes(page)}
    pictures = {recipe.image: draw.simulation([future]) + "\n" for recipe, future in made.values()}

    def renewed(match: re.Match[str]) -> str:
        start = match.start("written") - match.start()
        text = "\n".join(_figures(*made[match["title"]]))
        return f"{match[0][:start]}{text}\n<!-- end -->"

    return _RECIPE.sub(renewed, page), pictures


def _figures(recipe: Recipe, future: Future) -> Iterator[str]:
    known, policies = lives(future), future.server.policies
    yield ""
    yield f"![{recipe.title}: {recipe.days} days from an empty server]({recipe.image})"
    yield ""
    yield "| policy | reach | largest gap | needs places |"
    yield "| --- | --- | --- | --- |"
    for policy in policies:
        yield _row(policy.name, figures(future, policy.name, known), _needs([policy]))
    if len(policies) > 1:
        yield _row("together", figures(future, known=known), _needs(policies))
    yield ""


def _row(name: str, found: Figures, needs: str) -> str:
    gap = how_long(found.gap) if found.gap is not None else "-"
    return f"| {name} | {reach_in_words(found)} | {gap} | {needs} |"


def _needs(policies: list[Policy] | tuple[Policy, ...]) -> str:
    needed = sum(places_needed(policy) for policy in policies)
    return "no bound" if needed == UNLIMITED else f"{needed:g}"


def main() -> None:
    """Write the page and its pictures, or measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--year", action="store_true")
    page = PAGE.read_text()
    if parser.parse_args().year:
        _measure(recipes(page))
        return
    renewed, pictures = written(page)
    PAGE.write_text(renewed)
    for name, picture in pictures.items():
        path = PAGE.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(picture)


def _measure(measured: list[Recipe]) -> None:
    began, turns = time.perf_counter(), 0
    for recipe in measured:
        future = recipe.future(365)
        turns += len(future.turns)
        figures(future)
    seconds = time.perf_counter() - began
    print(f"{len(measured)} configurations, a year each: {turns:,} rotations in {seconds:.1f} s")


if __name__ == "__main__":
    main()
