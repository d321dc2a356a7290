"""A saved list of snapshots, as the API gave it: what `--snapshots` begins with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import IO, Any, TypeVar

import click

from rotator.census import View
from rotator.errors import ListUnsure
from rotator.models import Pair, Snapshot
from rotator.rows import Page, Sorted, no_id_twice, page_of, sort_rows
from rotator.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

LABEL = "the saved list"


def saved_option(text: str) -> Callable[[F], F]:
    """Add `--snapshots FILE` with that help."""
    return click.option("--snapshots", type=click.File("rb"), metavar="FILE", help=text)


def views(file: IO[bytes], settings: Settings, pairs: Sequence[Pair], now: datetime) -> list[View]:
    """What the pairs' servers look like in the file.

    A list that cannot be trusted to be whole makes unsure views, as it would over the network; a file that is
    no list at all is a UsageError.
    """
    document = _document(file)
    try:
        rows = sort_rows(_whole(document).rows, settings.api.failed_states)
    except ListUnsure as error:
        return [View(pair, (), now, unsure=error.message) for pair in pairs]
    by_server: dict[str, list[Snapshot]] = {}
    for snapshot in rows.snapshots:
        by_server.setdefault(str(snapshot.server_id), []).append(snapshot)
    return [_view(pair, by_server, rows, now) for pair in pairs]


def _view(pair: Pair, by_server: dict[str, list[Snapshot]], rows: Sorted, now: datetime) -> View:
    key = pair.server.key
    return View(pair, tuple(by_server.get(key, ())), now, unsure=rows.unsure.get(key))


def _document(file: IO[bytes]) -> object:
    try:
        document: object = json.loads(file.read())
    except (ValueError, RecursionError) as error:
        raise _no_list(file, f"is not JSON ({error})") from None
    rows = document.get("results") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise _no_list(file, "is no list of snapshots: save the answer to GET /snapshots/, or its results")
    return document


def _no_list(file: IO[bytes], why: str) -> click.UsageError:
    return click.BadParameter(f"{file.name} {why}", param_hint="'--snapshots'")


def _whole(document: object) -> Page:
    """The list's one page. Raises ListUnsure where a part of the list is missing or repeated."""
    page = page_of(document, LABEL)
    if page.next is not None:
        raise ListUnsure(f"{LABEL} is one page of several: save the others too, as one array")
    if page.count is not None and page.count != len(page.rows):
        raise ListUnsure(f"{LABEL}: count is {page.count}, but there are {len(page.rows)} rows")
    no_id_twice(page.rows, LABEL)
    return page
