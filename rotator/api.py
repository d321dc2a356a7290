"""The provider: its documented calls as methods, its rows as models, its errors as ours.

Ids are sent exactly as they are handed in: what the API has shown goes back as it came, and what a person
wrote goes through `wire_id` first.
"""

from __future__ import annotations

import asyncio
import random as randomness
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol
from urllib.parse import quote

from rotator.answers import json_of
from rotator.clock import Clock
from rotator.errors import AnotherServer, BadAnswer, BadRequest, ListUnsure, NotFound
from rotator.exchange import (
    NEVER,
    SURELY_NOT_DONE,
    Call,
    Counter,
    Exchange,
    OnSend,
    TokenReader,
    counting,
    unnoted,
)
from rotator.gate import Events
from rotator.http import HttpClient, Reply
from rotator.listing import PAGE_SIZE, read_whole
from rotator.models import AccountInfo, Id, Listing, ServerInfo, Snapshot
from rotator.pace import Pace, Urgency
from rotator.retry import Patience, Trouble
from rotator.rows import BrokenRow, Row, Sorted, account_of, server_of, snapshot_of, sort_rows, together
from rotator.settings import ApiSettings

__all__ = [
    "Counter",
    "OnSend",
    "Patience",
    "Provider",
    "TokenReader",
    "Urgency",
    "VpsApi",
    "counting",
    "unnoted",
    "wire_id",
]

UNSURE_WAITS = (1.0, 2.0)
"""Seconds before an unsure list is asked for again: pages shift while snapshots come and go, but settle."""


SLICE = 500
"""Rows that become models before the event loop gets its turn: about 10 ms of work."""


class Provider(Protocol):
    """What rotations and the inventory need of a provider. Every method raises ApiError."""

    async def list_snapshots(
        self, server_id: Id | None = None, *, urgency: Urgency = Urgency.DECIDE
    ) -> Listing:
        """The account's snapshots, or those that the provider shows for one server; ListUnsure if not whole.

        The server of each row is the caller's to check: a filter may have been ignored.
        """
        ...

    async def create_snapshot(
        self,
        server_id: Id,
        name: str,
        description: str,
        *,
        patience: Patience | None = None,
        on_send: OnSend = unnoted,
    ) -> Snapshot:
        """Ask for a snapshot. AnswerLost: it may have been made. Any other error: it was not.

        `on_send` is called just before each try goes out; what it raises keeps it from going out.
        """
        ...

    async def delete_snapshot(
        self, snapshot_id: Id, *, patience: Patience | None = None, on_send: OnSend = unnoted
    ) -> bool:
        """Delete a snapshot. True: deleted now; False: there was none (any more). `on_send` as above."""
        ...

    async def restore_snapshot(self, snapshot_id: Id) -> None:
        """Overwrite a server with a snapshot; asked once. AnswerLost: it may have begun. Else it has not."""
        ...

    async def account(self) -> AccountInfo:
        """What the token belongs to and may do."""
        ...

    async def list_servers(self, *, status: str | None = None, once: bool = False) -> tuple[ServerInfo, ...]:
        """The servers of the account, those in that state at least; ListUnsure if the list is not whole.

        `once`: whoever asks can do without, so that nothing is repeated.
        """
        ...


class VpsApi:
    """`Provider` over HTTP. Close it with `aclose`, or use it as an async context manager.

    `client` replaces the HTTP client that the settings describe; it is closed all the same. `on_event` is a
    structlog logger, which gets the `api.*` events.
    """

    def __init__(
        self,
        settings: ApiSettings,
        token: TokenReader,
        *,
        clock: Clock,
        random: randomness.Random,
        on_event: Events,
        client: HttpClient | None = None,
    ) -> None:
        self._base = settings.base_url.rstrip("/")
        self._failed_states = settings.failed_states
        self._clock = clock
        self._events = on_event
        self._client = client or HttpClient(
            clock,
            timeout=settings.timeout,
            connections=settings.concurrency,
            ca_file=settings.ca_file,
        )
        pace = Pace(clock, settings.rate_limit, settings.concurrency)
        self._exchange = Exchange(self._client, token, pace, clock=clock, chance=random, events=on_event)

    async def __aenter__(self) -> VpsApi:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    @property
    def requests(self) -> int:
        """Requests sent so far, repetitions included."""
        return self._exchange.requests

    @property
    def answered(self) -> bool:
        """Whether any request was ever answered, whatever the answer said."""
        return self._exchange.answered

    async def list_snapshots(
        self, server_id: Id | None = None, *, urgency: Urgency = Urgency.DECIDE
    ) -> Listing:
        """See `Provider`. A list that is unsure is asked for again at most twice."""
        with Trouble(self._clock) as trouble:
            for wait in (*UNSURE_WAITS, None):
                try:
                    return await self._snapshots(server_id, urgency, trouble)
                except ListUnsure as error:
                    self._events.warning("api.list_unsure", detail=error.message)
                    trouble.failed()
                    if wait is None or wait > trouble.left:
                        raise
                await self._clock.sleep(wait)
        raise AssertionError("the last try returns or raises")

    async def _snapshots(self, server_id: Id | None, urgency: Urgency, trouble: Trouble) -> Listing:
        call = self._get("/snapshots/", urgency, {} if server_id is None else {"server_id": server_id})
        whole = await read_whole(self._exchange, call, trouble)
        rows = await self._sorted(whole.rows)
        return Listing(
            rows.snapshots,
            server_id,
            pages=whole.pages,
            began=whole.began,
            skew=whole.skew,
            unsure=rows.unsure,
            strays=rows.strays,
            failing=trouble.failing,
        )

    async def _sorted(self, rows: Sequence[Row]) -> Sorted:
        """The rows as models; in slices, so that a long list does not block the event loop."""
        slices: list[Sorted] = []
        for start in range(0, len(rows), SLICE):
            slices.append(sort_rows(rows[start : start + SLICE], self._failed_states))
            await asyncio.sleep(0)
        return together(slices)

    async def create_snapshot(
        self,
        server_id: Id,
        name: str,
        description: str,
        *,
        patience: Patience | None = None,
        on_send: OnSend = unnoted,
    ) -> Snapshot:
        """See `Provider`. Repeated only after a 429 and where no connection was made."""

        def read(reply: Reply) -> Snapshot:
            return self._created(reply, server_id)

        call = Call(
            "POST",
            f"{self._base}/snapshots/",
            "POST /snapshots/",
            Urgency.CREATE,
            repeat=SURELY_NOT_DONE,
            lossy=True,
            json={"server_id": server_id, "name": name, "description": description},
            on_send=on_send,
        )
        with Trouble(self._clock, patience) as trouble:
            return await self._exchange.ask(call, trouble, read)

    def _created(self, reply: Reply, server_id: Id) -> Snapshot:
        row = json_of(reply)
        try:
            created = snapshot_of(
                row if isinstance(row, dict) else {}, self._failed_states, server_id=server_id
            )
        except BrokenRow as error:
            raise BadAnswer(f"{reply.label}: {error}", status=reply.status) from error
        if str(created.server_id) != str(server_id):
            message = f"{reply.label}: asked for server {server_id}, answered for {created.server_id}"
            raise AnotherServer(f"{message}: nothing is asked for again", status=reply.status)
        return created

    async def delete_snapshot(
        self, snapshot_id: Id, *, patience: Patience | None = None, on_send: OnSend = unnoted
    ) -> bool:
        """See `Provider`. A 404 after a lost answer is False too: it is gone either way."""
        path = f"/snapshots/{_segment(snapshot_id)}/"
        call = Call("DELETE", self._base + path, f"DELETE {path}", Urgency.DELETE, on_send=on_send)
        with Trouble(self._clock, patience) as trouble:
            try:
                await self._exchange.ask(call, trouble, lambda reply: None)
            except NotFound:
                return False
        return True

    async def restore_snapshot(self, snapshot_id: Id) -> None:
        """See `Provider`. Never repeated, not even after a 401 with a new token at hand."""
        path = f"/snapshots/{_segment(snapshot_id)}/restore/"
        call = Call("POST", self._base + path, f"POST {path}", Urgency.DECIDE, repeat=NEVER, lossy=True)
        with Trouble(self._clock) as trouble:
            await self._exchange.ask(call, trouble, _restore_began)

    async def account(self) -> AccountInfo:
        """See `Provider`."""
        call = self._get("/account/me/", Urgency.DECIDE, paged=False)
        with Trouble(self._clock) as trouble:
            return await self._exchange.ask(
                call, trouble, lambda reply: account_of(json_of(reply), reply.label)
            )

    async def list_servers(self, *, status: str | None = None, once: bool = False) -> tuple[ServerInfo, ...]:
        """See `Provider`."""
        call = self._get("/servers/", Urgency.DECIDE, {} if status is None else {"status": status})
        call = replace(call, repeat=NEVER) if once else call
        with Trouble(self._clock) as trouble:
            whole = await read_whole(self._exchange, call, trouble)
        return tuple(server_of(row, call.label) for row in whole.rows)

    def _get(
        self, path: str, urgency: Urgency, params: dict[str, Id] | None = None, *, paged: bool = True
    ) -> Call:
        label = f"GET {path}" + "".join(f"?{name}={value}" for name, value in (params or {}).items())
        size = {"page_size": PAGE_SIZE} if paged else {}
        return Call("GET", self._base + path, label, urgency, params={**(params or {}), **size})


def wire_id(id_: Id) -> Id:
    """An id as a person wrote it, as it goes out: plain digits ("123", not "014") become an integer."""
    return int(id_) if isinstance(id_, str) and re.fullmatch(r"0|[1-9][0-9]{0,17}", id_) else id_


def _segment(id_: Id) -> str:
    """An id as one segment of a path. Raises BadRequest for what would lead to another path."""
    text = str(id_)
    if text in ("", ".", ".."):
        raise BadRequest(f"{text!r} is not an id")
    return quote(text, safe="")


def _restore_began(reply: Reply) -> None:
    answer = json_of(reply)
    if not isinstance(answer, dict) or answer.get("status", "success") != "success":
        raise BadAnswer(f"{reply.label}: the answer does not say that it began", status=reply.status)
