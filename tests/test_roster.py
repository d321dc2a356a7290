"""A daemon that finds its servers by name, in virtual time."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from rotator.sandbox import Fault
from rotator.settings import ApiSettings, Match, Settings
from tests.daemons import Life, living, settings
from tests.staging import SLOT, Stage, days_before, on_stage, policy, server

EVERY = policy(schedule=("*/30 * * * *",), zone=ZoneInfo("UTC"))
WEB = server(EVERY, name="web-1")


def matching(*globs: str, **more: object) -> Settings:
    """A configuration with these matches and no server of its own."""
    return replace(settings(), matches=tuple(Match(glob, (EVERY,)) for glob in globs or ("web-*",)), **more)  # type: ignore[arg-type]


def told(life: Life, event: str) -> list[object]:
    return [line["server"] for line in life.events(event)]


def created(stage: Stage) -> set[str]:
    """The servers for which a create was asked for."""
    asked = (request.body for request in stage.world.requests if request.method == "POST")
    return {str(body["server_id"]) for body in asked if isinstance(body, dict)}


def test_servers_are_found_at_the_start_and_rotated() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.add_server("db-uuid", "db-1")
        stage.world.add_server("web-uuid", "web-2")
        async with living(stage, v1=matching()) as life:
            await life.sleep(minutes=31)
            assert told(life, "server.found") == ["web-1", "web-2"]
            assert life.events("daemon.ready")[0]["servers"] == 2
        assert created(stage) == {"1", "web-uuid"}

    on_stage(scene, WEB)


def test_what_was_missed_is_made_up_for_on_servers_found_by_name_too() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 1))
        async with living(stage, v1=matching()) as life:
            await life.sleep(minutes=1)
            assert [line["server"] for line in life.events("schedule.caught_up")] == ["web-1"]

    on_stage(scene, WEB)


def test_a_new_server_is_found_within_ten_minutes_and_a_removed_one_rotated_no_more() -> None:
    async def scene(stage: Stage) -> None:
        async with living(stage, v1=matching()) as life:
            await life.sleep(minutes=1)
            stage.world.add_server(2, "web-2")
            stage.world.remove_server(1)
            await life.sleep(minutes=10)
            assert told(life, "server.found") == ["web-1", "web-2"]
            assert told(life, "server.vanished") == ["web-1"]
            await life.sleep(minutes=20)
        assert created(stage) == {"2"}

    on_stage(scene, WEB)


def test_a_renamed_server_goes_on_under_its_new_name_or_vanishes_with_it() -> None:
    async def scene(stage: Stage) -> None:
        async with living(stage, v1=matching()) as life:
            await life.sleep(seconds=30)
            stage.world.add_server(1, "web-one")
            await life.sleep(minutes=11)
            assert life.events("server.found")[-1]["before"] == "web-1"
            await life.sleep(minutes=20)
            assert life.events("rotation.started")[0]["server"] == "web-one"
            stage.world.add_server(1, "db-one")
            await life.sleep(minutes=10)
            assert told(life, "server.vanished") == ["web-one"]

    on_stage(scene, WEB)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(path="/servers/", status=500, times=100), id="an error"),
        pytest.param(Fault(path="/servers/", status=404, times=100), id="a call that is not there"),
        pytest.param(Fault(path="/servers/", garbage=True, times=100), id="no list at all"),
    ],
)
def test_a_look_up_that_fails_leaves_the_last_known_servers(fault: Fault) -> None:
    async def scene(stage: Stage) -> None:
        async with living(stage, v1=matching()) as life:
            await life.sleep(minutes=1)
            stage.world.faults.add(fault)
            await life.sleep(minutes=30)
            assert told(life, "server.vanished") == []
            assert any("could not be looked up" in str(line["detail"]) for line in life.events("api.failed"))
        assert created(stage) == {"1"}

    on_stage(scene, WEB)


def test_an_account_that_shows_no_server_at_all_is_not_believed() -> None:
    async def scene(stage: Stage) -> None:
        async with living(stage, v1=matching()) as life:
            await life.sleep(minutes=1)
            stage.world.remove_server(1)
            await life.sleep(minutes=11)
            assert told(life, "server.vanished") == []
            assert "no server at all" in str(life.events("api.list_unsure")[-1]["detail"])

    on_stage(scene, WEB)


def test_a_first_look_up_that_fails_is_tried_again_soon_and_makes_up_for_what_was_missed() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, days_before(SLOT, 1))
        stage.world.faults.add(Fault(path="/servers/", status=404, times=2))
        async with living(stage, v1=matching()) as life:
            await life.sleep(seconds=20)
            assert told(life, "server.found") == []
            await life.sleep(minutes=3)
            assert told(life, "server.found") == ["web-1"]
            assert [line["server"] for line in life.events("schedule.caught_up")] == ["web-1"]

    on_stage(scene, WEB)


def test_a_reload_looks_up_at_once_and_keeps_what_is_known_meanwhile() -> None:
    async def scene(stage: Stage) -> None:
        stage.world.add_server(2, "db-1")
        async with living(stage, v1=matching(), v2=matching("web-*", "db-*")) as life:
            await life.sleep(seconds=30)
            life.file = "v2"
            life.daemon.reload()
            await life.sleep(seconds=5)
            assert told(life, "server.found") == ["web-1", "db-1"]
            stage.world.add_server(3, "web-3")
            life.daemon.reload()
            await life.sleep(seconds=5)
            assert told(life, "server.found") == ["web-1", "db-1", "web-3"]
            assert told(life, "server.vanished") == []

    on_stage(scene, WEB)


def test_the_servers_of_another_account_are_not_rotated_with_what_was_known_of_the_first() -> None:
    async def scene(stage: Stage) -> None:
        elsewhere = ApiSettings(base_url="http://127.0.0.1:2/api/v1", rate_limit=0)
        async with living(stage, v1=matching(), v2=matching(api=elsewhere)) as life:
            await life.sleep(seconds=30)
            stage.world.faults.add(Fault(path="/servers/", status=404, times=100))
            life.file = "v2"
            life.daemon.reload()
            await life.sleep(minutes=31)
        assert created(stage) == set()

    on_stage(scene, WEB)


def test_an_own_write_of_a_server_that_vanished_for_a_while_is_not_forgotten() -> None:
    """It shows again while its snapshot is still being made: that one is taken up, and no twin is made."""

    async def scene(stage: Stage) -> None:
        stage.world.add_server(2, "web-2")
        async with living(stage, v1=matching()) as life:
            await life.sleep(minutes=30, seconds=30)
            stage.world.add_server(1, "gone")
            await life.sleep(minutes=10)
            stage.world.add_server(1, "web-1")
            await life.sleep(minutes=10)
            assert told(life, "server.vanished") == ["web-1"]
            assert told(life, "server.found") == ["web-1", "web-2", "web-1"]
        assert len(stage.names(WEB)) == 1

    on_stage(scene, WEB)


def test_without_a_match_nobody_asks_for_servers_that_show_something() -> None:
    async def scene(stage: Stage) -> None:
        stage.plant(WEB, [SLOT])
        async with living(stage, WEB) as life:
            await life.sleep(minutes=25)
        assert not any("/servers/" in request.path for request in stage.world.requests)

    on_stage(scene, WEB)


def test_a_late_answer_of_the_account_that_was_left_adds_no_server_to_the_new_one() -> None:
    elsewhere = ApiSettings(base_url="http://127.0.0.1:2/api/v1", rate_limit=0)

    async def scene(stage: Stage) -> None:
        async with living(stage, v1=matching(), v2=matching(api=elsewhere)) as life:
            await life.sleep(seconds=599)
            stage.world.faults.add(Fault(path="/servers/", delay=20))
            await life.sleep(seconds=3)
            stage.world.faults.add(Fault(path="/servers/", status=404, times=None))
            life.file = "v2"
            life.daemon.reload()
            await life.sleep(minutes=25)
        assert created(stage) == set()

    on_stage(scene, WEB)


def test_a_match_that_fits_nobody_is_logged_once() -> None:
    async def scene(stage: Stage) -> None:
        async with living(stage, v1=matching("wbe-*")) as life:
            await life.sleep(minutes=45)
            told = [line for line in life.events("config.loaded") if "warning" in line]
        assert [line["warning"] for line in told] == ["'wbe-*' fits no server of the account"]

    on_stage(scene, WEB)
