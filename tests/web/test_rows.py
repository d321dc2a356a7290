"""What a server's row says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from rotator.models import Outcome, Problem
from rotator.sight import Sight
from rotator.web.page import Known
from rotator.web.page.rows import UNSEEN_FOR, Level, Row, row
from tests.web import knowing
from tests.web.knowing import MORNING, NIGHTLY, NOW, blocked, failed, making, pending, stale, unseen, well

HOUR = timedelta(hours=1)


def kinds(of: Row) -> list[str]:
    return [cell.kind for cell in of.cells]


# --- places ---------------------------------------------------------------------------------------


def test_every_place_is_shown_whatever_stands_in_it() -> None:
    assert kinds(row(well("web-01"), NOW)) == ["managed"] * 4 + ["free"]
    assert kinds(row(making("web-01"), NOW)) == ["managed"] * 3 + ["in_progress", "free"]
    assert kinds(row(blocked("web-01"), NOW)) == ["foreign"] * 5
    assert Counter(kinds(row(failed("web-01"), NOW))) == {
        "orphan": 1,
        "managed": 2,
        "unknown": 1,
        "failed": 1,
    }


def test_one_that_is_made_for_too_long_is_stuck() -> None:
    assert "stuck" in kinds(row(making("web-01"), NOW + NIGHTLY.wait.timeout))


def test_a_server_that_holds_more_than_its_cap_shows_all_of_it() -> None:
    known = blocked("web-01")
    small = replace(known, server=replace(known.server, cap=3))
    assert kinds(row(small, NOW)) == ["foreign"] * 5


def test_what_the_next_rotation_deletes_is_marked_with_the_reason() -> None:
    going = [cell for cell in row(well("web-01"), NOW).cells if cell.goes]
    assert [(cell.name, cell.goes) for cell in going] == [
        ("nightly-20270314T030000Z", "no keep rule wants it")
    ]


def test_protected_ones_are_marked() -> None:
    known = blocked("web-01")
    guarded = replace(known, server=replace(known.server, protect=("before-*",)))
    assert all(cell.protected for cell in row(guarded, NOW).cells)


# --- what is wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "level", "short"),
    [
        (well("a"), Level.WELL, None),
        (making("a"), Level.WELL, None),
        (pending("a"), Level.IDLE, None),
        (unseen("a"), Level.IDLE, "was not seen yet"),
        (failed("a"), Level.BAD, "cannot be rotated (nightly)"),
        (blocked("a"), Level.BAD, "has no restore point (nightly)"),
        (stale("a"), Level.BAD, "has no fresh restore point (nightly)"),
    ],
)
def test_the_gravest_trouble_stands_for_the_server(known: Known, level: Level, short: str | None) -> None:
    made = row(known, NOW)
    assert (made.level, made.trouble.short if made.trouble else None) == (level, short)


def test_it_is_said_since_when() -> None:
    stopped = row(stale("a"), NOW).trouble
    newest = MORNING.replace(minute=0) - timedelta(days=4)
    assert stopped is not None
    assert stopped.since == newest + 1.25 * timedelta(days=1) + NIGHTLY.wait.timeout
    assert stopped.detail == "unreachable: the API did not answer: connection refused"


def test_a_list_that_cannot_be_trusted_is_told_before_all_else() -> None:
    doubted = replace(failed("a"), sight=Sight(unsure="count says 7, and 6 came"), seen=NOW)
    made = row(doubted, NOW)
    assert (made.level, made.trouble.short if made.trouble else "") == (Level.BAD, "cannot be listed")


def test_a_server_that_somebody_else_works_on_is_a_warning() -> None:
    busy = Problem("lock_held", "another process works on it", passing=True)
    known = replace(well("a"), lasts={"nightly": knowing.last(Outcome.BUSY, MORNING, busy)})
    assert row(known, NOW).level is Level.WARN


def test_what_will_block_is_told_before_it_does() -> None:
    known = blocked("a")
    ahead = replace(known, lasts={}, failing={}, since={"nightly": NOW - HOUR})
    made = row(ahead, NOW)
    assert made.level is Level.WARN
    assert made.trouble is not None
    assert made.trouble.detail.startswith("cap_reached: ")


# --- time -----------------------------------------------------------------------------------------


def test_a_row_stays_equal_as_long_as_nothing_happens() -> None:
    known = replace(well("a"), seen=None)
    first = row(known, NOW)
    assert first.good_until == NOW + HOUR
    assert row(known, NOW + timedelta(minutes=59)) == first


def test_a_server_that_no_list_has_shown_for_long_is_not_called_well() -> None:
    known = replace(well("a"), seen=NOW)
    assert row(known, NOW).good_until == NOW + UNSEEN_FOR
    late = row(known, NOW + UNSEEN_FOR)
    assert late.level is Level.WARN
    assert late.trouble is not None
    assert late.trouble.since == NOW
    assert late.good_until == NOW + UNSEEN_FOR + timedelta(minutes=1)
    assert row(replace(known, seen=NOW + UNSEEN_FOR), NOW + UNSEEN_FOR).level is Level.WELL


def test_a_row_is_made_anew_when_its_restore_point_gets_too_old() -> None:
    known = replace(well("a"), seen=None, server=replace(well("a").server, policies=(NIGHTLY,)))
    ages = row(known, NOW).lines[0]
    assert ages.ready is not None
    assert ages.threshold is not None
    old = ages.ready + ages.threshold
    shortly_before = row(known, old - timedelta(minutes=1))
    assert shortly_before.level is Level.WELL
    assert shortly_before.good_until <= old + timedelta(seconds=1)
    assert row(known, shortly_before.good_until).level is Level.BAD


def test_a_row_is_made_anew_when_its_next_rotation_begins() -> None:
    before = NOW.replace(hour=2, minute=30) + timedelta(days=1)
    assert row(replace(well("a"), seen=None), before).good_until == NOW.replace(hour=3, minute=0) + timedelta(
        days=1
    )
