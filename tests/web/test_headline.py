"""The sentence at the top."""

from __future__ import annotations

from datetime import timedelta

from rotator.errors import ACCOUNT_WIDE
from rotator.web.page import Known
from rotator.web.page.headline import WHOLE, Headline, headline
from rotator.web.page.rows import Level, row
from tests.web.knowing import MORNING, NOW, blocked, failed, outage, pending, stale, unseen, well

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
    found = said(well("a"), failed("d"), blocked("b"), failed("c"), failed("e"))
    assert found.text == (
        "4 of 5 servers need attention: b has no restore point (nightly);"
        " c cannot be rotated (nightly); and 2 more"
    )
    assert found.since is not None
    assert found.since < MORNING


def test_where_the_api_fails_that_is_said_first_and_others_are_still_named() -> None:
    down = [outage("a"), outage("c"), outage("d")]
    assert said(*down, well("e")).text == "The API cannot be reached: 3 of 4 servers were not rotated"
    assert said(*down, failed("db-01")).text == (
        "The API cannot be reached: 3 of 4 servers were not rotated; db-01 cannot be rotated (nightly)"
    )


def test_a_restore_point_that_got_too_old_while_the_api_failed_is_the_apis_trouble() -> None:
    found = said(stale("a"))
    assert found.text == "The API cannot be reached: 1 of 1 server was not rotated"
    assert found.level is Level.BAD
    assert found.since is not None
    assert found.since < MORNING


def test_where_the_api_fails_few_and_others_get_through_those_few_are_named() -> None:
    assert said(outage("a"), well("b")).text == (
        "1 of 2 servers needs attention: a cannot be rotated (nightly)"
    )


def test_every_code_that_speaks_of_the_account_has_its_words() -> None:
    assert WHOLE.keys() == ACCOUNT_WIDE


def test_a_first_restore_point_that_is_still_to_come_is_not_called_well() -> None:
    assert said(well("a"), pending("b")).text == (
        "Nothing is wrong: 1 of 2 servers waits for the first restore point"
    )


def test_a_daemon_that_is_not_ready_says_why() -> None:
    waiting = said(unseen("a"), lacks=("the API was not asked yet",))
    assert (waiting.level, waiting.text) == (Level.IDLE, "Not ready yet: the API was not asked yet")


def test_a_changed_configuration_that_was_refused_is_said_whatever_else_is() -> None:
    rows = [row(well("a"), NOW)]
    alone = headline(rows, BEGAN, (), refused=True)
    assert (alone.level, alone.since) == (Level.WARN, None)
    assert alone.text.startswith("The changed configuration was refused, the old one stays in force")
    beside = headline([row(failed("db-01"), NOW)], BEGAN, (), refused=True)
    assert beside.level is Level.BAD
    assert "db-01 cannot be rotated (nightly); the changed configuration was refused" in beside.text


def test_where_nothing_is_looked_after_nothing_is_called_well() -> None:
    assert said().text == "Nothing is looked after: no server has an enabled policy"
    assert said().level is Level.IDLE
