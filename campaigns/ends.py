"""What must be true of a scenario's end, whatever was killed on the way and however many met."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from campaigns.judge import Judge, belonging
from campaigns.scenarios import Scenario
from rotator.models import Policy, Server
from rotator.sandbox import SnapshotRow, World

STATUS = {"ready": ["completed"], "stuck": ["in_progress"], "refused": []}
"""What stands of the slot at the end of each kind."""


@dataclass
class Account:
    """The account of one play: the world, what is configured there, and a judge who saw the beginning.

    `servers` are as all processes together know them, also where each of them knows one policy alone.
    `by_hand`: somebody rotates under other slots too; where a later one is ready, this one is due no more.
    """

    scenario: Scenario
    world: World
    servers: tuple[Server, ...]
    slot: datetime
    by_hand: bool = False
    judge: Judge = field(init=False)
    others: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.judge = Judge.of(self.world, self.servers)
        self.others = frozenset(str(row.id) for row in self._rows() if not self._rotated(row))

    def done(self, only: str | None = None) -> bool:
        """Whether the slot of each pair (of that policy) has come to its end; never where none can come."""
        return self.scenario.end == "ready" and not any(self._slot(self.slot, "ready", only))

    def findings(self) -> Iterator[str]:
        """What is wrong once the slot has come to its end."""
        yield from self._slot(self.slot, self.scenario.end)
        yield from self._on_the_way()

    def _on_the_way(self) -> Iterator[str]:
        self.judge.follow(self.world)
        yield from map(str, self.judge.breaches)
        standing = {str(row.id) for row in self._rows()}
        for lost in sorted(self.others - standing):
            yield f"snapshot {lost} is gone, and nobody may delete it"
        if self.scenario.end != "refused":
            for request in self.world.requests:
                if request.method == "POST" and request.status == 400:
                    yield f"{request.at:%F %T} a create was certain to be refused: {request.body}"

    def settled(self, slots: Iterable[datetime]) -> Iterator[str]:
        """What is wrong after further slots: nothing may be missing any more, and nothing be left over."""
        yield from self._on_the_way()
        if self.scenario.end != "refused":
            for slot in slots:
                yield from self._slot(slot, "ready")
        first = self.servers[0]
        for policy in first.policies:
            ready = sum(one.ready for one in self.judge.own(first, policy))
            wanted = self.scenario.ready[policy.name]
            if ready != wanted:
                yield f"{ready} ready ones of {policy.name} in the end, not {wanted}"

    def _slot(self, slot: datetime, end: str, only: str | None = None) -> Iterator[str]:
        for server in self.servers:
            for policy in server.policies:
                if only not in (None, policy.name):
                    continue
                name = f"{policy.name}-{slot:%Y%m%dT%H%M%SZ}"
                found = [row.status for row in self.world.snapshots(server.id) if row.name == name]
                gone = not found and self._unwanted(server, policy, slot)
                if found != STATUS[end] and not gone:
                    yield f"of {name} on server {server.key} stands {found or 'nothing'}, not {STATUS[end]}"

    def _unwanted(self, server: Server, policy: Policy, slot: datetime) -> bool:
        """Whether newer ones are ready, enough for the slot's not to be due or not to be kept any more."""
        self.judge.follow(self.world)
        newer = [one for one in self.judge.own(server, policy) if one.ready and one.slot > slot]
        return len(newer) >= (1 if self.by_hand else policy.keep.last)

    def _rows(self) -> Iterator[SnapshotRow]:
        for row in self.world.servers():
            yield from self.world.snapshots(row.id)

    def _rotated(self, row: SnapshotRow) -> bool:
        """Whether rotations may delete it at all."""
        server = self.judge.servers.get(str(row.server_id))
        owner = belonging(server, row.name, row.created_at)[0] if server else None
        protected = server is not None and row.name in server.protect
        return owner is not None and not protected and row.status in {"completed", "in_progress", "failed"}
