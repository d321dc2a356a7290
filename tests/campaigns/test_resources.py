"""The bounded share of the long day: six servers, six hours, and three of a seed that nobody has tried."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from campaigns import seeds
from campaigns.resources import findings, live_through


@pytest.mark.parametrize(("seed", "hours"), [(seeds.FIXED[0], 6), (seeds.fresh(), 3)], ids=["fixed", "fresh"])
def test_hours_of_faults_and_reloads_leave_nothing_behind_that_the_first_did_not(
    seed: int, hours: int
) -> None:
    day = live_through(seed, hours=hours, servers=6, faults=True)
    assert findings(day) == []
    assert day.outcomes["rotated"] > 15 * hours
    assert day.odds is not None
    assert day.odds.hits.total() > 3 * hours


def test_whatever_is_held_more_at_the_end_is_found() -> None:
    day = live_through(seeds.FIXED[0], hours=2, servers=2, faults=False)
    assert findings(day) == []
    last = day.samples[-1]
    more = {
        "files": replace(last, files=last.files + 1),
        "tasks": replace(last, tasks=last.tasks + 1),
        "threads": replace(last, threads=last.threads + 1),
        "rotator.office.Office": replace(last, own=last.own + Counter({"rotator.office.Office": 1})),
        "queues": replace(last, containers={**last.containers, "queues": 1}),
        "gone": replace(last, containers={**last.containers, "gone": 1000}),
        "objects of type builtins.dict": replace(
            last, foreign=last.foreign + Counter({"builtins.dict": 1000 + last.foreign["builtins.dict"]})
        ),
    }
    for name, sample in more.items():
        day.samples[-1] = sample
        assert [finding.partition(":")[0] for finding in findings(day)] == [name]
