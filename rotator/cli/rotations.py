"""Reports for people: what was, or would be, done with each snapshot of each pair, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import click

from rotator import naming
from rotator.cli import output
from rotator.models import Outcome, Verdict
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

DONE: Mapping[str, str] = {"deleted": "deleted", "kept": "kept", "in_progress": "in progress"}
"""What a list of the report is called in a result; the others go by their names."""

PLANNED: Mapping[str, str] = {**DONE, "deleted": "delete", "kept": "keep", "deferred": "defer"}
"""And in a plan."""

VERDICT_COLOURS: Mapping[str, str] = {"deleted": "red", "created": "green"}

HEAD = ("SNAPSHOT", "AGE", "STATE", "VERDICT", "REASONS")


def tell(reports: Sequence[Report], now: datetime, *, dry_run: bool, as_json: bool, quiet: bool) -> None:
    """Write the result of a run or a plan to stdout; `quiet` leaves what is not well."""
    if as_json:
        output.say_json(document(reports, dry_run=dry_run))
    elif quiet:
        output.say(
            *(line for report in reports if not report.ok for line in section(report, now, dry_run=dry_run))
        )
    else:
        output.say(*lines(reports, now, dry_run=dry_run))


def lines(reports: Sequence[Report], now: datetime, *, dry_run: bool) -> Iterator[str]:
    """A section for each rotation, and a summary."""
    for report in reports:
        yield from section(report, now, dry_run=dry_run)
        yield ""
    yield summary(reports, dry_run=dry_run)


def section(report: Report, now: datetime, *, dry_run: bool) -> Iterator[str]:
    """One rotation: how it ended, and each snapshot with its verdict."""
    pair, problem = report.pair, report.problem
    outcome = click.style(report.outcome.value, fg=COLOURS[report.outcome], bold=True)
    label = click.style(printable(pair.server.label), bold=True)
    slot = naming.slot_text(report.slot)
    yield f"{label}  {pair.policy.name}  {slot}  {outcome}{_how(report)}{_places(report)}"
    if problem is not None:
        yield f"  {click.style(problem.code, fg='red')}: {printable(problem.message)}"
    rows = list(_rows(report, now, dry_run=dry_run))
    if rows:
        yield from output.columns([HEAD, *rows], indent="  ")


def _how(report: Report) -> str:
    """Which way it went; `pruned` is also said where there was nothing to prune."""
    if report.outcome is Outcome.PRUNED:
        return " (the slot's snapshot was there already)"
    return f" ({report.mode.value.replace('_', ' ')})" if report.mode else ""


def _places(report: Report) -> str:
    """The free places, unless the server's list was never seen."""
    seen = report.mode is not None or any(getattr(report.buckets, name) for name in BUCKET_ORDER)
    return f", free places {report.free_before} -> {report.free_after} of {report.cap}" if seen else ""


def summary(reports: Sequence[Report], *, dry_run: bool) -> str:
    """How many ended how."""
    if not reports:
        return "Nothing to rotate: no policy is enabled."
    counts = Counter(report.outcome for report in reports)
    listed = ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome])
    return f"That would be: {listed}. Nothing was changed." if dry_run else f"{listed}."


def age(of: datetime, now: datetime) -> str:
    """How old something is, in its largest unit: `3d`, `5h`, `12m`, `40s`; a future one is `in 2h`."""
    seconds = (now - of) // timedelta(seconds=1)
    units = (("d", 86400), ("h", 3600), ("m", 60))
    unit, size = next(((u, s) for u, s in units if abs(seconds) >= s), ("s", 1))
    return f"in {-seconds // size}{unit}" if seconds < 0 else f"{seconds // size}{unit}"


def _rows(report: Report, now: datetime, *, dry_run: bool) -> Iterator[Sequence[str]]:
    words = PLANNED if dry_run else DONE
    if report.created is not None:
        state = "" if dry_run else "ready" if report.outcome is Outcome.ROTATED else "not ready"
        word = "create" if dry_run else "created"
        yield (report.created.name, "new", state, click.style(word, fg=VERDICT_COLOURS["created"]), "")
    for bucket, verdict in _verdicts(report):
        snapshot = verdict.snapshot
        yield (
            printable(snapshot.name),
            age(snapshot.created_at, now),
            snapshot.state.value.replace("_", " "),
            click.style(words.get(bucket, bucket), fg=VERDICT_COLOURS.get(bucket)),
            ", ".join(verdict.reasons),
        )


def _verdicts(report: Report) -> Iterable[tuple[str, Verdict]]:
    """Every snapshot with the list that it stands in, newest first."""
    listed = [(name, verdict) for name in BUCKET_ORDER for verdict in getattr(report.buckets, name)]
    return sorted(listed, key=lambda entry: entry[1].snapshot.created_at, reverse=True)
