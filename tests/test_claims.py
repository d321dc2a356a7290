"""What the answer of a create claims is no list: nothing is deleted, restored or asked for again for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from rotator import byhand
from rotator.byhand import Refused
from rotator.models import Keep, Outcome, Pair, State
from rotator.restore import Phase, Restore
from rotator.sandbox import Fault, Switches
from tests.staging import SLOT, InProcess, Stage, days_before, on_stage, policy, server

WEB = server(policy(keep=Keep(last=1), max_deletes=3))
PAIR = Pair(WEB, WEB.policies[0])
Edit = Callable[[dict[str, Any]], None]


class Edited(httpx.AsyncBaseTransport):
    """The sandbox, whose answers to requests of that method are changed on their way."""

    def __init__(self, stage: Stage, method: str, edit: Edit) -> None:
        self._inner = InProcess(stage.world)
        self._method, self._edit = method, edit

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Change what succeeded."""
        answer = await self._inner.handle_async_request(request)
        await answer.aread()
        if request.method != self._method or not answer.is_success:
            return answer
        body = answer.json()
        self._edit(body)
        return httpx.Response(answer.status_code, json=body, headers={"Date": answer.headers["Date"]})


def completed(body: dict[str, Any]) -> None:
    """It says that it is ready, size and all."""
    body |= {"status": "completed", "size_mb": 5120}


@pytest.mark.parametrize("lag", [0, 35, 60])
def test_an_answer_that_says_ready_costs_no_restore_point_before_a_list_says_so(lag: int) -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 3, 2, 1))
        stage.world.faults.add(Fault(method="POST", fate="fails"))
        stage.begin_process(Edited(stage, "POST", completed))
        report = await stage.rotate(PAIR)
        assert (report.outcome, report.problem and report.problem.code) == (Outcome.FAILED, "snapshot_failed")
        assert stage.asked("DELETE") == 0

    on_stage(scene, WEB, switches=Switches(create_time=300, create_lag=lag))


def test_one_that_is_ready_at_once_is_pruned_for_as_soon_as_a_list_shows_it() -> None:
    async def scene(stage: Stage) -> None:
        planted = stage.plant(WEB, days_before(SLOT, 2, 1))
        stage.begin_process(Edited(stage, "POST", completed))
        report = await stage.rotate(PAIR)
        assert report.outcome is Outcome.ROTATED
        assert [verdict.snapshot.id for verdict in report.buckets.deleted] == planted

    on_stage(scene, WEB, switches=Switches(create_time=0))


def test_a_restore_does_not_go_out_for_a_safety_snapshot_that_only_its_answer_calls_ready() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 1))
        stage.world.faults.add(Fault(method="POST", fate="fails"))
        office = stage.begin_process(Edited(stage, "POST", completed))
        (target,) = (await office.inventory.look(WEB)).snapshots
        restore = Restore(office, PAIR, target)
        with pytest.raises(Refused):
            await restore.save()
        assert restore.phase is Phase.NOT_BEGUN
        assert [change.kind for change in stage.world.history] == ["created", "failed"]

    on_stage(scene, WEB, switches=Switches(create_time=300, create_lag=60))


def test_one_made_by_hand_is_told_as_what_is_known_of_it() -> None:
    async def scene(stage: Stage) -> None:
        office = stage.begin_process(Edited(stage, "POST", completed))
        made = await byhand.create(office, PAIR, "before-upgrade", "")
        assert (made.state, made.status) == (State.IN_PROGRESS, "in_progress")

    on_stage(scene, WEB)


def other_kind(body: dict[str, Any]) -> None:
    """Servers are named by the provider's other kind of ids."""
    for row in body.get("results", [body]):
        row["server"]["id"] = str(UUID(int=int(row["server"]["id"])))


def test_an_answer_about_another_server_is_an_answer_and_nothing_is_asked_for_again() -> None:
    async def scene(stage: Stage) -> None:
        stage.begin_process(Edited(stage, "POST", other_kind))
        report = await stage.rotate(PAIR)
        assert report.problem is not None
        assert (report.outcome, report.problem.code) == (Outcome.FAILED, "bad_answer")
        assert str(UUID(int=1)) in report.problem.message
        assert not report.problem.passing
        assert stage.asked("POST") == 1

    on_stage(scene, WEB)


def test_a_list_of_a_server_in_the_other_kind_of_ids_is_unsure() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 1))
        stage.begin_process(Edited(stage, "GET", lists_other_kind))
        report = await stage.rotate(PAIR)
        assert report.problem is not None
        assert report.problem.code == "list_unsure"
        assert f"it shows {UUID(int=1)}" in report.problem.message
        assert stage.asked("POST") == 0

    on_stage(scene, WEB)


def lists_other_kind(body: dict[str, Any]) -> None:
    """Likewise, but the list of servers is left as it is."""
    if all("server" in row for row in body["results"]):
        other_kind(body)


def test_a_list_that_ignores_the_filter_shows_others_and_is_sure() -> None:
    other = server(id=2)

    async def scene(stage: Stage) -> None:
        stage.plant(other, days_before(SLOT, 1))
        report = await stage.rotate(PAIR)
        assert report.outcome is Outcome.ROTATED

    on_stage(scene, WEB, other, switches=Switches(filter="ignored"))


FULL = server(policy(keep=Keep(last=5)))


class Intruder(httpx.AsyncBaseTransport):
    """Takes each place as soon as it is made."""

    def __init__(self, stage: Stage) -> None:
        self._inner, self._stage = InProcess(stage.world), stage

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer, and take the place."""
        answer = await self._inner.handle_async_request(request)
        if request.method == "DELETE":
            self._stage.world.add_snapshot(1, f"auto-{self._stage.asked('DELETE')}")
        return answer


def test_a_slot_costs_no_more_for_being_tried_by_one_process_after_the_other() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(FULL, days_before(SLOT, 5, 4, 3, 2, 1))
        for _ in range(4):
            stage.begin_process(Intruder(stage))
            report = await stage.rotate(Pair(FULL, FULL.policies[0]))
            assert report.outcome is Outcome.CAP_REACHED
            await stage.clock.sleep(6 * 3600)
        assert stage.asked("DELETE") == 1

    on_stage(scene, FULL)


def test_the_next_slot_may_cost_one_again() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(FULL, days_before(SLOT, 5, 4, 3, 2, 1))
        for slot in (SLOT, SLOT, stage.clock.now().replace(hour=23)):
            stage.begin_process(Intruder(stage))
            await stage.rotate(Pair(FULL, FULL.policies[0]), slot)
        assert stage.asked("DELETE") == 2

    on_stage(scene, FULL)


def test_what_goes_after_the_create_is_noted_and_made_no_room_for_it() -> None:
    web = server(policy(keep=Keep(last=1)))

    async def scene(stage: Stage) -> None:
        planted = stage.plant(web, days_before(SLOT, 2, 1))
        await stage.rotate(Pair(web, web.policies[0]))
        (path,) = stage.locks.glob("*.gone")
        stones = json.loads(path.read_text())
        assert [stone["key"] for stone in stones] == [str(id_) for id_ in planted]
        assert not any("room_for" in stone for stone in stones)

    on_stage(scene, web)


def test_a_note_of_an_earlier_version_is_still_read() -> None:
    async def scene(stage: Stage) -> None:
        planted = stage.plant(FULL, days_before(SLOT, 5, 4, 3, 2, 1))
        await stage.rotate(Pair(FULL, FULL.policies[0]))
        (path,) = stage.locks.glob("*.gone")
        (stone,) = json.loads(path.read_text())
        assert (stone.pop("room"), stone.pop("room_for")[:8], stone["key"]) == (
            1,
            "nightly-",
            str(planted[0]),
        )
        path.write_text(json.dumps([stone]))
        stage.begin_process()
        report = await stage.rotate(Pair(FULL, FULL.policies[0]))
        assert report.outcome is Outcome.PRUNED

    on_stage(scene, FULL, switches=Switches(create_time=60))
