"""JSON rows become models; everything that a row or a page may get wrong is found here.

The law: a list is believed whole or not at all (ListUnsure), but a broken row spoils only its own server. A
row that belongs to no server belongs to nobody. What a snapshot's status means is decided here and nowhere
else, and in doubt it is unknown: a guess must cost a loud stop, never a restore point.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from rotator.errors import BadAnswer, ListUnsure
from rotator.models import AccountInfo, Id, ServerInfo, Snapshot, State

Row = Mapping[str, object]

FAILED_STATES = frozenset({"failed", "error"})
"""Words for a failure that need no configuration; the provider documents none."""

NO_NAME = "(no name)"


class BrokenRow(ValueError):
    """A row that is not what the API documents; the message says why."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `count` is the provider's number of all rows, None for a bare array."""

    rows: tuple[Row, ...]
    count: int | None = None
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Sorted:
    """Rows told apart: the snapshots, the unsure servers and why, the names that belong to nobody."""

    snapshots: tuple[Snapshot, ...]
    unsure: Mapping[str, str]
    strays: tuple[str, ...]


# --- pages ----------------------------------------------------------------------------------------


def page_of(document: object, label: str) -> Page:
    """A page from an envelope or a bare array. Raises ListUnsure for any other shape."""
    if isinstance(document, list):
        return Page(_rows(document, label))
    if not isinstance(document, dict):
        raise ListUnsure(f"{label}: neither a list nor an envelope with results")
    results, count, following = document.get("results"), document.get("count"), document.get("next")
    if not isinstance(results, list):
        raise ListUnsure(f"{label}: results is not a list")
    if not isinstance(count, int) or isinstance(count, bool):
        raise ListUnsure(f"{label}: count is not a number")
    if not isinstance(following, str | None):
        raise ListUnsure(f"{label}: next is not a URL")
    return Page(_rows(results, label), count, following or None)


def _rows(items: list[object], label: str) -> tuple[Row, ...]:
    rows = tuple(item for item in items if isinstance(item, dict))
    if len(rows) != len(items):
        raise ListUnsure(f"{label}: a row is not an object")
    return rows


def no_id_twice(rows: Iterable[Row], label: str) -> None:
    """Raises ListUnsure where two rows share an id: pages shifted while they were read, or worse."""
    seen: set[str] = set()
    for row in rows:
        key = _readable(row.get("id"))
        if key is None:
            continue
        if str(key) in seen:
            raise ListUnsure(f"{label}: the id {key} is listed twice")
        seen.add(str(key))


# --- snapshots ------------------------------------------------------------------------------------


def state_of(status: str, size_mb: float | None, failed_states: frozenset[str] = frozenset()) -> State:
    """What the provider's word and size mean. One completed with no size is as unknown as a new word."""
    if status == "completed":
        return State.UNKNOWN if size_mb == 0 else State.READY
    if status == "in_progress":
        return State.IN_PROGRESS
    return State.FAILED if status in FAILED_STATES | failed_states else State.UNKNOWN


def sort_rows(rows: Iterable[Row], failed_states: frozenset[str] = frozenset()) -> Sorted:
    """Every row's place: never raises, and loses no row."""
    snapshots: list[Snapshot] = []
    unsure: dict[str, str] = {}
    strays: list[str] = []
    for row in rows:
        owner = _owner(row)
        if owner is None:
            strays.append(_stray_name(row))
            continue
        try:
            snapshots.append(snapshot_of(row, failed_states))
        except BrokenRow as error:
            unsure.setdefault(str(owner), str(error))
    return Sorted(tuple(snapshots), unsure, tuple(strays))


def together(slices: Iterable[Sorted]) -> Sorted:
    """The slices of one list as a whole."""
    snapshots: list[Snapshot] = []
    unsure: dict[str, str] = {}
    strays: list[str] = []
    for part in slices:
        snapshots += part.snapshots
        unsure = {**part.unsure, **unsure}
        strays += part.strays
    return Sorted(tuple(snapshots), unsure, tuple(strays))


def snapshot_of(
    row: Row, failed_states: frozenset[str] = frozenset(), *, server_id: Id | None = None
) -> Snapshot:
    """One row as a snapshot. Raises BrokenRow.

    `server_id` stands in where the row names no server at all: the answer to a create is about the server
    that was asked for.
    """
    key = _readable(row.get("id"))
    if key is None:
        raise BrokenRow("a snapshot without a readable id")
    where = f"snapshot {key}"
    server = row.get("server")
    owner = server_id if server is None else _owner(row)
    if owner is None:
        raise BrokenRow(f"{where}: no server")
    if not isinstance(server, dict | None):
        raise BrokenRow(f"{where}: server is not an object")
    status, size = _text(row, "status", where), _size(row.get("size_mb"), where)
    return Snapshot(
        id=key,
        server_id=owner,
        name=_text(row, "name", where),
        status=status,
        state=state_of(status, size, failed_states),
        created_at=_instant(row.get("created_at"), where),
        size_mb=size,
        description=_optional_text(row.get("description")) or "",
        server_name=_optional_text(server.get("name")) if server else None,
    )


def _owner(row: Row) -> Id | None:
    server = row.get("server")
    return _readable(server.get("id") if isinstance(server, dict) else server)


def _stray_name(row: Row) -> str:
    return _optional_text(row.get("name")) or NO_NAME


# --- servers and the account ----------------------------------------------------------------------


def server_of(row: Row, label: str) -> ServerInfo:
    """A row of `/servers/`, by either of the provider's two vocabularies. Raises ListUnsure without an id."""
    key = _readable(row.get("id"))
    if key is None:
        key = _readable(row.get("uuid"))
    if key is None:
        raise ListUnsure(f"{label}: a server without a readable id")
    name = _optional_text(row.get("name")) or _optional_text(row.get("hostname")) or str(key)
    return ServerInfo(key, name, _optional_text(row.get("status")))


def account_of(document: object, label: str) -> AccountInfo:
    """What `/account/me/` tells. Raises BadAnswer where it is not an object; what it lacks is None."""
    if not isinstance(document, dict):
        raise BadAnswer(f"{label}: the answer is not an object")
    account, token = document.get("account"), document.get("token")
    account, token = (part if isinstance(part, dict) else {} for part in (account, token))
    granted = token.get("permissions")
    return AccountInfo(
        email=_optional_text(account.get("email")),
        token_name=_optional_text(token.get("name")),
        permissions=tuple(p for p in granted if isinstance(p, str)) if isinstance(granted, list) else (),
    )


# --- single values --------------------------------------------------------------------------------


def _readable(value: object) -> Id | None:
    """An id as it was given, or None. A truth value is no id, nor is a word that moves about in a path."""
    if isinstance(value, bool) or not isinstance(value, int | str) or value in ("", ".", ".."):
        return None
    return value


def _text(row: Row, key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        raise BrokenRow(f"{where}: {key} is not a text")
    return value


def _optional_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _size(value: object, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= sys.float_info.max:
        raise BrokenRow(f"{where}: size_mb is not a size")
    return value


def _instant(value: object, where: str) -> datetime:
    try:
        parsed = datetime.fromisoformat(value) if isinstance(value, str) else None
        if parsed is not None and parsed.tzinfo is not None:
            return parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        parsed = None
    raise BrokenRow(f"{where}: created_at is not a time with a zone")
