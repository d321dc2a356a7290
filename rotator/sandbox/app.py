"""The ASGI side of the API: reads requests, lays faults over them, writes answers and records both.

A request goes: record, latency, fault (delay, drop before), rules, fault (delay, drop after, spoil), answer.
The rules themselves are synchronous, so that each request is carried out whole or not at all, even if its
client has gone.
"""

from __future__ import annotations

import json
from dataclasses import replace
from email.utils import format_datetime

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rotator.sandbox import routes
from rotator.sandbox.control import Control
from rotator.sandbox.faults import BASE_PATH
from rotator.sandbox.openapi import describe
from rotator.sandbox.records import Answer, Call, Dropped, Refused, RequestRecord
from rotator.sandbox.world import World

CUT = "rotator.sandbox.cut"
"""The ASGI extension under which a server hands in the callable that ends the connection at once."""


def build_app(world: World) -> ASGIApp:
    """The world as an ASGI app: the API under /api/v1, its description, and the controls under /sandbox."""

    async def description(request: Request) -> Response:
        return JSONResponse(describe(str(request.base_url) + BASE_PATH.strip("/")))

    return Router(
        [
            Mount(BASE_PATH, app=Api(world)),
            Mount("/sandbox", app=Control(world)),
            Route("/openapi.json", description),
        ],
        redirect_slashes=False,
        default=_nowhere,
    )


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"detail": "Not found."}, 404)(scope, receive, send)


class Api:
    """Everything under the base URL."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        world = self._world
        call = await _read(Request(scope, receive))
        record = RequestRecord(world.clock.now(), call.method, call.path, dict(call.query), call.body)
        world.requests.append(record)
        wire = _Wire(scope, receive, send)
        fault = world.faults.take(call, routes.server_of(world, call))
        await self._pause(world.switches.latency + fault.delay)
        answer = routes.answer(world, call, fault.fate) if fault.acts else None
        await self._pause(fault.delay_after)
        spoilt = fault.spoil(answer)
        if fault.drop is not None or (fault.truncated and not spoilt.content):
            await wire.cut()
        else:
            await self._reply(record, wire, spoilt, whole=not fault.truncated)

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            await self._world.clock.sleep(seconds)

    async def _reply(self, record: RequestRecord, wire: _Wire, answer: Answer, *, whole: bool) -> None:
        world = self._world
        # Recorded first: whoever has the answer finds its record whole. By identity, since equal ones occur.
        for index in reversed(range(len(world.requests))):
            if world.requests[index] is record:
                world.requests[index] = replace(record, status=answer.status)
                break
        date = {"Date": format_datetime(world.api_now(), usegmt=True)} if world.switches.date_header else {}
        response = Response(
            answer.content, answer.status, {**date, **answer.headers}, media_type=answer.media_type
        )
        await wire.send(response, whole=whole)


class _Wire:
    """The way back to the client."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send

    async def send(self, response: Response, *, whole: bool) -> None:
        if whole:
            await response(self._scope, self._receive, self._send)
            return
        await response(self._scope, self._receive, self._half)
        await self.cut()

    async def cut(self) -> None:
        """End the connection, and wait until it has ended. Raises Dropped where there is none."""
        cut = self._scope.get("extensions", {}).get(CUT)
        if cut is None:
            raise Dropped("the sandbox dropped the connection")
        cut()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _half(self, message: Message) -> None:
        """Pass an answer on, but of the body only the first half; its announced length stays."""
        if message["type"] == "http.response.body":
            body = message["body"]
            message = {**message, "body": body[: len(body) // 2], "more_body": True}
        await self._send(message)


async def _read(request: Request) -> Call:
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    body, problem = await _body(request)
    return Call(
        method=request.method,
        path=path,
        url=str(request.url.replace(query="")),
        query=dict(request.query_params),
        body=body,
        snapshot_id=routes.snapshot_in(path),
        authorization=request.headers.get("Authorization"),
        problem=problem,
    )


async def _body(request: Request) -> tuple[object, Refused | None]:
    """The parsed body, None if there is none or it cannot be read, and why it cannot."""
    try:
        raw = await request.body()
    except ClientDisconnect as gone:
        raise Dropped("the client went away while it was sending") from gone
    media_type = request.headers.get("Content-Type", "")
    if not raw:
        return None, None
    if media_type.partition(";")[0].strip().lower() != "application/json":
        return None, Refused(415, {"detail": f'Unsupported media type "{media_type}" in request.'})
    try:
        return json.loads(raw), None
    except (ValueError, RecursionError) as error:
        return None, Refused(400, {"detail": f"JSON parse error - {error}"})
