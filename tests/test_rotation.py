"""Whole rotations against the sandbox, in virtual time."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest
from structlog.types import EventDict

from rotator import naming
from rotator.models import Keep, Mode, Outcome, Pair
from rotator.progress import Progress
from rotator.report import Report, as_json
from rotator.rotation import Rotation
from rotator.sandbox import Fault, Switches
from tests.daemons import captured
from tests.staging import SLOT, InProcess, Stage, days_before, on_stage, policy, server

WEB = server()
NIGHTLY = Pair(WEB, WEB.policies[0])
NAME = naming.snapshot_name(WEB, NIGHTLY.policy, SLOT)


def names(report: Report, bucket: str) -> list[str]:
    return [verdict.snapshot.name for verdict in getattr(report.buckets, bucket)]


def test_with_a_free_place_it_creates_waits_and_then_deletes_the_oldest() -> None:
    async def scene(stage: Stage) -> None:
        old = stage.plant(WEB, days_before(SLOT, 3, 2, 1))
        report = await stage.rotate(NIGHTLY)
        assert (report.outcome, report.mode, report.problem) == (Outcome.ROTATED, Mode.CREATE_FIRST, None)
        assert report.created is not None
        assert report.created.name == NAME
        assert [v.snapshot.id for v in report.buckets.deleted] == old[:1]
        assert report.buckets.deleted[0].reasons == ("not_kept",)
        assert (report.free_before, report.free_after) == (2, 2)
        assert stage.names(WEB)[-1] == NAME
        kinds = [change.kind for change in stage.world.history[-3:]]
        assert kinds == ["created", "ready", "deleted"]

    on_stage(scene, WEB)


def test_a_full_server_makes_room_for_one_first() -> None:
    web = server(policy(keep=Keep(last=5)))

    async def scene(stage: Stage) -> None:
        old = stage.plant(web, days_before(SLOT, 5, 4, 3, 2, 1))
        report = await stage.rotate(Pair(web, web.policies[0]))
        assert (report.outcome, report.mode) == (Outcome.ROTATED, Mode.DELETE_FIRST)
        assert [v.snapshot.id for v in report.buckets.deleted] == old[:1]
        kinds = [change.kind for change in stage.world.history[-3:]]
        assert kinds == ["deleted", "created", "ready"]
        assert stage.asked("DELETE") == 1

    on_stage(scene, web)


def test_the_same_slot_again_creates_nothing() -> None:
    async def scene(stage: Stage) -> None:
        first = await stage.rotate(NIGHTLY)
        again = await stage.rotate(NIGHTLY)
        assert (first.outcome, again.outcome, again.mode) == (Outcome.ROTATED, Outcome.PRUNED, Mode.PRUNE)
        assert stage.asked("POST") == 1

    on_stage(scene, WEB)


def test_a_snapshot_left_in_progress_is_taken_up_and_not_asked_for_again() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 4, 3, 2, 1))
        stage.world.create(1, NAME, "")
        report = await stage.rotate(NIGHTLY)
        assert report.outcome is Outcome.PRUNED
        assert stage.asked("POST") == 0
        assert len(stage.rows(WEB)) == 3

    on_stage(scene, WEB)


@pytest.mark.parametrize(
    ("fault", "creates"),
    [
        pytest.param(Fault(method="POST", drop="after"), 1, id="reset after it was carried out"),
        pytest.param(Fault(method="POST", drop="before"), 2, id="reset before it was carried out"),
        pytest.param(Fault(method="POST", status=502), 2, id="502 instead of acting"),
        pytest.param(Fault(method="POST", status=502, act=True), 1, id="502 after acting"),
        pytest.param(Fault(method="POST", garbage=True), 1, id="a page of HTML after acting"),
        pytest.param(Fault(method="POST", delay_after=60), 1, id="a timeout after acting"),
    ],
)
def test_a_lost_answer_is_settled_by_the_name_and_makes_no_twin(fault: Fault, creates: int) -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(fault)
        report = await stage.rotate(NIGHTLY)
        assert report.outcome is Outcome.ROTATED
        assert stage.names(WEB) == [NAME]
        assert stage.asked("POST") == creates

    on_stage(scene, WEB)


def test_a_lost_create_is_looked_for_twice_with_fifteen_seconds_between() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", drop="before"))
        await stage.rotate(NIGHTLY)
        asked = [request.method for request in stage.world.requests]
        first, second = (index for index, method in enumerate(asked) if method == "POST")
        between = stage.world.requests[first + 1 : second]
        assert ["server_id" in request.query for request in between] == [True, True, False]
        assert between[1].at - stage.world.requests[first].at >= timedelta(seconds=15)

    on_stage(scene, WEB)


def test_a_lagging_list_makes_no_twin_of_a_create_whose_answer_was_lost() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", drop="after"))
        report = await stage.rotate(NIGHTLY)
        assert report.outcome is Outcome.ROTATED
        assert stage.names(WEB) == [NAME]

    on_stage(scene, WEB, switches=Switches(create_time=300, create_lag=10))


def test_lists_that_lag_a_minute_behind_change_nothing() -> None:
    web = server(policy(keep=Keep(last=3)), policy("weekly", keep=Keep(last=2)))

    async def scene(stage: Stage) -> None:
        stage.plant(web, days_before(SLOT, 3, 2, 1))
        stage.plant(web, days_before(SLOT, 14, 7), policy="weekly")
        for each in web.policies:
            report = await stage.rotate(Pair(web, each))
            assert report.outcome is Outcome.ROTATED
        assert len(stage.rows(web)) == 5
        assert len({row.name for row in stage.rows(web)}) == 5

    on_stage(scene, web, switches=Switches(create_time=300, create_lag=60, delete_lag=60))


def test_a_failed_snapshot_deletes_nothing_and_is_replaced_by_the_next_try() -> None:
    async def scene(stage: Stage) -> None:
        old = stage.plant(WEB, days_before(SLOT, 4, 3, 2, 1))
        stage.world.faults.add(Fault(method="POST", fate="fails"))
        progress = Progress(SLOT)
        report = await stage.rotate(NIGHTLY, progress=progress)
        assert report.outcome is Outcome.FAILED
        assert report.problem is not None
        assert (report.problem.code, report.problem.passing) == ("snapshot_failed", True)
        assert [row.id for row in stage.rows(WEB)][:4] == old
        again = await stage.rotate(NIGHTLY)
        assert again.outcome is Outcome.ROTATED
        assert [row.status for row in stage.rows(WEB)] == ["completed"] * 3

    on_stage(scene, WEB)


def test_a_snapshot_that_hangs_is_waited_for_no_longer_than_the_timeout() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 4, 3, 2, 1))
        stage.world.faults.add(Fault(method="POST", fate="hangs"))
        report = await stage.rotate(NIGHTLY)
        assert report.problem is not None
        assert (report.outcome, report.problem.code) == (Outcome.FAILED, "snapshot_stuck")
        assert 45 * 60 <= report.seconds <= 46 * 60
        assert stage.asked("DELETE") == 0
        again = await stage.rotate(NIGHTLY)
        assert again.problem is not None
        assert again.problem.code == "snapshot_stuck"
        assert stage.asked("POST") == 1

    on_stage(scene, WEB)


def test_an_undocumented_state_is_waited_for_and_then_reported() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", fate="archived"))
        report = await stage.rotate(NIGHTLY)
        assert report.outcome is Outcome.FAILED
        assert report.problem is not None
        assert "archived" in report.problem.message
        assert stage.asked("POST") == 1

    on_stage(scene, WEB)


def test_another_snapshot_in_progress_is_waited_for_first() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.create(1, "by-hand", "")
        report = await stage.rotate(NIGHTLY)
        assert report.outcome is Outcome.ROTATED
        changes = [(change.kind, change.name) for change in stage.world.history]
        assert changes == [
            ("created", "by-hand"),
            ("ready", "by-hand"),
            ("created", NAME),
            ("ready", NAME),
        ]

    on_stage(scene, WEB)


def test_foreign_snapshots_that_fill_the_server_are_named_and_nothing_is_touched() -> None:
    async def scene(stage: Stage) -> None:
        for index in range(4):
            stage.world.add_snapshot(1, f"by-hand-{index}")
        stage.plant(WEB, days_before(SLOT, 1))
        report = await stage.rotate(NIGHTLY)
        assert report.outcome is Outcome.CAP_REACHED
        assert report.problem is not None
        assert not report.problem.passing
        assert all(f"by-hand-{index}" in report.problem.message for index in range(4))
        assert len(stage.rows(WEB)) == 5
        assert stage.asked("POST") == stage.asked("DELETE") == 0

    on_stage(scene, WEB)


def test_a_cap_lower_than_configured_is_told_apart_from_a_full_server() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 3, 2, 1))
        report = await stage.rotate(NIGHTLY)
        assert report.problem is not None
        assert (report.outcome, report.problem.code) == (Outcome.CAP_REACHED, "cap_lower")
        assert not report.problem.passing
        assert stage.asked("DELETE") == 0

    on_stage(scene, WEB, switches=Switches(cap=3))


def test_a_refusal_after_making_room_is_tried_again_without_another_delete() -> None:
    web = server(policy(keep=Keep(last=5)))
    pair = Pair(web, web.policies[0])

    async def scene(stage: Stage) -> None:
        stage.plant(web, days_before(SLOT, 5, 4, 3, 2, 1))
        stage.world.faults.add(Fault(method="POST", status=400, times=2))
        first = Rotation(stage.office, pair, Progress(SLOT))
        report = await first.run()
        assert report.problem is not None
        assert (report.problem.code, report.problem.passing) == ("cap_lower", True)
        second = Rotation(stage.office, pair, first.progress.next_try())
        assert (await second.run()).problem is not None
        third = Rotation(stage.office, pair, second.progress.next_try())
        assert (await third.run()).outcome is Outcome.ROTATED
        assert stage.asked("DELETE") == 1

    on_stage(scene, web)


def test_a_delete_that_finds_nothing_is_done() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 3, 2, 1))
        stage.world.faults.add(Fault(method="DELETE", drop="after"))
        report = await stage.rotate(NIGHTLY)
        assert (report.outcome, report.problem) == (Outcome.ROTATED, None)
        assert len(report.buckets.deleted) == 1
        assert len(stage.rows(WEB)) == 3

    on_stage(scene, WEB)


def test_a_failed_delete_shows_in_the_report_and_the_rotation_stands() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 3, 2, 1))
        stage.world.faults.add(Fault(method="DELETE", status=403, times=None))
        report = await stage.rotate(NIGHTLY)
        assert report.problem is not None
        assert report.problem.code == "forbidden"
        assert len(stage.rows(WEB)) == 4

    on_stage(scene, WEB)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param(Fault(method="GET", status=503, times=None), "server_error", id="503"),
        pytest.param(Fault(method="GET", drop="before", times=None), "unreachable", id="resets"),
        pytest.param(Fault(method="GET", garbage=True, times=None), "bad_answer", id="HTML"),
        pytest.param(Fault(method="GET", truncated=True, times=None), "unreachable", id="truncated"),
        pytest.param(
            Fault(method="GET", status=200, body={"count": 7, "results": []}, times=None),
            "list_unsure",
            id="a count that is not true",
        ),
        pytest.param(
            Fault(method="GET", status=429, headers={"Retry-After": "600"}, times=None),
            "rate_limited",
            id="429",
        ),
    ],
)
def test_a_list_that_cannot_be_had_allows_nothing_and_ends_in_time(fault: Fault, code: str) -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 6, 5, 4, 3, 2))
        stage.world.faults.add(fault)
        report = await stage.rotate(NIGHTLY)
        assert report.outcome is Outcome.FAILED
        assert report.problem is not None
        assert report.problem.passing
        assert report.problem.code == code
        assert report.seconds <= 60
        assert stage.asked("POST") == stage.asked("DELETE") == 0

    on_stage(scene, WEB)


def test_a_refused_token_is_permanent() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.tokens.clear()
        report = await stage.rotate(NIGHTLY)
        assert report.problem is not None
        assert (report.problem.code, report.problem.passing) == ("unauthorized", False)

    on_stage(scene, WEB)


def test_one_missing_server_among_many_fails_alone() -> None:
    gone, web = server(id=9), WEB

    async def scene(stage: Stage) -> None:
        stage.world.remove_server(9)
        missing = await stage.rotate(Pair(gone, gone.policies[0]))
        there = await stage.rotate(NIGHTLY)
        assert missing.problem is not None
        assert missing.problem.code == "not_found"
        assert there.outcome is Outcome.ROTATED

    on_stage(scene, web, gone)


def test_a_clock_that_differs_deletes_nothing() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 4, 3, 2, 1))
        stage.world.switches = replace(stage.world.switches, clock_skew=-600)
        report = await stage.rotate(NIGHTLY)
        assert report.outcome is Outcome.ROTATED
        assert {reason for v in report.buckets.deferred for reason in v.reasons} == {"clock_skewed"}
        assert stage.asked("DELETE") == 0

    on_stage(scene, WEB)


def test_a_suspiciously_small_snapshot_prunes_nothing() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 3, 2, 1))
        stage.world.switches = replace(stage.world.switches, new_size_mb=100)
        report = await stage.rotate(NIGHTLY)
        assert report.outcome is Outcome.ROTATED
        assert [v.reasons for v in report.buckets.deferred] == [("suspicious",)]
        assert stage.asked("DELETE") == 0

    on_stage(scene, WEB)


def test_a_row_of_ours_without_a_server_makes_the_list_unsure() -> None:
    async def scene(stage: Stage) -> None:
        stray = {
            "id": 5,
            "server": None,
            "name": NAME,
            "status": "completed",
            "size_mb": 1,
            "created_at": "2027-03-14T07:00:00Z",
            "description": "",
        }
        stage.world.faults.add(
            Fault(method="GET", status=200, body={"count": 1, "results": [stray]}, times=None)
        )
        report = await stage.rotate(NIGHTLY)
        assert report.problem is not None
        assert report.problem.code == "list_unsure"
        assert stage.asked("POST") == 0

    on_stage(scene, WEB)


def test_deletes_beyond_the_limit_are_left_to_later_rotations() -> None:
    web = server(policy(keep=Keep(last=1)))

    async def scene(stage: Stage) -> None:
        stage.plant(web, days_before(SLOT, 4, 3, 2, 1))
        pair = Pair(web, web.policies[0])
        report = await stage.rotate(pair)
        assert len(report.buckets.deleted) == 2
        assert [v.reasons for v in report.buckets.deferred] == [("deferred",)] * 2
        again = await stage.rotate(pair)
        assert len(again.buckets.deleted) == 2
        assert stage.names(web) == [naming.snapshot_name(web, pair.policy, SLOT)]

    on_stage(scene, web)


def test_the_report_is_the_contracts_json_and_partitions_the_list() -> None:
    async def scene(stage: Stage) -> None:
        planted = stage.plant(WEB, days_before(SLOT, 3, 2, 1))
        planted.append(stage.world.add_snapshot(1, "by-hand"))
        document = as_json(await stage.rotate(NIGHTLY))
        lists = ("deleted", "kept", "deferred", "other", "foreign", "failed", "in_progress", "unknown")
        shown: list[object] = []
        for name in (*lists, "quarantined"):
            entries = document[name]
            assert isinstance(entries, list)
            shown += [entry["id"] for entry in entries]
        assert sorted(map(str, shown)) == sorted(map(str, planted))
        assert document["server_id"] == 1
        assert document["slot"] == "20270314T070000Z"
        assert document["api_calls"] == len(stage.world.requests)

    on_stage(scene, WEB)


# --- what a rotation says of itself -----------------------------------------------------------------


def test_each_line_of_a_rotation_says_what_it_is_about() -> None:
    lines: list[EventDict] = []

    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 3, 2, 1))
        await stage.rotate(NIGHTLY)

    with captured(lines.append):
        on_stage(scene, WEB)
    told = [line for line in lines if str(line["event"]).startswith(("rotation.", "snapshot."))]
    events = {line["event"] for line in told}
    assert {
        "rotation.started",
        "snapshot.create_requested",
        "snapshot.deleted",
        "rotation.finished",
    } <= events
    facts = {(line["server_id"], line["server"], line["policy"], line["slot"]) for line in told}
    assert facts == {(1, WEB.label, "nightly", naming.slot_text(SLOT))}
    assert len({line["rotation_id"] for line in told}) == 1


def test_a_rotation_that_has_no_turn_has_nothing_to_be_waited_for() -> None:
    async def scene(stage: Stage) -> None:
        rotation = Rotation(stage.office, NIGHTLY, Progress(SLOT))
        assert not rotation.leave()

    on_stage(scene, WEB)


def test_what_is_held_back_and_what_is_taken_up_is_told() -> None:
    lines: list[EventDict] = []

    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 3, 2, 1))
        stage.world.switches = replace(stage.world.switches, new_size_mb=100)
        await stage.rotate(NIGHTLY)
        assert "rotation.resumed" not in {line["event"] for line in lines}
        stage.world.add_snapshot(1, "by-hand", status="in_progress", created_at=stage.clock.now())
        await stage.rotate(NIGHTLY, SLOT + timedelta(days=1))

    with captured(lines.append):
        on_stage(scene, WEB)
    events = [line["event"] for line in lines]
    assert "snapshot.suspicious" in events
    assert "snapshot.delete_deferred" in events
    assert [line["snapshot"] for line in lines if line["event"] == "rotation.resumed"] == ["by-hand"]


@pytest.mark.parametrize("field", ["name", "description", "server_id"])
def test_a_refused_name_or_description_says_nothing_of_places(field: str) -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", status=400, body={field: ["Not like this."]}))
        report = await stage.rotate(NIGHTLY)
        assert report.problem is not None
        assert (report.outcome, report.problem.code) == (Outcome.FAILED, "bad_request")

    on_stage(scene, WEB)


def test_a_server_that_was_full_is_full_again() -> None:
    web = server(policy(keep=Keep(last=5)))

    async def scene(stage: Stage) -> None:
        stage.plant(web, days_before(SLOT, 5, 4, 3, 2, 1))
        report = await stage.rotate(Pair(web, web.policies[0]))
        assert (report.free_before, report.free_after) == (0, 0)

    on_stage(scene, web)


def test_a_snapshot_that_failed_is_told_from_one_that_disappeared() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", fate="fails"))
        report = await stage.rotate(NIGHTLY)
        assert report.problem is not None
        assert report.problem.message == f"{NAME} failed"

    on_stage(scene, WEB)


def test_a_snapshot_that_disappeared_is_told_from_others_that_failed() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.add_snapshot(
            1, naming.snapshot_name(WEB, NIGHTLY.policy, days_before(SLOT, 1)[0]), status="failed"
        )
        made = stage.world.add_snapshot(1, NAME, status="in_progress")
        rotation = asyncio.create_task(stage.rotate(NIGHTLY))
        await stage.clock.sleep(10)
        stage.world.remove_snapshot(made)
        report = await rotation
        assert report.problem is not None
        assert report.problem.message == f"{NAME} disappeared from the list before it was ready"

    on_stage(scene, WEB)


def test_an_overfull_server_has_no_free_places_and_not_fewer() -> None:
    async def scene(stage: Stage) -> None:
        for number in range(6):
            stage.world.add_snapshot(1, f"by-hand-{number}")
        report = await stage.rotate(NIGHTLY)
        assert report.outcome is Outcome.CAP_REACHED
        assert (report.free_before, report.free_after) == (0, 0)

    on_stage(scene, WEB)


class Broken(httpx.AsyncBaseTransport):
    """A defect where nobody expects one."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raise what no adapter knows."""
        raise RuntimeError("nobody thought of it")


def test_a_defect_ends_the_rotation_as_a_passing_failure_that_names_it() -> None:
    async def scene(stage: Stage) -> None:
        stage.begin_process(Broken())
        report = await stage.rotate(NIGHTLY)
        assert report.problem is not None
        assert (report.outcome, report.problem.code) == (Outcome.FAILED, "bad_answer")
        assert report.problem.passing
        assert "nobody thought of it" in report.problem.message

    on_stage(scene, WEB)


# --- deletes that fail, and what is remembered for the next try -------------------------------------


def planted_for_two_deletes(stage: Stage) -> list[str]:
    """Of five slots the two oldest have to go once this one's snapshot is ready."""
    stage.plant(WEB, days_before(SLOT, 4, 3, 2, 1))
    return stage.names(WEB)


def test_a_delete_that_is_refused_after_the_create_stops_no_other_and_is_told() -> None:
    async def scene(stage: Stage) -> None:
        oldest, next_oldest, *_ = planted_for_two_deletes(stage)
        stage.world.faults.add(Fault(method="DELETE", status=400))
        report = await stage.rotate(NIGHTLY)
        assert report.problem is not None
        assert (report.outcome, report.problem.code) == (Outcome.ROTATED, "delete_failed")
        assert (names(report, "deleted"), names(report, "deferred")) == ([next_oldest], [oldest])
        assert report.buckets.deferred[0].reasons == ("deferred",)

    on_stage(scene, WEB)


def test_of_two_deletes_that_are_refused_the_first_is_told() -> None:
    async def scene(stage: Stage) -> None:
        oldest, *_ = planted_for_two_deletes(stage)
        stage.world.faults.add(Fault(method="DELETE", status=400, times=2))
        report = await stage.rotate(NIGHTLY)
        assert report.problem is not None
        assert report.problem.message.startswith(f"{oldest} could not be deleted")
        assert stage.asked("DELETE") == 2

    on_stage(scene, WEB)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(method="DELETE", status=503, times=None), id="as long as it is tried"),
        pytest.param(Fault(method="DELETE", status=503, headers={"Retry-After": "46"}), id="once"),
    ],
)
def test_a_delete_that_fails_for_a_passing_reason_leaves_the_others_to_a_later_rotation(fault: Fault) -> None:
    async def scene(stage: Stage) -> None:
        oldest, next_oldest, *_ = planted_for_two_deletes(stage)
        stage.world.faults.add(fault)
        report = await stage.rotate(NIGHTLY)
        tried = {request.path for request in stage.world.requests if request.method == "DELETE"}
        assert report.problem is not None
        assert (report.outcome, report.problem.code) == (Outcome.ROTATED, "delete_failed")
        assert names(report, "deferred") == [next_oldest, oldest]
        assert len(tried) == 1

    on_stage(scene, WEB)


def test_where_a_delete_ahead_of_the_create_is_refused_no_other_goes_and_nothing_is_created() -> None:
    web = server(policy(keep=Keep(last=5)), cap=4)
    pair = Pair(web, web.policies[0])

    async def scene(stage: Stage) -> None:
        stage.plant(web, days_before(SLOT, 5, 4, 3, 2, 1))
        stage.world.faults.add(Fault(method="DELETE", status=400))
        report = await stage.rotate(pair)
        assert report.problem is not None
        assert (report.outcome, report.problem.code) == (Outcome.FAILED, "delete_failed")
        assert (stage.asked("DELETE"), stage.asked("POST")) == (1, 0)

    on_stage(scene, web)


def test_a_slot_that_was_planned_with_a_free_place_deletes_none_though_the_server_fills_up() -> None:
    web = server(policy(keep=Keep(last=3)))
    pair = Pair(web, web.policies[0])

    async def scene(stage: Stage) -> None:
        stage.plant(web, days_before(SLOT, 4, 3, 2, 1))
        stage.world.faults.add(Fault(method="POST", status=400))
        first = Rotation(stage.office, pair, Progress(SLOT))
        assert (await first.run()).outcome is Outcome.CAP_REACHED
        stage.world.add_snapshot(1, "by-hand")
        report = await Rotation(stage.office, pair, first.progress.next_try()).run()
        assert report.outcome is Outcome.CAP_REACHED
        assert stage.asked("DELETE") == 0

    on_stage(scene, web)


def test_a_rotation_that_cannot_have_the_lock_is_busy_and_says_so() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.office.turn(WEB):
            stage.begin_process()
            report = await stage.rotate(NIGHTLY)
        assert report.problem is not None
        assert (report.outcome, report.problem.code) == (Outcome.BUSY, "lock_held")
        assert (report.mode, stage.asked("POST")) == (None, 0)

    on_stage(scene, WEB)


def test_a_rotation_tells_when_it_has_its_turn() -> None:
    async def scene(stage: Stage) -> None:
        turns: list[datetime] = []
        begun = Rotation(stage.office, NIGHTLY, Progress(SLOT), lambda: turns.append(stage.clock.now()))
        await begun.run()
        assert turns[0] == SLOT

    on_stage(scene, WEB)


# --- leaving ----------------------------------------------------------------------------------------


def test_a_rotation_that_is_left_in_its_turn_ends_after_it_and_waits_for_nothing() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 3, 2, 1))
        stage.world.faults.add(Fault(method="POST", delay=5))
        rotation = Rotation(stage.office, NIGHTLY, Progress(SLOT))
        running = asyncio.create_task(rotation.run())
        await stage.clock.sleep(2)
        assert rotation.leave() is True
        with pytest.raises(asyncio.CancelledError):
            await running
        assert stage.clock.now() - SLOT < timedelta(seconds=20)
        assert rotation.leave() is False
        assert (stage.asked("POST"), stage.asked("DELETE")) == (1, 0)

    on_stage(scene, WEB)


def test_a_rotation_that_waits_for_its_server_says_so_and_then_has_its_turn() -> None:
    weekly = server(policy("nightly"), policy("weekly"))
    first, second = (Pair(weekly, each) for each in weekly.policies)

    async def scene(stage: Stage) -> None:
        calls: list[datetime] = []
        running = asyncio.create_task(stage.rotate(first))
        await stage.clock.sleep(1)
        later = Rotation(stage.office, second, Progress(SLOT), lambda: calls.append(stage.clock.now()))
        queued = asyncio.create_task(later.run())
        await stage.clock.sleep(1)
        assert len(calls) == 1
        reports = [await running, await queued]
        assert [report.outcome for report in reports] == [Outcome.ROTATED] * 2
        assert calls[1] > calls[0] + timedelta(minutes=1)
        assert reports[1].seconds < (stage.clock.now() - SLOT).total_seconds()

    on_stage(scene, weekly)


def test_a_rotation_that_need_not_wait_for_its_server_has_its_turn_once_a_look() -> None:
    async def scene(stage: Stage) -> None:
        calls: list[datetime] = []
        await Rotation(stage.office, NIGHTLY, Progress(SLOT), lambda: calls.append(stage.clock.now())).run()
        assert len(calls) == 2
        assert calls[0] < calls[1]

    on_stage(scene, WEB)


@pytest.mark.parametrize("method", ["DELETE", "POST"])
def test_a_rotation_that_has_written_nothing_fails_for_45_seconds_in_all(method: str) -> None:
    web = server(policy(keep=Keep(last=5)))

    async def scene(stage: Stage) -> None:
        stage.plant(web, days_before(SLOT, *range(5 if method == "DELETE" else 4, 0, -1)))
        stage.world.faults.add(Fault(method="GET", status=503, times=8))
        stage.world.faults.add(Fault(method=method, status=429, times=None))
        report = await stage.rotate(Pair(web, web.policies[0]))
        assert report.outcome is Outcome.FAILED
        assert stage.clock.now() - SLOT <= timedelta(seconds=46)

    on_stage(scene, web)


# --- what a slot may delete, counted when its create is first planned -------------------------------


def test_what_a_create_needs_is_counted_after_the_wait_for_another() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 3, 2, 1))
        other = stage.world.create(1, "by-hand-1", "")
        running = asyncio.create_task(stage.rotate(NIGHTLY))
        await stage.clock.sleep(10)
        stage.world.add_snapshot(1, "by-hand-2")
        report = await running
        assert report.outcome is Outcome.ROTATED
        assert other.name in stage.names(WEB)
        assert stage.asked("DELETE") == 1

    on_stage(scene, WEB)


def test_a_slot_that_was_blocked_deletes_no_more_later_than_it_needed_then() -> None:
    web = server(policy(keep=Keep(last=9), min_ready=2))
    pair = Pair(web, web.policies[0])

    async def scene(stage: Stage) -> None:
        stage.plant(web, days_before(SLOT, 2, 1))
        by_hand = [stage.world.add_snapshot(1, f"by-hand-{number}") for number in range(3)]
        first = Rotation(stage.office, pair, Progress(SLOT))
        assert (await first.run()).outcome is Outcome.CAP_REACHED
        stage.world.remove_snapshot(by_hand[0])
        stage.plant(web, days_before(SLOT, 4, 3))
        report = await Rotation(stage.office, pair, first.progress.next_try()).run()
        assert report.outcome is Outcome.CAP_REACHED
        assert stage.asked("DELETE") == 0

    on_stage(scene, web)


# --- answers to a create ----------------------------------------------------------------------------


def test_a_refusal_with_another_status_says_nothing_of_places() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", status=422))
        report = await stage.rotate(NIGHTLY)
        assert report.problem is not None
        assert (report.outcome, report.problem.code) == (Outcome.FAILED, "bad_request")

    on_stage(scene, WEB)


def test_a_lower_cap_is_told_with_the_places_that_were_counted_on() -> None:
    async def scene(stage: Stage) -> None:
        report = await stage.rotate(NIGHTLY)
        assert report.problem is not None
        assert report.problem.message.startswith(
            "refused with a free place of 5: is snapshot_limit too high?"
        )

    on_stage(scene, WEB, switches=Switches(cap=0))


def test_a_refusal_passes_as_long_as_the_slot_has_made_room_once() -> None:
    web = server(policy(keep=Keep(last=5)))
    pair = Pair(web, web.policies[0])

    async def scene(stage: Stage) -> None:
        stage.plant(web, days_before(SLOT, 5, 4, 3, 2, 1))
        stage.world.faults.add(Fault(method="POST", status=400, times=2))
        first = Rotation(stage.office, pair, Progress(SLOT))
        await first.run()
        report = await Rotation(stage.office, pair, first.progress.next_try()).run()
        assert report.problem is not None
        assert (report.problem.code, report.problem.passing) == ("cap_lower", True)
        assert names(report, "deleted") == []

    on_stage(scene, web)


class Shouting(InProcess):
    """A provider that writes every name in capital letters."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The same create with another name."""
        if request.method == "POST":
            body = json.loads(request.content)
            token = {"Authorization": request.headers["Authorization"]}
            named = {**body, "name": body["name"].upper()}
            request = httpx.Request("POST", request.url, json=named, headers=token)
        return await super().handle_async_request(request)


def test_a_snapshot_that_got_another_name_ends_the_rotation_and_takes_a_place() -> None:
    async def scene(stage: Stage) -> None:
        stage.begin_process(Shouting(stage.world))
        report = await stage.rotate(NIGHTLY)
        assert report.problem is not None
        assert f"asked for {NAME}, the provider made {NAME.upper()}" in report.problem.message
        assert (report.free_before, report.free_after) == (5, 4)

    on_stage(scene, WEB)


def test_a_rotation_with_nothing_to_delete_has_no_problem() -> None:
    async def scene(stage: Stage) -> None:
        report = await stage.rotate(NIGHTLY)
        assert (report.outcome, report.problem) == (Outcome.ROTATED, None)

    on_stage(scene, WEB)


def test_an_undocumented_state_is_told() -> None:
    lines: list[EventDict] = []

    async def scene(stage: Stage) -> None:
        stage.world.add_snapshot(1, "by-hand", status="archiving")
        await stage.rotate(NIGHTLY)

    with captured(lines.append):
        on_stage(scene, WEB)
    assert [line["snapshot"] for line in lines if line["event"] == "snapshot.unknown_state"] == ["by-hand"]


def test_a_report_names_the_server_and_the_new_snapshot_by_the_apis_own_ids() -> None:
    async def scene(stage: Stage) -> None:
        written = server(id="1", name="web-1")
        report = await stage.rotate(Pair(written, written.policies[0]))
        assert (report.server_id, report.cap) == (1, 5)
        assert report.created is not None
        assert [(row.id, row.name) for row in stage.rows(WEB)] == [(report.created.id, report.created.name)]

    on_stage(scene, WEB)


def test_another_one_that_is_never_done_and_dated_ahead_is_waited_for_once() -> None:
    async def scene(stage: Stage) -> None:
        ahead = SLOT + timedelta(minutes=30)
        stage.world.add_snapshot(1, "by-hand", status="in_progress", created_at=ahead)
        report = await stage.rotate(NIGHTLY)
        assert report.outcome is Outcome.ROTATED
        (asked,) = (request.at for request in stage.world.requests if request.method == "POST")
        assert asked - SLOT < timedelta(minutes=50)

    on_stage(scene, WEB)
