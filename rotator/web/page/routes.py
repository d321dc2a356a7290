"""What the page answers with, by path."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from rotator.clock import Clock
from rotator.draw import STYLE
from rotator.web.app import Endpoint

from .board import Board, Source
from .detail import picture
from .known import Known
from .paint import Painter
from .rows import Row
from .stream import Streams

SHOWN = 1000
"""Servers on one page, at most; a filter finds the others."""

OPEN = 4
"""Up to that many servers are shown with their time lines; of more, each opens its own."""

SLICE = 20
"""Rows written before the event loop gets its turn: some 5 ms of work."""

LONGEST_SEARCH = 200

UNBUFFERED = {"X-Accel-Buffering": "no"}
"""What asks a proxy such as nginx to hand changes on as they come."""


class Page:
    """The endpoints of the page for people."""

    def __init__(self, source: Source, clock: Clock) -> None:
        self._board = Board(source, clock)
        self._painter = Painter()
        self._streams = Streams(self._board, self._painter, clock)

    async def keep(self) -> None:
        """Keep the rows up to date, for ever."""
        await self._board.keep()

    def endpoints(self) -> Mapping[str, Endpoint]:
        """By path."""
        return {
            "/": self.index,
            "/servers/{key:path}": self.server,
            "/events": self.events,
            **{f"/static/{name}": _static(name) for name in STATIC},
        }

    async def index(self, request: Request) -> Response:
        """All servers, or those that fit `q`; problems first, or by name."""
        await self._board.look()
        board, now = self._board, self._board.now
        search, by_name = request.query_params.get("q", "")[:LONGEST_SEARCH], _by_name(request)
        found = board.sorted(by_name=by_name, search=search)
        shown = await self._shown(found[:SHOWN], now)
        headline = board.headline()
        html = await asyncio.to_thread(  # a thousand rows are two megabytes of text
            lambda: self._painter.render(
                "index.html",
                now,
                title=f"rotator: {headline.text}",
                revision=board.revision,
                headline=headline,
                shown=shown,
                total=len(board.rows),
                left_out=max(0, len(found) - SHOWN),
                search=search,
                by_name=by_name,
                urls={"problems": _url(q=search), "name": _url(q=search, sort="name")},
                recent=board.recent(),
            )
        )
        return _html(html)

    async def server(self, request: Request) -> Response:
        """One server with its time line; with `part` the time line alone."""
        await self._board.look()
        key, now = request.path_params["key"], self._board.now
        known, row = self._board.known(key), self._board.rows.get(key)
        if known is None or row is None:
            return _html(self._painter.render("missing.html", now, title="rotator", revision=0), 404)
        detail = await self._detail(known, now)
        if "part" in request.query_params:
            return _html(detail)
        return _html(
            self._painter.render(
                "server.html",
                now,
                title=f"rotator: {row.label}",
                revision=self._board.revision,
                row=row,
                html=self._painter.row(row, now),
                detail=detail,
            )
        )

    async def events(self, request: Request) -> Response:
        """The changes since the number that the reader was told last."""
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        told = request.headers.get("last-event-id") or request.query_params.get("since", "")
        revision = int(told) if told.isascii() and told.isdigit() else -1
        return StreamingResponse(
            self._streams.events(revision), headers=UNBUFFERED, media_type="text/event-stream"
        )

    async def _shown(self, rows: list[Row], now: datetime) -> list[tuple[Row, Markup, Markup | None]]:
        shown = []
        for count, row in enumerate(rows, 1):
            known = self._board.known(row.key) if len(rows) <= OPEN else None
            detail = await self._detail(known, now) if known is not None else None
            shown.append((row, self._painter.row(row, now), detail))
            if count % SLICE == 0:
                await asyncio.sleep(0)
        return shown

    async def _detail(self, known: Known, now: datetime) -> Markup:
        """In a thread: a picture takes some 10 ms."""
        drawn = await asyncio.to_thread(picture, known, now)
        return self._painter.render(
            "detail.html", now, label=known.server.label, picture=drawn, seen=known.seen
        )


def _html(content: str, status: int = 200) -> Response:
    return HTMLResponse(content, status)


def _by_name(request: Request) -> bool:
    return request.query_params.get("sort") == "name"


def _url(**query: str) -> str:
    given = {name: value for name, value in query.items() if value}
    return f"/?{urlencode(given)}" if given else "/"


STATIC: Mapping[str, str] = {
    "page.css": "text/css",
    "drawing.css": "text/css",
    "page.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
"""What the page is made of besides itself, and its types."""


def _static(name: str) -> Endpoint:
    """A file of the package; the stylesheet of the drawings is drawn from their own module."""
    content = STYLE if name == "drawing.css" else (files(__package__) / "static" / name).read_text()

    async def answer(request: Request) -> Response:
        return Response(content, media_type=STATIC[name])

    return answer
