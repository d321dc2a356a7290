"""What a daemon owes when it starts: slots missed while nobody ran, and snapshots left in progress."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from rotator import cron, naming, notices
from rotator.census import View
from rotator.due import due
from rotator.errors import ApiError
from rotator.models import Pair
from rotator.office import Office
from rotator.once import look_at

log = structlog.stdlib.get_logger()

AGAIN_AFTER = (30.0, 60.0, 120.0, 300.0)
"""Seconds until the account is looked at again if it could not be; the last one repeats."""

SLICE = 50
"""Pairs judged before the event loop gets its turn: about 10 ms of work."""

HandOut = Callable[[Sequence[Pair], datetime], None]


async def take_stock(
    office: Callable[[], Office],
    pairs: Sequence[Pair],
    hand_out: HandOut,
    asked: asyncio.Future[None] | None = None,
) -> None:
    """Look at every pair's server and hand out what is owed; until every server could be looked at.

    `office` is asked anew for each look: the one of the start may have had a wrong address. `asked` is
    answered after the first look: with nothing, or with the ApiError that came of it.
    """
    left, tries = list(pairs), 0
    while left:
        current = office()
        try:
            with current.used():
                views = await look_at(current, left, to_show=True)
        except ApiError as error:
            answer(asked, error)
        else:
            answer(asked, None)
            notices.missing(current, views)
            await _catch_up([view for view in views if view.unsure is None], hand_out)
            left = [view.pair for view in views if view.unsure is not None]
        if left:
            await current.clock.sleep(AGAIN_AFTER[min(tries, len(AGAIN_AFTER) - 1)])
            tries += 1
    answer(asked, None)


def answer(asked: asyncio.Future[None] | None, error: ApiError | None) -> None:
    """Tell whoever waits for the first look how it went; only the first time counts."""
    if asked is None or asked.done():
        return
    if error is None:
        asked.set_result(None)
    else:
        asked.set_exception(error)


async def _catch_up(views: Sequence[View], hand_out: HandOut) -> None:
    for count, view in enumerate(views, 1):
        _catch_up_one(view, hand_out)
        if count % SLICE == 0:
            await asyncio.sleep(0)


def _catch_up_one(view: View, hand_out: HandOut) -> None:
    """A policy that has made nothing on this server yet is new: it waits for its first slot."""
    pair = view.pair
    owed = due(view, cron.splay_offset(pair.server.key, pair.policy.splay))
    facts = {"server_id": pair.server.id, "server": pair.server.label, "policy": pair.policy.name}
    if not owed.managed:
        return
    if owed.missed is not None:
        log.warning("schedule.missed", slot=naming.slot_text(owed.missed), **facts)
    if owed.caught_up is not None:
        log.info("schedule.caught_up", slot=naming.slot_text(owed.caught_up), **facts)
    if owed.slots:
        hand_out([pair], owed.slots[0])
