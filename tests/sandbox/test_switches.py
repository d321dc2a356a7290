"""Every open question, answered in every way."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from rotator.sandbox import Switches, World
from rotator.sandbox.asked import SWITCH_NAMES, switched
from tests.sandbox.conftest import START, StandingClock, new


async def names(api: httpx.AsyncClient, query: str = "") -> list[str]:
    """The names that a list shows, sorted."""
    return sorted(row["name"] for row in (await api.get(f"/snapshots/{query}")).json()["results"])


async def test_pages_are_linked_by_absolute_urls_that_keep_the_filter(
    world: World, api: httpx.AsyncClient
) -> None:
    world.switches = Switches(paging=True, page_size=2, order="oldest_first")
    for name in "abcde":
        world.add_snapshot(12345, name)

    pages = [(await api.get("/snapshots/?server_id=12345")).json()]
    while pages[-1]["next"]:
        pages.append((await api.get(pages[-1]["next"])).json())

    assert [[row["name"] for row in page["results"]] for page in pages] == [["a", "b"], ["c", "d"], ["e"]]
    assert [page["count"] for page in pages] == [5, 5, 5]
    assert list(pages[0]) == ["count", "next", "previous", "results"]
    assert pages[1]["next"] == str(api.base_url) + "snapshots/?server_id=12345&page=3"
    assert [page["previous"] is None for page in pages] == [True, False, False]


async def test_the_request_chooses_its_page_size_up_to_a_hundred(
    world: World, api: httpx.AsyncClient
) -> None:
    world.switches = Switches(paging=True, page_size=2)
    for index in range(120):
        world.add_snapshot(12345, f"s-{index}")

    sizes = [
        len((await api.get(f"/snapshots/?page_size={size}")).json()["results"]) for size in (3, 100, 500, 0)
    ]

    assert sizes == [3, 100, 100, 2]


async def test_without_paging_a_page_that_is_asked_for_is_the_whole_list(
    world: World, api: httpx.AsyncClient
) -> None:
    for _ in range(30):
        world.add_snapshot(12345, "a")

    answer = (await api.get("/snapshots/?page=2&page_size=10")).json()

    assert (list(answer), len(answer["results"])) == (["count", "results"], 30)


async def test_lists_can_be_bare_arrays(world: World, api: httpx.AsyncClient) -> None:
    world.switches = Switches(bare_array=True, paging=True)
    world.add_snapshot(12345, "a")

    assert [row["name"] for row in (await api.get("/snapshots/")).json()] == ["a"]
    assert [row["id"] for row in (await api.get("/servers/")).json()] == [12345]


async def test_a_filter_is_honoured_or_ignored(world: World, api: httpx.AsyncClient) -> None:
    world.add_server(67890, "db")
    world.add_snapshot(12345, "mine")
    world.add_snapshot(67890, "other")

    assert await names(api, "?server_id=12345") == ["mine"]
    world.switches = Switches(filter="ignored")
    assert await names(api, "?server_id=12345") == ["mine", "other"]


async def test_an_unknown_id_in_the_filter_finds_nothing_or_is_refused(
    world: World, api: httpx.AsyncClient
) -> None:
    assert (await api.get("/snapshots/?server_id=999")).json() == {"count": 0, "results": []}
    world.switches = Switches(unknown_server="bad_request")
    answer = await api.get("/snapshots/?server_id=999")
    assert (answer.status_code, list(answer.json())) == (400, ["server_id"])


async def test_lists_lag_behind_creates_and_deletes_each_by_its_own_time(
    world: World, api: httpx.AsyncClient, clock: StandingClock
) -> None:
    world.switches = Switches(create_lag=10, delete_lag=20)
    world.add_snapshot(12345, "old")
    await api.delete("/snapshots/801/")
    await api.post("/snapshots/", json=new("new"))

    seen = []
    for seconds in (0, 9, 1, 9, 1):
        clock.pass_by(seconds)
        seen.append(await names(api))

    assert seen == [["old"], ["old"], ["new", "old"], ["new", "old"], ["new"]]


async def test_a_lagging_list_does_not_fool_the_rules(world: World, api: httpx.AsyncClient) -> None:
    world.switches = Switches(create_lag=100, delete_lag=100, cap=1)

    first = await api.post("/snapshots/", json=new())
    assert (await api.post("/snapshots/", json=new())).status_code == 400
    path = f"/snapshots/{first.json()['id']}/"
    assert [(await api.delete(path)).status_code for _ in range(2)] == [204, 404]
    assert (await api.post("/snapshots/", json=new())).status_code == 201


async def test_the_order_is_by_date_or_by_nothing_but_always_the_same(
    world: World, api: httpx.AsyncClient
) -> None:
    for days in (1, 5, 2, 4, 3):
        world.add_snapshot(12345, str(days), created_at=START - timedelta(days=days))

    async def shown(switches: Switches) -> str:
        world.switches = switches
        return "".join(row["name"] for row in (await api.get("/snapshots/")).json()["results"])

    assert await shown(Switches(order="newest_first")) == "12345"
    assert await shown(Switches(order="oldest_first")) == "54321"
    shuffled = await shown(Switches(order="shuffled"))
    assert shuffled == await shown(Switches(order="shuffled"))
    assert shuffled not in ("12345", "54321", "15243")  # neither by date nor by id
    assert sorted(shuffled) == list("12345")


@pytest.mark.parametrize(
    ("ids", "snapshot_id", "server_id"),
    [
        ("integer", 801, 12345),
        ("text", "801", "12345"),
        ("uuid", "00000000-0000-0000-0000-000000000321", 12345),
    ],
)
async def test_ids_come_in_three_forms_and_are_taken_back_as_they_were_given(
    world: World, api: httpx.AsyncClient, ids: str, snapshot_id: object, server_id: object
) -> None:
    world.switches = switched(Switches(create_time=0), {"ids": ids})
    created = (await api.post("/snapshots/", json=new())).json()

    assert (created["id"], created["server"]["id"]) == (snapshot_id, server_id)
    [row] = (await api.get("/snapshots/", params={"server_id": server_id})).json()["results"]  # type: ignore[dict-item]  # int or str, by the table
    assert row["id"] == world.snapshots(12345)[0].id == world.history[0].id == snapshot_id
    assert (await api.post("/snapshots/", json=new() | {"server_id": server_id})).status_code == 201
    assert (await api.post(f"/snapshots/{snapshot_id}/restore/")).status_code == 200
    assert (await api.delete(f"/snapshots/{snapshot_id}/")).status_code == 204


async def test_a_server_may_have_a_text_for_an_id(world: World, api: httpx.AsyncClient) -> None:
    world.add_server("3b1f8c52-6c1e-4d53-9a57-0f5c1b7f2a10", "uuid")

    answer = await api.post("/snapshots/", json=new(server_id="3b1f8c52-6c1e-4d53-9a57-0f5c1b7f2a10"))

    assert answer.json()["server"] == {"id": "3b1f8c52-6c1e-4d53-9a57-0f5c1b7f2a10", "name": "uuid"}


async def test_the_words_for_states_can_be_others(
    world: World, api: httpx.AsyncClient, clock: StandingClock
) -> None:
    world.switches = Switches(ready_word="available", progress_word="creating", failed_word="broken")
    world.create(12345, "good", "")
    world.create(12345, "bad", "", "fails")

    async def words() -> dict[str, str]:
        return {row["name"]: row["status"] for row in (await api.get("/snapshots/")).json()["results"]}

    assert await words() == {"good": "creating", "bad": "creating"}
    clock.pass_by(world.switches.create_time)
    assert await words() == {"good": "available", "bad": "broken"}


@pytest.mark.parametrize(
    ("timestamps", "shown"),
    [
        ("z", "2025-01-16T16:15:00Z"),
        ("offset", "2025-01-16T19:15:00+03:00"),
        ("fractions", "2025-01-16T16:15:00.250000Z"),
    ],
)
async def test_created_at_comes_in_three_forms(
    world: World, api: httpx.AsyncClient, clock: StandingClock, timestamps: str, shown: str
) -> None:
    world.switches = switched(Switches(), {"timestamps": timestamps})
    clock.pass_by(0.25)

    assert (await api.post("/snapshots/", json=new())).json()["created_at"] == shown


async def test_snapshots_of_a_removed_server_can_stay_without_one(
    world: World, api: httpx.AsyncClient
) -> None:
    world.switches = Switches(rows_without_server=True)
    world.add_snapshot(12345, "a")
    world.add_snapshot(None, "b")
    world.remove_server(12345)

    rows = (await api.get("/snapshots/")).json()["results"]

    assert {row["name"]: row["server"] for row in rows} == {"a": None, "b": None}
    assert (await api.post(f"/snapshots/{rows[0]['id']}/restore/")).status_code == 400
    assert (await api.delete(f"/snapshots/{rows[0]['id']}/")).status_code == 204


@pytest.mark.parametrize("status", ["in_progress", "failed", "completed", "odd"])
@pytest.mark.parametrize("switch", ["in_progress_count", "failed_count"])
@pytest.mark.parametrize("counts", [True, False])
async def test_what_takes_a_place_can_be_switched(
    world: World, api: httpx.AsyncClient, status: str, switch: str, counts: bool
) -> None:
    world.switches = switched(Switches(cap=1), {switch: counts})
    world.add_snapshot(12345, "a", status=status)

    placeless = not counts and switch == f"{status}_count"

    assert (await api.post("/snapshots/", json=new())).status_code == (201 if placeless else 400)


async def test_repeated_names_can_be_refused_within_a_server(world: World, api: httpx.AsyncClient) -> None:
    world.add_server(67890, "db")
    world.switches = Switches(repeated_names=False)

    answers = [await api.post("/snapshots/", json=new("a", server)) for server in (12345, 12345, 67890)]

    assert [answer.status_code for answer in answers] == [201, 400, 201]
    assert list(answers[1].json()) == ["name"]


async def test_names_can_be_shorter(world: World, api: httpx.AsyncClient) -> None:
    world.switches = Switches(max_name_length=3)

    statuses = [(await api.post("/snapshots/", json=new(name))).status_code for name in ("abc", "abcd")]

    assert statuses == [201, 400]


async def test_a_restored_server_can_stay_stopped(
    world: World, api: httpx.AsyncClient, clock: StandingClock
) -> None:
    world.switches = Switches(restore_time=60, after_restore="stopped")
    world.add_snapshot(12345, "a")
    await api.post("/snapshots/801/restore/")

    async def status() -> object:
        return (await api.get("/servers/")).json()["results"][0]["status"]

    assert await status() == "restoring"
    clock.pass_by(60)
    assert await status() == "stopped"


async def test_latency_passes_by_the_clock_before_each_request(
    world: World, api: httpx.AsyncClient, clock: StandingClock
) -> None:
    world.switches = Switches(latency=2)
    await api.post("/snapshots/", json=new())

    assert clock.monotonic() == 2
    assert world.requests[0].at == START
    assert world.history[0].at == START + timedelta(seconds=2)


@pytest.mark.parametrize(("server_list", "status"), [("told", 200), ("missing", 404), ("forbidden", 403)])
async def test_the_list_of_servers_may_be_missing_or_not_for_this_token(
    world: World, api: httpx.AsyncClient, server_list: str, status: int
) -> None:
    world.switches = switched(Switches(), {"server_list": server_list})

    assert (await api.get("/servers/")).status_code == status


async def test_the_api_may_send_no_date(world: World, api: httpx.AsyncClient) -> None:
    world.switches = Switches(date_header=False)

    assert "Date" not in (await api.get("/snapshots/")).headers


async def test_the_apis_clock_may_be_wrong_but_not_the_history(world: World, api: httpx.AsyncClient) -> None:
    world.switches = Switches(clock_skew=-600)

    answer = await api.post("/snapshots/", json=new())

    assert answer.json()["created_at"] == "2025-01-16T16:05:00Z"
    assert answer.headers["Date"] == "Thu, 16 Jan 2025 16:05:00 GMT"
    assert world.history[0].at == START


def test_switches_are_read_from_text_and_the_others_stay() -> None:
    before = Switches(latency=1)

    after = switched(before, {"cap": "3", "paging": "true", "create_lag": "2.5", "order": "shuffled"})

    assert after == replace(before, cap=3, paging=True, create_lag=2.5, order="shuffled")


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("caps", "3", ", ".join(SWITCH_NAMES)),
        ("cap", "three", "cap"),
        ("cap", "-1", "cap cannot be below 0"),
        ("page_size", "101", "between 1 and 100"),
        ("order", "backwards", "'newest_first', 'oldest_first' or 'shuffled'"),
        ("max_name_length", "0", "at least 1"),
    ],
)
def test_a_wrong_switch_is_explained(name: str, value: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        switched(Switches(), {name: value})
