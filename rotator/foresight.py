"""What a server will show once a plan was performed: the ground on which the next pair's plan stands.

A server's policies rotate one after the other, so the second finds what the first has left. A dry run that
planned each of them from the same list would promise the same free place twice.
"""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime

from rotator import naming
from rotator.census import Buckets, View
from rotator.models import Outcome, Snapshot, State
from rotator.plan import Plan

FORESEEN = "foreseen"
"""The status of a snapshot that does not exist yet; no word of the provider's means READY but `completed`."""


def after(view: View, plan: Plan, slot: datetime) -> View:
    """The view as it will be: what goes is gone, and what is created is ready."""
    gone = {verdict.snapshot.key for verdict in plan.buckets.deleted}
    left = tuple(s for s in view.snapshots if s.key not in gone)
    made = (_made(view, slot),) if plan.outcome is Outcome.ROTATED else ()
    return replace(view, snapshots=left + made)


def only_real(plan: Plan) -> Plan:
    """The plan without what is only foreseen: its lists hold what the provider has shown."""
    lists = {
        field.name: tuple(v for v in getattr(plan.buckets, field.name) if v.snapshot.status != FORESEEN)
        for field in fields(Buckets)
    }
    return replace(plan, buckets=Buckets(**lists))


def _made(view: View, slot: datetime) -> Snapshot:
    server, policy = view.pair.server, view.pair.policy
    name = naming.snapshot_name(server, policy, slot)
    return Snapshot(
        id=name, server_id=server.id, name=name, status=FORESEEN, state=State.READY, created_at=view.now
    )
