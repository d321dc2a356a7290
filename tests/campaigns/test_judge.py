"""A judge that finds nothing proves nothing: each rule is broken once, and said to be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from campaigns.judge import Judge
from rotator.models import Keep, Policy
from rotator.sandbox import Switches, World
from tests.sandbox.conftest import START, StandingClock
from tests.staging import policy, server

NIGHTLY = policy("nightly", keep=Keep(last=2), min_ready=1, adopt=("by-cron-*",))
WEEKLY = policy("weekly", keep=Keep(last=2))
WEB = server(NIGHTLY, WEEKLY, protect=("*-20250101T000000Z",))


class Court:
    """A world with one server and the judge who watches it."""

    def __init__(self) -> None:
        self.clock = StandingClock()
        self.world = World(self.clock, Switches(create_time=60, cap=5))
        self.world.add_server(WEB.id, WEB.label)
        self.judge = Judge.of(self.world, [WEB])

    def plant(self, name: str, status: str | None = None, size_mb: float = 5120) -> int | str:
        """Set the stage, and tell the judge."""
        id_ = self.world.add_snapshot(WEB.id, name, status=status, size_mb=size_mb)
        row = self.world.snapshot(id_)
        assert row is not None
        self.judge.planted(row)
        return id_

    def own(self, *days: int, policy: Policy = NIGHTLY) -> list[int | str]:
        """Ready ones of the policy, so many days old."""
        return [self.plant(name(policy, START - timedelta(days=day))) for day in days]

    def rules(self) -> list[str]:
        """The rules that were broken since the last time."""
        return [breach.rule for breach in self.judge.follow(self.world)]


def name(policy: Policy, slot: datetime) -> str:
    return f"{policy.name}-{slot:%Y%m%dT%H%M%SZ}"


def a_foreign_one(court: Court) -> None:
    court.world.delete(court.plant("by-hand"))


def a_protected_one(court: Court) -> None:
    court.own(1, 2)
    court.world.delete(court.plant("nightly-20250101T000000Z"))


def an_unknown_one(court: Court) -> None:
    court.own(1)
    court.world.delete(court.plant(name(NIGHTLY, START), "pending"))


def an_empty_one(court: Court) -> None:
    court.own(1)
    court.world.delete(court.plant(name(NIGHTLY, START), size_mb=0))


def one_in_progress(court: Court) -> None:
    row = court.world.create(WEB.id, name(NIGHTLY, START), "")
    court.world.delete(row.id)


def the_last_one(court: Court) -> None:
    (only,) = court.own(1)
    court.own(1, 2, 3, 4, policy=WEEKLY)
    court.world.delete(only)


def one_that_the_rules_keep(court: Court) -> None:
    _, older = court.own(1, 2)
    court.world.delete(older)


def one_too_many(court: Court) -> None:
    court.own(1, 2, 3, 4, 5)
    court.world.switches = Switches(cap=6)
    court.world.create(WEB.id, name(NIGHTLY, START), "")


def a_twin(court: Court) -> None:
    court.plant(name(NIGHTLY, START), "failed")
    court.world.create(WEB.id, name(NIGHTLY, START), "")


def the_same_slot_again(court: Court) -> None:
    court.own(0, 1, 2)
    court.world.create(WEB.id, name(WEEKLY, START), "")
    court.clock.pass_by(60)
    court.own(policy=WEEKLY)
    (row,) = [row for row in court.world.snapshots(WEB.id) if row.name.startswith("weekly")]
    court.rules()
    court.world.remove_snapshot(row.id)
    court.judge.standing[WEB.key].pop(str(row.id))
    court.world.create(WEB.id, name(WEEKLY, START), "")


def a_name_of_nobody(court: Court) -> None:
    court.world.create(WEB.id, "hourly-20270314T070000Z", "")


def another_server(court: Court) -> None:
    court.world.add_server(2, "web-2")
    court.world.create(2, name(NIGHTLY, START), "")


@pytest.mark.parametrize(
    ("deed", "rule"),
    [
        (a_foreign_one, "never a foreign one"),
        (a_protected_one, "never a protected one"),
        (an_unknown_one, "only ready, failed and stuck ones"),
        (an_empty_one, "only ready, failed and stuck ones"),
        (one_in_progress, "only ready, failed and stuck ones"),
        (the_last_one, "never below the floor"),
        (one_that_the_rules_keep, "never without need"),
        (one_too_many, "never above the cap"),
        (a_twin, "one snapshot for a slot"),
        (the_same_slot_again, "the same slot again creates nothing"),
        (a_name_of_nobody, "own names only"),
        (another_server, "other server"),
    ],
)
def test_each_broken_rule_is_named(deed: Callable[[Court], None], rule: str) -> None:
    court = Court()
    deed(court)
    assert court.rules() == [rule]


def a_rotation_with_a_free_place(court: Court) -> None:
    *_, oldest = court.own(1, 2)
    court.world.create(WEB.id, name(NIGHTLY, START), "")
    court.clock.pass_by(60)
    court.world.delete(oldest)


def a_rotation_at_the_cap(court: Court) -> None:
    court.own(1, 2, policy=WEEKLY)
    *_, oldest = court.own(1, 2, 3)
    court.world.delete(oldest)
    court.world.create(WEB.id, name(NIGHTLY, START), "")


def a_failed_one_cleared_and_asked_for_again(court: Court) -> None:
    court.world.delete(court.plant(name(NIGHTLY, START), "error"))
    court.world.create(WEB.id, name(NIGHTLY, START), "")


def a_stuck_one_cleared(court: Court) -> None:
    row = court.world.create(WEB.id, name(NIGHTLY, START), "", "hangs")
    court.clock.pass_by(NIGHTLY.wait.timeout.total_seconds() + 1)
    court.own(-1)
    court.world.delete(row.id)


def an_adopted_one_let_go(court: Court) -> None:
    oldest = court.plant("by-cron-1")
    court.clock.pass_by(60)
    court.plant("by-cron-2")
    court.clock.pass_by(60)
    court.plant("by-cron-3")
    court.world.delete(oldest)


@pytest.mark.parametrize(
    "deed",
    [
        a_rotation_with_a_free_place,
        a_rotation_at_the_cap,
        a_failed_one_cleared_and_asked_for_again,
        a_stuck_one_cleared,
        an_adopted_one_let_go,
    ],
)
def test_what_is_right_is_let_pass(deed: Callable[[Court], None]) -> None:
    court = Court()
    deed(court)
    assert court.rules() == []
    assert court.world.history


def test_the_newest_goes_only_on_a_full_server() -> None:
    court = Court()
    newest, *_ = court.own(1, 2, 3)
    court.world.delete(newest)
    assert court.rules() == ["never the newest", "never without need"]
    court.own(1, policy=WEEKLY)
    newest, *_ = court.own(1, 4, 5)
    court.world.delete(newest)
    assert court.rules() == []


def test_what_others_take_away_is_no_deed_of_rotators() -> None:
    court = Court()
    newest, _ = court.own(1, 2)
    court.world.remove_snapshot(newest)
    court.judge.taken(WEB.id, newest)
    assert court.rules() == []
    assert len(court.judge.own(WEB, NIGHTLY)) == 1


def test_a_server_that_returns_begins_anew() -> None:
    court = Court()
    court.own(1, 2)
    court.judge.taken_all(WEB.id)
    assert court.judge.own(WEB, NIGHTLY) == []


def test_the_judge_knows_what_stood_before_it_came() -> None:
    court = Court()
    court.own(1, 2)
    later = Judge.of(court.world, [WEB])
    assert [one.ready for one in later.own(WEB, NIGHTLY)] == [True, True]
