"""The bounded share of the fault storm: small fleets of brisk policies, hours of weather, the same judge."""

from __future__ import annotations

from random import Random

import pytest

from campaigns import seeds, storm, weather

SMALL = storm.Scale(servers=6, hours=3, pace="brisk")


@pytest.mark.parametrize("seed", [*seeds.FIXED, seeds.fresh()])
def test_no_weather_breaks_a_promise_or_leaves_anything_stuck(seed: int) -> None:
    result = storm.run(seed, SMALL)
    assert result.findings == []
    assert result.created > 50
    assert result.hit.total() > 50


def test_a_seed_decides_a_whole_storm() -> None:
    scale = storm.Scale(servers=3, hours=1, pace="brisk")
    first, again = storm.run(5, scale), storm.run(5, scale)
    assert first.history == again.history
    assert (first.requests, first.hit) == (again.requests, again.hit)


def test_every_kind_of_weather_is_drawn_and_has_a_name_of_its_own() -> None:
    assert len(weather.KINDS) == len(set(weather.KINDS))
    drawn = weather.draw(Random(1), ["1"], 0, 100)
    assert {window.kind for window in drawn} == set(weather.KINDS)
    assert all(0 <= window.start <= window.end <= 100 * 3600 for window in drawn)
