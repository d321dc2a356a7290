"""Which path is answered by what, behind the guards that everything passes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from .access import Access
from .headers import with_headers

Endpoint = Callable[[Request], Awaitable[Response]]


def build_app(endpoints: Mapping[str, Endpoint], access: Access) -> ASGIApp:
    """The application: `endpoints` by path; `access` says who may read which of them."""
    routes = [Route(path, answer, methods=["GET"]) for path, answer in endpoints.items()]
    return with_headers(access.guarding(Starlette(routes=routes)))
