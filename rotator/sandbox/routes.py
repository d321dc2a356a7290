"""What each call does: from a Call to an Answer. The checks come in the order of Django REST framework's:
the slash, the path, the token, the method, the body.

A path without its slash is answered with a redirect for GET, as Django does. Any other method is refused with
a 404 that says why, where Django would redirect too and the body would be lost on the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from rotator.models import Id
from rotator.sandbox import views
from rotator.sandbox.records import Answer, Call, Refused, as_json
from rotator.sandbox.world import World

Handler = Callable[[World, Call, str | None], Answer]

NOT_AN_INTEGER = "A valid integer is required."
NOT_A_NAME = "Enter a valid name consisting of letters, numbers, underscores or hyphens."

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_INTEGER = re.compile(r"-?[0-9]+")


def answer(world: World, call: Call, fate: str | None = None) -> Answer:
    """Carry a request out. `fate` is what becomes of a snapshot that it creates, as in a Fault."""
    try:
        handlers = _handlers(call)
        _authorize(world, call)
        method = "GET" if call.method == "HEAD" else call.method
        if method not in handlers:
            detail = f'Method "{call.method}" not allowed.'
            raise Refused(405, {"detail": detail}, {"Allow": ", ".join(handlers)})
        return handlers[method](world, call, fate)
    except Refused as refused:
        return refused.answer


def server_of(world: World, call: Call) -> Id | None:
    """The server of the request's snapshot, body or filter; None if it names none."""
    if call.snapshot_id is not None:
        row = world.snapshot(call.snapshot_id)
        return None if row is None else row.server_id
    asked = call.body.get("server_id") if isinstance(call.body, Mapping) else call.query.get("server_id")
    return asked if isinstance(asked, int | str) else None


def snapshot_in(path: str) -> str | None:
    """The snapshot's id in a path, if it has one."""
    matches = (route.path.fullmatch(path) for route in ROUTES)
    return next((match.groupdict().get("id") for match in matches if match), None)


def _handlers(call: Call) -> Mapping[str, Handler]:
    for route in ROUTES:
        if route.path.fullmatch(call.path):
            return route.handlers
        if route.path.fullmatch(call.path + "/"):
            raise _no_slash(call)
    raise Refused(404, {"detail": "Not found."})


def _no_slash(call: Call) -> Refused:
    if call.method not in ("GET", "HEAD"):
        return Refused(404, {"detail": f"Not found. The path has to end in a slash: {call.path}/"})
    query = f"?{urlencode(call.query)}" if call.query else ""
    return Refused(301, {"detail": "Moved permanently."}, {"Location": f"{call.url}/{query}"})


def _authorize(world: World, call: Call) -> None:
    if call.authorization is None:
        detail = "Authentication credentials were not provided."
    elif call.authorization in {f"Bearer {token}" for token in world.tokens}:
        return
    else:
        detail = "Invalid token."
    raise Refused(401, {"detail": detail}, {"WWW-Authenticate": "Bearer"})


# --- snapshots ------------------------------------------------------------------------------------


def _list(world: World, call: Call, fate: str | None) -> Answer:
    switches = world.switches
    rows = views.ordered(world.listed(_filter(world, call)), switches.order)
    return as_json(200, views.listing(rows, views.snapshot, call, switches, paged=switches.paging))


def _filter(world: World, call: Call) -> str | None:
    """The id that the list is filtered by, None for the whole account."""
    asked = call.query.get("server_id")
    if not asked or world.switches.filter == "ignored":
        return None
    if world.server(asked) is None and world.switches.unknown_server == "bad_request":
        raise Refused(400, {"server_id": ["Server does not exist."]})
    return asked


def _create(world: World, call: Call, fate: str | None) -> Answer:
    body = _body(call)
    server_id, faults = _server_id(world, body)
    if server_id is not None:
        server = world.server(server_id)
        if server is None:
            raise Refused(404, {"detail": "Server does not exist."})
        if world.full(server_id):
            cap = world.switches.cap
            detail = f"Snapshot limit reached. You can have a maximum of {cap} snapshots per server."
            raise Refused(400, {"detail": detail})
    faults |= _name_faults(world, server_id, body) | _description_faults(body)
    if faults or server_id is None:
        raise Refused(400, {field: [message] for field, message in faults.items()})
    row = world.create(server_id, str(body["name"]), str(body.get("description") or ""), fate)
    return as_json(201, views.created(row, world.switches))


def _body(call: Call) -> Mapping[str, object]:
    if call.problem is not None:
        raise call.problem
    body = {} if call.body is None else call.body
    if not isinstance(body, Mapping):
        message = f"Invalid data. Expected a dictionary, but got {type(body).__name__}."
        raise Refused(400, {"non_field_errors": [message]})
    return body


def _server_id(world: World, body: Mapping[str, object]) -> tuple[Id | None, dict[str, str]]:
    """The server's id, or what is wrong with it. A text of digits is as good as an integer, as in Django."""
    if "server_id" not in body:
        return None, {"server_id": "This field is required."}
    asked = body["server_id"]
    if asked is None:
        return None, {"server_id": "This field may not be null."}
    if isinstance(asked, bool) or not isinstance(asked, int | str):
        return None, {"server_id": NOT_AN_INTEGER}
    if world.server(asked) is None and not _INTEGER.fullmatch(str(asked)) and world.switches.ids == "integer":
        return None, {"server_id": NOT_AN_INTEGER}
    return asked, {}


def _name_faults(world: World, server_id: Id | None, body: Mapping[str, object]) -> dict[str, str]:
    if "name" not in body:
        return {"name": "This field is required."}
    name, longest = body["name"], world.switches.max_name_length
    taken = set() if server_id is None else {row.name for row in world.snapshots(server_id)}
    rules = (
        (name is None, "This field may not be null."),
        (not isinstance(name, str), "Not a valid string."),
        (name == "", "This field may not be blank."),
        (len(str(name)) > longest, f"Ensure this field has no more than {longest} characters."),
        (not _NAME.fullmatch(str(name)), NOT_A_NAME),
        (not world.switches.repeated_names and name in taken, "A snapshot of this name exists already."),
    )
    return next(({"name": message} for broken, message in rules if broken), {})


def _description_faults(body: Mapping[str, object]) -> dict[str, str]:
    known = isinstance(body.get("description", ""), str)
    return {} if known else {"description": "Not a valid string."}


def _delete(world: World, call: Call, fate: str | None) -> Answer:
    world.delete(str(call.snapshot_id))
    return Answer(204)


def _restore(world: World, call: Call, fate: str | None) -> Answer:
    return as_json(200, views.restoring(world.restore(str(call.snapshot_id)), world.switches))


# --- servers and the account ----------------------------------------------------------------------


def _servers(world: World, call: Call, fate: str | None) -> Answer:
    """Documented with `page` and `page_size`, so always paged; filters `status` and `location`."""
    if world.switches.server_list == "missing":
        raise Refused(404, {"detail": "Not found."})
    if world.switches.server_list == "forbidden":
        raise Refused(403, {"detail": "You do not have permission to perform this action."})
    status, location = call.query.get("status"), call.query.get("location")
    rows = [
        row for row in world.servers() if status in (None, row.status) and location in (None, views.LOCATION)
    ]
    return as_json(200, views.listing(rows, views.server, call, world.switches, paged=True))


def _account(world: World, call: Call, fate: str | None) -> Answer:
    return as_json(200, views.account())


@dataclass(frozen=True, slots=True)
class Route:
    """A path after the base URL, and what each method does there."""

    path: re.Pattern[str]
    handlers: Mapping[str, Handler]


ROUTES = (
    Route(re.compile(r"/snapshots/"), {"GET": _list, "POST": _create}),
    Route(re.compile(r"/snapshots/(?P<id>[^/]+)/restore/"), {"POST": _restore}),
    Route(re.compile(r"/snapshots/(?P<id>[^/]+)/"), {"DELETE": _delete}),
    Route(re.compile(r"/servers/"), {"GET": _servers}),
    Route(re.compile(r"/account/me/"), {"GET": _account}),
)
