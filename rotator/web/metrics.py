"""/metrics: what Prometheus scrapes."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from rotator.metrics import CONTENT_TYPE

from .app import Endpoint
from .desk import Desk


def metrics(desk: Desk) -> Endpoint:
    """The metrics as the desk has worked them out last."""

    async def answer(request: Request) -> Response:
        return Response(await desk.metrics.get(), media_type=CONTENT_TYPE)

    return answer
