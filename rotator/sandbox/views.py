"""How things look on the wire: the provider's own shapes, field by field and in its order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import TypeVar
from urllib.parse import urlencode

from rotator.sandbox.records import Call, Refused, ServerRow, SnapshotRow
from rotator.sandbox.switches import PAGE_LIMIT, Order, Switches

PLANTED_PASSWORD = "planted-password"  # noqa: S105  # bait: whoever finds it in an output has found a leak
"""How the password in every server's body begins; the server's id follows."""

LOCATION = "nairobi"

CREATING = "Snapshot is being created. This may take 3-10 minutes depending on server size."
RESTORING = "Server is being restored from snapshot. This may take 5-15 minutes."

NAIROBI = timezone(timedelta(hours=3))
"""The offset that the switch `timestamps` shows; its users are the provider's too."""

Json = dict[str, object]
Row = TypeVar("Row", SnapshotRow, ServerRow)


def timestamp(at: datetime, switches: Switches) -> str:
    """An instant in the form that the switch `timestamps` asks for."""
    whole = at.astimezone(UTC).replace(microsecond=0)
    forms = {
        "z": f"{whole:%Y-%m-%dT%H:%M:%SZ}",
        "offset": whole.astimezone(NAIROBI).isoformat(),
        "fractions": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
    }
    return forms[switches.timestamps]


def snapshot(row: SnapshotRow, switches: Switches) -> Json:
    """A row of the list."""
    return {
        "id": row.id,
        "server": None if row.server_id is None else {"id": row.server_id, "name": row.server_name},
        "name": row.name,
        "status": row.status,
        "size_mb": row.size_mb,
        "created_at": timestamp(row.created_at, switches),
        "description": row.description,
    }


def created(row: SnapshotRow, switches: Switches) -> Json:
    """The answer to a create."""
    return snapshot(row, switches) | {"message": CREATING}


def restoring(row: SnapshotRow, switches: Switches) -> Json:
    """The answer to a restore."""
    return {
        "status": "success",
        "message": RESTORING,
        "snapshot": {"id": row.id, "name": row.name, "created_at": timestamp(row.created_at, switches)},
        "server": {"id": row.server_id, "name": row.server_name, "status": "restoring"},
    }


def server(row: ServerRow, switches: Switches) -> Json:
    """A row of `/servers/`. Address, place, plan and system are always the same: nobody rotates by them."""
    made = timestamp(row.created_at, switches)
    return {
        "id": row.id,
        "name": row.name,
        "hostname": f"{row.name}.example.com",
        "status": row.status,
        "ip_address": "192.0.2.1",
        "location": LOCATION,
        "plan": {"name": "standard-2", "ram_mb": 4096, "disk_gb": 80},
        "os": {"name": "Debian", "version": "12"},
        "password": f"{PLANTED_PASSWORD}-{row.id}",
        "created_at": made,
        "updated_at": made,
    }


def account() -> Json:
    """The answer of `/account/me/`."""
    return {
        "account": {"email": "sandbox@example.com", "name": "Sandbox"},
        "token": {
            "name": "sandbox",
            "permissions": ["servers:read", "servers:write", "snapshots:read", "snapshots:write"],
        },
    }


_SORTS: Mapping[Order, Callable[[SnapshotRow], tuple[object, ...]]] = {
    "oldest_first": lambda row: (row.created_at, str(row.id)),
    "newest_first": lambda row: (row.created_at, str(row.id)),
    "shuffled": lambda row: (hashlib.sha256(str(row.id).encode()).digest(),),
}


def ordered(rows: Sequence[SnapshotRow], order: Order) -> list[SnapshotRow]:
    """The rows as the switch `order` has them, whatever order they came in."""
    return sorted(rows, key=_SORTS[order], reverse=order == "newest_first")


def listing(
    rows: Sequence[Row], view: Callable[[Row, Switches], Json], call: Call, switches: Switches, *, paged: bool
) -> object:
    """A list as the switches want it: an array, an envelope, or one page with links to its neighbours."""
    if switches.bare_array:
        return [view(row, switches) for row in rows]
    if not paged:
        return {"count": len(rows), "results": [view(row, switches) for row in rows]}
    size = _positive(call.query.get("page_size"), switches.page_size)
    size = min(size, PAGE_LIMIT)
    page = _page(call.query.get("page", "1"), pages=max(1, -(-len(rows) // size)))
    return {
        "count": len(rows),
        "next": _link(call, page + 1) if page * size < len(rows) else None,
        "previous": _link(call, page - 1) if page > 1 else None,
        "results": [view(row, switches) for row in rows[(page - 1) * size : page * size]],
    }


def _positive(text: str | None, default: int) -> int:
    """A size that makes no sense is ignored, as Django REST framework does."""
    number = int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else 0
    return number or default


def _page(text: str, pages: int) -> int:
    page = pages if text == "last" else _positive(text, 0)
    if not 1 <= page <= pages:
        raise Refused(404, {"detail": "Invalid page."})
    return page


def _link(call: Call, page: int) -> str:
    return f"{call.url}?{urlencode({**call.query, 'page': page})}"
