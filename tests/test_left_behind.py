"""Nothing is left behind by what is over: servers that left, accounts that were replaced, what was said."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from campaigns.long_day import Account
from rotator import notices
from rotator.accounts import LAST_LISTS, Accounts
from rotator.daemon import Daemon, Source
from rotator.models import Keep, Pair
from rotator.sandbox import Fault, RequestRecord, World
from rotator.sandbox.faults import NO_FAULT, Faults
from rotator.sandbox.records import Call
from rotator.systemd import Notifier
from tests.building import make_snapshot, make_view
from tests.daemons import Life, apscheduler_reads, captured, settings
from tests.sandbox.conftest import START, StandingClock
from tests.staging import SLOT, Stage, on_stage, policy, server

WEB = server()
ASKED_OTHERWISE = replace(settings(WEB), api=replace(settings(WEB).api, concurrency=9))
BEFORE = SLOT + timedelta(days=1, minutes=-1)
"""A minute before 03:00 in New York."""
PAUSED = "nightly-20270313T070000Z"


@dataclass
class Opening(Life):
    """A life whose daemon opens real accounts. `open` holds those that are not closed."""

    open: list[Account] = field(default_factory=list)

    def begin(self) -> None:
        """Start the daemon; `task` is its life."""
        self.daemon = Daemon(
            self.file,
            self.settings[self.file],
            source=Source(read=lambda: self.file, parse=self._parse),
            open_account=lambda current: account(self.stage, self.open),
            clock=self.stage.clock,
            notifier=Notifier({}),
        )
        self.task = asyncio.create_task(self.daemon.run())


def account(stage: Stage, open: list[Account]) -> Account:
    """One with connections of its own; `open` holds it until it is closed."""
    return Account(stage.world, stage.clock, stage.settings, stage.locks, open)


# --- accounts -------------------------------------------------------------------------------------


def test_a_replaced_account_is_closed_when_the_last_one_who_works_in_it_has_left() -> None:
    async def scene(stage: Stage) -> None:
        open: list[Account] = []
        made = [account(stage, open) for _ in range(2)]
        accounts = Accounts(made[0], stage.clock)
        with made[0].office.used():
            closing = asyncio.create_task(accounts.close_unused(accounts.replace(made[1])))
            await stage.clock.sleep(3600)
            assert open == made
        await stage.clock.sleep(LAST_LISTS + 1)
        assert open == [made[1]]
        assert closing.done()
        await accounts.aclose()
        assert open == []

    on_stage(scene, WEB)


def test_a_stop_closes_replaced_accounts_that_are_still_in_use() -> None:
    async def scene(stage: Stage) -> None:
        open: list[Account] = []
        made = [account(stage, open) for _ in range(3)]
        accounts = Accounts(made[0], stage.clock)
        for fresh in made[1:]:
            accounts.replace(fresh)
        await accounts.aclose()
        assert open == []

    on_stage(scene, WEB)


def test_rotations_of_a_server_follow_each_other_across_a_change_of_the_account() -> None:
    async def scene(stage: Stage) -> None:
        open: list[Account] = []
        made = [account(stage, open) for _ in range(2)]
        accounts = Accounts(made[0], stage.clock)
        async with accounts.office.queue(WEB):
            accounts.replace(made[1])
            assert accounts.office.queue(WEB).locked()
        await accounts.aclose()

    on_stage(scene, WEB)


def test_a_reload_that_changes_the_api_closes_the_old_account_after_the_rotation_that_is_under_way() -> None:
    async def scene(stage: Stage) -> None:
        life = Opening(stage, {"v1": settings(WEB), "v2": ASKED_OTHERWISE})
        with apscheduler_reads(stage.clock), captured(life.log.append):
            life.begin()
            await life.sleep(minutes=2)
            life.file = "v2"
            life.daemon.reload()
            await life.sleep(minutes=1)
            assert life.events("rotation.finished") == []
            assert len(life.open) == 2
            await life.sleep(minutes=10)
            assert [line["outcome"] for line in life.events("rotation.finished")] == ["rotated"]
            assert len(life.open) == 1
            await life.end()
            assert life.open == []

    on_stage(scene, WEB, start=BEFORE)


# --- queues, and what was said ----------------------------------------------------------------------


def test_a_queue_lives_as_long_as_somebody_stands_in_it() -> None:
    async def scene(stage: Stage) -> None:
        queue = stage.office.queue(WEB)
        assert stage.office.queue(WEB) is queue
        del queue
        assert len(stage.office.queues) == 0
        await stage.rotate(Pair(WEB, WEB.policies[0]))
        assert len(stage.office.queues) == 0

    on_stage(scene, WEB)


def test_what_was_said_of_a_snapshot_is_forgotten_when_it_stands_no_more() -> None:
    async def scene(stage: Stage) -> None:
        log: list[str] = []
        pair = Pair(WEB, WEB.policies[0])
        odd = stage.world.add_snapshot(1, PAUSED, status="paused", created_at=SLOT - timedelta(days=1))
        with captured(lambda line: log.append(line["event"])):
            for _ in range(3):
                await stage.rotate(pair)
            assert log.count("snapshot.unknown_state") == 1
            assert len(stage.office.reported) == 1
            stage.world.remove_snapshot(odd)
            await stage.rotate(pair)
        assert len(stage.office.reported) == 0

    on_stage(scene, WEB)


def test_an_unsure_list_makes_nothing_forgotten() -> None:
    async def scene(stage: Stage) -> None:
        orphan = make_snapshot(7, "other-20270313T070000Z")
        notices.oddities(stage.office, make_view([orphan]))
        assert len(stage.office.reported) == 1
        notices.oddities(stage.office, make_view([], unsure="two rows have one id"))
        assert len(stage.office.reported) == 1
        notices.oddities(stage.office, make_view([]))
        assert len(stage.office.reported) == 0

    on_stage(scene, WEB)


def test_a_row_without_a_server_is_remembered_as_long_as_lists_of_the_account_show_it() -> None:
    async def scene(stage: Stage) -> None:
        said: list[str] = []
        with captured(lambda line: said.append(line["snapshot"])):
            for shown in (("a", "b"), (), ("a", "b"), ("b", "c"), ("b",)):
                notices.strays(stage.office, shown)
        assert said == ["a", "b", "c"]
        assert len(stage.office.reported) == 1

    on_stage(scene, WEB)


def test_what_was_said_of_a_server_is_forgotten_when_the_configuration_drops_it() -> None:
    other = server(id=2)

    async def scene(stage: Stage) -> None:
        stage.world.add_snapshot(1, PAUSED, status="paused", created_at=SLOT - timedelta(days=1))
        life = Life(stage, {"v1": settings(WEB, other), "v2": settings(other)})
        with apscheduler_reads(stage.clock), captured(life.log.append):
            life.begin()
            await life.sleep(minutes=10)
            assert len(stage.office.reported) == 1
            life.file = "v2"
            life.daemon.reload()
            await life.sleep(minutes=1)
            assert len(stage.office.reported) == 0
            await life.end()

    on_stage(scene, WEB, other, start=BEFORE)


def test_an_id_that_was_deleted_is_forgotten_after_a_day() -> None:
    hourly = policy("hourly", schedule=("0 * * * *",), zone=ZoneInfo("UTC"), keep=Keep(last=1))
    web = server(hourly)

    async def scene(stage: Stage) -> None:
        life = Life(stage, {"v1": settings(web)})
        with apscheduler_reads(stage.clock), captured(life.log.append):
            life.begin()
            await life.sleep(hours=28)
            assert len(life.events("snapshot.deleted")) >= 27
            overlays = stage.office.inventory._overlays
            assert 23 <= len(overlays[web.key].gone) <= 25
            await life.end()

    on_stage(scene, web, start=BEFORE)


# --- the sandbox ------------------------------------------------------------------------------------


def test_a_sandbox_that_is_to_remember_little_forgets_the_oldest_requests_and_changes() -> None:
    world = World(StandingClock(), remembers=10)
    world.add_server(1, "web-1")
    for number in range(1000):
        world.requests.append(RequestRecord(START, "GET", f"/snapshots/{number}/", {}, None))
        world.delete(world.create(1, f"a-{number}", "").id)
    assert world.requests.taken == 1000
    assert 10 <= len(world.requests) <= 20
    assert world.requests[-1].path == "/snapshots/999/"
    assert 10 <= len(world.history) <= 20
    assert world.history[-1].name == "a-999"


def test_a_sandbox_remembers_all_unless_it_is_told_otherwise() -> None:
    world = World(StandingClock())
    for number in range(1000):
        world.requests.append(RequestRecord(START, "GET", f"/snapshots/{number}/", {}, None))
    assert len(world.requests) == world.requests.taken == 1000


def test_a_fault_that_has_hit_as_often_as_it_should_is_forgotten() -> None:
    faults, call = Faults(), Call("GET", "/snapshots/")
    faults.add(*(Fault(status=503) for _ in range(100)))
    assert [faults.take(call, None).status for _ in range(100)] == [503] * 100
    assert faults.take(call, None) is NO_FAULT
    assert faults._faults == []


def test_a_server_that_left_is_forgotten_once_no_list_can_lag_behind_its_last_write() -> None:
    web = server()

    async def scene(stage: Stage) -> list[int]:
        await stage.rotate(Pair(web, web.policies[0]))
        overlays = stage.office.inventory._overlays
        counts = []
        for hours in (0, 1, 24):
            await stage.clock.sleep(hours * 3600)
            stage.office.keep_servers(set())
            counts.append(len(overlays))
        return counts

    assert on_stage(scene, web) == [1, 1, 0]
