"""The description and the app agree: requests are made from the one and put to the other."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import negative_data_rejection
from starlette.types import Receive, Scope, Send

from rotator.sandbox import TOKEN, World, build_app
from tests.sandbox.conftest import StandingClock

EXAMPLES = 100

LENIENT = {"GET": [negative_data_rejection]}
"""A filter or a size of a page that makes no sense is not refused, as with Django REST framework."""


async def fresh(scope: Scope, receive: Receive, send: Send) -> None:
    """The app over a new world for each request, so that examples do not depend on each other."""
    world = World(StandingClock())
    for server_id in (0, 1, 12345):
        world.add_server(server_id, "web-server-01")
        world.add_snapshot(server_id, "a")
    await build_app(world)(scope, receive, send)


schema = schemathesis.openapi.from_asgi("/openapi.json", fresh)


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_described(case: schemathesis.Case[Any]) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    case.call_and_validate(headers=headers, excluded_checks=LENIENT.get(case.method, []))
