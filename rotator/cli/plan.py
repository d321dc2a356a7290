"""`rotator plan` and `run --once --dry-run`: the same plan that a rotation would follow, printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import IO

import click

from rotator.census import View
from rotator.cli import exits, rollcall, rotations, saved
from rotator.cli.invocation import Invocation, invocation, json_option, shared_options
from rotator.cli.moments import at_option
from rotator.cli.selection import policy_option, select_pairs, server_option
from rotator.cli.signals import run_to_end
from rotator.cli.wiring import looking
from rotator.errors import ApiError, ServerRestoring
from rotator.models import Outcome, Pair, Problem
from rotator.once import failed, look_at, plan_all, plan_due
from rotator.report import Report
from rotator.settings import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be planned, and how to tell it. `at` None: now; `snapshots` None: ask the API."""

    servers: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    due: bool = False
    as_json: bool = False
    at: datetime | None = None
    snapshots: IO[bytes] | None = None


@click.command("plan")
@click.option("--due", is_flag=True, help="Only what is due, under its slot's name.")
@saved.saved_option("Plan from a saved list, the API's own JSON (- is stdin): no network, no token.")
@at_option("Plan as if it were that time; it is the slot too.")
@server_option
@policy_option
@json_option
@shared_options
def command(
    *,
    due: bool,
    snapshots: IO[bytes] | None,
    at: datetime | None,
    servers: tuple[str, ...],
    policies: tuple[str, ...],
    as_json: bool,
) -> int:
    """Show what a rotation would create, keep and delete, each with its reasons, and change nothing."""
    return show(invocation(), Request(servers, policies, due, as_json, at, snapshots))


def show(asked: Invocation, request: Request) -> int:
    """Plan, tell, and return the exit code. Raises ConfigError, UsageError and Interrupted."""
    written = asked.settings()
    asked.log_for(written)
    offline = request.snapshots is not None
    settings = rollcall.apart(written) if offline else rollcall.everybody(asked, written, request.servers)
    pairs = select_pairs(settings, request.servers, request.policies)
    now = request.at or asked.clock.now()
    if request.snapshots is not None:
        reports, answered = _planned(saved.views(request.snapshots, settings, pairs, now), now, request), True
    else:
        reports, answered = run_to_end(ask(asked, settings, pairs, now, request))
    rotations.tell(reports, now, dry_run=True, as_json=request.as_json, quiet=asked.quiet)
    return exits.of_reports(reports, answered=answered)


async def ask(
    asked: Invocation, settings: Settings, pairs: Sequence[Pair], now: datetime, request: Request
) -> tuple[list[Report], bool]:
    """The reports, and whether the API ever answered."""
    async with looking(asked, settings) as account:
        try:
            views = await look_at(account.office, pairs, to_show=True)
        except ApiError as error:
            return failed(pairs, now.replace(microsecond=0), error), account.answered
        states = account.office.states
        restored = {pair.server.key for pair in pairs if await states.is_restoring(pair.server)}
        if request.at is not None:
            views = [replace(view, now=request.at) for view in views]
        planned = _planned(views, now, request)
        return [_busy(r) if r.pair.server.key in restored else r for r in planned], account.answered


def _planned(views: Sequence[View], now: datetime, request: Request) -> list[Report]:
    return plan_due(views) if request.due else plan_all(views, now.replace(microsecond=0))


def _busy(report: Report) -> Report:
    """What a rotation would answer while its server is being restored."""
    message = f"the server {report.pair.server.label} is being restored"
    problem = Problem(ServerRestoring.code, message, passing=True)
    return Report(report.pair, report.slot, Outcome.BUSY, cap=report.cap, problem=problem)
