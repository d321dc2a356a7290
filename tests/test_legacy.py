"""Names that look like an older script's, and the glob that is offered for them."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.legacy import habits

NAMES = st.from_regex(
    r"[ab_-]{0,3}(20250[1-9]1[0-9]|2025-0[1-9]-1[0-9]|173642400[0-9])?[ab]{0,2}", fullmatch=True
)


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (["weekly-snapshot-2025-01-08", "weekly-snapshot-2025-01-15"], 'adopt: ["weekly-snapshot-*"]'),
        (["auto_20250108_1200", "auto_20250109_1200"], 'adopt: ["auto_*"]'),
        (["s20250108T120000Z-db", "s20250109T120000Z-db"], 'adopt: ["s*-db"]'),
        (["cron-1736424000", "cron-1736510400"], 'adopt: ["cron-*"]'),
    ],
    ids=["dates", "dates and times", "a text after it", "seconds since 1970"],
)
def test_two_names_that_differ_in_their_date_are_a_habit(names: list[str], line: str) -> None:
    (habit,) = habits(names)
    assert (habit.names, habit.adopt) == (tuple(names), line)


@pytest.mark.parametrize(
    "names",
    [
        ["pre-migration-2025-01-15"],
        ["golden", "golden-2"],
        ["a-2025-01-15", "b-2025-01-15"],
        ["v-123456789012", "v-123456789013"],
    ],
    ids=["one alone", "no date", "different texts", "a longer number"],
)
def test_everything_else_is_none(names: list[str]) -> None:
    assert habits(names) == ()


def test_the_glob_grows_longer_where_a_short_one_would_take_more() -> None:
    (habit,) = habits(["web-2025-01-08", "web-2025-01-15", "web-golden"])
    digit = "[0-9]"
    assert habit.globs == (f"web-{digit * 4}-{digit * 2}-{digit * 2}",)


def test_names_that_are_nothing_but_a_date_get_no_bare_star() -> None:
    (habit,) = habits(["20250108", "20250115"])
    assert habit.globs == ("[0-9]" * 8,)


def test_nothing_is_offered_where_every_glob_would_take_a_protected_one() -> None:
    assert habits(["web-2025-01-08", "web-2025-01-15"], ["web-2025-01-22"]) == ()


@given(st.lists(NAMES), st.lists(NAMES))
def test_a_glob_fits_the_names_that_were_shown_and_no_other(foreign: list[str], others: list[str]) -> None:
    for habit in habits(foreign, others):
        fitting = {n for n in foreign + others if any(fnmatchcase(n, g) for g in habit.globs)}
        assert fitting == set(habit.names)
        assert not fitting & set(others)
