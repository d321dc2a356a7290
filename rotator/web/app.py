"""Which path is answered by what, behind the guards that everything passes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from .access import Access, refusal
from .desk import Stopping
from .headers import with_headers

Endpoint = Callable[[Request], Awaitable[Response]]


def build_app(endpoints: Mapping[str, Endpoint], access: Access) -> ASGIApp:
    """The application: `endpoints` by path; `access` says who may read which of them."""
    routes = [Route(path, answer, methods=["GET"]) for path, answer in endpoints.items()]
    app = Starlette(routes=routes, exception_handlers={Stopping: _stopping, 404: _not_found})
    return with_headers(access.guarding(app))


async def _stopping(request: Request, error: Exception) -> Response:
    return refusal(503, "unreachable", "the daemon is stopping")


async def _not_found(request: Request, error: Exception) -> Response:
    return refusal(404, "not_found", "there is nothing under this path")
