"""Rounds of waiting: whoever waits for a snapshot takes part, and one list answers them all.

Law 1: while anyone waits there is one round at a time, never earlier than the first of them wants it.
Law 2: a round asks for the whole account or for single servers, whichever costs fewer requests.
Law 3: a passing failure answers nobody: the snapshot is being made whether the API is up or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from structlog.contextvars import clear_contextvars

from rotator.clock import Clock
from rotator.errors import ApiError
from rotator.models import Server
from rotator.sight import Sight

TOGETHER_SECONDS = 1.0
"""Waiters that want their look within this time of each other share a round."""

PAUSE_SECONDS = 5.0
"""Between rounds that failed; the API's own back-off comes on top."""

SLICE = 100
"""Waiters answered before the event loop gets its turn: about 5 ms of work for them."""

See = Callable[[Server], Sight]
Ask = Callable[[Server | None], Awaitable[See]]


@dataclass(eq=False, slots=True)
class _Waiter:
    server: Server
    due: float
    answer: asyncio.Future[Sight]


class Poller:
    """Answers waiters from shared lists.

    `ask` lists one server or, for None, the account, and gives what shows a server in that list.
    """

    def __init__(self, ask: Ask, account_pages: Callable[[], float], clock: Clock) -> None:
        self._ask = ask
        self._account_pages = account_pages
        self._clock = clock
        self._waiting: dict[_Waiter, None] = {}
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def next(self, server: Server, due: float) -> Sight:
        """The next sight of the server, at the monotonic time `due` or earlier if a round comes by.

        Raises ApiError where the failure is not a passing one. Cancel it to stop waiting.
        """
        waiter = _Waiter(server, due, asyncio.get_running_loop().create_future())
        self._waiting[waiter] = None
        self._arrived.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._rounds())
        try:
            return await waiter.answer
        finally:
            self._waiting.pop(waiter, None)

    async def _rounds(self) -> None:
        clear_contextvars()  # rounds are nobody's alone, so their log lines carry nobody's ids
        while self._waiting:
            if not await self._until_someone_is_due():
                continue
            due = self._clock.monotonic() + TOGETHER_SECONDS
            await self._serve([w for w in self._waiting if w.due <= due])

    async def _until_someone_is_due(self) -> bool:
        """Sleep until the first waiter is due; False if the company changed meanwhile."""
        self._arrived.clear()
        pause = min(w.due for w in self._waiting) - self._clock.monotonic()
        if pause <= 0:
            return True
        try:
            await asyncio.wait_for(self._arrived.wait(), pause)
        except TimeoutError:
            return True
        return False

    async def _serve(self, due: list[_Waiter]) -> None:
        by_server: dict[str, list[_Waiter]] = {}
        for waiter in due:
            by_server.setdefault(waiter.server.key, []).append(waiter)
        if self._account_pages() <= len(by_server) > 1:
            await self._round(None, list(self._waiting))
            return
        for waiters in by_server.values():
            await self._round(waiters[0].server, waiters)

    async def _round(self, server: Server | None, waiters: Iterable[_Waiter]) -> None:
        try:
            see = await self._ask(server)
        except ApiError as error:
            self._failed(waiters, error)
            return
        waiting = iter(waiters)
        while some := list(islice(waiting, SLICE)):
            for waiter in some:
                self._waiting.pop(waiter, None)
                if not waiter.answer.done():
                    waiter.answer.set_result(see(waiter.server))
            await asyncio.sleep(0)

    def _failed(self, waiters: Iterable[_Waiter], error: ApiError) -> None:
        for waiter in waiters:
            waiter.due = self._clock.monotonic() + PAUSE_SECONDS
            if not error.passing and not waiter.answer.done():
                waiter.answer.set_exception(error)
                self._waiting.pop(waiter, None)
