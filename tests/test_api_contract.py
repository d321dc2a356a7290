"""One contract, many providers: the in-memory fake, and the adapter over real HTTP to the sandbox."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from rotator.api import Provider, VpsApi
from rotator.clock import Clock
from rotator.errors import AnswerLost, BadRequest, NotFound, ServerFault, Unreachable
from rotator.models import Id, State
from rotator.sandbox.faults import Fault
from rotator.sandbox.serve import served
from rotator.sandbox.switches import Switches
from rotator.sandbox.world import World
from rotator.settings import ApiSettings
from tests.fake import FakeProvider
from tests.stages import Log, Token
from tests.virtual import START, VirtualClock, run_virtual

CREATE_TIME = timedelta(seconds=Switches().create_time)
MADE = datetime(2027, 3, 13, 18, 30, tzinfo=UTC)


class Stage(Protocol):
    """A provider and the hands behind it. Two servers stand there: 12345 and 67890."""

    @property
    def provider(self) -> Provider: ...

    def plant(self, server_id: Id, name: str, status: str = "completed") -> None: ...

    def lose(self, call: str, *, after: bool) -> None: ...

    def break_once(self, call: str) -> None: ...


@dataclass
class FakeStage:
    """The in-memory twin."""

    provider: FakeProvider

    def plant(self, server_id: Id, name: str, status: str = "completed") -> None:
        self.provider.add_snapshot(server_id, name, status=status, created_at=MADE, description="planted")

    def lose(self, call: str, *, after: bool) -> None:
        lost = AnswerLost(Unreachable("the connection failed"))
        self.provider.fail(call, lost, after=after)

    def break_once(self, call: str) -> None:
        """The adapter repeats what may be repeated, so its twin shows nothing of it."""


@dataclass
class SandboxStage:
    """The adapter and the world that it talks to."""

    provider: VpsApi
    world: World

    METHODS = {  # noqa: RUF012  # a table of the documented calls, never changed
        "list_snapshots": ("GET", "/snapshots/"),
        "create_snapshot": ("POST", "/snapshots/"),
        "delete_snapshot": ("DELETE", "/snapshots/*/"),
        "restore_snapshot": ("POST", "/snapshots/*/restore/"),
    }

    def plant(self, server_id: Id, name: str, status: str = "completed") -> None:
        self.world.add_snapshot(server_id, name, status=status, created_at=MADE, description="planted")

    def lose(self, call: str, *, after: bool) -> None:
        method, path = self.METHODS[call]
        self.world.faults.add(Fault(method=method, path=path, drop="after" if after else "before"))

    def break_once(self, call: str) -> None:
        method, path = self.METHODS[call]
        self.world.faults.add(Fault(method=method, path=path, status=503))


Scenario = Callable[[Stage, Clock], Awaitable[None]]


@dataclass(frozen=True)
class Variant:
    """A provider to run the contract on; without switches it is the fake."""

    switches: Switches | None = None
    servers: tuple[Id, Id] = field(default=(12345, 67890))

    def play(self, scenario: Scenario) -> None:
        async def main(clock: VirtualClock) -> None:
            async with AsyncExitStack() as stack:
                await scenario(await self._stage(clock, stack), clock)

        run_virtual(main)

    async def _stage(self, clock: Clock, stack: AsyncExitStack) -> Stage:
        names = zip(self.servers, ("web", "db"), strict=True)
        if self.switches is None:
            fake = FakeProvider(clock, create_time=CREATE_TIME)
            for id_, name in names:
                fake.add_server(id_, name)
            return FakeStage(fake)
        world = World(clock, self.switches)
        for id_, name in names:
            world.add_server(id_, name)
        settings = ApiSettings(base_url=await stack.enter_async_context(served(world)), rate_limit=0)
        api = VpsApi(settings, Token(), clock=clock, random=random.Random(1), on_event=Log())
        return SandboxStage(await stack.enter_async_context(api), world)


VARIANTS = {
    "fake": Variant(),
    "sandbox": Variant(Switches()),
    "tiny_pages": Variant(Switches(paging=True, page_size=1, order="shuffled")),
    "bare_array": Variant(Switches(bare_array=True, timestamps="offset")),
    "text_ids": Variant(Switches(ids="text", timestamps="fractions"), ("12345", "67890")),
    "uuids": Variant(Switches(ids="uuid"), ("0b9ae", "7f3c1")),
    "ignored_filter": Variant(Switches(filter="ignored", date_header=False)),
}


@pytest.fixture(params=list(VARIANTS.values()), ids=list(VARIANTS))
def variant(request: pytest.FixtureRequest) -> Variant:
    """Each provider in turn."""
    chosen: Variant = request.param
    return chosen


def test_an_account_without_snapshots_has_an_empty_list(variant: Variant) -> None:
    async def scenario(stage: Stage, clock: Clock) -> None:
        listing = await stage.provider.list_snapshots()
        assert (listing.snapshots, listing.unsure, listing.strays, listing.server_id) == ((), {}, (), None)

    variant.play(scenario)


def test_every_snapshot_is_listed_with_what_the_provider_knows_of_it(variant: Variant) -> None:
    web, db = variant.servers

    async def scenario(stage: Stage, clock: Clock) -> None:
        for name in ("a", "b", "c"):
            stage.plant(web, name)
        stage.plant(db, "d", "failed")
        stage.plant(db, "e", "melted")
        listing = await stage.provider.list_snapshots()
        shown = {s.name: (s.server_id, s.server_name, s.state, s.size_mb) for s in listing.snapshots}
        assert shown == {
            "a": (web, "web", State.READY, 5120),
            "b": (web, "web", State.READY, 5120),
            "c": (web, "web", State.READY, 5120),
            "d": (db, "db", State.FAILED, 5120),
            "e": (db, "db", State.UNKNOWN, 5120),
        }
        assert {s.created_at for s in listing.snapshots} == {MADE}
        assert {s.description for s in listing.snapshots} == {"planted"}
        assert listing.skew == timedelta(0)
        assert listing.began <= clock.monotonic()

    variant.play(scenario)


def test_a_list_of_one_server_lacks_none_of_its_snapshots(variant: Variant) -> None:
    web, db = variant.servers

    async def scenario(stage: Stage, clock: Clock) -> None:
        stage.plant(web, "a")
        stage.plant(db, "b")
        stage.plant(web, "c")
        listing = await stage.provider.list_snapshots(web)
        assert listing.server_id == web
        assert {s.name for s in listing.snapshots if s.server_id == web} == {"a", "c"}

    variant.play(scenario)


def test_a_snapshot_is_in_progress_after_its_create_and_ready_later(variant: Variant) -> None:
    web, _ = variant.servers

    async def scenario(stage: Stage, clock: Clock) -> None:
        made = await stage.provider.create_snapshot(web, "nightly-1", "by a test")
        assert (made.name, made.server_id, made.description) == ("nightly-1", web, "by a test")
        assert (made.state, made.size_mb, made.created_at) == (State.IN_PROGRESS, None, START)
        await clock.sleep(CREATE_TIME.total_seconds() - 2)
        (waiting,) = (await stage.provider.list_snapshots(web)).snapshots
        assert (waiting.id, waiting.state) == (made.id, State.IN_PROGRESS)
        await clock.sleep(2)
        (ready,) = (await stage.provider.list_snapshots(web)).snapshots
        assert (ready.id, ready.state, ready.size_mb) == (made.id, State.READY, 5120)

    variant.play(scenario)


def test_a_sixth_snapshot_is_refused(variant: Variant) -> None:
    web, db = variant.servers

    async def scenario(stage: Stage, clock: Clock) -> None:
        for name in "abcde":
            stage.plant(web, name)
        with pytest.raises(BadRequest, match="400"):
            await stage.provider.create_snapshot(web, "f", "")
        assert (await stage.provider.create_snapshot(db, "f", "")).server_id == db

    variant.play(scenario)


def test_a_server_that_does_not_exist_is_not_found(variant: Variant) -> None:
    async def scenario(stage: Stage, clock: Clock) -> None:
        with pytest.raises(NotFound, match="404"):
            await stage.provider.create_snapshot(99, "a", "")

    variant.play(scenario)


def test_a_delete_says_whether_there_was_anything_to_delete(variant: Variant) -> None:
    web, _ = variant.servers

    async def scenario(stage: Stage, clock: Clock) -> None:
        stage.plant(web, "a")
        (planted,) = (await stage.provider.list_snapshots(web)).snapshots
        assert await stage.provider.delete_snapshot(planted.id) is True
        assert await stage.provider.delete_snapshot(planted.id) is False
        assert (await stage.provider.list_snapshots(web)).snapshots == ()

    variant.play(scenario)


def test_a_restore_puts_the_server_into_the_state_restoring(variant: Variant) -> None:
    web, db = variant.servers

    async def scenario(stage: Stage, clock: Clock) -> None:
        stage.plant(web, "a")
        (planted,) = (await stage.provider.list_snapshots(web)).snapshots
        await stage.provider.restore_snapshot(planted.id)
        servers = await stage.provider.list_servers()
        assert {s.id: (s.name, s.status) for s in servers} == {
            web: ("web", "restoring"),
            db: ("db", "active"),
        }
        with pytest.raises(BadRequest, match="400"):
            await stage.provider.restore_snapshot(planted.id)

    variant.play(scenario)


def test_a_snapshot_that_does_not_exist_cannot_be_restored(variant: Variant) -> None:
    async def scenario(stage: Stage, clock: Clock) -> None:
        with pytest.raises(NotFound, match="404"):
            await stage.provider.restore_snapshot(99)

    variant.play(scenario)


def test_the_account_tells_whose_token_it_is(variant: Variant) -> None:
    async def scenario(stage: Stage, clock: Clock) -> None:
        account = await stage.provider.account()
        assert account.email
        assert account.token_name
        assert account.permissions

    variant.play(scenario)


@pytest.mark.parametrize(("after", "made"), [(False, 0), (True, 1)], ids=["before_acting", "after_acting"])
def test_a_create_whose_answer_is_lost_says_so_and_is_not_repeated(
    variant: Variant, after: bool, made: int
) -> None:
    web, _ = variant.servers

    async def scenario(stage: Stage, clock: Clock) -> None:
        stage.lose("create_snapshot", after=after)
        with pytest.raises(AnswerLost) as lost:
            await stage.provider.create_snapshot(web, "a", "")
        assert lost.value.code == "unreachable"
        assert len((await stage.provider.list_snapshots(web)).snapshots) == made

    variant.play(scenario)


@pytest.mark.parametrize("after", [False, True], ids=["before_acting", "after_acting"])
def test_a_restore_whose_answer_is_lost_says_so_and_is_not_repeated(variant: Variant, after: bool) -> None:
    web, _ = variant.servers

    async def scenario(stage: Stage, clock: Clock) -> None:
        stage.plant(web, "a")
        (planted,) = (await stage.provider.list_snapshots(web)).snapshots
        stage.lose("restore_snapshot", after=after)
        with pytest.raises(AnswerLost):
            await stage.provider.restore_snapshot(planted.id)
        status = {s.id: s.status for s in await stage.provider.list_servers()}[web]
        assert status == ("restoring" if after else "active")

    variant.play(scenario)


@pytest.mark.parametrize("call", ["list_snapshots", "delete_snapshot"])
def test_one_failure_of_what_may_be_repeated_is_not_seen(variant: Variant, call: str) -> None:
    web, _ = variant.servers

    async def scenario(stage: Stage, clock: Clock) -> None:
        stage.plant(web, "a")
        (planted,) = (await stage.provider.list_snapshots(web)).snapshots
        stage.break_once(call)
        assert len((await stage.provider.list_snapshots(web)).snapshots) == 1
        assert await stage.provider.delete_snapshot(planted.id) is True

    variant.play(scenario)


def test_the_fake_raises_what_it_was_told_as_often_as_it_was_told() -> None:
    async def main(clock: VirtualClock) -> None:
        fake = FakeProvider(clock)
        fake.add_server(1, "one")
        fake.fail("list_snapshots", ServerFault("500"), times=2)
        for _ in range(2):
            with pytest.raises(ServerFault):
                await fake.list_snapshots()
        assert (await fake.list_snapshots()).snapshots == ()
        assert [asked.call for asked in fake.history] == ["list_snapshots"] * 3

    run_virtual(main)
