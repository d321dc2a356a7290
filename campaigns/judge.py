"""The model: what a world's history may hold, written from the contract alone.

The judge sees the truth, not the lists that rotator sees, and nothing of rotator but the data classes of its
settings. It follows every change and keeps its own account of what stands where; each rule is a function
that looks at one change and what stood before it, and says what is wrong, or nothing.

Whoever sets the stage past the API (plants a snapshot, takes one away) tells the judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from campaigns import naive
from rotator.models import Policy, Server
from rotator.sandbox import Change, SnapshotRow, World

FAILED = frozenset({"failed", "error"})
"""The words for a failure that need no configuration."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A snapshot that stands on a server: a policy's own, ordered by slot, or of none, a foreign one."""

    id: str
    name: str
    status: str
    size_mb: float | None
    created_at: datetime
    policy: Policy | None
    slot: datetime

    @property
    def ready(self) -> bool:
        """Whether it is a restore point."""
        return self.status == "completed" and self.size_mb != 0


@dataclass(frozen=True, slots=True)
class Breach:
    """A promise that was broken, and by which change."""

    change: Change
    rule: str
    what: str

    def __str__(self) -> str:
        change = self.change
        deed = f"{change.at:%F %T} server {change.server_id}: {change.kind} {change.name}"
        return f"{deed}: {self.rule}: {self.what}"


@dataclass(slots=True)
class Judge:
    """Follows one world. `cap` is the number of places that each server truly has."""

    servers: dict[str, Server]
    cap: int = 5
    standing: dict[str, dict[str, Standing]] = field(default_factory=dict)
    breaches: list[Breach] = field(default_factory=list)
    proven: set[tuple[str, str]] = field(default_factory=set)
    seen: int = 0

    @classmethod
    def of(cls, world: World, servers: Iterable[Server]) -> Judge:
        """A judge who knows what stands in that world now, and judges what comes."""
        judge = cls({server.key: server for server in servers}, world.switches.cap, seen=len(world.history))
        for server in judge.servers.values():
            for row in world.snapshots(server.id):
                judge.planted(row)
        return judge

    def planted(self, row: SnapshotRow) -> None:
        """Somebody else's snapshot, or one that the stage was set with."""
        self._put(str(row.server_id), self._standing_as(row))

    def taken(self, server_id: object, id: object) -> None:
        """Somebody else took it away: its slot may have another one."""
        gone = self._on(str(server_id)).pop(str(id), None)
        if gone is not None:
            self.proven.discard((str(server_id), gone.name))

    def taken_all(self, server_id: object) -> None:
        """The server is gone, and all that stood on it."""
        for id in list(self._on(str(server_id))):
            self.taken(server_id, id)

    def follow(self, world: World) -> list[Breach]:
        """Judge what was added to the history since the last call, and return what was wrong in it."""
        before = len(self.breaches)
        news = world.history[self.seen :]
        self.seen += len(news)
        for change in news:
            self._judge(change)
        return self.breaches[before:]

    def own(self, server: Server, policy: Policy) -> list[Standing]:
        """What stands there of that policy, newest first."""
        mine = (one for one in self._on(server.key).values() if one.policy == policy)
        return sorted(mine, key=lambda one: (one.slot, one.created_at, one.id), reverse=True)

    def _judge(self, change: Change) -> None:
        server = self.servers.get(str(change.server_id))
        if server is None:
            self.breaches.append(Breach(change, "other server", "no configured server"))
            return
        for name, rule in RULES.get(change.kind, ()):
            for what in rule(self, server, change):
                self.breaches.append(Breach(change, name, what))
        self._record(change)

    def _record(self, change: Change) -> None:
        server_id = str(change.server_id)
        if change.kind == "deleted":
            self._on(server_id).pop(str(change.id), None)
            return
        self._put(server_id, self._standing_as(change))
        if change.kind == "ready":
            self.proven.add((server_id, change.name))

    def _standing_as(self, row: Change | SnapshotRow) -> Standing:
        server = self.servers.get(str(row.server_id))
        policy, slot = belonging(server, row.name, row.created_at) if server else (None, row.created_at)
        return Standing(str(row.id), row.name, row.status, row.size_mb, row.created_at, policy, slot)

    def _put(self, server_id: str, one: Standing) -> None:
        self.standing.setdefault(server_id, {})[one.id] = one

    def _on(self, server_id: str) -> dict[str, Standing]:
        return self.standing.get(server_id, {})


def belonging(server: Server, name: str, created_at: datetime) -> tuple[Policy | None, datetime]:
    """Whose snapshot that is, by its name, and its slot (of an adopted or foreign one its created_at)."""
    if not name.startswith("safety-"):
        for policy in server.policies:
            filled = policy.template.replace("{policy}", policy.name).replace("{server}", server.label)
            before, after = (re.escape(part) for part in filled.split("{slot}"))
            found = re.fullmatch(rf"{before}(\d{{8}}T\d{{6}}Z){after}", name)
            if found:
                return policy, datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        for policy in server.policies:
            if any(fnmatchcase(name, glob) for glob in policy.adopt):
                return policy, created_at
    return None, created_at


# --- rules: each yields what is wrong -------------------------------------------------------------


def _never_full(judge: Judge, server: Server, change: Change) -> Iterator[str]:
    standing = len(judge._on(server.key))
    if standing >= judge.cap:
        yield f"{standing} stood there already, of {judge.cap}"


def _never_twice(judge: Judge, server: Server, change: Change) -> Iterator[str]:
    for one in judge._on(server.key).values():
        if one.name == change.name:
            yield f"the slot has one already: {one.id}, {one.status}"


def _never_again(judge: Judge, server: Server, change: Change) -> Iterator[str]:
    if (server.key, change.name) in judge.proven:
        yield "the slot had a ready one already"


def _own_names_only(judge: Judge, server: Server, change: Change) -> Iterator[str]:
    if belonging(server, change.name, change.created_at)[0] is None:
        yield "no policy of this server bears such a name"


def _never_foreign(judge: Judge, server: Server, change: Change) -> Iterator[str]:
    if belonging(server, change.name, change.created_at)[0] is None:
        yield "it is foreign"


def _never_protected(judge: Judge, server: Server, change: Change) -> Iterator[str]:
    if any(fnmatchcase(change.name, glob) for glob in server.protect):
        yield "it is protected"


def _only_known_states(judge: Judge, server: Server, change: Change) -> Iterator[str]:
    policy, _ = belonging(server, change.name, change.created_at)
    if _is_ready(change) or change.status in FAILED or policy is None:
        return
    stuck = change.status == "in_progress" and change.at - change.created_at > policy.wait.timeout
    if not stuck:
        yield f"its state is {change.status!r}, size {change.size_mb}"


def _floor(judge: Judge, server: Server, change: Change) -> Iterator[str]:
    policy, ready = _ready_with(judge, server, change)
    if policy is not None and len(ready) - 1 < policy.min_ready:
        yield f"{len(ready) - 1} ready ones are left, and the floor is {policy.min_ready}"


def _never_the_newest(judge: Judge, server: Server, change: Change) -> Iterator[str]:
    """On a full server it may go for its successor, if the rules let it go then (the contract's step 4)."""
    policy, ready = _ready_with(judge, server, change)
    full = len(judge._on(server.key)) >= judge.cap
    if policy is not None and not full and len(ready) > 1 and ready[0].id == str(change.id):
        yield "it was the newest ready one"


def _never_needless(judge: Judge, server: Server, change: Change) -> Iterator[str]:
    """Where a place is free, only what the rules let go may go."""
    policy, ready = _ready_with(judge, server, change)
    if policy is None or len(judge._on(server.key)) >= judge.cap:
        return
    reasons = naive.keeps([one.slot for one in ready], policy.keep, policy.zone)
    kept = dict(zip((one.id for one in ready), reasons, strict=True))
    if kept[str(change.id)]:
        yield f"a place was free, and the rules keep it: {', '.join(kept[str(change.id)])}"


def _ready_with(judge: Judge, server: Server, change: Change) -> tuple[Policy | None, list[Standing]]:
    """The policy of a ready one, and all ready ones of it before the change, newest first; else nothing."""
    policy, _ = belonging(server, change.name, change.created_at)
    if policy is None or not _is_ready(change):
        return None, []
    return policy, [one for one in judge.own(server, policy) if one.ready]


def _is_ready(change: Change) -> bool:
    return change.status == "completed" and change.size_mb != 0


Rule = Callable[[Judge, Server, Change], Iterator[str]]

RULES: dict[str, tuple[tuple[str, Rule], ...]] = {
    "created": (
        ("never above the cap", _never_full),
        ("one snapshot for a slot", _never_twice),
        ("the same slot again creates nothing", _never_again),
        ("own names only", _own_names_only),
    ),
    "deleted": (
        ("never a foreign one", _never_foreign),
        ("never a protected one", _never_protected),
        ("only ready, failed and stuck ones", _only_known_states),
        ("never below the floor", _floor),
        ("never the newest", _never_the_newest),
        ("never without need", _never_needless),
    ),
}
"""What is asked of each kind of change."""
