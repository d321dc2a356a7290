"""A share of the meetings: several processes on one host make one snapshot a slot, and lose none.

All of it: `python -m campaigns.together --real`.
"""

from __future__ import annotations

import pytest

from campaigns import seeds
from campaigns.crowds import COMPANIES
from campaigns.crowds import meet as meet_for_real
from campaigns.earnest import theatre
from campaigns.together import MEETING, meet

SHARE = 8
"""Meetings for each first seed."""


@pytest.mark.parametrize("seed", [*seeds.FIXED, None], ids=[*map(str, seeds.FIXED), "fresh"])
def test_whoever_meets_makes_one_snapshot_for_the_slot_and_loses_none(seed: int | None) -> None:
    first = 1000 * (seeds.fresh() if seed is None else seed)
    results = {number: meet(number) for number in range(first, first + SHARE)}
    found = {number: result for number, result in results.items() if result.findings}
    assert not found, "python -m campaigns.together --rounds 1 --seed N plays it again"
    assert sum(result.outcomes.total() for result in results.values()) > SHARE


def test_a_slot_whose_snapshot_a_newer_one_pushed_out_meanwhile_is_not_made_again() -> None:
    assert meet(108).findings == []


@pytest.mark.parametrize("name", [name for name in MEETING if "files" in name or "policies" in name])
def test_policies_that_share_the_places_of_a_full_server_take_no_more_than_they_need(name: str) -> None:
    results = [meet(seed, name) for seed in range(5)]
    assert [result.findings for result in results] == [[]] * 5


@pytest.mark.parametrize("company", COMPANIES)
def test_real_processes_that_meet_do_so_too(company: str) -> None:
    with theatre() as loop:
        what, crowd = meet_for_real(loop, seeds.fresh(), company)
    assert crowd.findings == [], what
