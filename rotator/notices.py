"""What a rotation says in the log beyond its own acts: oddities it saw, what it held back, how it ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import structlog

from rotator import naming
from rotator.census import Item, View, take_census
from rotator.models import Kind, Outcome
from rotator.office import Office
from rotator.plan import Plan
from rotator.report import Report

log = structlog.stdlib.get_logger()

ODDITIES: tuple[tuple[str, Callable[[View, Item], bool]], ...] = (
    ("snapshot.unknown_state", lambda _, item: item.unknown),
    ("snapshot.quarantined", lambda _, item: item.future),
    ("snapshot.stuck", lambda _, item: item.own and item.stuck),
    ("snapshot.adopted", lambda _, item: item.own and item.adopted),
    (
        "snapshot.orphaned",
        lambda view, item: (
            naming.kind(view.pair.server, item.snapshot.name, item.snapshot.created_at) is Kind.ORPHAN
        ),
    ),
)
"""What is worth a line, once for each snapshot as long as it stands."""

QUIET = frozenset({"snapshot.adopted"})


def oddities(office: Office, view: View) -> None:
    """Report what stands on the server and is not as it should be."""
    if view.skewed:
        log.warning("clock.skewed", seconds=view.skew.total_seconds())
    items, server = take_census(view).items, view.pair.server.key
    if view.unsure is None:
        office.reported.keep(server, {item.key for item in items})
    for item in items:
        for event, applies in ODDITIES:
            if applies(view, item) and office.reported.first_time(server, event, item.key):
                _say(event, item)


def strays(office: Office, names: Collection[str]) -> None:
    """Report rows that name no server, once each: they belong to nobody, and nobody deletes them.

    A list of one server shows none of them, so only one that shows some says which are left.
    """
    if names:
        office.reported.keep(None, names)
    for name in names:
        if office.reported.first_time(None, "api.list_unsure", name):
            log.warning(
                "api.list_unsure", snapshot=name, detail="a row without a server: it belongs to no one"
            )


def missing(office: Office, views: Iterable[View]) -> None:
    """Report servers that the account does not have, once each: a slip in an id, or one that was deleted."""
    for view in views:
        server = view.pair.server
        if view.missing and office.reported.first_time(server.key, "api.failed", "missing"):
            detail = "the account has no server with this id: its rotations will fail"
            log.warning(
                "api.failed", code="not_found", detail=detail, server_id=server.id, server=server.label
            )


def _say(event: str, item: Item) -> None:
    snapshot = item.snapshot
    facts: dict[str, object] = {
        "snapshot": snapshot.name,
        "snapshot_id": snapshot.id,
        "status": snapshot.status,
        "created_at": snapshot.created_at.isoformat(),
    }
    if event == "snapshot.orphaned":
        facts["adopt"] = naming.adopt_line(snapshot.name)
    (log.info if event in QUIET else log.warning)(event, **facts)


def held_back(planned: Plan) -> None:
    """Report why something that no rule keeps still stands."""
    if planned.suspicious is not None:
        log.warning("snapshot.suspicious", detail=planned.suspicious)
    for verdict in planned.buckets.deferred:
        snapshot = verdict.snapshot
        log.warning(
            "snapshot.delete_deferred",
            snapshot=snapshot.name,
            snapshot_id=snapshot.id,
            reasons=list(verdict.reasons),
        )


def canonical(report: Report) -> dict[str, object]:
    """The fields of the line that says how a rotation ended, beside whose it is."""
    buckets = report.buckets
    return {
        "outcome": report.outcome.value,
        "mode": report.mode.value if report.mode else None,
        "created": report.created.name if report.created else None,
        "deleted": [v.snapshot.name for v in buckets.deleted],
        "kept": [v.snapshot.name for v in buckets.kept],
        "free_before": report.free_before,
        "free_after": report.free_after,
        "api_calls": report.api_calls,
        "seconds": round(report.seconds, 3),
        **_facts(report),
    }


def finished(report: Report) -> None:
    """The canonical line, and for a bad end the one that alerts look for."""
    problem, facts = report.problem, _facts(report)
    log.info("rotation.finished", **canonical(report))
    if report.outcome is Outcome.BUSY:
        log.warning("rotation.busy", **facts)
    elif problem is not None:
        log.error("rotation.failed", outcome=report.outcome.value, **facts)


def _facts(report: Report) -> dict[str, object]:
    problem = report.problem
    return {"error": problem.code, "detail": problem.message} if problem else {}
