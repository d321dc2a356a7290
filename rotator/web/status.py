"""/status.json: the document of `rotator status --json`, from what the daemon saw last."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from .app import Endpoint
from .desk import Desk


def status(desk: Desk) -> Endpoint:
    """The document as the desk has worked it out last."""

    async def answer(request: Request) -> Response:
        return Response(await desk.status.get(), media_type="application/json")

    return answer
