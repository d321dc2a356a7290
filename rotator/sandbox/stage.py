"""A stage to try rotator on: servers like those of the provider's example, each a little fuller."""

from __future__ import annotations

from datetime import timedelta

from rotator.sandbox.world import World

FIRST_SERVER = 12345
"""The id of the provider's example server."""


def furnish(world: World, servers: int) -> None:
    """Add servers `web-server-01` and so on, with 0, 1, 2 and 3 snapshots by turns, a day apart."""
    now = world.api_now()
    for index in range(servers):
        server_id = FIRST_SERVER + index
        world.add_server(server_id, f"web-server-{index + 1:02}")
        for days in range(index % 4, 0, -1):
            at = now - timedelta(days=days)
            name = f"by-hand-{at:%Y-%m-%d}"
            world.add_snapshot(server_id, name, created_at=at, description="Made by hand")
