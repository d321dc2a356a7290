"""What the log says of a storm, line by line as it is written, and what must never stand in it.

The judge sees what was done; this hears what was said: that each delete was announced with its reasons,
that no rotation deleted more than it may, that no slot that waits is forgotten, that no line is unknown and
none carries a traceback.
"""

from __future__ import annotations

import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rotator.clock import Clock
from rotator.log import EVENTS
from rotator.models import Server
from rotator.sandbox import Change

Key = tuple[str, str]


@dataclass(frozen=True)
class Said:
    """How a pair's rotation ended by its own words, and when.

    `way_out`: where it said that no place could be made, how one could have been at that moment, or None.
    """

    at: datetime
    line: Mapping[str, Any]
    way_out: str | None


@dataclass(frozen=True)
class Rotation:
    """Whose word it was."""

    id: str
    policy: str


@dataclass
class Witness:
    """Hears every line. `findings` is what was wrong; `finished` the last end of each pair, `begun` when the
    rotation began that is under way.

    `way_out` says of a pair whether the true world had a place for it, or could have had one; `untrue` what
    is wrong with its reason for being blocked.
    """

    servers: Mapping[str, Server]
    clock: Clock
    way_out: Callable[[Key], str | None]
    untrue: Callable[[Key, str], Iterable[str]] = lambda key, reason: ()
    deaf: bool = False
    findings: list[str] = field(default_factory=list)
    finished: dict[Key, Said] = field(default_factory=dict)
    begun: dict[Key, datetime] = field(default_factory=dict)
    rotations: int = 0
    _waiting: defaultdict[Key, set[str]] = field(default_factory=lambda: defaultdict(set))
    _announced: dict[str, Rotation] = field(default_factory=dict)
    _ready_deleted: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def take(self, line: Mapping[str, Any]) -> None:
        """One line. A killed process writes none, whatever its tasks say on their way out."""
        if self.deaf:
            return
        event = line["event"]
        if event not in EVENTS:
            self._find(f"no such event: {event}")
        if line.get("exc_info"):
            self._find(f"a traceback with {event}:\n{traceback.format_exc()}")
        heard = getattr(self, "_" + event.replace(".", "_"), None)
        if heard is not None:
            heard(line)

    def follow(self, changes: Iterable[Change]) -> None:
        """What was truly done since: no delete without a word before it, and none beyond `max_deletes`.

        Which rotation a delete belongs to stands in the log alone: it is that of the word before it.
        """
        for change in changes:
            if change.kind != "deleted":
                continue
            rotation = self._announced.get(str(change.id))
            if rotation is None:
                self._find(f"{change.name} of server {change.server_id} was deleted without a word")
            elif change.status == "completed" and change.size_mb != 0:
                self._count(change, rotation)

    def _count(self, change: Change, rotation: Rotation) -> None:
        """One more ready one that this rotation deleted, whatever it heard of it."""
        gone = self._ready_deleted[rotation.id]
        gone.add(str(change.id))
        server = self.servers[str(change.server_id)]
        policy = next(p for p in server.policies if p.name == rotation.policy)
        if len(gone) > policy.max_deletes:
            self._find(
                f"rotation {rotation.id} of {policy.name} on {server.label} deleted {len(gone)} ready ones"
            )

    def _daemon_started(self, line: Mapping[str, Any]) -> None:
        self._waiting.clear()
        self.begun.clear()

    def _schedule_overrun(self, line: Mapping[str, Any]) -> None:
        """Its pair is still at work: the slot waits, or is told as missed once a newer one waits."""
        self._waiting[str(line["server_id"]), line["policy"]].add(line["slot"])

    def _schedule_missed(self, line: Mapping[str, Any]) -> None:
        self._waiting[str(line["server_id"]), line["policy"]].discard(line["slot"])

    def _rotation_started(self, line: Mapping[str, Any]) -> None:
        key, slot = (str(line["server_id"]), line["policy"]), line["slot"]
        self.begun[key] = self.clock.now()
        self._waiting[key].discard(slot)
        for earlier in sorted(each for each in self._waiting[key] if each < slot):
            self._find(f"{key[1]} on server {key[0]}: the slot {earlier} was to wait, and {slot} came first")
            self._waiting[key].discard(earlier)

    def _rotation_finished(self, line: Mapping[str, Any]) -> None:
        self.rotations += 1
        key = str(line["server_id"]), line["policy"]
        blocked = line.get("outcome") == "cap_reached"
        self.begun.pop(key, None)
        self.finished[key] = Said(self.clock.now(), line, self.way_out(key) if blocked else None)
        for what in self.untrue(key, line.get("detail", "")) if blocked else ():
            self._find(f"{key[1]} on server {key[0]} said cap_reached ({line['detail']}), but {what}")

    def _snapshot_delete_requested(self, line: Mapping[str, Any]) -> None:
        if not line["reasons"]:
            self._find(f"{line['snapshot']} is deleted without a reason")
        self._announced[str(line["snapshot_id"])] = Rotation(line["rotation_id"], line["policy"])

    def _find(self, what: str) -> None:
        self.findings.append(f"{self.clock.now():%F %T} {what}")
