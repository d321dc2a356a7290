"""`rotator run --once`: every selected pair now, with progress for people and a result for everybody."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from rotator.bell import Bell, check_files
from rotator.cli import exits, output, progress, rollcall, rotations
from rotator.cli.complaints import Ended
from rotator.cli.invocation import Invocation
from rotator.cli.selection import select_pairs
from rotator.cli.signals import Interrupted, run_to_end
from rotator.cli.wiring import Account, writing
from rotator.errors import ApiError
from rotator.models import Pair, Snapshot
from rotator.office import Spectator
from rotator.once import failed, rotate_due, rotate_now
from rotator.pings import CLOSE_SECONDS, THREE_TRIES
from rotator.redact import printable
from rotator.report import Report, document
from rotator.settings import Settings

log = structlog.stdlib.get_logger()

LEFT_BEHIND = (
    "interrupted; snapshots that are being made stay, and the daemon or `run --once --due` takes up those of"
    " scheduled slots"
)
"""What becomes of rotations that were interrupted."""

AWAITED_SHOWN = 10
"""Snapshots that an interrupted run names: the log has all."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be rotated, and how to tell it."""

    servers: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    due: bool = False
    as_json: bool = False


def run(asked: Invocation, request: Request) -> int:
    """Rotate, tell, and return the exit code. Raises ConfigError, UsageError, LockUnusable, Interrupted."""
    written = asked.settings()
    check_files(written)
    asked.log_for(written)
    called = rollcall.call(asked, written, request.servers)
    if called.error is not None and not written.servers:
        raise Ended(called.error, called.exit_code)
    settings = called.settings
    pairs = select_pairs(settings, request.servers, request.policies)
    live = progress.wanted(as_json=request.as_json, quiet=asked.quiet)
    asked.log_for(settings, level="warning" if live else None)
    seen = Seen()
    try:
        with progress.shown(len(pairs), live=live) as screen:
            if live:
                asked.log_for(settings, level="warning", stream=sys.stderr)  # which now goes above the screen
            reports, answered = run_to_end(
                rotate(asked, settings, pairs, due=request.due, spectator=Results(screen, seen))
            )
    except Interrupted as interrupted:
        interrupted.hint = LEFT_BEHIND
        interrupted.done = document(seen.ended, dry_run=False)
        if not request.as_json:
            _tell_cut_short(asked, pairs, seen)
        raise
    if called.error is not None:
        message = f"the servers of match entries could not be looked up: {called.error.message}"
        log.error("api.failed", code=called.error.code, detail=message)
    rotations.tell(
        reports,
        asked.clock.now(),
        dry_run=False,
        as_json=request.as_json,
        quiet=asked.quiet,
        error=called.error,
    )
    return exits.worst((called.exit_code, exits.of_reports(reports, answered=answered)))


def _tell_cut_short(asked: Invocation, pairs: Sequence[Pair], seen: Seen) -> None:
    """What was done before the signal came, of how many nothing is told, and what they were waiting for."""
    if seen.ended:
        rotations.tell(seen.ended, asked.clock.now(), dry_run=False, as_json=False, quiet=asked.quiet)
    left = {pair.key for pair in pairs}.difference(report.pair.key for report in seen.ended)
    output.tell(f"rotator: {output.counted(len(left), 'rotation')} had not ended")
    awaited = [f"{pair.server.label}: {made.name} (id {made.key})" for pair, made in seen.awaited.values()]
    output.tell(*(f"rotator: being made on {printable(text)}" for text in awaited[:AWAITED_SHOWN]))
    if len(awaited) > AWAITED_SHOWN:
        output.tell(f"rotator: and {len(awaited) - AWAITED_SHOWN} more")


@dataclass(frozen=True, slots=True)
class Seen:
    """What ended, and by pair what is being waited for."""

    ended: list[Report] = field(default_factory=list)
    awaited: dict[tuple[str, str], tuple[Pair, Snapshot]] = field(default_factory=dict)


class Results:
    """A `Spectator` that writes down what it sees, and hands it on to `other`."""

    def __init__(self, other: Spectator, seen: Seen) -> None:
        self._other = other
        self._seen = seen

    def started(self, pair: Pair) -> None:
        """Hand it on."""
        self._other.started(pair)

    def waiting(self, pair: Pair, snapshot: Snapshot, seconds: float) -> None:
        """Keep it, and hand it on."""
        self._seen.awaited[pair.key] = (pair, snapshot)
        self._other.waiting(pair, snapshot, seconds)

    def finished(self, report: Report) -> None:
        """Keep it, and hand it on."""
        self._seen.awaited.pop(report.pair.key, None)
        self._seen.ended.append(report)
        self._other.finished(report)


async def rotate(
    asked: Invocation,
    settings: Settings,
    pairs: Sequence[Pair],
    *,
    due: bool = False,
    spectator: Spectator | None = None,
) -> tuple[list[Report], bool]:
    """The reports, and whether the API ever answered. Raises LockUnusable and ConfigError."""
    slot = asked.clock.now().replace(microsecond=0)
    api = settings.api
    log.info(
        "config.loaded",
        path=settings.path,
        base_url=api.base_url,
        base_url_from=api.base_url_source,
        warnings=[f"{w.line}:{w.column}: {w.path}: {w.message}" for w in settings.warnings],
    )
    bell = Bell(settings, asked.clock, spectator, once=True)
    patience = CLOSE_SECONDS
    try:
        async with writing(asked, settings, bell) as account:
            reports = await _all(account, pairs, slot, due=due)
        for report in reports:
            if report.pair.key not in bell.begun:
                bell.ended(report)
        patience = THREE_TRIES
        return reports, account.answered
    finally:
        await bell.aclose(patience=patience)


async def _all(account: Account, pairs: Sequence[Pair], slot: datetime, *, due: bool) -> list[Report]:
    if not due:
        return await rotate_now(account.office, pairs, slot)
    try:
        return await rotate_due(account.office, pairs)
    except ApiError as error:
        return failed(pairs, slot, error)
