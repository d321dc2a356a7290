"""The gate: one opinion of the API for everybody, one probe, one line in the log."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from rotator.errors import ServerFault, Unauthorized, Unreachable
from rotator.gate import FAILURES, Gate
from rotator.retry import Patience, Trouble
from tests.stages import Log, Token
from tests.virtual import VirtualClock, run_virtual

DEAD = Unreachable("GET /snapshots/: no connection")


@dataclass
class Site:
    """A gate with what stands around it."""

    clock: VirtualClock
    log: Log = field(default_factory=Log)
    token: Token = field(default_factory=Token)

    def __post_init__(self) -> None:
        self.gate = Gate(self.clock, self.log, self.token.refresh)

    def take_down(self) -> None:
        for _ in range(FAILURES):
            self.gate.failed(DEAD, probe=False)

    async def wait(self, limit: float = 45.0) -> tuple[str, float]:
        """How a request fares, and when."""
        trouble = Trouble(self.clock, Patience(limit))
        try:
            probe = await self.gate.admit(trouble)
        except Unreachable as error:
            return error.message, self.clock.monotonic()
        return "probe" if probe else "through", self.clock.monotonic()


def test_three_failures_in_a_row_take_it_down_and_are_logged_once() -> None:
    async def main(clock: VirtualClock) -> Log:
        site = Site(clock)
        site.take_down()
        assert not site.gate.is_up
        site.gate.failed(DEAD, probe=False)
        return site.log

    assert run_virtual(main).events == [
        ("api.failed", {"error": "unreachable", "detail": "GET /snapshots/: no connection"})
    ]


def test_any_answer_between_failures_keeps_it_up() -> None:
    async def main(clock: VirtualClock) -> Log:
        site = Site(clock)
        for _ in range(5):
            site.gate.failed(DEAD, probe=False)
            site.gate.failed(DEAD, probe=False)
            site.gate.answered()
            assert await site.wait() == ("through", 0)
        return site.log

    assert run_virtual(main).events == []


def test_one_request_at_a_time_is_the_probe_and_the_others_wait_for_it() -> None:
    async def main(clock: VirtualClock) -> list[tuple[str, float]]:
        site = Site(clock)
        site.take_down()
        waiting = [asyncio.create_task(site.wait()) for _ in range(3)]
        await clock.sleep(5)
        assert [task.done() for task in waiting].count(True) == 1
        site.gate.answered()
        site.gate.probe_ended()
        assert site.log.events[-1] == ("api.recovered", {"seconds": 5.0})
        return sorted(await asyncio.gather(*waiting))

    assert run_virtual(main) == [("probe", 1.0), ("through", 5.0), ("through", 5.0)]


def test_pauses_between_probes_grow_to_half_a_minute() -> None:
    async def main(clock: VirtualClock) -> list[float]:
        site = Site(clock)
        site.take_down()
        times = []
        for _ in range(8):
            fate, at = await site.wait()
            assert fate == "probe"
            times.append(at)
            site.gate.failed(ServerFault("503", status=503), probe=True)
            site.gate.probe_ended()
        return [later - earlier for earlier, later in zip([0.0, *times], times, strict=False)]

    assert run_virtual(main) == [1, 2, 4, 8, 16, 30, 30, 30]


def test_whoever_has_waited_long_enough_fails_with_what_the_probe_found() -> None:
    async def main(clock: VirtualClock) -> tuple[str, float]:
        site = Site(clock)
        site.take_down()
        await site.wait()
        waiting = asyncio.create_task(site.wait(limit=20))
        await clock.sleep(2)
        site.gate.failed(Unreachable("reset"), probe=True)
        # The probe never ends: nobody else is let through.
        return await waiting

    assert run_virtual(main) == ("not sent, the API is down: reset", 21)


def test_an_abandoned_probe_makes_place_for_the_next() -> None:
    async def main(clock: VirtualClock) -> tuple[str, float]:
        site = Site(clock)
        site.take_down()
        await site.wait()
        site.gate.probe_ended()
        return await site.wait()

    assert run_virtual(main) == ("probe", 1)


def test_a_straggler_of_before_neither_lengthens_the_pause_nor_hides_a_success() -> None:
    async def main(clock: VirtualClock) -> tuple[str, float]:
        site = Site(clock)
        site.take_down()
        site.gate.failed(DEAD, probe=False)
        assert await site.wait() == ("probe", 1)
        site.gate.answered()
        return await site.wait()

    assert run_virtual(main) == ("through", 1)


# --- the token ------------------------------------------------------------------------------------

REFUSED = Unauthorized("GET /snapshots/: 401 Unauthorized: Invalid token.", status=401)


async def refused(site: Site) -> str:
    with pytest.raises(Unauthorized) as caught:
        await site.gate.admit(Trouble(site.clock))
    assert caught.value is not REFUSED
    return caught.value.message


def test_a_refused_token_fails_everybody_for_a_minute_and_is_logged_once() -> None:
    async def main(clock: VirtualClock) -> Log:
        site = Site(clock)
        site.gate.refused(REFUSED)
        assert not site.gate.is_up
        message = "not sent, the token is refused: GET /snapshots/: 401 Unauthorized: Invalid token."
        assert await refused(site) == message
        await clock.sleep(59)
        assert await refused(site) == message
        await clock.sleep(1)
        assert await site.wait() == ("through", 60)
        site.gate.refused(REFUSED)
        assert await refused(site) == message
        return site.log

    assert run_virtual(main).names == ["api.unauthorized"]


def test_a_new_token_opens_the_gate_at_once() -> None:
    async def main(clock: VirtualClock) -> Log:
        site = Site(clock)
        site.gate.refused(REFUSED)
        site.token.upcoming = "vps_new"
        assert await site.wait() == ("through", 0)
        site.gate.refused(REFUSED)
        return site.log

    assert run_virtual(main).names == ["api.unauthorized", "api.unauthorized"]


def test_a_token_that_was_accepted_again_is_news_when_it_is_refused_again() -> None:
    async def main(clock: VirtualClock) -> Log:
        site = Site(clock)
        site.gate.refused(REFUSED)
        await clock.sleep(60)
        site.gate.accepted()
        site.gate.refused(REFUSED)
        return site.log

    assert run_virtual(main).names == ["api.unauthorized", "api.unauthorized"]


def test_a_refusal_ends_the_waiting_for_a_probe() -> None:
    async def main(clock: VirtualClock) -> str:
        site = Site(clock)
        site.take_down()
        await site.wait()
        waiting = asyncio.create_task(refused(site))
        await clock.sleep(1)
        site.gate.refused(REFUSED)
        return await waiting

    assert run_virtual(main).startswith("not sent, the token is refused")
