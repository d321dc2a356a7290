"""Rows and pages: what is believed, what is not, and whose fault that is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.errors import BadAnswer, ListUnsure
from rotator.models import AccountInfo, ServerInfo, State
from rotator.rows import (
    NO_NAME,
    BrokenRow,
    Page,
    account_of,
    no_id_twice,
    page_of,
    server_of,
    snapshot_of,
    sort_rows,
    state_of,
)
from tests.stages import row

HUGE = 10**400
WHOLE = row()


@pytest.mark.parametrize(
    ("status", "size", "state"),
    [
        ("completed", 5120, State.READY),
        ("completed", 0.5, State.READY),
        ("completed", None, State.READY),
        ("completed", 0, State.UNKNOWN),
        ("completed", 0.0, State.UNKNOWN),
        ("in_progress", None, State.IN_PROGRESS),
        ("in_progress", 0, State.IN_PROGRESS),
        ("failed", None, State.FAILED),
        ("error", 5120, State.FAILED),
        ("melted", 5120, State.FAILED),
        ("Completed", 5120, State.UNKNOWN),
        ("pending", None, State.UNKNOWN),
        ("", 5120, State.UNKNOWN),
    ],
)
def test_only_a_completed_one_with_a_size_is_ready(status: str, size: float | None, state: State) -> None:
    assert state_of(status, size, frozenset({"melted"})) is state


def test_a_documented_row_becomes_a_snapshot() -> None:
    snapshot = snapshot_of(row(801, created_at="2025-01-15T18:30:00Z"))
    assert (snapshot.id, snapshot.server_id, snapshot.server_name) == (801, 12345, "web-server-01")
    assert (snapshot.name, snapshot.status, snapshot.state) == ("nightly-801", "completed", State.READY)
    assert snapshot.created_at == datetime(2025, 1, 15, 18, 30, tzinfo=UTC)
    assert (snapshot.size_mb, snapshot.description) == (5120, "Weekly snapshot")


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-15T18:30:00Z",
        "2025-01-15T18:30:00+00:00",
        "2025-01-15T21:30:00+03:00",
        "2025-01-15T13:00:00-05:30",
        "2025-01-15T18:30:00.000000Z",
        "2025-01-15T18:30:00.000000999Z",
        "2025-01-15 18:30:00Z",
    ],
)
def test_a_time_is_read_whatever_its_offset_and_fraction_and_is_utc(text: str) -> None:
    created = snapshot_of(row(created_at=text)).created_at
    assert created == datetime(2025, 1, 15, 18, 30, tzinfo=UTC)
    assert created.tzinfo is UTC


@pytest.mark.parametrize("id_", [0, -1, 801, 2**70, "801", "014", "0b9ae-7f", "a/b", "ä"])
def test_an_id_stays_as_it_is(id_: int | str) -> None:
    kept = snapshot_of(row(id_)).id
    assert kept == id_
    assert type(kept) is type(id_)


BROKEN = {
    "id is missing": ({"id": None}, "a snapshot without a readable id"),
    "id is a truth value": ({"id": True}, "a snapshot without a readable id"),
    "id is a fraction": ({"id": 801.0}, "a snapshot without a readable id"),
    "id is empty": ({"id": ""}, "a snapshot without a readable id"),
    "id leads to another path": ({"id": ".."}, "a snapshot without a readable id"),
    "name is missing": ({"name": None}, "snapshot 801: name is not a text"),
    "name is a number": ({"name": 7}, "snapshot 801: name is not a text"),
    "status is missing": ({"status": None}, "snapshot 801: status is not a text"),
    "status is a list": ({"status": ["completed"]}, "snapshot 801: status is not a text"),
    "created_at is missing": ({"created_at": None}, "snapshot 801: created_at is not a time with a zone"),
    "created_at has no zone": (
        {"created_at": "2025-01-15T18:30:00"},
        "snapshot 801: created_at is not a time with a zone",
    ),
    "created_at is a number": (
        {"created_at": 1736965800},
        "snapshot 801: created_at is not a time with a zone",
    ),
    "created_at is before all time": (
        {"created_at": "0001-01-01T00:00:00+14:00"},
        "snapshot 801: created_at is not a time with a zone",
    ),
    "size is a text": ({"size_mb": "5120"}, "snapshot 801: size_mb is not a size"),
    "size is a truth value": ({"size_mb": True}, "snapshot 801: size_mb is not a size"),
    "size is negative": ({"size_mb": -1}, "snapshot 801: size_mb is not a size"),
    "size is no number": ({"size_mb": float("nan")}, "snapshot 801: size_mb is not a size"),
    "size is endless": ({"size_mb": float("inf")}, "snapshot 801: size_mb is not a size"),
    "size is beyond all numbers": ({"size_mb": HUGE}, "snapshot 801: size_mb is not a size"),
}


@pytest.mark.parametrize(("damage", "why"), list(BROKEN.values()), ids=list(BROKEN))
def test_a_broken_row_makes_its_own_server_unsure_and_no_other(damage: dict[str, Any], why: str) -> None:
    told = sort_rows([row(1, 67890), row(801, 12345) | damage, row(2, 12345)])
    assert told.unsure == {"12345": why}
    assert [snapshot.id for snapshot in told.snapshots] == [1, 2]
    assert told.strays == ()


@pytest.mark.parametrize(
    "server",
    [None, {}, {"id": None}, {"id": True}, {"id": ""}, {"name": "web"}, [], ["12345"], 1.5],
    ids=str,
)
def test_a_row_without_a_readable_server_belongs_to_nobody(server: object) -> None:
    told = sort_rows([WHOLE | {"server": server}, {"id": 7, "server": server}])
    assert (told.snapshots, told.unsure) == ((), {})
    assert told.strays == ("nightly-801", NO_NAME)


def test_a_server_that_is_only_an_id_is_known_but_not_believed() -> None:
    assert sort_rows([row() | {"server": 12345}]).unsure == {"12345": "snapshot 801: server is not an object"}


def test_a_missing_description_is_an_empty_one() -> None:
    bare = {key: value for key, value in row().items() if key != "description"}
    assert snapshot_of(bare).description == ""


def test_the_answer_to_a_create_may_leave_out_the_server_that_was_asked_for() -> None:
    assert snapshot_of(row() | {"server": None}, server_id=12345).server_id == 12345
    with pytest.raises(BrokenRow, match="no server"):
        snapshot_of(row() | {"server": None})


# --- pages ----------------------------------------------------------------------------------------


def test_an_envelope_and_a_bare_array_are_pages() -> None:
    assert page_of([WHOLE], "GET") == Page((WHOLE,))
    assert page_of({"count": 1, "results": [WHOLE]}, "GET") == Page((WHOLE,), 1)
    following = {"count": 1, "next": "https://x/?page=2", "previous": None, "results": [WHOLE]}
    assert page_of(following, "GET") == Page((WHOLE,), 1, "https://x/?page=2")
    assert page_of({"count": 0, "next": "", "results": []}, "GET") == Page((), 0)


@pytest.mark.parametrize(
    "document",
    [
        None,
        7,
        "text",
        {},
        {"count": 1},
        {"count": 1, "results": None},
        {"count": 1, "results": {"0": {}}},
        {"results": []},
        {"count": "0", "results": []},
        {"count": True, "results": [{}]},
        {"count": None, "results": []},
        {"count": 1, "results": [None]},
        {"count": 1, "results": ["row"]},
        {"count": 0, "results": [], "next": 2},
        [[]],
        [1],
    ],
    ids=str,
)
def test_any_other_shape_is_unsure(document: object) -> None:
    with pytest.raises(ListUnsure, match="GET /snapshots/: "):
        page_of(document, "GET /snapshots/")


@pytest.mark.parametrize("twins", [(801, 801), (801, "801")], ids=["same", "same_text"])
def test_an_id_twice_is_unsure(twins: tuple[object, object]) -> None:
    with pytest.raises(ListUnsure, match="the id 801 is listed twice"):
        no_id_twice([{"id": twins[0]}, {"id": 7}, {"id": twins[1]}], "GET")


def test_unreadable_ids_are_not_taken_for_each_other() -> None:
    no_id_twice([{"id": None}, {"id": None}, {}, {"id": "None"}], "GET")


# --- servers and the account ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "info"),
    [
        ({"id": 7, "name": "web", "status": "active"}, ServerInfo(7, "web", "active")),
        ({"uuid": "0b9ae", "hostname": "web.example.org"}, ServerInfo("0b9ae", "web.example.org")),
        ({"id": 7, "password": "hidden"}, ServerInfo(7, "7")),
    ],
    ids=["documented", "client's", "bare"],
)
def test_a_server_is_read_in_both_vocabularies(shown: dict[str, object], info: ServerInfo) -> None:
    assert server_of(shown, "GET /servers/") == info


def test_a_server_without_an_id_makes_the_list_unsure() -> None:
    with pytest.raises(ListUnsure, match="a server without a readable id"):
        server_of({"name": "web"}, "GET /servers/")


def test_an_account_is_read_as_far_as_it_tells() -> None:
    document = {"account": {"email": "a@b.c"}, "token": {"name": "ci", "permissions": ["snapshots:*", 7]}}
    assert account_of(document, "GET") == AccountInfo("a@b.c", "ci", ("snapshots:*",))
    assert account_of({}, "GET") == AccountInfo()
    assert account_of({"account": [], "token": "x"}, "GET") == AccountInfo()
    with pytest.raises(BadAnswer):
        account_of([], "GET")


# --- anything at all ------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)

DAMAGED = st.dictionaries(st.sampled_from(sorted(WHOLE)), JSON, max_size=4).map(lambda damage: WHOLE | damage)


@given(st.lists(DAMAGED, max_size=5))
def test_no_row_is_lost_whatever_it_holds(rows: list[dict[str, object]]) -> None:
    told = sort_rows(rows)
    broken = len(rows) - len(told.snapshots) - len(told.strays)
    assert broken >= len(told.unsure)
    assert bool(broken) == bool(told.unsure)


@given(JSON)
def test_a_page_or_an_unsure_list_and_nothing_else(document: object) -> None:
    try:
        page = page_of(document, "GET")
    except ListUnsure:
        return
    assert all(isinstance(one, dict) for one in page.rows)
