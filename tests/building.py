"""Values for tests, with defaults that are fine: a test names only what it is about.

The default server has the id 1, one policy `nightly` (every day at 07:00 UTC, the last 3 kept) and 5 places;
the default moment is one of its slots.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rotator import naming
from rotator.census import View
from rotator.models import Id, Keep, Pair, Policy, Server, Snapshot, State

NOW = datetime(2027, 3, 14, 7, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

WORDS = {
    State.READY: "completed",
    State.IN_PROGRESS: "in_progress",
    State.FAILED: "failed",
    State.UNKNOWN: "archiving",
}
"""What the provider says for each state; its word for an unknown one is made up."""


def make_policy(name: str = "nightly", **changes: Any) -> Policy:
    """A nightly policy that keeps the last three; `changes` are fields of Policy, `zone` may be a name."""
    if isinstance(changes.get("zone"), str):
        changes["zone"] = ZoneInfo(changes["zone"])
    plain = Policy(
        name=name,
        schedule=("0 7 * * *",),
        zone=ZoneInfo("UTC"),
        catch_up=timedelta(hours=6),
        keep=Keep(last=3),
    )
    return replace(plain, **changes)


def make_server(*policies: Policy, **changes: Any) -> Server:
    """Server 1 with these policies, or with a default one; `changes` are fields of Server."""
    return replace(Server(id=1, policies=policies or (make_policy(),)), **changes)


def make_pair(server: Server | None = None, policy: str | None = None) -> Pair:
    """The pair of a server and its policy of that name, by default its first."""
    server = server or make_server()
    return Pair(server, next(p for p in server.policies if policy in (None, p.name)))


def make_snapshot(id: Id = 1, name: str = "by-hand", **changes: Any) -> Snapshot:
    """A ready snapshot of server 1, a day old; `changes` are fields of Snapshot.

    Without a `status` of its own it has the provider's word for its state, without a `size_mb` 5000 MB once
    it is ready.
    """
    state = changes.get("state", State.READY)
    plain = Snapshot(
        id=id,
        server_id=1,
        name=name,
        status=WORDS[state],
        state=state,
        created_at=NOW - DAY,
        size_mb=5000 if state is State.READY else None,
    )
    return replace(plain, **changes)


def make_managed(pair: Pair, slot: datetime, id: Id | None = None, **changes: Any) -> Snapshot:
    """The snapshot that the pair's policy made for the slot, at its very second. Its name is its id, too."""
    name = naming.snapshot_name(pair.server, pair.policy, slot)
    fields: dict[str, Any] = {"server_id": pair.server.id, "created_at": slot, **changes}
    return make_snapshot(name if id is None else id, name, **fields)


def make_view(snapshots: Iterable[Snapshot] = (), pair: Pair | None = None, **changes: Any) -> View:
    """A sure view at NOW of the default pair; `changes` are fields of View."""
    return replace(View(pair=pair or make_pair(), snapshots=tuple(snapshots), now=NOW), **changes)
