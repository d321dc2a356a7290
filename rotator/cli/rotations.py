"""Reports for people: what was, or would be, done with each snapshot of each pair, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby

import click

from rotator import naming
from rotator.cli import complaints, output, verdicts
from rotator.errors import RotatorError
from rotator.models import Outcome, Problem
from rotator.redact import printable
from rotator.report import BUCKET_ORDER, Report, document

COLOURS: Mapping[Outcome, str] = {
    Outcome.ROTATED: "green",
    Outcome.PRUNED: "green",
    Outcome.UNCHANGED: "green",
    Outcome.CAP_REACHED: "red",
    Outcome.FAILED: "red",
    Outcome.BUSY: "yellow",
}

WOULD: Mapping[Outcome, str] = {
    Outcome.ROTATED: "would be rotated",
    Outcome.PRUNED: "would be pruned",
    Outcome.UNCHANGED: "would stay unchanged",
}
"""What a plan calls an outcome; the others are what it `would end` with."""

NAMED = 3
"""How many of many rotations that ended alike are named."""


def tell(
    reports: Sequence[Report],
    now: datetime,
    *,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    error: RotatorError | None = None,
) -> None:
    """Write the result of a run or a plan to stdout; `quiet` leaves what is not well.

    `error`: what kept further servers out of the reports.
    """
    if as_json:
        failed = {"ok": False, "errors": [{"code": error.code, "message": error.message}]} if error else {}
        output.say_json({**document(reports, dry_run=dry_run), **failed})
    elif quiet:
        unwell = [report for report in reports if not report.ok]
        output.say(*(line for part in _sections(unwell, now, dry_run=dry_run) for line in part))
    else:
        output.say(*lines(reports, now, dry_run=dry_run))
    if not as_json:
        complaints.advise({report.problem.code for report in reports if report.problem is not None})


def lines(reports: Sequence[Report], now: datetime, *, dry_run: bool) -> Iterator[str]:
    """A section for each rotation, and a summary."""
    for part in _sections(reports, now, dry_run=dry_run):
        yield from part
        yield ""
    yield summary(reports, dry_run=dry_run)


def _sections(reports: Sequence[Report], now: datetime, *, dry_run: bool) -> Iterator[Iterator[str]]:
    """One for each rotation; those that follow each other and met the same before any list are one."""
    for _, alike in groupby(reports, _met):
        together = list(alike)
        if len(together) > 1:
            yield _same(together, dry_run=dry_run)
        else:
            yield section(together[0], now, dry_run=dry_run)


def _met(report: Report) -> object:
    """What a rotation met before it saw anything of its server; else the rotation itself."""
    return id(report) if _seen(report) or report.problem is None else (report.outcome, report.problem)


def _same(reports: Sequence[Report], *, dry_run: bool) -> Iterator[str]:
    """Many rotations that ended alike."""
    first = reports[0]
    outcome = _outcome(first.outcome, dry_run=dry_run)
    named = [f"{printable(r.pair.server.label)} {r.pair.policy.name}" for r in reports[:NAMED]]
    more = f" and {len(reports) - NAMED} more" if len(reports) > NAMED else ""
    yield f"{len(reports)} rotations  {outcome}: {', '.join(named)}{more}"
    if first.problem is not None:
        yield _problem(first.problem)


def section(report: Report, now: datetime, *, dry_run: bool) -> Iterator[str]:
    """One rotation: how it ended, and each snapshot with its verdict."""
    pair, problem = report.pair, report.problem
    outcome = _outcome(report.outcome, dry_run=dry_run)
    label = click.style(printable(pair.server.label), bold=True)
    slot = naming.slot_text(report.slot)
    yield f"{label}  {pair.policy.name}  {slot}  {outcome}{_how(report)}"
    yield from _places(report)
    if problem is not None:
        yield _problem(problem)
    yield from verdicts.table(report, now, dry_run=dry_run)


def _outcome(outcome: Outcome, *, dry_run: bool) -> str:
    """How it ended, or would end: nobody is to take a plan for what was done."""
    text = WOULD.get(outcome, f"would end {outcome.value}") if dry_run else outcome.value
    return click.style(text, fg=COLOURS[outcome], bold=True)


def _how(report: Report) -> str:
    """Which way it went; `pruned` is also said where there was nothing to prune."""
    if report.outcome is Outcome.PRUNED:
        return " (the slot's snapshot was there already)"
    return f" ({report.mode.value.replace('_', ' ')})" if report.mode else ""


def _places(report: Report) -> Iterator[str]:
    """The free places, unless the server's list was never seen."""
    if _seen(report):
        yield f"  free places {report.free_before} -> {report.free_after} of {report.cap}"


def _seen(report: Report) -> bool:
    return report.mode is not None or any(getattr(report.buckets, name) for name in BUCKET_ORDER)


def _problem(problem: Problem) -> str:
    return f"  {click.style(problem.code, fg='red')}: {printable(problem.message)}"


def summary(reports: Sequence[Report], *, dry_run: bool) -> str:
    """How many ended how."""
    if not reports:
        return "Nothing to rotate: no server has an enabled policy."
    counts = Counter(report.outcome for report in reports)
    listed = ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome])
    return f"That would be: {listed}. Nothing was changed." if dry_run else f"{listed}."
