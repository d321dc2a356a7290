"""What came of a rotation, or would: the value behind the canonical log line, the tables and the JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime

from rotator import naming
from rotator.census import Buckets
from rotator.errors import RotatorError
from rotator.models import Id, Mode, Outcome, Pair, Problem, Verdict
from rotator.plan import Plan

BROKEN = frozenset({Outcome.FAILED, Outcome.CAP_REACHED})


@dataclass(frozen=True, slots=True)
class Created:
    """The snapshot that a rotation made; in a plan its id is not known yet."""

    id: Id | None
    name: str


@dataclass(frozen=True, slots=True)
class Report:
    """One rotation's result. `seconds` of wall time, `api_calls` requests sent for it alone.

    `buckets` partition the server's list as it was when the rotation was first planned.
    """

    pair: Pair
    slot: datetime
    outcome: Outcome
    buckets: Buckets = field(default_factory=Buckets)
    mode: Mode | None = None
    created: Created | None = None
    cap: int = 0
    free_before: int = 0
    free_after: int = 0
    problem: Problem | None = None
    retry_at: datetime | None = None
    api_calls: int = 0
    seconds: float = 0.0
    server_id: Id | None = None

    @property
    def ok(self) -> bool:
        """Nothing failed and nothing is blocked; `busy` counts as not done."""
        return self.problem is None and self.outcome not in BROKEN and self.outcome is not Outcome.BUSY


def problem_of(error: RotatorError) -> Problem:
    """An error as a report tells it."""
    return Problem(error.code, error.message, passing=error.passing, retry_after=error.retry_after)


def planned(pair: Pair, slot: datetime, plan: Plan) -> Report:
    """The report that a rotation would end with: the dry run."""
    makes_one = plan.outcome is Outcome.ROTATED
    return Report(
        pair=pair,
        slot=slot,
        outcome=plan.outcome,
        buckets=plan.buckets,
        mode=plan.mode,
        created=Created(None, naming.snapshot_name(pair.server, pair.policy, slot)) if makes_one else None,
        cap=pair.server.cap,
        free_before=plan.free_before,
        free_after=plan.free_after,
        problem=plan.problem,
    )


def as_json(report: Report) -> dict[str, object]:
    """The contract's rotation object."""
    created, problem = report.created, report.problem
    return {
        "server_id": report.pair.server.id if report.server_id is None else report.server_id,
        "server": report.pair.server.label,
        "policy": report.pair.policy.name,
        "slot": naming.slot_text(report.slot),
        "outcome": report.outcome.value,
        "mode": report.mode.value if report.mode else None,
        "created": {"id": created.id, "name": created.name} if created else None,
        **{name: [snapshot_json(v) for v in getattr(report.buckets, name)] for name in BUCKET_ORDER},
        "cap": report.cap,
        "free_before": report.free_before,
        "free_after": report.free_after,
        "error": {"code": problem.code, "message": problem.message} if problem else None,
        "retry_at": timestamp(report.retry_at) if report.retry_at else None,
        "api_calls": report.api_calls,
        "seconds": round(report.seconds, 3),
    }


BUCKET_ORDER = (
    "deleted",
    "kept",
    "deferred",
    "other",
    "foreign",
    "failed",
    "in_progress",
    "unknown",
    "quarantined",
)
"""The lists in the order of the contract's JSON."""
assert set(BUCKET_ORDER) == {entry.name for entry in fields(Buckets)}  # noqa: S101  # two lists, one truth


def snapshot_json(verdict: Verdict) -> dict[str, object]:
    """The contract's S: id, name, state, created_at and reasons."""
    snapshot = verdict.snapshot
    return {
        "id": snapshot.id,
        "name": snapshot.name,
        "state": snapshot.state.value,
        "created_at": timestamp(snapshot.created_at),
        "reasons": list(verdict.reasons),
    }


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with Z; fractions only where there are any."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def document(reports: Iterable[Report], *, dry_run: bool) -> dict[str, object]:
    """The JSON document of `run --once` and `plan`."""
    listed = list(reports)
    return {
        "version": 1,
        "ok": all(report.ok for report in listed),
        "dry_run": dry_run,
        "rotations": [as_json(report) for report in listed],
    }
