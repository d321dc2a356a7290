"""`check --online`: what may the token do, what stands on each server, what comes next and what blocks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from rotator import naming
from rotator.cli.wiring import Account
from rotator.config import places_needed
from rotator.errors import ApiError, BadAnswer, BadRequest, Forbidden, NotFound
from rotator.legacy import Habit, habits
from rotator.models import (
    UNLIMITED,
    AccountInfo,
    Id,
    Kind,
    Mode,
    Outcome,
    Pair,
    Policy,
    Server,
    ServerInfo,
    Snapshot,
)
from rotator.once import view_of
from rotator.plan import Plan, plan
from rotator.progress import Progress
from rotator.serverstates import is_missing
from rotator.sight import Sight

NOT_THERE = (NotFound, Forbidden, BadRequest, BadAnswer)
"""Answers of a call that is not documented everywhere: the list of snapshots then tells of the token."""


RESTORING = "restoring"
"""The provider's word for a server that is being overwritten."""


@dataclass(frozen=True, slots=True)
class Block:
    """A policy that will not get its snapshot, and why."""

    policy: str
    reason: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A policy's next rotation as things stand.

    `goes` are the names that have to go before the create; what else is in progress, `awaited`, comes first.
    """

    policy: str
    mode: Mode
    goes: tuple[str, ...] = ()
    awaited: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One server as it stands. `trouble` says why it could not be looked at; then nothing else is known.

    `id` is the API's own value where it has shown one. `legacy`: what looks like an older script's. A policy
    stands in `blocked`, in `turns`, or in both if it is later that it will block. `short_by`: places that the
    keep rules want beyond those that foreign snapshots leave.
    """

    server: Server
    id: Id
    trouble: str | None = None
    used: int = 0
    managed: int = 0
    foreign: int = 0
    orphans: tuple[Snapshot, ...] = ()
    legacy: tuple[Habit, ...] = ()
    turns: tuple[Turn, ...] = ()
    blocked: tuple[Block, ...] = ()
    short_by: int = 0

    @property
    def well(self) -> bool:
        """Nothing stands in the way of the next rotations."""
        return self.trouble is None and not self.blocked


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found. `account` is None where the API does not tell."""

    account: AccountInfo | None
    findings: tuple[Finding, ...]


async def inspect(account: Account, servers: Sequence[Server]) -> Inspection:
    """Look at the account and at every server. Raises ApiError where the account cannot be looked at."""
    holder = None
    with suppress(*NOT_THERE):
        holder = await account.api.account()
    sights = await account.office.inventory.survey(servers)
    listed: tuple[ServerInfo, ...] = ()
    with suppress(ApiError):
        listed = await account.api.list_servers()
    older = _older(servers, sights)
    found = (_finding(account, server, sights[server.key], listed, older) for server in servers)
    return Inspection(holder, tuple(found))


def _older(servers: Sequence[Server], sights: Mapping[str, Sight]) -> tuple[Habit, ...]:
    """What looks like an older script's, anywhere: a policy's `adopt` holds on all of its servers."""
    foreign: list[str] = []
    others: list[str] = []
    for server in servers:
        for s in sights[server.key].snapshots:
            free = naming.kind(server, s.name, s.created_at) is Kind.FOREIGN
            open_ = (
                free
                and not naming.is_protected(server, s.name)
                and not s.name.startswith(naming.RESERVED_PREFIX)
            )
            (foreign if open_ else others).append(s.name)
    return habits(foreign, others)


def _finding(
    account: Account, server: Server, sight: Sight, listed: Sequence[ServerInfo], older: Sequence[Habit]
) -> Finding:
    id_ = account.office.inventory.id_of(server)
    if sight.unsure is not None:
        return Finding(server, id_, trouble=f"its list cannot be trusted: {sight.unsure}")
    if not sight.snapshots and is_missing(server, listed):
        return Finding(server, id_, trouble="the account has no server of this id")
    kinds = [(naming.kind(server, s.name, s.created_at), s) for s in sight.snapshots]
    foreign = sum(kind is not Kind.MANAGED for kind, _ in kinds)
    names = {s.name for _, s in kinds}
    turns, blocked = _outlook(account, server, sight, foreign)
    if any(str(info.id) == server.key and info.status == RESTORING for info in listed):
        reason = "the server is being restored: its rotations wait until that is over"
        turns, blocked = (), tuple(Block(policy.name, reason) for policy in server.enabled)
    return Finding(
        server,
        id_,
        used=len(kinds),
        managed=len(kinds) - foreign,
        foreign=foreign,
        orphans=tuple(snapshot for kind, snapshot in kinds if kind is Kind.ORPHAN),
        legacy=tuple(habit for habit in older if names.intersection(habit.names)),
        turns=turns,
        blocked=blocked,
        short_by=max(0, foreign + sum(map(_places, server.enabled)) - server.cap),
    )


def _outlook(
    account: Account, server: Server, sight: Sight, foreign: int
) -> tuple[tuple[Turn, ...], tuple[Block, ...]]:
    """What comes next for each enabled policy, and what stands in its way, now or later."""
    turns, blocked = [], []
    for policy in server.enabled:
        view = view_of(Pair(server, policy), sight, account.office.clock.now())
        planned = plan(view, Progress(view.now.replace(microsecond=0)))
        reason = _blocked_now(planned) or _will_block(server, policy, foreign)
        if planned.mode is not None and planned.outcome is Outcome.ROTATED:
            turns.append(_turn(policy, planned.mode, planned))
        if reason is not None:
            blocked.append(Block(policy.name, reason))
    return tuple(turns), tuple(blocked)


def _turn(policy: Policy, mode: Mode, planned: Plan) -> Turn:
    awaited = planned.awaited.name if planned.awaited is not None else None
    return Turn(policy.name, mode, tuple(s.name for s in planned.now), awaited)


def _blocked_now(planned: Plan) -> str | None:
    """Why a rotation of this very second would get no snapshot."""
    return planned.problem.message if planned.problem is not None else None


def _will_block(server: Server, policy: Policy, foreign: int) -> str | None:
    """Why it will get none once all the others hold what they keep: the fit, with the foreign ones counted.

    A full server is no obstacle to a policy that may delete one of its own: it has one more than its floor.
    """
    others = sum(_places(other) for other in server.enabled if other is not policy)
    left = server.cap - foreign - others
    if left > policy.min_ready:
        return None
    return (
        f"of {server.cap} places foreign snapshots take {foreign} and the other policies {others}:"
        f" {left} left, but it needs {policy.min_ready + 1} to make room above min_ready: {policy.min_ready}"
    )


def _places(policy: Policy) -> int:
    """What a policy surely takes; without a bound, at least its floor."""
    needed = places_needed(policy)
    return policy.min_ready if needed == UNLIMITED else int(needed)
