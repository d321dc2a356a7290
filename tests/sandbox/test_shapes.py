"""The documented answers, word for word."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import httpx

from rotator.sandbox import PLANTED_PASSWORD, World
from tests.sandbox.conftest import StandingClock

LIST = """
{
  "count": 2,
  "results": [
    {
      "id": 802,
      "server": {"id": 12345, "name": "web-server-01"},
      "name": "pre-migration-snapshot",
      "status": "completed",
      "size_mb": 5120,
      "created_at": "2025-01-15T18:30:00Z",
      "description": "Before major migration"
    },
    {
      "id": 801,
      "server": {"id": 12345, "name": "web-server-01"},
      "name": "weekly-snapshot-2025-01-08",
      "status": "completed",
      "size_mb": 4856,
      "created_at": "2025-01-08T12:00:00Z",
      "description": "Weekly snapshot"
    }
  ]
}
"""

CREATED = """
{
  "id": 801,
  "server": {"id": 12345, "name": "web-server-01"},
  "name": "before-update-snapshot",
  "status": "in_progress",
  "size_mb": null,
  "created_at": "2025-01-16T16:15:00Z",
  "description": "Snapshot before system update",
  "message": "Snapshot is being created. This may take 3-10 minutes depending on server size."
}
"""

RESTORED = """
{
  "status": "success",
  "message": "Server is being restored from snapshot. This may take 5-15 minutes.",
  "snapshot": {"id": 801, "name": "pre-migration-snapshot", "created_at": "2025-01-15T18:30:00Z"},
  "server": {"id": 12345, "name": "web-server-01", "status": "restoring"}
}
"""


def in_order(answer: httpx.Response) -> str:
    """The body with its fields in the order in which they came."""
    return json.dumps(answer.json(), indent=1)


def as_documented(text: str) -> str:
    return json.dumps(json.loads(text), indent=1)


def plant_the_migration(world: World) -> None:
    world.add_snapshot(
        12345,
        "pre-migration-snapshot",
        created_at=datetime(2025, 1, 15, 18, 30, tzinfo=UTC),
        description="Before major migration",
    )


async def test_a_list_is_the_documented_one(world: World, api: httpx.AsyncClient) -> None:
    at = datetime(2025, 1, 8, 12, tzinfo=UTC)
    name = "weekly-snapshot-2025-01-08"
    world.add_snapshot(12345, name, created_at=at, size_mb=4856, description="Weekly snapshot")
    plant_the_migration(world)

    answer = await api.get("/snapshots/", params={"server_id": 12345})

    assert answer.status_code == 200
    assert in_order(answer) == as_documented(LIST)


async def test_a_create_answers_as_documented_and_is_listed_in_progress(api: httpx.AsyncClient) -> None:
    body = {
        "server_id": 12345,
        "name": "before-update-snapshot",
        "description": "Snapshot before system update",
    }
    answer = await api.post("/snapshots/", json=body)

    assert answer.status_code == 201
    assert in_order(answer) == as_documented(CREATED)
    [row] = (await api.get("/snapshots/")).json()["results"]
    assert answer.json() == row | {"message": answer.json()["message"]}


async def test_a_restore_answers_as_documented(world: World, api: httpx.AsyncClient) -> None:
    plant_the_migration(world)

    answer = await api.post("/snapshots/801/restore/")

    assert answer.status_code == 200
    assert in_order(answer) == as_documented(RESTORED)


async def test_a_delete_answers_with_nothing(world: World, api: httpx.AsyncClient) -> None:
    plant_the_migration(world)

    answer = await api.delete("/snapshots/801/")

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await api.get("/snapshots/")).json() == {"count": 0, "results": []}


async def test_servers_come_in_pages_and_each_body_holds_a_planted_password(
    world: World, api: httpx.AsyncClient
) -> None:
    for index in range(24):
        world.add_server(20000 + index, f"db-{index}")

    first = (await api.get("/servers/")).json()
    second = (await api.get(first["next"])).json()

    assert (first["count"], len(first["results"]), first["previous"]) == (25, 20, None)
    assert (second["count"], len(second["results"]), second["next"]) == (25, 5, None)
    assert second["previous"] == str(api.base_url) + "servers/?page=1"
    for row in first["results"] + second["results"]:
        assert row["password"] == f"{PLANTED_PASSWORD}-{row['id']}"
    assert {"id", "name", "hostname", "status", "ip_address", "location", "plan", "os"} <= set(row)


async def test_no_page_of_servers_is_larger_than_a_hundred(world: World, api: httpx.AsyncClient) -> None:
    for index in range(120):
        world.add_server(20000 + index, f"db-{index}")

    assert len((await api.get("/servers/?page_size=1000")).json()["results"]) == 100


async def test_servers_are_filtered_by_status(world: World, api: httpx.AsyncClient) -> None:
    world.add_server(20000, "db", status="stopped")

    rows = (await api.get("/servers/?status=stopped")).json()["results"]

    assert [row["name"] for row in rows] == ["db"]


async def test_the_account_shows_an_email_and_what_the_token_may_do(api: httpx.AsyncClient) -> None:
    answer = (await api.get("/account/me/")).json()

    assert "@" in answer["account"]["email"]
    assert "snapshots:write" in answer["token"]["permissions"]


async def test_the_date_header_is_that_of_the_handed_in_clock(
    api: httpx.AsyncClient, clock: StandingClock
) -> None:
    clock.pass_by(60)

    answer = await api.get("/snapshots/")

    assert answer.headers.get_list("Date") == ["Thu, 16 Jan 2025 16:16:00 GMT"]
