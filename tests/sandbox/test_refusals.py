"""What the API does not do, and how it says so."""

from __future__ import annotations

import httpx
import pytest

from rotator.sandbox import World
from tests.sandbox.conftest import new

REQUIRED = "This field is required."
INTEGER = "A valid integer is required."
NAME = "Enter a valid name consisting of letters, numbers, underscores or hyphens."


@pytest.mark.parametrize(
    ("authorization", "detail"),
    [
        pytest.param(None, "Authentication credentials were not provided.", id="no header"),
        pytest.param("Bearer vps_other", "Invalid token.", id="another token"),
        pytest.param("vps_sandbox", "Invalid token.", id="no scheme"),
    ],
)
@pytest.mark.parametrize(
    "call",
    [
        "GET /snapshots/",
        "POST /snapshots/",
        "DELETE /snapshots/801/",
        "POST /snapshots/801/restore/",
        "GET /servers/",
        "GET /account/me/",
    ],
)
async def test_nobody_is_let_in_without_a_known_token(
    world: World, api: httpx.AsyncClient, call: str, authorization: str | None, detail: str
) -> None:
    world.add_snapshot(12345, "a")
    del api.headers["Authorization"]
    headers = {} if authorization is None else {"Authorization": authorization}

    answer = await api.request(*call.split(), headers=headers)

    assert (answer.status_code, answer.json()) == (401, {"detail": detail})
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert world.history == []


async def test_a_token_that_is_revoked_is_refused_from_then_on(world: World, api: httpx.AsyncClient) -> None:
    assert (await api.get("/account/me/")).status_code == 200
    world.tokens.clear()
    assert (await api.get("/account/me/")).status_code == 401


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        pytest.param({}, {"server_id": [REQUIRED], "name": [REQUIRED]}, id="nothing"),
        pytest.param({"name": "a"}, {"server_id": [REQUIRED]}, id="no server"),
        pytest.param({"server_id": 12345}, {"name": [REQUIRED]}, id="no name"),
        pytest.param(new() | {"server_id": None}, {"server_id": ["This field may not be null."]}, id="null"),
        pytest.param(new(server_id="web"), {"server_id": [INTEGER]}, id="a word for a server"),
        pytest.param(new() | {"server_id": True}, {"server_id": [INTEGER]}, id="true for a server"),
        pytest.param(new("a:b"), {"name": [NAME]}, id="a colon"),
        pytest.param(new("a.b"), {"name": [NAME]}, id="a dot"),
        pytest.param(new("a\n"), {"name": [NAME]}, id="a line's end"),
        pytest.param(new("ä"), {"name": [NAME]}, id="an umlaut"),
        pytest.param(new(""), {"name": ["This field may not be blank."]}, id="an empty name"),
        pytest.param(new() | {"name": 5}, {"name": ["Not a valid string."]}, id="a number for a name"),
        pytest.param(
            new("x" * 65), {"name": ["Ensure this field has no more than 64 characters."]}, id="a long name"
        ),
        pytest.param(
            new() | {"description": 5}, {"description": ["Not a valid string."]}, id="a number as description"
        ),
        pytest.param(
            [1], {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}, id="an array"
        ),
    ],
)
async def test_a_wrong_create_names_each_field_that_is_wrong(
    world: World, api: httpx.AsyncClient, body: object, faults: object
) -> None:
    answer = await api.post("/snapshots/", json=body)

    assert (answer.status_code, answer.json()) == (400, faults)
    assert world.snapshots(12345) == []


async def test_a_name_of_64_characters_is_let_through(api: httpx.AsyncClient) -> None:
    assert (await api.post("/snapshots/", json=new("x" * 64))).status_code == 201


async def test_the_sixth_snapshot_is_refused_whatever_else_is_wrong_with_it(
    world: World, api: httpx.AsyncClient
) -> None:
    for _ in range(5):
        world.add_snapshot(12345, "a")

    for name in ("good", "bad:name"):
        answer = await api.post("/snapshots/", json=new(name))
        assert answer.status_code == 400
        assert answer.json()["detail"].startswith("Snapshot limit reached. You can have a maximum of 5")


@pytest.mark.parametrize(
    ("method", "path", "detail"),
    [
        ("DELETE", "/snapshots/999/", "Snapshot does not exist."),
        ("DELETE", "/snapshots/0801/", "Snapshot does not exist."),
        ("DELETE", "/snapshots/-801/", "Snapshot does not exist."),
        ("DELETE", f"/snapshots/{'9' * 5000}/", "Snapshot does not exist."),
        ("POST", "/snapshots/999/restore/", "Snapshot does not exist."),
        ("GET", "/nothing/", "Not found."),
        ("DELETE", "/snapshots/801%0A/", "Not found."),
        ("DELETE", "/snapshots/801%2F/", "Not found."),
    ],
)
async def test_what_does_not_exist_is_a_404(
    world: World, api: httpx.AsyncClient, method: str, path: str, detail: str
) -> None:
    world.add_snapshot(12345, "a")

    answer = await api.request(method, path)

    assert (answer.status_code, answer.json()) == (404, {"detail": detail})


async def test_a_create_for_an_unknown_server_is_a_404(api: httpx.AsyncClient) -> None:
    answer = await api.post("/snapshots/", json=new(server_id=999))

    assert (answer.status_code, answer.json()) == (404, {"detail": "Server does not exist."})


async def test_one_snapshot_cannot_be_asked_for(world: World, api: httpx.AsyncClient) -> None:
    world.add_snapshot(12345, "a")

    answer = await api.get("/snapshots/801/")

    assert (answer.status_code, answer.json()) == (405, {"detail": 'Method "GET" not allowed.'})
    assert answer.headers["Allow"] == "DELETE"


async def test_a_get_without_the_slash_is_redirected_to_it(api: httpx.AsyncClient) -> None:
    answer = await api.get("/snapshots?server_id=12345")

    assert answer.status_code == 301
    assert answer.headers["Location"] == str(api.base_url) + "snapshots/?server_id=12345"


async def test_a_write_without_the_slash_does_nothing(world: World, api: httpx.AsyncClient) -> None:
    world.add_snapshot(12345, "a")

    answers = [
        await api.post("/snapshots", json=new()),
        await api.delete("/snapshots/801"),
        await api.post("/snapshots/801/restore"),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert "slash" in answers[0].json()["detail"]
    assert world.history == []


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        pytest.param(b"{", "application/json", 400, id="cut JSON"),
        pytest.param(b"\xff", "application/json", 400, id="no text"),
        pytest.param(b"[" * 100_000, "application/json", 400, id="a nest too deep"),
        pytest.param(b"server_id=1", "application/x-www-form-urlencoded", 415, id="a form"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    api: httpx.AsyncClient, content: bytes, media_type: str, status: int
) -> None:
    answer = await api.post("/snapshots/", content=content, headers={"Content-Type": media_type})

    assert answer.status_code == status
    assert list(answer.json()) == ["detail"]


@pytest.mark.parametrize("page", ["0", "-1", "2", "x", "9" * 5000])
async def test_a_page_that_is_not_there_is_a_404(api: httpx.AsyncClient, page: str) -> None:
    answer = await api.get("/servers/", params={"page": page})

    assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid page."})


@pytest.mark.parametrize("status", ["suspended", "restoring"])
async def test_a_server_in_no_state_for_it_is_not_restored(
    world: World, api: httpx.AsyncClient, status: str
) -> None:
    world.add_snapshot(12345, "a")
    world.set_server_status(12345, status)

    answer = await api.post("/snapshots/801/restore/")

    expected = {"detail": "Server is not in a valid state for restoration"}
    assert (answer.status_code, answer.json()) == (400, expected)


async def test_a_snapshot_in_progress_cannot_be_restored(world: World, api: httpx.AsyncClient) -> None:
    world.add_snapshot(12345, "a", status="in_progress")

    assert (await api.post("/snapshots/801/restore/")).status_code == 400
