"""Own writes count at once, whatever lists show."""

from __future__ import annotations

from rotator.models import Snapshot
from rotator.overlay import REMEMBER_GONE, Overlay
from tests.building import make_snapshot

ONE, TWO = make_snapshot(1), make_snapshot(2)


def shown(overlay: Overlay, *rows: Snapshot, began: float, now: float | None = None) -> list[str]:
    return [row.key for row in overlay.over(rows, began, began if now is None else now)]


def test_a_list_is_left_as_it_is_where_nothing_was_written() -> None:
    assert shown(Overlay(), ONE, TWO, began=0) == ["1", "2"]


def test_a_deleted_id_is_gone_whatever_a_list_shows() -> None:
    overlay = Overlay()
    overlay.remove("1", at=10)
    for began in (5, 15, 10 + 2 * REMEMBER_GONE):
        assert shown(overlay, ONE, TWO, began=began) == ["2"]


def test_a_deleted_id_is_remembered_for_a_day_after_lists_stopped_showing_it() -> None:
    overlay = Overlay()
    overlay.remove("1", at=0)
    shown(overlay, began=REMEMBER_GONE - 1)
    assert overlay.gone
    shown(overlay, began=REMEMBER_GONE)
    assert not overlay.gone


def test_a_created_one_exists_until_a_list_that_counts_has_shown_it() -> None:
    overlay = Overlay()
    overlay.add(TWO, at=10, until=1000)
    assert shown(overlay, ONE, began=5) == ["1", "2"]  # it began before the write: it cannot know
    assert shown(overlay, ONE, began=15) == ["1", "2"]  # it lags
    assert shown(overlay, ONE, TWO, began=20) == ["1", "2"]
    assert shown(overlay, ONE, began=25) == ["1"]  # somebody deleted it


def test_a_list_that_does_not_count_settles_nothing() -> None:
    overlay = Overlay()
    overlay.add(TWO, at=10, until=1000)
    assert shown(overlay, ONE, TWO, began=5) == ["1", "2"]
    assert shown(overlay, ONE, began=6) == ["1", "2"]


def test_a_created_one_that_no_list_shows_is_believed_until_its_time_is_up() -> None:
    overlay = Overlay()
    overlay.add(TWO, at=10, until=100)
    assert shown(overlay, began=50, now=99.9) == ["2"]
    assert shown(overlay, began=50, now=100) == []


def test_a_lists_row_is_newer_than_the_answer_of_the_create() -> None:
    overlay = Overlay()
    overlay.add(make_snapshot(2, "asked-for"), at=10, until=1000)
    (row,) = overlay.over((make_snapshot(2, "as-listed"),), 5, 6)
    assert row.name == "as-listed"


def test_one_that_was_created_and_deleted_here_is_gone() -> None:
    overlay = Overlay()
    overlay.add(TWO, at=10, until=1000)
    overlay.remove("2", at=11)
    assert shown(overlay, ONE, TWO, began=12) == ["1"]


def test_a_list_counts_if_it_began_after_the_last_write() -> None:
    overlay = Overlay()
    assert overlay.counts(0)
    overlay.wrote(10)
    overlay.wrote(7)  # an answer that came late tells of an earlier time
    assert [overlay.counts(began) for began in (7, 9.9, 10, 11)] == [False, False, True, True]
