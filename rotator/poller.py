"""Rounds of waiting: whoever waits for a snapshot takes part, and one list answers them all.

Law 1: while anyone waits there is one round at a time, never earlier than the first of them wants it.
Law 2: a round asks for the whole account or for single servers, whichever costs fewer requests.
Law 3: a passing failure answers nobody: the snapshot is being made whether the API is up or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from rotator.clock import Clock
from rotator.errors import ApiError
from rotator.models import Server
from rotator.sight import Sight

TOGETHER_SECONDS = 1.0
"""Waiters that want their look within this time of each other share a round."""

PAUSE_SECONDS = 5.0
"""Between rounds that failed; the API's own back-off comes on top."""

Ask = Callable[[Server | None, Iterable[Server]], Awaitable[dict[str, Sight]]]


@dataclass(eq=False, slots=True)
class _Waiter:
    server: Server
    due: float
    answer: asyncio.Future[Sight]


class Poller:
    """Answers waiters from shared lists. `ask` lists one server or, for None, the account."""

    def __init__(self, ask: Ask, account_pages: Callable[[], int], clock: Clock) -> None:
        self._ask = ask
        self._account_pages = account_pages
        self._clock = clock
        self._waiting: list[_Waiter] = []
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def next(self, server: Server, due: float) -> Sight:
        """The next sight of the server, at the monotonic time `due` or earlier if a round comes by.

        Raises ApiError where the failure is not a passing one. Cancel it to stop waiting.
        """
        waiter = _Waiter(server, due, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._arrived.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._rounds())
        try:
            return await waiter.answer
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)

    async def _rounds(self) -> None:
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
        servers = {w.server.key: w.server for w in due}
        if self._account_pages() <= len(servers) > 1:
            await self._round(None, list(self._waiting))
            return
        for server in servers.values():
            await self._round(server, [w for w in due if w.server.key == server.key])

    async def _round(self, server: Server | None, waiters: list[_Waiter]) -> None:
        try:
            sights = await self._ask(server, [w.server for w in waiters])
        except ApiError as error:
            self._failed(waiters, error)
            return
        for waiter in waiters:
            if not waiter.answer.done():
                waiter.answer.set_result(sights[waiter.server.key])
            self._leave(waiter)

    def _failed(self, waiters: list[_Waiter], error: ApiError) -> None:
        for waiter in waiters:
            waiter.due = self._clock.monotonic() + PAUSE_SECONDS
            if not error.passing and not waiter.answer.done():
                waiter.answer.set_exception(error)
                self._leave(waiter)

    def _leave(self, waiter: _Waiter) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)
