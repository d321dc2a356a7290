"""Hooks around whole rotations: real processes and the sandbox, in real time.

Every hook of the tests writes its phase, its outcome and how many snapshots stand there to a diary.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from structlog.types import EventDict

from rotator import naming, surround
from rotator.clock import SystemClock
from rotator.models import Command, Hooks, Keep, Outcome, Pair, Server, Wait
from rotator.progress import Progress
from rotator.report import Report
from rotator.rotation import Rotation
from rotator.sandbox import Fault, Switches
from tests.daemons import captured
from tests.staging import Stage, days_before, policy, server, staged

T = TypeVar("T")

SLOT = SystemClock().now().replace(microsecond=0)
QUICK = Wait(timedelta(seconds=0.05), timedelta(seconds=0.05), timedelta(seconds=20))
PATH = "/usr/local/bin:/usr/bin:/bin"


def on_stage(scene: Callable[[Stage], Coroutine[Any, Any, T]], web: Server, **switches: Any) -> T:
    async def play() -> T:
        clock: Any = SystemClock()
        async with staged(clock, web, switches=Switches(**{"create_time": 0.2, **switches})) as stage:
            stage.office.environ = {"PATH": PATH, "VPS_API_TOKEN": "vps_sandbox"}
            return await scene(stage)

    return asyncio.run(play())


class Diary:
    """What the hooks wrote, and how to make ones that write."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def command(self, and_then: str = "true", *, timeout: float = 60) -> Command:
        note = f'echo "$ROTATOR_PHASE" >> {self.path}; {and_then}'
        return Command(("sh", "-c", note), timedelta(seconds=timeout))

    def hooks(self, **instead: str) -> Hooks:
        """All three phases; `instead` gives one something to do."""
        phases = {name: (self.command(instead.get(name, "true")),) for name in ("before", "created", "after")}
        return Hooks(**phases)

    @property
    def lines(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []


@pytest.fixture
def diary(tmp_path: Path) -> Diary:
    return Diary(tmp_path / "diary")


def hooked(hooks: Hooks, **changes: Any) -> Pair:
    web = server(policy(hooks=hooks, wait=QUICK, **changes))
    return Pair(web, web.policies[0])


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await SystemClock().sleep(0.01)


def test_hooks_run_in_their_order_around_a_create(diary: Diary) -> None:
    pair = hooked(diary.hooks())

    async def scene(stage: Stage) -> Report:
        stage.plant(pair.server, days_before(SLOT, 3, 2, 1))
        return await stage.rotate(pair, SLOT)

    report = on_stage(scene, pair.server)
    assert (report.outcome, report.problem) == (Outcome.ROTATED, None)
    assert diary.lines == ["before", "created", "after"]


def test_before_comes_before_the_create_created_before_the_wait_and_after_when_all_is_done(
    diary: Diary,
) -> None:
    pair = hooked(diary.hooks())
    log: list[EventDict] = []

    async def scene(stage: Stage) -> None:
        stage.plant(pair.server, days_before(SLOT, 3, 2, 1))
        await stage.rotate(pair, SLOT)

    with captured(log.append):
        on_stage(scene, pair.server)
    assert [line.get("phase") or line["event"] for line in log] == [
        "rotation.started",
        "before",
        "snapshot.create_requested",
        "snapshot.created",
        "created",
        "snapshot.ready",
        "snapshot.delete_requested",
        "snapshot.deleted",
        "after",
        "rotation.finished",
    ]


def test_what_hooks_are_told(tmp_path: Path) -> None:
    command = Command(("sh", "-c", f"env | grep -e ^ROTATOR_ -e vps_ | sort > {tmp_path}/$ROTATOR_PHASE"))
    pair = hooked(Hooks(*[(command,)] * 3))

    async def scene(stage: Stage) -> None:
        await stage.rotate(pair, SLOT)

    on_stage(scene, pair.server)
    slot = naming.slot_text(SLOT)
    for phase, outcome in (("before", ""), ("created", ""), ("after", "rotated")):
        assert (tmp_path / phase).read_text().splitlines() == [
            f"ROTATOR_OUTCOME={outcome}",
            f"ROTATOR_PHASE={phase}",
            "ROTATOR_POLICY=nightly",
            "ROTATOR_SERVER=web-1",
            "ROTATOR_SERVER_ID=1",
            f"ROTATOR_SLOT={slot}",
            f"ROTATOR_SNAPSHOT=nightly-{slot}",
        ]


def test_a_before_that_fails_creates_and_deletes_nothing_and_the_others_run(diary: Diary) -> None:
    pair = hooked(diary.hooks(before="echo the database is busy; exit 7"), keep=Keep(last=5))

    async def scene(stage: Stage) -> Report:
        stage.plant(pair.server, days_before(SLOT, 5, 4, 3, 2, 1))
        report = await stage.rotate(pair, SLOT)
        assert (stage.asked("POST"), stage.asked("DELETE")) == (0, 0)
        return report

    report = on_stage(scene, pair.server)
    assert report.outcome is Outcome.FAILED
    assert report.problem is not None
    assert (report.problem.code, report.problem.passing) == ("hook_failed", True)
    assert report.problem.message == "before: sh ended with 7: the database is busy"
    assert diary.lines == ["before", "created", "after"]


def test_the_first_before_that_fails_spares_the_next_but_all_of_created_run(diary: Diary) -> None:
    failing = diary.command("exit 1")
    pair = hooked(Hooks(before=(failing, failing), created=(failing, failing), after=(failing, failing)))

    async def scene(stage: Stage) -> Report:
        return await stage.rotate(pair, SLOT)

    on_stage(scene, pair.server)
    assert diary.lines == ["before", "created", "created", "after", "after"]


@pytest.mark.parametrize("phase", ["created", "after"])
@pytest.mark.parametrize("harm", ["exit 1", "sleep 600", "exec /nonexistent"])
def test_no_other_hook_that_fails_or_hangs_fails_the_rotation(diary: Diary, phase: str, harm: str) -> None:
    bad = diary.command(harm, timeout=0.3)
    pair = hooked(Hooks(**{"before": (diary.command(),), phase: (bad,)}))
    log: list[EventDict] = []

    async def scene(stage: Stage) -> Report:
        stage.plant(pair.server, days_before(SLOT, 3, 2, 1))
        return await stage.rotate(pair, SLOT)

    with captured(log.append):
        report = on_stage(scene, pair.server)
    assert (report.outcome, report.problem) == (Outcome.ROTATED, None)
    assert len(report.buckets.deleted) == 1
    assert [line["phase"] for line in log if line["event"] == "hook.failed"] == [phase]


def test_a_before_that_hangs_is_killed_and_fails_the_rotation(diary: Diary) -> None:
    pair = hooked(Hooks(before=(diary.command("sleep 600", timeout=0.3),), created=(diary.command(),)))

    async def scene(stage: Stage) -> Report:
        return await stage.rotate(pair, SLOT)

    report = on_stage(scene, pair.server)
    assert report.problem is not None
    assert report.problem.code == "hook_failed"
    assert diary.lines == ["before", "created"]


def test_the_lock_is_free_while_before_runs(diary: Diary, tmp_path: Path) -> None:
    pair = hooked(diary.hooks(before=f"while ! test -e {tmp_path}/go; do sleep 0.02; done"))
    plain = Pair(pair.server, policy("weekly", wait=QUICK))

    async def scene(stage: Stage) -> None:
        rotation = asyncio.create_task(stage.rotate(pair, SLOT))
        await until(lambda: diary.lines)
        stage.begin_process()
        other = await stage.rotate(Pair(server(plain.policy), plain.policy), SLOT)
        assert other.outcome is Outcome.ROTATED
        (tmp_path / "go").touch()
        assert (await rotation).outcome is Outcome.ROTATED

    on_stage(scene, pair.server)


def test_a_snapshot_that_turned_up_during_before_is_taken_and_no_second_one_is_made(
    diary: Diary, tmp_path: Path
) -> None:
    pair = hooked(diary.hooks(before=f"while ! test -e {tmp_path}/go; do sleep 0.02; done"))

    async def scene(stage: Stage) -> Report:
        rotation = asyncio.create_task(stage.rotate(pair, SLOT))
        await until(lambda: diary.lines)
        stage.plant(pair.server, [SLOT])
        (tmp_path / "go").touch()
        report = await rotation
        assert stage.asked("POST") == 0
        return report

    report = on_stage(scene, pair.server)
    assert report.outcome is Outcome.PRUNED
    assert diary.lines == ["before", "created", "after"]


def test_nobody_holds_still_during_a_wait_for_another_snapshot(diary: Diary, tmp_path: Path) -> None:
    """One turned up during `before`: `created` comes at once, and both again around the create."""
    pair = hooked(diary.hooks(before=f"while ! test -e {tmp_path}/go; do sleep 0.02; done"))

    async def scene(stage: Stage) -> Report:
        rotation = asyncio.create_task(stage.rotate(pair, SLOT))
        await until(lambda: diary.lines)
        stage.world.create(1, "by-hand", "")
        (tmp_path / "go").touch()
        return await rotation

    report = on_stage(scene, pair.server, create_time=0.5)
    assert report.outcome is Outcome.ROTATED
    assert diary.lines == ["before", "created", "before", "created", "after"]


@pytest.mark.parametrize("there", ["ready", "in progress"])
def test_no_hook_surrounds_what_is_there_already(diary: Diary, there: str) -> None:
    pair = hooked(diary.hooks())

    async def scene(stage: Stage) -> Report:
        if there == "ready":
            stage.plant(pair.server, [SLOT])
        else:
            stage.world.create(1, naming.snapshot_name(pair.server, pair.policy, SLOT), "")
        return await stage.rotate(pair, SLOT)

    assert on_stage(scene, pair.server).outcome is Outcome.PRUNED
    assert diary.lines == []


def test_no_hook_runs_where_no_place_can_be_made(diary: Diary) -> None:
    pair = hooked(diary.hooks())

    async def scene(stage: Stage) -> Report:
        for number in range(5):
            stage.world.add_snapshot(1, f"by-hand-{number}")
        return await stage.rotate(pair, SLOT)

    assert on_stage(scene, pair.server).outcome is Outcome.CAP_REACHED
    assert diary.lines == []


def test_created_and_after_run_when_the_create_is_refused(diary: Diary) -> None:
    note = Command(("sh", "-c", f"echo $ROTATOR_PHASE:$ROTATOR_OUTCOME >> {diary.path}"))
    pair = hooked(Hooks(created=(note,), after=(note,)))

    async def scene(stage: Stage) -> Report:
        stage.world.faults.add(Fault(method="POST", status=403))
        return await stage.rotate(pair, SLOT)

    assert on_stage(scene, pair.server).outcome is Outcome.FAILED
    assert diary.lines == ["created:", "after:failed"]


# --- leaving ----------------------------------------------------------------------------------------


async def left(rotation: Rotation, task: asyncio.Task[Report]) -> bool:
    """What a daemon does that drains. Whether it had to wait."""
    waited = rotation.leave()
    if not waited:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return waited


def test_whoever_has_to_leave_kills_before_runs_created_and_creates_nothing(diary: Diary) -> None:
    pair = hooked(diary.hooks(before="sleep 600"))

    async def scene(stage: Stage) -> None:
        rotation = Rotation(stage.office, pair, Progress(SLOT))
        task = asyncio.create_task(rotation.run())
        await until(lambda: diary.lines)
        assert await left(rotation, task)
        assert stage.asked("POST") == 0

    on_stage(scene, pair.server)
    assert diary.lines == ["before", "created", "after"]


def test_whoever_has_to_leave_during_the_create_lets_it_end_and_runs_created(diary: Diary) -> None:
    pair = hooked(diary.hooks())

    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", delay_after=0.5))
        rotation = Rotation(stage.office, pair, Progress(SLOT))
        task = asyncio.create_task(rotation.run())
        await until(lambda: stage.asked("POST"))
        assert await left(rotation, task)
        assert len(stage.names(pair.server)) == 1

    on_stage(scene, pair.server)
    assert diary.lines == ["before", "created", "after"]


def test_a_create_that_is_cut_is_followed_by_created(diary: Diary) -> None:
    pair = hooked(diary.hooks())

    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(method="POST", delay_after=600))
        task = asyncio.create_task(stage.rotate(pair, SLOT))
        await until(lambda: stage.asked("POST"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    on_stage(scene, pair.server)
    assert diary.lines == ["before", "created", "after"]


def test_whoever_leaves_during_the_wait_runs_after_and_says_no_outcome(diary: Diary) -> None:
    note = Command(("sh", "-c", f"echo $ROTATOR_PHASE:$ROTATOR_OUTCOME >> {diary.path}"))
    pair = hooked(Hooks(after=(note,)))

    async def scene(stage: Stage) -> None:
        rotation = Rotation(stage.office, pair, Progress(SLOT))
        task = asyncio.create_task(rotation.run())
        await until(lambda: stage.names(pair.server))
        await until(lambda: not rotation.writing)
        assert not await left(rotation, task)

    on_stage(scene, pair.server, create_time=600)
    assert diary.lines == ["after:"]


@pytest.mark.parametrize("phase", ["created", "after"])
def test_what_is_owed_at_the_end_is_cut_in_time(
    diary: Diary, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surround, "LEAVE_SECONDS", 0.3)
    pair = hooked(diary.hooks(before="sleep 600", **{phase: "sleep 600"}))

    async def scene(stage: Stage) -> None:
        rotation = Rotation(stage.office, pair, Progress(SLOT))
        task = asyncio.create_task(rotation.run())
        await until(lambda: diary.lines)
        await left(rotation, task)

    on_stage(scene, pair.server)
    assert diary.lines[:2] == ["before", "created"]


def test_one_that_waits_for_its_hooks_turn_begins_none_when_it_has_to_leave(diary: Diary) -> None:
    pair = hooked(diary.hooks())

    async def scene(stage: Stage) -> None:
        stage.office.surrounded = asyncio.Semaphore(0)
        rotation = Rotation(stage.office, pair, Progress(SLOT))
        task = asyncio.create_task(rotation.run())
        await until(lambda: stage.asked("GET"))
        await left(rotation, task)

    on_stage(scene, pair.server)
    assert diary.lines == []
