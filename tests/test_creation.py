"""Asking for a snapshot: what stays on record, how often it is asked for, and what is known at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from rotator.creation import Creation
from rotator.errors import AnswerLost, ApiError, BadRequest, ListUnsure
from rotator.lock import Held, Record, ServerLock
from rotator.models import Pair, Snapshot
from rotator.retry import Patience
from rotator.sandbox import Fault, Switches
from rotator.settling import SETTLE_SECONDS
from tests.staging import Stage, on_stage, server

WEB = server()
PAIR = Pair(WEB, WEB.policies[0])
NAME = "nightly-by-this-test"


@dataclass
class Asking:
    """A creation on a stage, and the lock that it works under."""

    creation: Creation
    held: Held

    async def ask(self, patience: Patience | None = None) -> Snapshot:
        """Ask for the one name of these tests."""
        return await self.creation.ask(NAME, "", patience or Patience())


@asynccontextmanager
async def asking(stage: Stage) -> AsyncIterator[Asking]:
    """Under the server's own lock."""
    office = stage.office
    async with ServerLock(stage.locks, office.base_url, WEB.key, stage.clock).hold() as held:
        yield Asking(Creation(PAIR, office.provider, office.inventory, stage.clock, held), held)


def test_an_answered_create_is_known_at_once_though_no_list_shows_it() -> None:
    async def scene(stage: Stage) -> None:
        async with asking(stage) as creation:
            made = await creation.ask()
            assert creation.held.record() == Record(NAME, stage.clock.now(), made.id)
        sight = await stage.office.inventory.look(WEB)
        assert [row.name for row in sight.snapshots] == [NAME]

    on_stage(scene, WEB, switches=Switches(create_lag=60))


def test_a_refused_create_leaves_no_record() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", status=400))
        async with asking(stage) as creation:
            with pytest.raises(BadRequest):
                await creation.ask()
            assert creation.held.record() is None

    on_stage(scene, WEB)


def test_lost_answers_are_settled_and_asked_for_three_times_in_all() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", drop="before", times=None))
        async with asking(stage) as creation:
            with pytest.raises(AnswerLost):
                await creation.ask()
            assert creation.held.record() is None, "two looks have settled that there is none"
        assert stage.asked("POST") == 3
        assert stage.rows(WEB) == []

    on_stage(scene, WEB)


def test_one_whose_answer_was_lost_is_found_by_one_look_and_without_a_pause() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", drop="after"))
        began = stage.clock.monotonic()
        async with asking(stage) as creation:
            made = await creation.ask()
            assert creation.held.record() == Record(NAME, stage.clock.now(), made.id)
        assert stage.clock.monotonic() - began < 1
        assert [row.name for row in stage.rows(WEB)] == [made.name] == [NAME]
        assert (stage.asked("POST"), stage.asked("GET")) == (1, 1)

    on_stage(scene, WEB)


ROW = {"id": 5, "name": NAME, "status": "completed", "size_mb": 1, "description": ""}
STRAY = {**ROW, "server": None, "created_at": "2027-03-14T07:00:00Z"}


@pytest.mark.parametrize(
    ("looks", "times", "body"),
    [
        pytest.param(0, 1, {"count": 1, "results": [STRAY]}, id="a row without a server, in the first list"),
        pytest.param(2, 1, {"count": 1, "results": [STRAY]}, id="... in the account's list"),
        pytest.param(0, None, {"count": 3, "results": []}, id="a list that does not add up"),
    ],
)
def test_where_a_list_leaves_open_whether_it_was_made_it_is_not_asked_for_again(
    looks: int, times: int | None, body: dict[str, object]
) -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", drop="before"))
        stage.world.faults.add(Fault(method="GET", skip=looks, times=times, status=200, body=body))
        async with asking(stage) as creation:
            with pytest.raises(ListUnsure):
                await creation.ask()
            record = creation.held.record()
            assert record is not None
            assert record.name == NAME
        assert stage.asked("POST") == 1

    on_stage(scene, WEB)


def test_one_that_lists_show_late_is_found_by_the_second_look() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", drop="after"))
        async with asking(stage) as creation:
            made = await creation.ask()
        assert [row.id for row in stage.rows(WEB)] == [made.id]
        assert (stage.asked("POST"), stage.asked("GET")) == (1, 2)

    on_stage(scene, WEB, switches=Switches(create_lag=10))


def test_between_two_tries_lies_the_time_that_a_list_may_lag_and_no_more() -> None:
    async def scene(stage: Stage) -> float:
        stage.world.faults.add(Fault(method="POST", drop="before"))
        await stage.clock.sleep(1000)
        began = stage.clock.monotonic()
        async with asking(stage) as creation:
            await creation.ask()
        return stage.clock.monotonic() - began

    assert SETTLE_SECONDS <= on_stage(scene, WEB) < SETTLE_SECONDS + 1


def test_what_was_deleted_under_an_id_says_nothing_of_a_new_snapshot_with_that_id() -> None:
    async def scene(stage: Stage) -> None:
        async with asking(stage) as creation:
            foretold = (await creation.ask()).key
            stage.world.remove_snapshot(stage.rows(WEB)[0].id)
            creation.held.bury(str(int(foretold) + 1), gone=True)
            again = await creation.ask()
            assert int(again.key) == int(foretold) + 1
            assert creation.held.tombstones() == ()

    on_stage(scene, WEB)


def test_the_time_that_a_create_fails_for_is_booked_on_the_rotations_patience() -> None:
    async def scene(stage: Stage) -> float:
        stage.world.faults.add(Fault(method="POST", status=429, headers={"Retry-After": "20"}))
        patience = Patience()
        async with asking(stage) as creation:
            await creation.ask(patience)
        return patience.spent

    assert on_stage(scene, WEB) >= 20


@pytest.mark.parametrize(
    "fault",
    [Fault(method="POST", status=400), Fault(method="POST", drop="before", times=None)],
    ids=["refused", "never done"],
)
def test_a_create_that_comes_to_nothing_leaves_the_record_of_another_one(fault: Fault) -> None:
    async def scene(stage: Stage) -> None:
        others = Record("weekly-20270314T070000Z", stage.clock.now(), 77)
        stage.world.faults.add(fault)
        async with asking(stage) as creation:
            creation.held.write(others)
            with pytest.raises(ApiError):
                await creation.ask()
            assert creation.held.record() == others

    on_stage(scene, WEB)


@pytest.mark.parametrize("name", [NAME, ""], ids=["its own", "a broken one"])
def test_no_other_record_outlives_a_create_that_comes_to_nothing(name: str) -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", status=400))
        async with asking(stage) as creation:
            creation.held.write(Record(name, stage.clock.now(), 77))
            with pytest.raises(BadRequest):
                await creation.ask()
            assert creation.held.record() is None

    on_stage(scene, WEB)
