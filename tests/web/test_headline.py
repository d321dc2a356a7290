"""The sentence at the top."""

from __future__ import annotations

from datetime import timedelta

from rotator.web.page import Known
from rotator.web.page.headline import Headline, headline
from rotator.web.page.rows import Level, row
from tests.web.knowing import MORNING, NOW, blocked, failed, pending, stale, unseen, well

BEGAN = NOW - timedelta(days=2)


def said(*known: Known, lacks: tuple[str, ...] = ()) -> Headline:
    return headline([row(each, NOW) for each in known], BEGAN, lacks)


def test_all_is_well_and_since_when() -> None:
    assert said(well("a"), well("b")) == Headline(
        Level.WELL, "All is well: every policy of 2 servers has a fresh restore point", BEGAN
    )


def test_one_server_in_trouble_is_named_with_its_trouble() -> None:
    assert said(well("a"), failed("db-01")) == Headline(
        Level.BAD, "1 of 2 servers needs attention: db-01 cannot be rotated (nightly)", MORNING
    )


def test_of_many_two_are_named_and_the_others_counted() -> None:
    found = said(well("a"), failed("d"), blocked("b"), stale("c"), stale("e"))
    assert found.text == (
        "4 of 5 servers need attention: b has no restore point (nightly);"
        " c has no fresh restore point (nightly); and 2 more"
    )
    assert found.since is not None
    assert found.since < MORNING


def test_a_first_restore_point_that_is_still_to_come_is_not_called_well() -> None:
    assert said(well("a"), pending("b")).text == (
        "Nothing is wrong: 1 of 2 servers waits for the first restore point"
    )


def test_a_daemon_that_is_not_ready_says_why() -> None:
    waiting = said(unseen("a"), lacks=("the API was not asked yet",))
    assert (waiting.level, waiting.text) == (Level.IDLE, "Not ready yet: the API was not asked yet")
