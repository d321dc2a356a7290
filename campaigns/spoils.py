"""What may be wrong with a document that came whole: each edit changes a list, or an answer's shape."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping

import httpx

from campaigns.strikes import Json, Passage, Strike, plain_headers

ODD_WORDS = ("archived", "available", "COMPLETED", "creating", "pending", "complete", "")
"""States that nobody documented."""


async def wrong_shape(passage: Passage) -> httpx.Response:
    """JSON, but not what was asked for. An empty array would be a list without rows: no sign, no fault."""
    response = await passage.lost()
    shapes: tuple[object, ...] = (
        {},
        None,
        5,
        "ok",
        {"detail": "ok"},
        {"count": 3, "results": {}},
        {"count": "all", "results": []},
        {"results": []},
        {"count": 1, "results": [7]},
        {"count": 0, "results": [], "next": 7},
        {"id": 5, "server": {"id": "elsewhere"}, "name": "x", "status": "in_progress"},
    )
    return _edited(response, passage.chance.choice(shapes))


Edit = Callable[[Passage, Json, list[Json]], None]


def on_list(edit: Edit) -> Strike:
    """Changes a list's document; every other answer passes."""

    async def strike(passage: Passage) -> httpx.Response:
        response = await passage.carry_out()
        if response.status_code != 200:
            return response
        document = json.loads(response.content)
        whole = document if isinstance(document, dict) else {"results": document}
        edit(passage, whole, whole["results"])
        return _edited(response, whole["results"] if isinstance(document, list) else whole)

    return strike


def lose_rows(passage: Passage, document: Json, rows: list[Json]) -> None:
    """Rows are missing, and `count` tells. A bare array has none, so nothing is lost from it."""
    if "count" in document:
        rows[:] = [row for row in rows if not passage.chosen(row)]


def hide_rows(passage: Passage, document: Json, rows: list[Json]) -> None:
    """Rows are missing, and nothing tells. A list of several pages is left alone."""
    if document.get("next") or document.get("previous"):
        return
    hidden = [row for row in rows if passage.chosen(row)]
    for row in hidden:
        passage.hide(row)
    rows[:] = [row for row in rows if row not in hidden]
    if "count" in document:
        document["count"] = len(rows)


def lose_pages(passage: Passage, document: Json, rows: list[Json]) -> None:
    """The list ends early, goes round in circles, or leads away."""
    if "count" not in document:
        return
    if not document.get("next"):
        document["count"] += 1
        return
    url = passage.request.url
    elsewhere = url.copy_with(host="192.0.2.7")
    document["next"] = passage.chance.choice((None, str(url), str(elsewhere), "http://[", 7))


def repeat_rows(passage: Passage, document: Json, rows: list[Json]) -> None:
    """Rows come twice, counted twice."""
    again = [dict(row) for row in rows if passage.chosen(row)]
    rows += again
    if "count" in document:
        document["count"] += len(again)


def break_rows(passage: Passage, document: Json, rows: list[Json]) -> None:
    """Rows that are not what is documented."""
    wrong: tuple[Mapping[str, object], ...] = (
        {"created_at": None},
        {"created_at": "2027-03-14 07:00:00"},
        {"created_at": "yesterday"},
        {"name": None},
        {"status": 7},
        {"size_mb": "large"},
        {"size_mb": -1},
        {"id": True},
        {"id": ""},
    )
    for row in rows:
        if passage.chosen(row):
            row.update(wrong[zlib.crc32(f"{row.get('id')}".encode()) % len(wrong)])


def odd_words(passage: Passage, document: Json, rows: list[Json]) -> None:
    """States that nobody documented."""
    for row in rows:
        if passage.chosen(row, of=2):
            row["status"] = ODD_WORDS[zlib.crc32(f"{row['id']}".encode()) % len(ODD_WORDS)]


def empty_ones(passage: Passage, document: Json, rows: list[Json]) -> None:
    """Completed, and of no size."""
    for row in rows:
        if passage.chosen(row) and row["status"] == "completed":
            row["size_mb"] = 0


def no_server(passage: Passage, document: Json, rows: list[Json]) -> None:
    """Rows that belong to no server."""
    for row in rows:
        if passage.chosen(row, of=2):
            row["server"] = None


def ids_as_text(passage: Passage, document: Json, rows: list[Json]) -> None:
    """Ids are numbers here and texts there: nothing may come of it."""
    for row in rows:
        row["id"] = str(row["id"])
        if isinstance(row.get("server"), dict):
            row["server"]["id"] = str(row["server"]["id"])


def _edited(response: httpx.Response, document: object) -> httpx.Response:
    return httpx.Response(response.status_code, headers=plain_headers(response), json=document)
