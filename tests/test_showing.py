"""An id that the account does not have is told apart from a server that has no snapshot yet."""

from __future__ import annotations

import pytest

from rotator import notices
from rotator.models import Outcome, Pair
from rotator.once import look_at, plan_all, rotate_now
from rotator.sandbox import Fault, Switches
from rotator.serverstates import DOUBT_SECONDS
from rotator.showing import show
from rotator.status import Standing, standing
from rotator.vitals import Vitals
from tests.daemons import captured
from tests.staging import SLOT, Stage, on_stage, server

WEB = server(id=1)
GONE = server(id=999)
OTHER = {"id": 5, "name": "other", "status": "active", "created_at": "2027-01-01T00:00:00Z"}
BOTH = [Pair(each, each.policies[0]) for each in (WEB, GONE)]


def asked_for_servers(stage: Stage) -> int:
    """How often the account's servers were asked for."""
    return sum(request.path.endswith("/servers/") for request in stage.world.requests)


async def standings(stage: Stage) -> list[Standing]:
    """How both stand, as `status` sees it."""
    return [standing(view) for view in await look_at(stage.office, BOTH, to_show=True)]


def test_a_server_that_the_account_does_not_have_is_blocked_and_a_new_one_is_not() -> None:
    async def scene(stage: Stage) -> None:
        new, gone = await standings(stage)
        assert (new.blocked, new.ok) == (None, True)
        assert gone.blocked is not None
        assert (gone.blocked.code, gone.ok) == ("not_found", False)
        assert "no server with the id 999" in gone.blocked.message

    on_stage(scene, WEB)


def test_a_plan_says_what_its_rotation_would_hear() -> None:
    async def scene(stage: Stage) -> None:
        _, planned = plan_all(await look_at(stage.office, BOTH, to_show=True), SLOT)
        _, report = await rotate_now(stage.office, BOTH, SLOT)
        assert planned.problem is not None
        assert report.problem is not None
        assert (planned.outcome, planned.problem.code) == (report.outcome, report.problem.code)
        assert (report.outcome, report.problem.code) == (Outcome.FAILED, "not_found")

    on_stage(scene, WEB)


@pytest.mark.parametrize(
    "switches",
    [
        pytest.param(Switches(server_list="missing"), id="there is no such call"),
        pytest.param(Switches(server_list="forbidden"), id="the token may not ask"),
        pytest.param(Switches(ids="text"), id="the account's ids are of the other kind"),
    ],
)
def test_where_the_account_does_not_tell_nothing_is_claimed(switches: Switches) -> None:
    async def scene(stage: Stage) -> None:
        if switches.ids == "text":
            stage.world.remove_server(1)
            stage.world.add_server("3f1c9a52-7a0e-4a63-9d3f-1f6f2b1f0c11", "web-1")
        assert [each.blocked for each in await standings(stage)] == [None, None]

    on_stage(scene, WEB, switches=switches)


def test_a_call_that_there_is_not_is_left_alone_for_a_while() -> None:
    async def scene(stage: Stage) -> None:
        for _ in range(3):
            await standings(stage)
        assert asked_for_servers(stage) == 1
        await stage.clock.sleep(DOUBT_SECONDS)
        await standings(stage)
        assert asked_for_servers(stage) == 2

    on_stage(scene, WEB, switches=Switches(server_list="missing"))


def test_servers_that_show_something_cost_no_such_request() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, [SLOT])
        await show(stage.office, [WEB])
        assert asked_for_servers(stage) == 0

    on_stage(scene, WEB)


def test_a_rotation_tries_whatever_the_account_said() -> None:
    """It may have been wrong for a moment: nobody loses a restore point for that."""

    async def scene(stage: Stage) -> None:
        stage.world.faults.add(Fault(path="/servers/", status=200, body={"count": 1, "results": [OTHER]}))
        new, _ = await standings(stage)
        assert new.blocked is not None
        report, _ = await rotate_now(stage.office, BOTH, SLOT)
        assert report.outcome is Outcome.ROTATED
        new, gone = await standings(stage)
        assert new.blocked is None
        assert gone.blocked is not None

    on_stage(scene, WEB)


def test_a_daemon_remembers_it_until_it_is_told_otherwise() -> None:
    async def scene(stage: Stage) -> None:
        vitals = Vitals(stage.clock)
        vitals.see = stage.office.inventory.last_seen
        await show(stage.office, [WEB, GONE])
        await stage.office.inventory.survey([WEB, GONE])
        assert [vitals.view(pair).missing for pair in BOTH] == [False, True]
        stage.world.add_server(999, "back")
        await show(stage.office, [WEB, GONE])
        assert [vitals.view(pair).missing for pair in BOTH] == [False, False]

    on_stage(scene, WEB)


def test_it_is_logged_once() -> None:
    lines: list[dict[str, object]] = []

    async def scene(stage: Stage) -> None:
        with captured(lambda line: lines.append(dict(line))):
            for _ in range(2):
                notices.missing(stage.office, await look_at(stage.office, BOTH, to_show=True))

    on_stage(scene, WEB)
    told = [(line["event"], line["code"], line["server_id"]) for line in lines if "code" in line]
    assert told == [("api.failed", "not_found", 999)]


def test_an_account_without_any_server_tells_nothing() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.remove_server(1)
        assert [each.blocked for each in await standings(stage)] == [None, None]

    on_stage(scene, WEB)


def test_an_unsure_list_is_not_asked_about() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.faults.add(
            Fault(path="/snapshots/", status=200, body={"count": 7, "results": []}, times=None)
        )
        sights = await show(stage.office, [WEB, GONE])
        assert all(sight.unsure for sight in sights.values())
        assert asked_for_servers(stage) == 0

    on_stage(scene, WEB)


def test_what_left_the_configuration_is_forgotten() -> None:
    async def scene(stage: Stage) -> None:
        inventory = stage.office.inventory
        await show(stage.office, [WEB, GONE])
        inventory.keep_servers({WEB.key})
        inventory.keep_servers({WEB.key, GONE.key})
        await inventory.survey([GONE])
        seen = inventory.last_seen(GONE)
        assert seen is not None
        assert not seen.missing

    on_stage(scene, WEB)
