"""The page as it is served: what stands on it, what it costs, and that what is from outside stays text."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from rotator.models import Snapshot
from rotator.web.page import Known
from rotator.web.page.board import Board
from rotator.web.page.routes import OPEN, SHOWN
from rotator.web.page.stream import READERS
from tests.virtual import VirtualClock, run_virtual
from tests.web.conftest import Answer
from tests.web.knowing import (
    NOW,
    ROTATED,
    Shelf,
    blocked,
    failed,
    making,
    many,
    pending,
    stale,
    troubled,
    unseen,
    well,
)
from tests.web.showing import Moved, Shown, shown

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)><!--ago 0--> {{ 7*7 }} </title>"


class Elements(HTMLParser):
    """Every element of a page with its attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note it."""
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of that name."""
        return [attributes for name, attributes in self.found if name == tag]


def names(answer: Answer) -> list[str]:
    """The servers of a page, in its order."""
    rows = (attributes for _, attributes in Elements(answer.body.decode()).found if "data-name" in attributes)
    return [str(attributes["data-name"]) for attributes in rows]


# --- what stands on it ----------------------------------------------------------------------------


async def test_problems_come_first_and_then_names() -> None:
    async with shown(Shelf([well("web-2"), well("web-1"), stale("mail"), pending("new")])) as page:
        assert names(await page.get("/")) == ["mail", "new", "web-1", "web-2"]
        assert names(await page.get("/?sort=name")) == ["mail", "new", "web-1", "web-2"]
        page.shelf.servers.append(failed("zoo"))
        assert names(await page.get("/?sort=name"))[:1] == ["mail"]


async def test_the_filter_works_without_a_script() -> None:
    async with shown(Shelf(troubled())) as page:
        assert names(await page.get("/?q=db")) == ["db-01", "db-02"]
        assert names(await page.get("/?q=db+problem")) == ["db-01"]
        assert names(await page.get("/?q=12340")) == ["db-01"]
        none = await page.get("/?q=nobody")
    assert names(none) == []
    assert "No server fits." in Elements(none.body.decode()).text


async def test_few_servers_come_with_their_time_lines_and_many_with_a_way_to_each() -> None:
    async with shown(Shelf([well("web-01"), failed("db-01")])) as page:
        few = (await page.get("/")).body.decode()
        page.shelf.servers += [well(f"more-{n}", id=n + 1) for n in range(OPEN)]
    async with shown(page.shelf) as page:
        many = (await page.get("/")).body.decode()
        one = await page.get("/servers/12340")
        part = await page.get("/servers/12340?part")
    assert few.count('class="drawing"') == 2
    assert 'class="drawing"' not in many
    assert 'href="/servers/12340"' in many
    for answer in (one, part):
        assert "nightly-20270314T030000Z" in answer.body.decode()
        assert answer.body.decode().count('class="drawing"') == 1
    assert "<html" not in part.body.decode()


async def test_a_server_that_nobody_has_seen_has_no_time_line_and_says_so() -> None:
    async with shown(Shelf([unseen("edge-01", id=7), well("web-01")])) as page:
        for path in ("/", "/servers/7", "/servers/7?part"):
            text = Elements((await page.get(path)).body.decode()).text
            assert "No time line yet: no list has shown this server." in text
            assert "None" not in text.replace("None yet since this process began.", "")


async def test_a_server_that_is_not_there_is_not_found() -> None:
    async with shown(Shelf([well("web-01")])) as page:
        answer = await page.get("/servers/99")
    assert answer.status == 404
    assert "There is no such server here." in answer.body.decode()


async def test_more_servers_than_a_page_holds_are_counted_and_can_be_found() -> None:
    async with shown(Shelf([unseen(f"app-{n}", id=n + 1) for n in range(SHOWN + 3)])) as page:
        whole = await page.get("/")
        found = await page.get(f"/?q=app-{SHOWN + 2}")
    assert len(names(whole)) == SHOWN
    assert "3 more: filter by name to see them." in whole.body.decode()
    assert names(found) == [f"app-{SHOWN + 2}"]


# --- nothing is interpreted, nothing comes from elsewhere ---------------------------------------------


def poisoned(known: Known) -> Known:
    """The server with a name, and with snapshots, that would like to be markup."""
    assert known.sight is not None
    rows = tuple(replace(row, name=EVIL, status=EVIL, description=EVIL) for row in known.sight.snapshots)
    return replace(
        known,
        server=replace(known.server, id=EVIL, name=EVIL),
        sight=replace(known.sight, snapshots=tuple(replace(row, server_id=EVIL) for row in rows)),
    )


@pytest.mark.parametrize("known", [blocked("a"), failed("a"), making("a")])
async def test_what_comes_from_outside_stays_text(known: Known) -> None:
    async with shown(Shelf([poisoned(known)])) as page:
        whole = (await page.get("/")).body.decode()
        first = await anext(aiter(events(page, seconds=2)))
    for html in (whole, json.dumps(first)):
        elements = Elements(html)
        assert [each["src"] for each in elements.of("script")] in ([], ["/static/page.js"])
        assert elements.of("img") == []
        assert [name for _, found in elements.found for name in found if name.startswith("on")] == []
    assert "<script>alert(1)</script>" in Elements(whole).text
    assert "{{ 7*7 }}" in Elements(whole).text


async def test_nothing_is_asked_of_another_host_and_nothing_stands_inline() -> None:
    async with shown(Shelf(troubled()[:OPEN])) as page:
        answer = await page.get("/")
        html = answer.body.decode()
        sheets = [
            await page.get(f"/static/{name}") for name in ("page.css", "drawing.css", "page.js", "icon.svg")
        ]
    elements = Elements(html)
    links = [found.get(name) for _, found in elements.found for name in ("href", "src", "action")]
    assert [link for link in links if link and not link.startswith(("/", "#"))] == []
    assert elements.of("style") == []
    assert [found for _, found in elements.found if "style" in found] == []
    assert all(sheet.status == 200 for sheet in sheets)
    assert not any(re.search(rb"url\(|@import|https?:", sheet.body) for sheet in sheets[:3])
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "set-cookie" not in answer.headers


async def test_the_only_form_is_the_filter_and_it_only_reads() -> None:
    async with shown(Shelf(troubled())) as page:
        elements = Elements((await page.get("/")).body.decode())
    assert [(form["method"], form["action"]) for form in elements.of("form")] == [("get", "/")]
    assert elements.of("button") == []


# --- changes as they come ---------------------------------------------------------------------------


async def events(page: Shown, *, seconds: float, since: str = "-") -> AsyncIterator[dict[str, Any]]:
    """What the stream tells for so long."""
    reader, writer = await page.connect()
    writer.write(f"GET /events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: {since}\r\n\r\n".encode())
    try:
        async with asyncio.timeout(seconds):
            async for line in reader:
                if line.startswith(b"data: {"):
                    yield json.loads(line.removeprefix(b"data: "))
                elif line.startswith(b"id: "):
                    yield {"id": line.split()[1].decode()}
    except TimeoutError:
        pass
    finally:
        writer.close()


def told_in(shelf: Shelf, then: list[Known], *, since: str = "-") -> list[dict[str, Any]]:
    """What a reader is told who comes, and for whom this happens five seconds later."""

    async def scene(clock: VirtualClock) -> list[dict[str, Any]]:
        async with shown(shelf, Moved(clock)) as page:
            await page.get("/")
            asyncio.get_running_loop().call_later(5, lambda: setattr(shelf, "servers", then))
            return [event async for event in events(page, seconds=10, since=since)]

    return run_virtual(scene)


def test_a_reader_who_knows_nothing_is_told_everything_and_then_what_changes() -> None:
    told = told_in(
        Shelf([well("a", id=1), well("b", id=2)]), [well("a", id=1), replace(failed("b"), lasts={})]
    )
    rows = [[row["name"] for row in event["rows"]] for event in told if "rows" in event]
    assert rows[0] == ["a", "b"]
    assert rows[1] == ["b"]
    assert [event["gone"] for event in told if "gone" in event] == [["2"]]


def test_a_reader_who_comes_back_is_told_only_what_he_does_not_know() -> None:
    told = told_in(Shelf([well("a", id=1), well("b", id=2)]), [well("a", id=1), well("b", id=2)], since="2")
    assert [event for event in told if "rows" in event] == []


def test_a_reader_who_knows_the_board_of_an_earlier_process_is_told_everything() -> None:
    told = told_in(Shelf([well("a", id=1)]), [well("a", id=1)], since="999")
    assert [len(event["rows"]) for event in told if "rows" in event] == [1]


def test_of_too_many_readers_the_last_are_told_what_holds_and_to_come_back() -> None:
    async def scene(clock: VirtualClock) -> bytes:
        async with shown(Shelf([well("a", id=1)]), Moved(clock)) as page:
            others = [await page.connect() for _ in range(READERS)]
            for _, writer in others:
                writer.write(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
            for reader, _ in others:
                await reader.readuntil(b"id: ")
            late = await page.get("/events")
            for _, writer in others:
                writer.close()
            return late.body

    late = run_virtual(scene)
    assert late.count(b'"rows"') == 1
    assert b"retry: 15000" in late


def test_a_reader_who_does_not_read_fills_no_memory() -> None:
    quiet = [unseen(f"app-{n}", id=n + 1) for n in range(500)]
    other = [replace(each, lasts=ROTATED) for each in quiet]
    shelf = Shelf(quiet)

    async def scene(clock: VirtualClock) -> tuple[int, int]:
        async with shown(shelf, Moved(clock)) as page:
            reader, writer = await page.connect()
            writer.write(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.read(1000)
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport that reads
            for turn in range(30):
                await clock.sleep(1)
                shelf.servers = quiet if turn % 2 else other
            kept = [each.transport.get_write_buffer_size() for each in page.listener._open]
            writer.close()
            return len(kept), max(kept)

    readers, kept = run_virtual(scene)
    assert readers == 1
    assert kept < 300_000, "20 rows and what a transport holds by itself, of some 20 MB that happened"


# --- what it costs ----------------------------------------------------------------------------------


def test_rows_are_made_anew_only_where_something_happened() -> None:
    shelf = Shelf(many(50))

    async def scene(clock: VirtualClock) -> tuple[list[bool], int]:
        board = Board(shelf, Moved(clock))
        await board.look()
        first, revision = dict(board.rows), board.revision
        shelf.servers[3] = replace(shelf.servers[3], lasts={})
        await clock.sleep(2)
        await board.look()
        return [board.rows[key] is row for key, row in first.items()], board.revision - revision

    same, changes = run_virtual(scene)
    assert same.count(False) == 1
    assert changes == 1


def test_what_differs_from_list_to_list_alone_is_no_change() -> None:
    known = well("a")
    assert known.sight is not None
    copied: tuple[Snapshot, ...] = tuple(replace(each) for each in known.sight.snapshots)
    assert replace(known, sight=replace(known.sight, snapshots=copied), seen=NOW) == known
