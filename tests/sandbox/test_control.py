"""The sandbox's own controls."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from rotator.sandbox import PLANTED_PASSWORD, Fault, World, build_app


@pytest.fixture
async def control(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=build_app(world))
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox/sandbox") as client:
        yield client


async def test_the_state_shows_the_truth_without_passwords(world: World, control: httpx.AsyncClient) -> None:
    world.create(12345, "a", "")
    world.add_snapshot(None, "stray")
    world.faults.add(Fault(status=500))

    answer = await control.get("/")

    state = answer.json()
    assert [row["name"] for row in state["snapshots"]] == ["a", "stray"]
    assert [change["kind"] for change in state["changes"]] == ["created"]
    assert [fault["status"] for fault in state["faults"]] == [500]
    assert (state["switches"]["cap"], state["servers"][0]["id"]) == (5, 12345)
    assert PLANTED_PASSWORD not in answer.text


async def test_switches_are_changed_one_by_one(world: World, control: httpx.AsyncClient) -> None:
    await control.put("/switches/", json={"cap": 3})
    answer = await control.put("/switches/", json={"paging": True})

    assert (world.switches.cap, world.switches.paging) == (3, True)
    assert answer.json()["cap"] == 3


async def test_faults_are_added(world: World, control: httpx.AsyncClient) -> None:
    await control.post("/faults/", json={"status": 502})
    answer = await control.post("/faults/", json=[{"drop": "after"}, {"garbage": True}])

    assert answer.json() == {"added": 2, "live": 3}
    assert world.faults.live == (Fault(status=502), Fault(drop="after"), Fault(garbage=True))


async def test_faults_are_cleared(world: World, control: httpx.AsyncClient) -> None:
    world.faults.add(Fault(status=502, times=None))

    assert (await control.delete("/faults/")).status_code == 204
    assert world.faults.live == ()


async def test_a_foreign_snapshot_can_be_planted(world: World, control: httpx.AsyncClient) -> None:
    answer = await control.post("/snapshots/", json={"server_id": 12345, "name": "by-hand"})

    assert (answer.status_code, answer.json()) == (201, {"id": 801})
    assert [row.name for row in world.snapshots(12345)] == ["by-hand"]


@pytest.mark.parametrize(
    ("call", "content", "complaint"),
    [
        ("PUT /switches/", b'{"caps": 3}', "unknown switch: caps"),
        ("PUT /switches/", b"[]", "has to be a JSON object"),
        ("PUT /switches/", b"{", "Expecting property name"),
        ("POST /faults/", b'[{"verb": "GET"}]', "unknown key of a fault: verb"),
        ("POST /snapshots/", b'{"server_id": 5, "name": "a"}', "a server that is there"),
    ],
)
async def test_what_cannot_be_meant_is_explained(
    world: World, control: httpx.AsyncClient, call: str, content: bytes, complaint: str
) -> None:
    before = world.switches

    answer = await control.request(*call.split(), content=content)

    assert answer.status_code == 400
    assert complaint in answer.json()["detail"]
    assert (world.switches, world.faults.live, world.listed()) == (before, (), [])


async def test_controls_are_refused_to_other_machines_but_the_api_is_not(world: World) -> None:
    transport = httpx.ASGITransport(app=build_app(world), client=("192.0.2.7", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as far:
        assert (await far.get("/sandbox/")).status_code == 403
        assert (await far.delete("/sandbox/faults/")).status_code == 403
        headers = {"Authorization": "Bearer vps_sandbox"}
        assert (await far.get("/api/v1/snapshots/", headers=headers)).status_code == 200


async def test_an_old_snapshot_and_one_that_failed_can_be_planted(
    world: World, control: httpx.AsyncClient
) -> None:
    row = {"server_id": 12345, "created_at": "2027-03-01T03:00:00Z"}
    for name, more in (("old", {}), ("broken", {"status": "failed"})):
        assert (await control.post("/snapshots/", json={**row, "name": name, **more})).status_code == 201
    planted = world.snapshots(12345)
    assert {(row.name, row.status) for row in planted} == {("old", "completed"), ("broken", "failed")}
    assert {row.created_at.isoformat() for row in planted} == {"2027-03-01T03:00:00+00:00"}


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"created_at": "yesterday"}, "2027-03-14T03:00:00Z"),
        ({"created_at": "2027-03-01T03:00:00"}, "with a zone"),
        ({"created_at": 5}, "with a zone"),
        ({"status": 5}, "status"),
        ({"age": "3d"}, "unknown: age. Possible: server_id, name, created_at, status"),
    ],
)
async def test_what_cannot_be_planted_is_named(
    world: World, control: httpx.AsyncClient, more: dict[str, object], named: str
) -> None:
    answer = await control.post("/snapshots/", json={"server_id": 12345, "name": "x", **more})
    assert answer.status_code == 400
    assert named in answer.json()["detail"]
    assert world.snapshots(12345) == []
