"""Wait for one snapshot to leave its state, from the shared rounds of the inventory, without any lock."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog

from rotator.models import Pair, Snapshot, State
from rotator.office import Office

log = structlog.stdlib.get_logger()

PAST = timedelta(seconds=1)
"""A snapshot is stuck when it is older than `wait.timeout`, so a look at exactly that age is too early."""

OPEN = frozenset({State.IN_PROGRESS, State.UNKNOWN})
"""States that something may still come of."""

SAY_EVERY = 60.0
"""Seconds between two progress lines of one wait: 3 to 10 lines for a usual create."""


async def wait_for(office: Office, pair: Pair, awaited: Snapshot, *, fresh: bool) -> bool:
    """Wait until the snapshot is ready, failed or gone; False if it is stuck, or the wait took too long.

    It is over, too, where a state that may still change becomes another such one. What an unknown state is
    worth is for the next plan to judge: another's holds nobody up any more.

    `fresh`: it was asked for just now, so the first look may take its time (`wait.first`). Raises ApiError
    only where the failure is not a passing one.
    """
    clock, wait = office.clock, pair.policy.wait
    began = said = clock.monotonic()
    deadline = began + _longest(pair, awaited, clock.now()).total_seconds()
    due = began + (wait.first.total_seconds() if fresh else 0.0)
    office.spectator.waiting(pair, awaited, 0.0)
    while (left := deadline - clock.monotonic()) > 0:
        try:
            async with asyncio.timeout(left):  # wait_for would swallow a cancel that meets the answer
                sight = await office.inventory.watch(pair.server, min(due, deadline))
        except TimeoutError:
            break
        shown = next((s for s in sight.snapshots if s.key == awaited.key), None)
        if sight.unsure is None and not (shown and shown.state in OPEN and shown.state is awaited.state):
            _tell(shown or awaited)
            return True
        now = clock.monotonic()
        office.spectator.waiting(pair, awaited, now - began)
        if now - said >= SAY_EVERY:
            said = now
            log.info(
                "snapshot.progress",
                snapshot=awaited.name,
                snapshot_id=awaited.id,
                seconds=round(now - began, 1),
            )
        due = now + wait.interval.total_seconds()
    log.error("snapshot.stuck", snapshot=awaited.name, snapshot_id=awaited.id, timeout=str(wait.timeout))
    return False


def _longest(pair: Pair, awaited: Snapshot, now: datetime) -> timedelta:
    """Until it is stuck by its created_at, but never longer than `wait.timeout` from here."""
    timeout = pair.policy.wait.timeout
    until_stuck = awaited.created_at + timeout - now + PAST
    return max(PAST, min(timeout, until_stuck))


def _tell(snapshot: Snapshot) -> None:
    """An unknown state is told by whoever looks next; a snapshot that is gone by the next plan."""
    facts = {"snapshot": snapshot.name, "snapshot_id": snapshot.id, "status": snapshot.status}
    if snapshot.state is State.READY:
        log.info("snapshot.ready", size_mb=snapshot.size_mb, **facts)
    elif snapshot.state is State.FAILED:
        log.error("snapshot.failed", **facts)
