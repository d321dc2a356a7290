"""The cookbook: every configuration in it loads and does what the page says, and the pictures are current."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.cookbook import PAGE, Recipe, recipes, written

TEXT = PAGE.read_text()
RECIPES = recipes(TEXT)
ALL = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)


def test_there_are_ten_and_no_configuration_is_left_out() -> None:
    assert len(RECIPES) == len(TEXT.split("```yaml")) - 1 == 10


@ALL
def test_a_configuration_of_the_cookbook_is_right_and_no_slot_of_it_is_blocked(recipe: Recipe) -> None:
    assert recipe.settings.servers[0].policies
    assert recipe.future().broken == ()


def test_only_the_recipe_that_fills_the_server_is_warned_of() -> None:
    warned = {recipe.title: [w.code for w in recipe.settings.warnings] for recipe in RECIPES}
    assert {title: codes for title, codes in warned.items() if codes} == {"All five places": ["delete_first"]}


def test_the_figures_and_the_pictures_are_those_of_today() -> None:
    page, pictures = written(TEXT)
    assert page == TEXT, "make policies"
    assert {name: (PAGE.parent / name).read_text() for name in pictures} == pictures, "make policies"


def test_no_picture_is_left_behind() -> None:
    there = {str(path.relative_to(PAGE.parent)) for path in Path(PAGE.parent, "images", "policies").iterdir()}
    assert there == {recipe.image for recipe in RECIPES}


def test_every_recipe_says_both_figures() -> None:
    rows = re.findall(r"^\| ([\w-]+) \| (\d+ \w+[^|]*) \| (\d+ \w+[^|]*) \| \d+ \|$", TEXT, re.MULTILINE)
    assert len(rows) == sum(len(r.settings.servers[0].policies) for r in RECIPES) + sum(
        len(r.settings.servers[0].policies) > 1 for r in RECIPES
    )
