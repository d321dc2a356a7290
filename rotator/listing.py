"""A whole list or none: pages are followed to the end and counted.

A list that lacks a row looks like a server without that snapshot, and rotations create and delete by what
they see. So whatever does not add up is ListUnsure: a wrong shape, a count that is wrong or changes, an id
twice, pages that lead in a circle or away from the provider.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from rotator.answers import json_of, skew
from rotator.errors import ListUnsure
from rotator.exchange import Call, Exchange
from rotator.http import Reply, join, same_origin
from rotator.retry import Trouble
from rotator.rows import Page, Row, no_id_twice, page_of

PAGE_SIZE = 100
"""Rows a page that are asked for: the most that the provider's own client may ask for."""

MAX_PAGES = 5000
"""Pages of one list: 50,000 snapshots (10,000 servers with 5 each) in pages of 20 make half of it."""


@dataclass(frozen=True, slots=True)
class Whole:
    """All rows of a list, the number of its pages, when the first was asked for, and the clock's skew."""

    rows: tuple[Row, ...]
    pages: int
    began: float
    skew: timedelta


async def read_whole(exchange: Exchange, call: Call, trouble: Trouble) -> Whole:
    """Read a list to its end. Raises ApiError; ListUnsure where it cannot be trusted to be whole."""
    first, ahead = await exchange.ask(call, trouble, _read)
    began = trouble.sent_at or 0.0
    rows, page, seen = list(first.rows), first, {call.url}
    while page.next is not None:
        url = _following(call, page.next, seen)
        page, _ = await exchange.ask(replace(call, url=url, params={}), trouble, _read)
        if page.count != first.count:
            raise ListUnsure(f"{call.label}: count changed from {first.count} to {page.count} between pages")
        rows += page.rows
    if first.count is not None and first.count != len(rows):
        raise ListUnsure(f"{call.label}: count is {first.count}, but {len(rows)} rows came")
    no_id_twice(rows, call.label)
    return Whole(tuple(rows), len(seen), began, ahead)


def _read(reply: Reply) -> tuple[Page, timedelta]:
    return page_of(json_of(reply), reply.label), skew(reply)


def _following(call: Call, reference: str, seen: set[str]) -> str:
    """The next page's URL, and a note that it was seen."""
    try:
        url = join(call.url, reference)
    except ValueError:
        raise ListUnsure(f"{call.label}: next is not a URL") from None
    if not same_origin(url, call.url):
        raise ListUnsure(f"{call.label}: next leads to another host, which must not see the token")
    if url in seen or len(seen) >= MAX_PAGES:
        raise ListUnsure(f"{call.label}: its pages never end")
    seen.add(url)
    return url
