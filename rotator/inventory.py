"""One shared view of the account, so that a thousand rotations do not list a thousand times.

Law 1: what decides a write comes from a list begun after it was asked for: a single page of the whole
       account, shared by everyone who asked meanwhile, or a list of that server alone.
Law 2: who only waits for a snapshot takes part in rounds: one list serves all who wait (see `poller`).
Law 3: own writes are laid over every list (see `overlay`).
Law 4: while the account's list does not add up, servers are asked for one by one: no row of one server,
       and no fault of the provider's paging, stops the others.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog
from structlog.contextvars import clear_contextvars

from rotator.api import Provider, wire_id
from rotator.clock import Clock
from rotator.errors import BadRequest, ListUnsure, NotFound
from rotator.models import Id, Listing, Server, Snapshot
from rotator.overlay import REMEMBER_GONE, Overlay
from rotator.pace import Urgency
from rotator.poller import Poller, See
from rotator.sight import Sight

log = structlog.stdlib.get_logger()

GATHER_SECONDS = 0.01
"""How long a list waits for company before it is asked for: a moment, well under any request's own time."""

DOUBT_SECONDS = 300.0
"""How long the account is not listed as a whole after that list did not add up; then it is tried again."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A listing, sorted out by server once, however many ask what it shows."""

    listing: Listing
    rows: Mapping[str, Sequence[Snapshot]]

    @classmethod
    def of(cls, listing: Listing) -> Shown:
        """Sort the listing out."""
        rows: dict[str, list[Snapshot]] = {}
        for row in listing.snapshots:
            rows.setdefault(str(row.server_id), []).append(row)
        return cls(listing, rows)


class Inventory:
    """What stands on every server, asked for as rarely as the laws allow. One per process and account."""

    def __init__(self, provider: Provider, clock: Clock) -> None:
        self._provider = provider
        self._clock = clock
        self._overlays: defaultdict[str, Overlay] = defaultdict(Overlay)
        self._ids: dict[str, Id] = {}
        self._seen: dict[str, Sight] = {}
        self._missing: frozenset[str] = frozenset()
        self._pages = 1
        self._doubted_until = float("-inf")
        self._turn = asyncio.Lock()
        self._round: asyncio.Task[Shown] | None = None
        self._askers: dict[str, Server] = {}
        self._poller = Poller(self._poll, self.account_pages, clock)

    def account_pages(self) -> float:
        """How many pages the account's list had when it was last asked for whole; 1 until then.

        Without end while that list is in doubt: no number of servers makes it the cheaper one.
        """
        return math.inf if self._clock.monotonic() < self._doubted_until else self._pages

    def id_of(self, server: Server) -> Id:
        """What to send for the server: the API's own value where it has shown one, else ours."""
        return self._ids.get(server.key, wire_id(server.id))

    async def look(self, server: Server) -> Sight:
        """The server as a list begun from now on shows it: good for deciding writes.

        An unsure list is an unsure sight. Raises ApiError where no list could be had.
        """
        try:
            return self._sight(server, await self._decisive(server))
        except ListUnsure as error:
            return Sight(unsure=error.message)

    async def survey(self, servers: Iterable[Server], urgency: Urgency = Urgency.DECIDE) -> dict[str, Sight]:
        """All these servers at once, by id's text: good for showing and for what is due, not for writes."""
        asked = list(servers)
        if len(asked) > 1 and self.account_pages() <= len(asked):
            with suppress(ListUnsure):
                shown = await self._list(None, urgency)
                return {server.key: self._sight(server, shown) for server in asked}
        sights = await asyncio.gather(*(self._alone(server, urgency) for server in asked))
        return {server.key: sight for server, sight in zip(asked, sights, strict=True)}

    def last_seen(self, server: Server) -> Sight | None:
        """The newest sure sight that anybody had, own writes laid over it; None if there was none yet."""
        sight = self._seen.get(server.key)
        if sight is None:
            return None
        missing = server.key in self._missing and not sight.snapshots
        return replace(self.overlaid(server, sight), missing=missing)

    def called(self, servers: Iterable[Server], missing: frozenset[str]) -> None:
        """The account was asked whether it has these servers: the ids of those texts it does not."""
        self._missing = self._missing.difference(server.key for server in servers) | missing

    def seen_at(self, server: Server) -> float:
        """The monotonic time of that sight; before all times if there was none yet."""
        sight = self._seen.get(server.key)
        return -math.inf if sight is None else sight.began

    async def strays(self) -> Collection[str]:
        """The names of the rows that name no server: only the account's list is sure to show those.

        None are told of where that list has several pages, or does not add up: it would cost too much to ask
        after each lost create, or tell nothing. Raises ApiError where no list could be had.
        """
        if self.account_pages() > 1:
            return ()
        with suppress(ListUnsure):
            return (await self._list(None)).listing.strays
        return ()

    async def watch(self, server: Server, due: float) -> Sight:
        """The next sight from the shared rounds of waiting, wanted at the monotonic time `due` at the latest.

        Raises ApiError only where waiting longer is pointless; passing failures are waited out.
        """
        return await self._poller.next(server, due)

    def created(self, server: Server, snapshot: Snapshot, believe_for: timedelta) -> None:
        """A create was answered: the snapshot exists, whether lists show it yet or not."""
        now = self._clock.monotonic()
        self._overlays[server.key].add(snapshot, now, now + believe_for.total_seconds())

    def known(self, server: Server, snapshot: Snapshot, believe_for: timedelta, began: float) -> None:
        """Another process made the snapshot before a list that began at `began`."""
        until = self._clock.monotonic() + believe_for.total_seconds()
        self._overlays[server.key].add(snapshot, began, until)

    def is_unseen(self, server: Server, snapshot: Snapshot) -> bool:
        """Whether the snapshot is only believed in: no list that counts has shown it yet."""
        return snapshot.key in self._overlays[server.key].created

    def deleted(self, server: Server, snapshot: Snapshot) -> None:
        """A delete was answered: the id is gone, whether lists still show it or not."""
        self._overlays[server.key].remove(snapshot.key, self._clock.monotonic())

    def buried(self, server: Server, key: str) -> None:
        """Another process deleted the id of that text, before any list that is still to be asked for."""
        self._overlays[server.key].bury(key, self._clock.monotonic())

    def keep_servers(self, keys: Collection[str]) -> None:
        """Forget servers that left, once no list can lag behind what was written to them."""
        old = self._clock.monotonic() - REMEMBER_GONE
        for key in [key for key, lay in self._overlays.items() if key not in keys and lay.last_write < old]:
            del self._overlays[key]
        self._ids = {key: id_ for key, id_ in self._ids.items() if key in keys}
        self._seen = {key: sight for key, sight in self._seen.items() if key in keys}
        self._missing &= frozenset(keys)

    def overlaid(self, server: Server, sight: Sight) -> Sight:
        """The same sight with the writes since then laid over it."""
        rows = self._overlays[server.key].over(sight.snapshots, sight.began, self._clock.monotonic())
        return replace(sight, snapshots=rows)

    async def _decisive(self, server: Server) -> Shown:
        if self.account_pages() == 1:
            try:
                shown = await self._joined(server)
            except ListUnsure:
                if self.account_pages() == 1:
                    raise  # it was the list of that server alone
            else:
                if shown.listing.pages == 1 or shown.listing.server_id is not None:
                    return shown
        return await self._list(server)

    async def _alone(self, server: Server, urgency: Urgency) -> Sight:
        try:
            return self._sight(server, await self._list(server, urgency))
        except ListUnsure as error:
            return Sight(unsure=error.message)
        except (NotFound, BadRequest) as error:  # so a provider may answer for a server that is no more
            facts = {"server_id": server.id, "server": server.label}
            log.warning("api.failed", code=error.code, detail=error.message, **facts)
            return Sight(unsure=error.message)

    async def _joined(self, server: Server) -> Shown:
        """Share one list with everyone who asks before it goes out."""
        if self._round is None:
            self._round = asyncio.create_task(self._run_round())
            self._round.add_done_callback(_look_at_exception)
        self._askers[server.key] = server
        return await asyncio.shield(self._round)

    async def _run_round(self) -> Shown:
        clear_contextvars()  # it is nobody's list alone, so its log lines carry nobody's ids
        async with self._turn:
            await self._clock.sleep(GATHER_SECONDS)
            askers, self._askers, self._round = self._askers, {}, None
            alone = next(iter(askers.values())) if len(askers) == 1 else None
            return await self._list(alone)

    async def _list(self, server: Server | None, urgency: Urgency = Urgency.DECIDE) -> Shown:
        if server is not None:
            return Shown.of(await self._provider.list_snapshots(self.id_of(server), urgency=urgency))
        try:
            listing = await self._provider.list_snapshots(urgency=urgency)
        except ListUnsure:
            self._doubted_until = self._clock.monotonic() + DOUBT_SECONDS
            raise
        self._pages = listing.pages
        return Shown.of(listing)

    async def _poll(self, server: Server | None) -> See:
        shown = await self._list(server, Urgency.POLL)
        return lambda each: self._sight(each, shown)

    def _sight(self, server: Server, shown: Shown) -> Sight:
        listing, rows = shown.listing, tuple(shown.rows.get(server.key, ()))
        if rows:
            self._ids[server.key] = rows[0].server_id
        sight = Sight(
            snapshots=rows,
            unsure=listing.unsure.get(server.key) or _other_kind(server, shown),
            skew=listing.skew,
            began=listing.began,
            strays=listing.strays,
            failing=listing.failing,
        )
        if sight.unsure is None and sight.began > self.seen_at(server):
            self._seen[server.key] = sight
        return self.overlaid(server, sight)


def _look_at_exception(task: asyncio.Task[Shown]) -> None:
    """Nobody may be left to hear of it when every asker was cancelled; asyncio would complain."""
    if not task.cancelled():
        task.exception()


def _other_kind(server: Server, shown: Shown) -> str | None:
    """Why a list of that server alone says nothing of it: its rows bear the provider's other kind of ids.

    There are two, integers and UUIDs. Who took such a list for an empty one would create again and again.
    """
    others = shown.rows.keys() - {server.key}
    if shown.listing.server_id is None or server.key in shown.rows or not others:
        return None
    if any(key.isdigit() == server.key.isdigit() for key in others):
        return None
    return f"asked for server {server.id}, it shows {min(others)}: write the id as the API shows it"
