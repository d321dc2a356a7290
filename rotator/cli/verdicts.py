"""The table under a rotation: each snapshot, what becomes of it, and why, in codes and in words.

What the rotation is about comes first, newest first: what is created, kept, deleted. What it only has to work
around, other policies' snapshots and foreign ones, stands below. A second reason gets a line of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import click

from rotator import wording
from rotator.cli import output
from rotator.cli.age import age
from rotator.models import Outcome, Verdict
from rotator.redact import printable
from rotator.report import BUCKET_ORDER, Report

DONE: Mapping[str, str] = {"deleted": "deleted", "kept": "kept", "in_progress": "in progress"}
"""What a list of the report is called in a result; the others go by their names."""

PLANNED: Mapping[str, str] = {**DONE, "deleted": "delete", "kept": "keep", "deferred": "defer"}
"""And in a plan."""

COLOURS: Mapping[str, str] = {
    "created": "green",
    "kept": "green",
    "deleted": "red",
    "failed": "red",
    "deferred": "yellow",
    "unknown": "yellow",
    "quarantined": "yellow",
    "in_progress": "blue",
    "other": "bright_black",
    "foreign": "bright_black",
}

BYSTANDERS = ("other", "foreign")
"""What a rotation never deletes and does not count: it only takes places."""

UNSAID: Mapping[str, str] = {
    "other": "another policy's",
    "foreign": "not made by rotator: stays",
    "failed": "no restore point",
    "in_progress": "was being made when the list was read",
    "unknown": "a state that nobody documented: stays",
}
"""What is said where there is no reason."""

HEAD = ("VERDICT", "SNAPSHOT", "AGE", "STATE", "WHY")

_BLANK = " "


def table(report: Report, now: datetime, *, dry_run: bool) -> list[str]:
    """The lines of the table; none where there is nothing to show."""
    rows = [row for group in _groups(report, now, dry_run=dry_run) for row in group]
    return output.columns([HEAD, *rows], indent="  ") if rows else []


def _groups(report: Report, now: datetime, *, dry_run: bool) -> Iterator[Iterator[Sequence[str]]]:
    if report.created is not None:
        yield iter([_created(report, dry_run=dry_run)])
    words = PLANNED if dry_run else DONE
    for bucket, verdict in _ordered(report):
        said = [f"{code}: {wording.in_words(code, report.pair.policy)}" for code in verdict.reasons]
        word = click.style(words.get(bucket, bucket), fg=COLOURS[bucket])
        yield _lines(verdict, now, word, said or [UNSAID.get(bucket, "")])


def _created(report: Report, *, dry_run: bool) -> Sequence[str]:
    name = report.created.name if report.created is not None else ""
    state = _BLANK if dry_run else "ready" if report.outcome is Outcome.ROTATED else "not ready"
    word = click.style("create" if dry_run else "created", fg=COLOURS["created"])
    return word, name, "new", state, "this slot's snapshot"


def _lines(verdict: Verdict, now: datetime, word: str, said: Sequence[str]) -> Iterator[Sequence[str]]:
    snapshot = verdict.snapshot
    state = snapshot.state.value.replace("_", " ")
    yield word, printable(snapshot.name), age(snapshot.created_at, now), state, said[0]
    yield from ((_BLANK, _BLANK, _BLANK, _BLANK, more) for more in said[1:])


def _ordered(report: Report) -> list[tuple[str, Verdict]]:
    """Every snapshot with the list that it stands in: its own policy's first, newest first."""
    listed = [(name, verdict) for name in BUCKET_ORDER for verdict in getattr(report.buckets, name)]
    newest_first = sorted(listed, key=lambda entry: entry[1].snapshot.created_at, reverse=True)
    return sorted(newest_first, key=lambda entry: entry[0] in BYSTANDERS)
