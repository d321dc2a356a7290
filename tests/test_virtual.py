"""Virtual time has no end that a test would meet."""

from __future__ import annotations

from tests.virtual import VirtualClock, run_virtual

DAY = 86_400.0


def test_a_timer_fires_in_the_second_half_of_a_year_as_in_the_first() -> None:
    async def scene(clock: VirtualClock) -> float:
        await clock.sleep(250 * DAY)
        await clock.sleep(0.3)
        return clock.monotonic()

    assert run_virtual(scene) >= 250 * DAY + 0.3
