"""What rotator could know when it writes: no create and no delete that was certain to be refused.

This hears what the provider truly told the process, lies included, and nothing of what rotator makes of it. A
create is a finding if all recent lists of its server, own answered creates added, name as many snapshots that
still stand as the server has places. So whoever was lied to, or overtaken by somebody else, is not blamed:
what one of these lists did not show, or does not stand any more, does not count.

A delete is a finding if a whole answer had said that its snapshot is gone, to this process or to one before
it: what was answered stands beside the lock, however long lists lag. One that broke off is no answer.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import httpx

from rotator.clock import Clock
from rotator.sandbox import World

RECENT = 120.0
"""Seconds for which a list may be what a create was decided on: one look, and the patience of a create."""

BELIEVED = 900.0
"""Seconds for which an answered create has to be believed unseen: less than any `wait.timeout`."""

UNHEARD = object()
"""In place of a document whose bytes this did not hear."""


@dataclass(slots=True)
class Told:
    """What one list told of one server, and when; `ids` is None where this cannot say what it was."""

    at: float
    ids: set[str] | None


@dataclass
class Insight:
    """What one process was told. `places` is how many each server is configured to have."""

    world: World
    clock: Clock
    places: int = 5
    findings: list[str] = field(default_factory=list)
    judged: int = 0
    _lists: dict[str, deque[Told]] = field(default_factory=dict)
    _gone: set[str] = field(default_factory=set)
    _unseen: dict[str, dict[str, float]] = field(default_factory=dict)

    def forget(self) -> None:
        """The process is gone; the next one has seen no list."""
        self._lists.clear()
        self._unseen.clear()

    def asked(self, request: httpx.Request) -> None:
        """A request goes out; a write must not be one that is certain to be refused."""
        if request.method == "POST":
            self._create(json.loads(request.content))
        elif request.method == "DELETE" and _id_in(request) in self._gone:
            self._find(f"delete {_id_in(request)}", "it was told that this one is gone")

    def _create(self, body: dict[str, Any]) -> None:
        server_id = str(body["server_id"])
        known = self.known(server_id)
        self.judged += known is not None
        if known is not None and len(known) >= self.places:
            names = ", ".join(sorted(known))
            what = f"it was told of {len(known)} that stand there, of {self.places}: {names}"
            self._find(f"server {server_id}: create {body['name']}", what)

    def _find(self, deed: str, what: str) -> None:
        self.findings.append(f"{self.clock.now():%F %T} {deed}: certain to be refused: {what}")

    def told(self, request: httpx.Request, response: httpx.Response) -> None:
        """An answer came back to the process."""
        document = _document(response)
        gone = response.is_success or response.status_code == 404
        if request.method == "DELETE" and gone and document is not UNHEARD:
            self._gone.add(_id_in(request))
        if not response.is_success:
            return
        if request.method == "POST" and isinstance(document, dict):
            self._created(document)
        elif request.method == "GET" and request.url.path.endswith("/snapshots/"):
            self._listed(request.url.params.get("server_id"), document)

    def known(self, server_id: str) -> set[str] | None:
        """The ids that stand there and that it was surely told of; None where it was told nothing sure."""
        lists = self._lists.get(server_id, deque())
        named = [told.ids for told in lists if self._is_recent(told) or told is lists[-1]]
        surely = [ids for ids in named if ids is not None]
        if not surely or len(surely) < len(named):
            return None
        standing = {str(row.id) for row in self.world.snapshots(server_id)}
        return standing.intersection(*surely)

    def _is_recent(self, told: Told) -> bool:
        return self.clock.monotonic() - told.at <= RECENT

    def _created(self, row: dict[str, Any]) -> None:
        """An answered create exists from now on, whatever lists showed before."""
        server_id, id_ = _home(row), str(row.get("id"))
        if server_id is None or "id" not in row:
            return
        self._unseen.setdefault(server_id, {})[id_] = self.clock.monotonic() + BELIEVED
        for told in self._lists.get(server_id, ()):
            if told.ids is not None:
                told.ids.add(id_)

    def _listed(self, filtered: str | None, document: object) -> None:
        try:
            shown = _shown(document)
        except ValueError:
            return
        for server_id in [str(row.id) for row in self.world.servers()] if filtered is None else [filtered]:
            self._note(server_id, None if shown is None else shown.get(server_id, set()))

    def _note(self, server_id: str, ids: set[str] | None) -> None:
        now, unseen = self.clock.monotonic(), self._unseen.setdefault(server_id, {})
        if ids is not None:
            for id_ in ids & unseen.keys():
                del unseen[id_]
            ids |= {id_ for id_, until in unseen.items() if now < until}
        lists = self._lists.setdefault(server_id, deque())
        lists.append(Told(now, ids))
        while not self._is_recent(lists[0]):
            lists.popleft()


def _document(response: httpx.Response) -> object:
    """The body as JSON; UNHEARD where it comes drop by drop, or is none."""
    try:
        return json.loads(response.content)
    except httpx.ResponseNotRead:
        return UNHEARD
    except ValueError:
        return None


def _shown(document: object) -> dict[str, set[str]] | None:
    """The ids that a list names, by server; None where it is one page of several, or was not heard.

    Raises ValueError where it is no list that anybody may decide on: no list at all, or a wrong count.
    """
    if document is UNHEARD:
        return None
    envelope = document if isinstance(document, dict) else {"results": document}
    rows = envelope.get("results")
    if not isinstance(rows, list):
        raise ValueError("no list")
    if envelope.get("next") is not None or envelope.get("previous") is not None:
        return None
    if envelope.get("count", len(rows)) != len(rows):
        raise ValueError("it does not add up")
    shown: dict[str, set[str]] = {}
    for row in rows:
        if isinstance(row, dict) and (home := _home(row)) is not None:
            shown.setdefault(home, set()).add(str(row.get("id")))
    return shown


def _id_in(request: httpx.Request) -> str:
    return request.url.path.rstrip("/").rpartition("/")[2]


def _home(row: dict[str, Any]) -> str | None:
    server = row.get("server")
    return str(server.get("id")) if isinstance(server, dict) else None
