"""A year in New York with real plans, half hour by half hour: two policies under a cap of five, and people.

Users make snapshots by hand and take them away, some creates fail and some hang; what a rotation could not do
is tried again every half hour until its policy's next slot. Both clock changes lie in a nightly slot's way:
01:30 comes twice on 7 November, 02:30 not at all on 14 March.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from rotator import naming
from rotator.cron import last_slot, next_slot, slots
from rotator.models import Keep, Outcome, Pair, Snapshot, State
from rotator.progress import Progress
from tests.building import DAY, MINUTE, make_pair, make_policy, make_server, make_snapshot
from tests.simulating import Ending, Fate, World, perform

START = datetime(2027, 1, 1, 5, tzinfo=UTC)  # midnight in New York
END = datetime(2028, 1, 1, 5, tzinfo=UTC)
ZONE = "America/New_York"
HALF_HOUR = 30 * MINUTE
LONELY = timedelta(days=60)
"""For so long nobody else is on the server."""

NIGHTLY = make_policy(
    schedule=("30 1 * * *", "30 2 * * *", "30 14 * * *"), zone=ZONE, keep=Keep(last=2, daily=2)
)
WEEKLY = make_policy("weekly", schedule=("0 4 * * 0",), zone=ZONE, keep=Keep(last=1))
SERVER = make_server(NIGHTLY, WEEKLY, protect=("golden-*",))
PAIRS = {policy.name: make_pair(SERVER, policy.name) for policy in SERVER.policies}


@dataclass(slots=True)
class Year:
    """What happened: the endings of each slot, in order, and what stood there after each half hour."""

    world: World
    random: Random = field(default_factory=lambda: Random(2027))
    endings: dict[tuple[str, datetime], list[Ending]] = field(default_factory=dict)
    stock: dict[datetime, tuple[Snapshot, ...]] = field(default_factory=dict)
    by_hand: int = 0

    def live(self) -> None:
        """Time passes: people come and go, and then what is due is rotated."""
        hour = START
        while hour < END:
            self.world.now = max(self.world.now, hour)
            if hour >= START + LONELY:
                self._people()
            for name, pair in PAIRS.items():
                self._rotate(name, pair, hour)
            self.stock[hour] = tuple(self.world.snapshots)
            hour += HALF_HOUR

    def _people(self) -> None:
        mine = [s for s in self.world.snapshots if s.name.startswith(("by-hand", "golden"))]
        if mine and self.random.random() < 0.01:
            self.world.snapshots.remove(self.random.choice(mine))
        if len(self.world.snapshots) < SERVER.cap and self.random.random() < 0.01:
            self.by_hand += 1
            name = self.random.choice((f"by-hand-{self.by_hand}", f"golden-{self.by_hand}"))
            self.world.snapshots.append(make_snapshot(self.by_hand, name, created_at=self.world.now))

    def _rotate(self, name: str, pair: Pair, hour: datetime) -> None:
        slot = last_slot(pair.policy.schedule, pair.policy.zone, hour)
        if slot is None or slot < START:
            return
        tries = self.endings.setdefault((name, slot), [])
        if not tries or tries[-1].problem is not None:
            progress = tries[-1].progress.next_try() if tries else Progress(slot)
            tries.append(perform(self.world, pair, progress, self._fates(hour)))

    def _fates(self, hour: datetime) -> Iterator[Fate]:
        while True:
            good = hour < START + LONELY or self.random.random() < 0.95
            yield Fate.READY if good else self.random.choice((Fate.FAILED, Fate.NOTHING))


@pytest.fixture(scope="module")
def year() -> Year:
    lived = Year(World(SERVER, START))
    lived.live()
    return lived


def names(snapshots: tuple[Snapshot, ...]) -> list[str]:
    return sorted(snapshot.name for snapshot in snapshots)


def ready(snapshots: tuple[Snapshot, ...], policy: str) -> list[Snapshot]:
    return [s for s in snapshots if s.state is State.READY and s.name.startswith(policy)]


def test_the_cap_holds_at_any_time(year: Year) -> None:
    assert len(year.stock) == 365 * 48
    assert max(map(len, year.stock.values())) == SERVER.cap


def test_each_policy_has_a_restore_point_from_its_first_slot_on(year: Year) -> None:
    for policy in PAIRS.values():
        name = policy.policy.name
        first = next_slot(policy.policy.schedule, policy.policy.zone, START)
        assert first is not None
        assert all(ready(held, name) for hour, held in year.stock.items() if hour >= first)


def test_rotations_delete_only_their_own(year: Year) -> None:
    for act in year.world.acts:
        owner = naming.owner(SERVER, act.snapshot.name, act.snapshot.created_at)
        assert owner is not None
        assert act.kind == "create" or act.snapshot.state is not State.UNKNOWN


def test_every_delete_leaves_a_ready_one_of_its_policy(year: Year) -> None:
    for act in year.world.acts:
        if act.kind != "create" and act.snapshot.state is State.READY:
            policy = act.snapshot.name.split("-")[0]
            assert len(ready(act.before, policy)) >= 2


def test_no_slot_has_two_snapshots_at_any_time(year: Year) -> None:
    for held in year.stock.values():
        assert max(Counter(names(held)).values(), default=1) == 1


def test_every_slot_of_the_year_is_done_or_says_why_not(year: Year) -> None:
    for name, pair in PAIRS.items():
        wanted = []
        for slot in slots(pair.policy.schedule, pair.policy.zone, START - timedelta(seconds=1)):
            if slot > END - HALF_HOUR:
                break
            wanted.append(slot)
        assert [slot for policy, slot in year.endings if policy == name] == wanted
    reasons = {tries[-1].problem.code for tries in year.endings.values() if tries[-1].problem}
    assert reasons <= {"cap_reached", "snapshot_failed", "snapshot_stuck"}


def test_with_nobody_else_there_every_slot_is_rotated_at_once(year: Year) -> None:
    for (_, slot), tries in year.endings.items():
        if slot < START + LONELY - HALF_HOUR:
            assert [ending.outcome for ending in tries] == [Outcome.PRUNED]


def test_the_year_sees_everything_that_can_happen(year: Year) -> None:
    outcomes = Counter(ending.outcome for tries in year.endings.values() for ending in tries)
    assert set(outcomes) == {Outcome.PRUNED, Outcome.FAILED, Outcome.CAP_REACHED}
    assert {act.kind for act in year.world.acts} == {"create", "clear", "prune"}
    assert any(len(tries) > 1 and tries[-1].problem is None for tries in year.endings.values())


TELLING = [
    pytest.param("20270101T070000Z", ["nightly-20270101T063000Z"], id="the first hours"),
    pytest.param(
        "20270103T200000Z",
        [
            "nightly-20270102T193000Z",
            "nightly-20270103T073000Z",
            "nightly-20270103T193000Z",
            "weekly-20270103T090000Z",
        ],
        id="the first Sunday: the last two nightlies, one of the day before, and the week's",
    ),
    pytest.param(
        "20270208T080000Z",
        [
            "nightly-20270207T193000Z",
            "nightly-20270208T063000Z",
            "nightly-20270208T073000Z",
            "weekly-20270207T090000Z",
        ],
        id="a Monday night: the two of the night, the newest of the day before, and the week's",
    ),
]


@pytest.mark.parametrize(("moment", "held"), TELLING)
def test_what_stands_there_at_telling_hours(year: Year, moment: str, held: list[str]) -> None:
    at = naming.parse_slot(moment)
    assert at is not None
    assert names(year.stock[at]) == held


def slots_of(year: Year, month: int, day: int) -> list[str]:
    """The nightly slots of a day in New York, in UTC."""
    noon = datetime(2027, month, day, 17, tzinfo=UTC)
    near = [slot for policy, slot in year.endings if policy == "nightly" and abs(slot - noon) < DAY]
    zone = NIGHTLY.zone
    return [f"{slot:%H:%M}" for slot in near if slot.astimezone(zone).date() == noon.astimezone(zone).date()]


@pytest.mark.parametrize(
    ("month", "day", "times"),
    [
        pytest.param(3, 13, ["06:30", "07:30", "19:30"], id="the day before the gap"),
        pytest.param(3, 14, ["06:30", "07:00", "18:30"], id="the gap: 02:30 is made up for right after it"),
        pytest.param(3, 15, ["05:30", "06:30", "18:30"], id="the day after"),
        pytest.param(11, 7, ["05:30", "07:30", "19:30"], id="01:30 twice: the first one counts"),
    ],
)
def test_clock_changes_lose_no_slot_and_repeat_none(
    year: Year, month: int, day: int, times: list[str]
) -> None:
    assert slots_of(year, month, day) == times
