"""Every fault, over real HTTP: what the client sees, and what the world truly did."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest

from rotator.sandbox import TOKEN, Dropped, Fault, Switches, World, build_app, served
from rotator.sandbox.asked import FAULT_NAMES, fault_of
from tests.sandbox.conftest import StandingClock, new


class HeldClock(StandingClock):
    """A clock whose sleepers wait to be woken."""

    def __init__(self) -> None:
        super().__init__()
        self.sleeping = asyncio.Event()
        self.wake = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.sleeping.set()
        await self.wake.wait()


async def create(api: httpx.AsyncClient) -> httpx.Response:
    return await api.post("/snapshots/", json=new())


def kinds(world: World) -> list[str]:
    return [change.kind for change in world.history]


async def test_a_status_comes_with_its_headers_and_body_instead_of_the_act(
    world: World, api: httpx.AsyncClient
) -> None:
    world.faults.add(Fault(status=429, headers={"Retry-After": "7"}, body={"detail": "Slow down."}))

    answer = await create(api)

    assert (answer.status_code, answer.json()) == (429, {"detail": "Slow down."})
    assert answer.headers["Retry-After"] == "7"
    assert kinds(world) == []


@pytest.mark.parametrize(
    ("fault", "content", "media_type"),
    [
        pytest.param(
            Fault(status=503), b'{"detail": "Service Unavailable"}', "application/json", id="its words"
        ),
        pytest.param(Fault(status=520), b'{"detail": "Unknown"}', "application/json", id="no words"),
        pytest.param(Fault(status=502, body="bad"), b"bad", "text/plain; charset=utf-8", id="text"),
        pytest.param(Fault(status=400, body=[1]), b"[1]", "application/json", id="an array"),
    ],
)
async def test_a_status_has_a_body_of_some_kind(
    world: World, api: httpx.AsyncClient, fault: Fault, content: bytes, media_type: str
) -> None:
    world.faults.add(fault)

    answer = await api.get("/snapshots/")

    assert (answer.content, answer.headers["Content-Type"]) == (content, media_type)


async def test_a_5xx_may_come_after_the_act(world: World, api: httpx.AsyncClient) -> None:
    world.faults.add(Fault(status=502, act=True))

    assert (await create(api)).status_code == 502
    assert kinds(world) == ["created"]


@pytest.mark.parametrize(("drop", "done"), [("before", []), ("after", ["created"])])
async def test_a_connection_is_cut_before_or_after_the_act(
    world: World, api: httpx.AsyncClient, drop: str, done: list[str]
) -> None:
    world.faults.add(fault_of({"drop": drop}))

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await create(api)

    assert kinds(world) == done
    assert [request.status for request in world.requests] == [None]
    assert (await api.get("/snapshots/")).status_code == 200


@pytest.mark.parametrize(
    ("call", "done"), [("POST /snapshots/", "created"), ("DELETE /snapshots/801/", "deleted")]
)
async def test_a_truncated_answer_breaks_in_the_middle_of_its_body_after_the_act(
    world: World, api: httpx.AsyncClient, call: str, done: str
) -> None:
    world.add_snapshot(12345, "a")
    world.faults.add(Fault(truncated=True))

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await api.request(*call.split(), json=new())

    assert kinds(world) == [done]


@pytest.mark.parametrize(
    ("call", "status"),
    [("GET /snapshots/", 200), ("POST /snapshots/", 201), ("DELETE /snapshots/801/", 200)],
)
async def test_garbage_comes_with_a_status_of_success_after_the_act(
    world: World, api: httpx.AsyncClient, call: str, status: int
) -> None:
    world.add_snapshot(12345, "a")
    world.faults.add(Fault(garbage=True))

    answer = await api.request(*call.split(), json=new())

    assert answer.status_code == status
    assert answer.text.startswith("<!DOCTYPE html>")
    assert len(kinds(world)) == (0 if call.startswith("GET") else 1)


async def test_a_delay_passes_before_the_act_or_after_it(
    world: World, api: httpx.AsyncClient, clock: StandingClock
) -> None:
    world.faults.add(Fault(delay=30), Fault(delay_after=40))

    await create(api)
    await create(api)

    assert clock.monotonic() == 70
    assert [(change.at - world.requests[0].at).total_seconds() for change in world.history] == [30, 30]


async def test_a_request_whose_client_gave_up_is_carried_out_all_the_same() -> None:
    clock = HeldClock()
    world = World(clock, Switches(latency=1))
    world.add_server(12345, "web-server-01")
    async with served(world) as base_url, httpx.AsyncClient(base_url=base_url) as api:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        request = asyncio.create_task(api.post("/snapshots/", json=new(), headers=headers))
        await clock.sleeping.wait()
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        clock.wake.set()
        while world.requests[0].status is None:
            await asyncio.sleep(0)

    assert request.cancelled()
    assert kinds(world) == ["created"]


@pytest.mark.parametrize(
    ("fate", "end"),
    [
        pytest.param("fails", ("failed", None, ["created", "failed"]), id="fails"),
        pytest.param("hangs", ("in_progress", None, ["created"]), id="hangs"),
        pytest.param("archived", ("archived", 5120, ["created", "failed"]), id="an odd word"),
    ],
)
async def test_a_snapshot_may_not_become_ready(
    world: World, api: httpx.AsyncClient, clock: StandingClock, fate: str, end: object
) -> None:
    world.switches = Switches(create_time=10)
    world.faults.add(Fault(fate=fate))

    assert (await api.get("/snapshots/")).json()["count"] == 0  # a fate hits creates only
    created = (await create(api)).json()
    clock.pass_by(1_000_000)
    [row] = (await api.get("/snapshots/")).json()["results"]

    assert (created["status"], created["size_mb"]) == ("in_progress", None)
    assert (row["status"], row["size_mb"], kinds(world)) == end


async def test_a_fault_lets_some_pass_hits_its_number_and_is_over(
    world: World, api: httpx.AsyncClient
) -> None:
    world.faults.add(Fault(status=500, skip=2, times=3))

    statuses = [(await api.get("/snapshots/")).status_code for _ in range(7)]

    assert statuses == [200, 200, 500, 500, 500, 200, 200]
    assert world.faults.live == ()
    assert [request.status for request in world.requests] == statuses


async def test_a_fault_without_a_number_lasts_until_it_is_cleared(
    world: World, api: httpx.AsyncClient
) -> None:
    world.faults.add(Fault(status=500, times=None))

    before = [(await api.get("/snapshots/")).status_code for _ in range(5)]
    world.faults.clear()

    assert before == [500] * 5
    assert (await api.get("/snapshots/")).status_code == 200


async def test_the_first_fault_that_fits_and_still_lives_wins(world: World, api: httpx.AsyncClient) -> None:
    world.faults.add(
        Fault(method="DELETE", status=501), Fault(status=502), Fault(status=503, skip=1), Fault(status=504)
    )

    statuses = [(await api.get("/snapshots/")).status_code for _ in range(4)]

    # The third is passed over once, in favour of the fourth; the first fits none of these.
    assert statuses == [502, 504, 503, 200]


@pytest.mark.parametrize(
    ("fault", "hit"),
    [
        pytest.param(Fault(method="POST"), ["create", "restore"], id="a method"),
        pytest.param(Fault(method="post"), ["create", "restore"], id="a method in small letters"),
        pytest.param(Fault(path="/snapshots/"), ["list", "create"], id="a path"),
        pytest.param(Fault(path="/api/v1/snapshots/"), ["list", "create"], id="a path from the root"),
        pytest.param(Fault(path="/snapshots/*/"), ["delete", "restore"], id="a glob"),
        pytest.param(Fault(path="*/restore/"), ["restore"], id="a glob at its end"),
        pytest.param(Fault(server_id=12345), ["list", "create", "delete", "restore"], id="a server"),
        pytest.param(Fault(server_id="12345", method="GET"), ["list"], id="a server by its text"),
        pytest.param(Fault(server_id=67890), [], id="another server"),
    ],
)
async def test_a_fault_chooses_its_requests(
    world: World, api: httpx.AsyncClient, fault: Fault, hit: list[str]
) -> None:
    world.add_snapshot(12345, "a")
    calls = {
        "list": ("GET", "/snapshots/?server_id=12345"),
        "create": ("POST", "/snapshots/"),
        "delete": ("DELETE", "/snapshots/801/"),
        "restore": ("POST", "/snapshots/801/restore/"),
        "servers": ("GET", "/servers/"),
    }
    world.faults.add(Fault(fault.method, fault.path, fault.server_id, times=None, status=418))

    seen = [
        name
        for name, (method, path) in calls.items()
        if (await api.request(method, path, json=new() if name == "create" else None)).status_code == 418
    ]

    assert seen == hit


async def test_requests_are_recorded_with_what_was_asked_and_answered(
    world: World, api: httpx.AsyncClient, clock: StandingClock
) -> None:
    await api.get("/snapshots/?server_id=12345")
    clock.pass_by(1)
    await create(api)

    first, second = world.requests
    assert (first.method, first.path, first.query) == ("GET", "/snapshots/", {"server_id": "12345"})
    assert (first.body, first.status) == (None, 200)
    assert (second.body, second.status) == (new(), 201)
    assert (second.at - first.at).total_seconds() == 1


@pytest.mark.parametrize("fault", [Fault(drop="before"), Fault(drop="after"), Fault(truncated=True)])
async def test_without_a_real_connection_the_app_raises_instead(world: World, fault: Fault) -> None:
    world.faults.add(fault)
    transport = httpx.ASGITransport(app=build_app(world))

    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox/api/v1") as api:
        with pytest.raises(Dropped):
            await api.get("/snapshots/")
        assert (await api.get("/snapshots/")).status_code == 401


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        (5, "a fault is a JSON object"),
        ({"verb": "GET"}, ", ".join(FAULT_NAMES)),
        ({"drop": "never"}, "'before' or 'after'"),
        ({"status": 99}, "between 200 and 599"),
        ({"delay": -1}, "delay cannot be below 0"),
        ({"times": 0}, "at least 1"),
    ],
)
def test_a_wrong_fault_is_explained(asked: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        fault_of(asked)
