"""How times read on the page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator.web.page import words
from rotator.web.page.passing import passing, used, written
from tests.web.knowing import NOW

SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))


@pytest.mark.parametrize(
    ("span", "reads"),
    [
        (0 * SECOND, "0 s"),
        (59.9 * SECOND, "59 s"),
        (MINUTE, "1 min"),
        (12 * MINUTE + 5 * SECOND, "12 min 5 s"),
        (5 * HOUR + 12 * MINUTE + 30 * SECOND, "5 h 12 min"),
        (DAY + 59 * MINUTE, "1 d"),
        (40 * DAY + 3 * HOUR, "40 d 3 h"),
        (-HOUR, "0 s"),
    ],
)
def test_a_length_has_two_units_at_most(span: timedelta, reads: str) -> None:
    assert words.length(span) == reads


def test_where_there_is_little_room_one_unit_has_to_do() -> None:
    assert words.coarse(5 * HOUR + 12 * MINUTE) == "5 h"


def test_what_has_come_is_now() -> None:
    assert words.until(NOW + HOUR, NOW) == "in 1 h"
    assert words.until(NOW, NOW) == words.until(NOW - DAY, NOW) == "now"


def test_moments_are_told_in_utc() -> None:
    assert words.moment(NOW) == "Tue 16 Mar 09:20"


def test_kept_html_tells_the_time_at_which_it_is_sent() -> None:
    kept = f"<b>{passing('ago', NOW)}, {passing('in', NOW + HOUR)}, {passing('for', NOW)}</b>"
    assert written(kept, NOW + MINUTE) == "<b>1 min ago, in 59 min, 1 min</b>"
    assert written(kept, NOW + 2 * HOUR) == "<b>2 h ago, now, 2 h</b>"


def test_a_share_of_a_threshold_ends_at_a_hundred() -> None:
    kept = used(NOW, DAY)
    shares = [str(written(kept, NOW + hours * HOUR)) for hours in (-1, 0, 6, 24, 99)]
    assert shares == ["0", "0", "25", "100", "100"]
