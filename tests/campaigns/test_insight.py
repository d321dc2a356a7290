"""Who is told that a server is full must not ask for one more; who was lied to or overtaken may."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from campaigns.insight import Insight
from rotator.sandbox import World
from tests.sandbox.conftest import StandingClock

URL = "http://127.0.0.1:1/api/v1/snapshots/"


class Wire:
    """A server with five places, and what one process asks and hears of it."""

    def __init__(self, standing: int) -> None:
        self.world = World(StandingClock())
        self.world.add_server(1, "web-1")
        self.ids = [self.plant() for _ in range(standing)]
        self.insight = Insight(self.world, self.world.clock)

    def plant(self) -> int | str:
        """One more stands there."""
        return self.world.add_snapshot(1, "by-hand")

    def rows(self) -> list[dict[str, object]]:
        """What an honest list shows."""
        return [{"id": row.id, "server": {"id": 1}} for row in self.world.snapshots(1)]

    def listed(self, rows: list[dict[str, object]], **more: object) -> None:
        """A list came back."""
        document = {"count": len(rows), "results": rows, **more}
        self.insight.told(httpx.Request("GET", URL), httpx.Response(200, json=document))

    def create(self) -> bool:
        """Ask for a snapshot; whether that was a finding."""
        before = len(self.insight.findings)
        self.insight.asked(httpx.Request("POST", URL, json={"server_id": 1, "name": "nightly"}))
        return len(self.insight.findings) > before

    def created(self) -> int | str:
        """A create was done and answered."""
        row = self.world.create(1, "nightly", "")
        answer = httpx.Response(201, json={"id": row.id, "server": {"id": 1}})
        self.insight.told(httpx.Request("POST", URL), answer)
        return row.id


def a_full_list(wire: Wire) -> None:
    wire.listed(wire.rows())


def a_full_list_and_then_one_that_does_not_add_up(wire: Wire) -> None:
    wire.listed(wire.rows())
    wire.listed(wire.rows()[1:], count=5)


def an_answered_create_that_lists_do_not_show_yet(wire: Wire) -> None:
    wire.world.remove_snapshot(wire.ids[0])
    short = wire.rows()
    wire.listed(short)
    wire.created()
    wire.listed(short)


def a_list_of_the_account(wire: Wire) -> None:
    wire.listed([{"id": 7, "server": {"id": 2}}, *wire.rows()])


@pytest.mark.parametrize(
    "story",
    [
        a_full_list,
        a_full_list_and_then_one_that_does_not_add_up,
        an_answered_create_that_lists_do_not_show_yet,
        a_list_of_the_account,
    ],
)
def test_a_create_that_was_certain_to_be_refused_is_found(story: Callable[[Wire], None]) -> None:
    wire = Wire(5)
    story(wire)
    assert wire.create()


def nothing(wire: Wire) -> None:
    """It asks without having looked."""


def a_list_that_hides_one(wire: Wire) -> None:
    wire.listed(wire.rows())
    wire.listed(wire.rows()[1:])


def somebody_who_came_after_the_list(wire: Wire) -> None:
    wire.world.remove_snapshot(wire.ids[0])
    wire.listed(wire.rows())
    wire.plant()


def one_that_has_gone_since(wire: Wire) -> None:
    wire.listed(wire.rows())
    wire.world.delete(wire.ids[0])


def a_new_process(wire: Wire) -> None:
    wire.listed(wire.rows())
    wire.insight.forget()


def one_page_of_several(wire: Wire) -> None:
    wire.listed(wire.rows(), next="http://127.0.0.1:1/api/v1/snapshots/?page=2")


def an_answered_create_that_a_list_has_shown_and_the_next_one_hides(wire: Wire) -> None:
    wire.world.remove_snapshot(wire.ids[0])
    made = wire.created()
    wire.listed(wire.rows())
    wire.listed([row for row in wire.rows() if row["id"] != made])


@pytest.mark.parametrize(
    "story",
    [
        nothing,
        a_list_that_hides_one,
        somebody_who_came_after_the_list,
        one_that_has_gone_since,
        a_new_process,
        one_page_of_several,
        an_answered_create_that_a_list_has_shown_and_the_next_one_hides,
    ],
)
def test_who_could_not_know_is_not_blamed(story: Callable[[Wire], None]) -> None:
    wire = Wire(5)
    story(wire)
    assert not wire.create()


@pytest.mark.parametrize(("status", "found"), [(204, True), (404, True), (500, False), (403, False)])
def test_what_an_answer_called_gone_is_not_deleted_again_by_the_next_process_either(
    status: int, found: bool
) -> None:
    wire = Wire(2)
    delete = httpx.Request("DELETE", f"{URL}{wire.ids[0]}/")
    wire.insight.asked(delete)
    wire.insight.told(delete, httpx.Response(status))
    wire.insight.forget()
    wire.insight.asked(httpx.Request("DELETE", f"{URL}{wire.ids[1]}/"))
    assert wire.insight.findings == []
    wire.insight.asked(delete)
    assert bool(wire.insight.findings) is found


@pytest.mark.parametrize("status", [204, 404])
def test_an_answer_whose_body_is_not_heard_to_its_end_has_not_said_that_anything_is_gone(status: int) -> None:
    wire = Wire(2)
    delete = httpx.Request("DELETE", f"{URL}{wire.ids[0]}/")
    wire.insight.asked(delete)
    wire.insight.told(delete, httpx.Response(status, stream=httpx.ByteStream(b"{")))
    wire.insight.asked(delete)
    assert wire.insight.findings == []
