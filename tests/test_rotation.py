"""Whole rotations against the sandbox, in virtual time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rotator import naming
from rotator.models import Keep, Mode, Outcome, Pair
from rotator.progress import Progress
from rotator.report import Report, as_json
from rotator.rotation import Rotation
from rotator.sandbox import Fault, Switches
from tests.staging import SLOT, Stage, days_before, on_stage, policy, server

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
        assert len(between) == 2
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
