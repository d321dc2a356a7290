"""/healthz and /readyz: two short answers with their reasons, 200 or 503."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rotator.vitals import Vitals

from .app import Endpoint


def healthz(vitals: Vitals) -> Endpoint:
    """Whether the loop that does the work still runs. That this is answered at all says the rest."""
    return _verdict(vitals.ailments)


def readyz(vitals: Vitals) -> Endpoint:
    """Whether the configuration is loaded and the API was asked once."""
    return _verdict(vitals.lacks)


def _verdict(reasons_against: Callable[[], Sequence[str]]) -> Endpoint:
    async def answer(request: Request) -> Response:
        reasons = reasons_against()
        document = {"version": 1, "ok": not reasons, "reasons": list(reasons)}
        return JSONResponse(document, status_code=503 if reasons else 200)

    return answer
