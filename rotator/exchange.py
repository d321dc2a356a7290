"""One request with all that surrounds it: the gate, the pace, the token, repetition, counting.

The law of repetition: a GET or a DELETE is repeated after every passing failure, a POST only where it surely
did nothing. Where a POST may have been carried out, the failure becomes AnswerLost, whatever it was; every
other error of a POST means that nothing was done.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from rotator.answers import error_of
from rotator.clock import Clock
from rotator.errors import (
    AnswerLost,
    ApiError,
    BadAnswer,
    RateLimited,
    ServerFault,
    Unauthorized,
    Unreachable,
)
from rotator.gate import Events, Gate
from rotator.http import HttpClient, NotConnected, Reply
from rotator.pace import Pace, Urgency
from rotator.retry import FIRST_WAIT, Budget, Trouble, repeat, wait_before_next

IDEMPOTENT: tuple[type[ApiError], ...] = (RateLimited, Unreachable, ServerFault, BadAnswer)
"""Failures after which a request that may be carried out twice is repeated."""

SURELY_NOT_DONE: tuple[type[ApiError], ...] = (RateLimited, NotConnected)
"""Failures that say that the request was not carried out."""

NEVER: tuple[type[ApiError], ...] = ()

LONGEST_HOLD = 1800.0
"""Seconds that a Retry-After can silence the account: the daemon's own longest pause between two tries."""

SHORTEST_TRY = 1.0
"""Seconds that a last try gets, however little patience is left: less could hardly succeed."""

T = TypeVar("T")


class TokenReader(Protocol):
    """The API token and where it comes from. Its repr never shows the token."""

    @property
    def value(self) -> str:
        """The token as it was read last."""
        ...

    @property
    def source(self) -> str:
        """Where it was read: a variable's name or a path."""
        ...

    def refresh(self) -> bool:
        """Read its source anew; True if the token changed. Raises nothing: unreadable is unchanged."""
        ...


@dataclass(slots=True)
class Counter:
    """How many requests were sent; a repetition is one more."""

    calls: int = 0


_COUNTERS: ContextVar[tuple[Counter, ...]] = ContextVar("rotator_request_counters", default=())


@contextmanager
def counting() -> Iterator[Counter]:
    """Count the requests of this task, and of the tasks that it starts, while the block lasts. It nests."""
    counter = Counter()
    before = _COUNTERS.set((*_COUNTERS.get(), counter))
    try:
        yield counter
    finally:
        _COUNTERS.reset(before)


OnSend = Callable[[], None]


def unnoted() -> None:
    """Most requests leave no note of themselves."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request to be made. `label` names it in messages, `repeat` the failures after which it is repeated.

    `lossy`: it changes something and must not be done twice, so that a lost answer is AnswerLost. `on_send`
    is called just before each try goes out; what it raises keeps it from going out.
    """

    method: str
    url: str
    label: str
    urgency: Urgency
    repeat: tuple[type[ApiError], ...] = IDEMPOTENT
    lossy: bool = False
    params: Mapping[str, str | int] = field(default_factory=dict)
    json: object = None
    on_send: OnSend = unnoted


@dataclass(frozen=True, slots=True)
class _Answer:
    """A reply, the error that it stands for, and the token that was shown for it."""

    reply: Reply
    error: ApiError | None
    token: str = field(repr=False)


class Exchange:
    """All requests of one account. `requests` is their number, `answered` whether any had an answer."""

    def __init__(
        self,
        client: HttpClient,
        token: TokenReader,
        pace: Pace,
        *,
        clock: Clock,
        chance: random.Random,
        events: Events,
    ) -> None:
        self._client = client
        self._token = token
        self._pace = pace
        self._chance = chance
        self._events = events
        self._gate = Gate(clock, events, token.refresh)
        self._budget = Budget()
        self.requests = 0
        self.answered = False

    async def ask(self, call: Call, trouble: Trouble, read: Callable[[Reply], T]) -> T:
        """Make the call, again where that is allowed, and return what `read` makes of a 2xx.

        Raises ApiError; `read` may raise BadAnswer, which counts as a lost answer where the call is lossy.
        """
        return await repeat(
            lambda: self._try(call, trouble, read),
            lambda error: self._wait(call, trouble, error),
        )

    async def _try(self, call: Call, trouble: Trouble, read: Callable[[Reply], T]) -> T:
        answer = await self._with_token(call, trouble)
        if isinstance(answer.error, RateLimited):
            self._hold(answer.error)
        if answer.error is not None:
            raise _lost(call, answer.error)
        try:
            value = read(answer.reply)
        except BadAnswer as error:
            raise _lost(call, error) from error
        trouble.succeeded()
        self._budget.earn()
        return value

    async def _with_token(self, call: Call, trouble: Trouble) -> _Answer:
        """Send; after a 401 once more if there is a new token, but never what is never repeated."""
        answer = await self._send(call, trouble)
        if isinstance(answer.error, Unauthorized) and self._other_token(answer.token) and call.repeat:
            answer = await self._send(call, trouble)
        if not isinstance(answer.error, Unauthorized):
            self._gate.accepted()
        elif answer.token == self._token.value:
            self._gate.refused(answer.error)
        return answer

    def _other_token(self, used: str) -> bool:
        """Whether there is another token by now: a request before this one may have read it already."""
        return self._token.value != used or self._token.refresh()

    async def _send(self, call: Call, trouble: Trouble) -> _Answer:
        """Send when gate and pace allow it."""
        while True:
            probe = await self._gate.admit(trouble)
            try:
                async with self._pace.turn(Urgency.PROBE if probe else call.urgency, trouble.left):
                    if probe or self._gate.is_up:  # it may have shut while this one waited for its turn
                        return await self._send_now(call, trouble, probe)
            finally:
                if probe:
                    self._gate.probe_ended()

    async def _send_now(self, call: Call, trouble: Trouble, probe: bool) -> _Answer:
        token = self._token.value
        try:
            reply = await self._over_the_wire(call, trouble, token)
        except Unauthorized as error:
            self._gate.refused(error)
            raise
        except Unreachable as error:
            self._gate.failed(error, probe=probe)
            raise _lost(call, error) from error.__cause__
        except BadAnswer as error:
            self.answered = True
            self._gate.answered()
            raise _lost(call, error) from error.__cause__
        self.answered = True
        meaning = error_of(reply, token)
        if isinstance(meaning, Unauthorized):
            message = f"{meaning.message} (the token was read from {self._token.source})"
            meaning = Unauthorized(message, status=reply.status)
        if isinstance(meaning, ServerFault):
            self._gate.failed(meaning, probe=probe)
        else:
            self._gate.answered()
        return _Answer(reply, meaning, token)

    async def _over_the_wire(self, call: Call, trouble: Trouble, token: str) -> Reply:
        call.on_send()
        self.requests += 1
        for counter in _COUNTERS.get():
            counter.calls += 1
        trouble.sending()
        # What is only read or deleted with may be cut off when the patience ends; a POST may not.
        last = trouble.failures > 0 and not call.lossy
        return await self._client.send(
            call.method,
            call.url,
            label=call.label,
            token=token,
            params=call.params or None,
            json=call.json,
            timeout=max(SHORTEST_TRY, trouble.left) if last else None,
        )

    def _hold(self, error: RateLimited) -> None:
        seconds = min(LONGEST_HOLD, error.retry_after or FIRST_WAIT)
        self._events.warning("api.rate_limited", detail=error.message, seconds=seconds)
        self._pace.hold(seconds, error)

    def _wait(self, call: Call, trouble: Trouble, error: ApiError) -> float | None:
        """Seconds until the call is made again; None where it is not."""
        if not isinstance(error, call.repeat):
            return None
        trouble.failed()
        seconds = wait_before_next(error, trouble, self._chance)
        if seconds is None:
            return None
        # What the provider told, and what waits for a probe, is bounded already.
        free = isinstance(error, RateLimited) or not self._gate.is_up
        if not free and not self._budget.take():
            return None
        self._events.warning(
            "api.retry",
            error=error.message,
            code=error.code,
            tries=trouble.failures,
            seconds=round(seconds, 3),
        )
        return seconds


def _lost(call: Call, error: ApiError) -> ApiError:
    """What a failure means for a call: where it may have been carried out all the same, AnswerLost."""
    maybe_done = isinstance(error, Unreachable | ServerFault | BadAnswer)
    if call.lossy and maybe_done and not isinstance(error, NotConnected):
        return AnswerLost(error)
    return error
