"""Every reason of the contract has words, and they carry the policy's own numbers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rotator import retention, wording
from rotator.models import UNLIMITED, Keep, Span
from tests.building import make_policy

OTHERS = (
    *("no_rule", "floor", "protected", "adopted", "not_kept", "cap", "failed", "stuck"),
    *("deferred", "suspicious", "list_unsure", "clock_skewed", "future"),
)


@pytest.mark.parametrize("reason", [*OTHERS, *retention.RULES, *(f"oldest_{r}" for r in retention.RULES)])
def test_every_reason_has_words(reason: str) -> None:
    said = wording.in_words(reason, make_policy())
    assert " " in said


@pytest.mark.parametrize(
    ("keep", "reason", "words"),
    [
        (Keep(last=3), "last", "one of the newest 3"),
        (Keep(last=UNLIMITED), "last", "every one is kept"),
        (Keep(weekly=2), "weekly", "newest of its week (2 kept)"),
        (Keep(yearly=UNLIMITED), "yearly", "newest of its year"),
        (Keep(within=Span(months=1, days=3)), "within", "within 1m3d of the newest"),
        (Keep(within_daily=Span(days=7)), "within_daily", "newest of its day, within 7d of the newest"),
        (Keep(monthly=3), "oldest_monthly", "the oldest there is, and monthly has room"),
        (Keep(), "floor", "min_ready: never below 1"),
        (Keep(), "something_new", "something_new"),
    ],
)
def test_the_words_say_what_the_policy_says(keep: Keep, reason: str, words: str) -> None:
    assert wording.in_words(reason, make_policy(keep=keep)) == words


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (timedelta(0), "0 h"),
        (timedelta(seconds=59), "0 h"),
        (timedelta(minutes=45), "45 min"),
        (timedelta(hours=23), "23 h"),
        (timedelta(days=1), "1 d"),
        (timedelta(days=4, hours=3, minutes=7), "4 d 3 h"),
        (timedelta(days=2, minutes=7), "2 d"),
    ],
)
def test_a_time_is_told_in_its_two_largest_units(time: timedelta, words: str) -> None:
    assert wording.how_long(time) == words
