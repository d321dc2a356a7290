"""The sandbox's own controls under /sandbox/, for people who run it standalone. From this machine only.

GET    /sandbox/            what the world truly holds, its switches, live faults and last changes
PUT    /sandbox/switches/   {"cap": 3}: change switches, the others stay
POST   /sandbox/faults/     {"method": "POST", "status": 502}: add a fault, or a list of them
DELETE /sandbox/faults/     let everything pass again
POST   /sandbox/snapshots/  {"server_id": 12345, "name": "by-hand"}: plant one that rotator did not make; also
                            "created_at": "2027-03-14T03:00:00Z" (else now), "status": "failed" (else ready)
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from rotator.sandbox.asked import fault_of, switched
from rotator.sandbox.world import World

LAST_CHANGES = 50
"""How many changes the state shows: more than one rotation of a handful of servers."""


PLANTED = ("server_id", "name", "created_at", "status")
"""What can be said of a snapshot that is planted."""


class Control:
    """The controls as an ASGI app, which refuses everybody who is not on a loopback address."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._router = Router(
            [
                Route("/", self._state, methods=["GET"]),
                Route("/switches/", _explained(self._switch), methods=["PUT"]),
                Route("/faults/", _explained(self._add_faults), methods=["POST"]),
                Route("/faults/", self._clear_faults, methods=["DELETE"]),
                Route("/snapshots/", _explained(self._plant), methods=["POST"]),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _local(scope):
            await self._router(scope, receive, send)
            return
        refusal = JSONResponse({"detail": "The controls answer this machine only."}, 403)
        await refusal(scope, receive, send)

    async def _state(self, request: Request) -> Response:
        world = self._world
        homes = [*(row.id for row in world.servers()), None]
        state = {
            "now": world.clock.now(),
            "switches": asdict(world.switches),
            "faults": [asdict(fault) for fault in world.faults.live],
            "servers": [asdict(row) for row in world.servers()],
            "snapshots": [asdict(row) for home in homes for row in world.snapshots(home)],
            "changes": [asdict(change) for change in world.history[-LAST_CHANGES:]],
            "requests": world.requests.taken,
        }
        return Response(json.dumps(state, default=_plain, indent=2) + "\n", media_type="application/json")

    async def _switch(self, request: Request) -> Response:
        self._world.switches = switched(self._world.switches, await _object(request))
        return JSONResponse(asdict(self._world.switches))

    async def _add_faults(self, request: Request) -> Response:
        asked = await request.json()
        faults = [fault_of(one) for one in (asked if isinstance(asked, list) else [asked])]
        self._world.faults.add(*faults)
        return JSONResponse({"added": len(faults), "live": len(self._world.faults.live)}, 201)

    async def _clear_faults(self, request: Request) -> Response:
        self._world.faults.clear()
        return Response(status_code=204)

    async def _plant(self, request: Request) -> Response:
        asked = await _object(request)
        server_id, name, status = (asked.get(key) for key in ("server_id", "name", "status"))
        unknown = sorted(asked.keys() - PLANTED)
        if unknown:
            raise ValueError(f"unknown: {', '.join(unknown)}. Possible: {', '.join(PLANTED)}")
        server = self._world.server(server_id) if isinstance(server_id, int | str) else None
        if server is None or not isinstance(name, str):
            raise ValueError("a snapshot needs the server_id of a server that is there, and a name")
        if not isinstance(status, str | None):
            raise ValueError("status has to be a word")
        created_at = _time(asked.get("created_at"))
        planted = self._world.add_snapshot(server.id, name, status=status, created_at=created_at)
        return JSONResponse({"id": planted}, 201)


def _explained(act: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Answer a ValueError, of JSON or of what it says, with a 400 and its words."""

    async def explained(request: Request) -> Response:
        try:
            return await act(request)
        except ValueError as error:
            return JSONResponse({"detail": str(error)}, 400)

    return explained


async def _object(request: Request) -> Mapping[str, object]:
    asked = await request.json()
    if not isinstance(asked, Mapping):
        raise ValueError("the body has to be a JSON object")
    return asked


def _time(written: object) -> datetime | None:
    """A time with a zone, if one is written. Raises ValueError if it is none."""
    try:
        found = datetime.fromisoformat(written) if isinstance(written, str) else None
    except ValueError:
        found = None
    if written is not None and (found is None or found.tzinfo is None):
        raise ValueError("created_at has to be a time with a zone such as 2027-03-14T03:00:00Z")
    return found


def _local(scope: Scope) -> bool:
    """Whether the request comes from a loopback address."""
    client = scope.get("client")
    try:
        return client is not None and ip_address(client[0]).is_loopback
    except ValueError:
        return False


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
