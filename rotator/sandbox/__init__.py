"""An embedded VPS.org API: the documented contract, a switch for every open question, and faults on demand.

    world = World(SystemClock(), Switches(create_time=2))
    world.add_server(12345, "web-server-01")
    world.faults.add(Fault(method="POST", status=502, act=True))
    async with served(world) as base_url:
        ...

It imports nothing of rotator but the shared words: a client is tested against it, not against itself.
"""

from __future__ import annotations

from rotator.sandbox.app import build_app
from rotator.sandbox.faults import Fault
from rotator.sandbox.records import Change, Dropped, RequestRecord, ServerRow, SnapshotRow
from rotator.sandbox.serve import served
from rotator.sandbox.stage import furnish
from rotator.sandbox.switches import Switches
from rotator.sandbox.views import PLANTED_PASSWORD
from rotator.sandbox.world import TOKEN, World

__all__ = [
    "PLANTED_PASSWORD",
    "TOKEN",
    "Change",
    "Dropped",
    "Fault",
    "RequestRecord",
    "ServerRow",
    "SnapshotRow",
    "Switches",
    "World",
    "build_app",
    "furnish",
    "served",
]
