"""What `check` found, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import click

from rotator.cli import output
from rotator.cli.inspection import Finding, Inspection, Turn
from rotator.cli.outlook import Busiest, Prospect
from rotator.config import places_needed
from rotator.config.units import duration_text
from rotator.legacy import Habit
from rotator.models import UNLIMITED, AccountInfo, Mode
from rotator.naming import adopt_line
from rotator.redact import printable
from rotator.report import timestamp
from rotator.settings import Settings

HABIT_SHOWN = 3
"""Names of an older script that are shown: what they have in common shows in two."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A configuration that is right, what it will do, and, if that was asked, what the account says."""

    settings: Settings
    prospects: Sequence[Prospect]
    busiest: Busiest | None
    inspection: Inspection | None

    @property
    def well(self) -> bool:
        """Every server can be reached and nothing will block; offline there is nothing to object to."""
        return self.inspection is None or all(finding.well for finding in self.inspection.findings)


# --- JSON -----------------------------------------------------------------------------------------


def document(found: Checked) -> dict[str, object]:
    """The contract's document of `check`."""
    whole: dict[str, object] = {
        "version": 1,
        "ok": found.well,
        "pairs": [_pair_json(prospect) for prospect in found.prospects],
        "warnings": [
            {"code": w.code, "message": w.message, "path": w.path, "line": w.line, "column": w.column}
            for w in found.settings.warnings
        ],
    }
    if found.inspection is not None:
        whole["servers"] = [_server_json(finding) for finding in found.inspection.findings]
        whole["token"] = _token_json(found.inspection.account)
    return whole


def _token_json(account: AccountInfo | None) -> dict[str, object] | None:
    """None where the API does not tell."""
    if account is None:
        return None
    return {"name": account.token_name, "permissions": list(account.permissions)}


def _pair_json(prospect: Prospect) -> dict[str, object]:
    return {
        "server_id": prospect.pair.server.id,
        "policy": prospect.pair.policy.name,
        "next": [timestamp(slot) for slot in prospect.next],
        "widest_gap_seconds": prospect.widest // timedelta(seconds=1) if prospect.widest else None,
        "most_kept": None if prospect.most_kept == UNLIMITED else int(prospect.most_kept),
    }


def _server_json(finding: Finding) -> dict[str, object]:
    cap, reachable = finding.server.cap, finding.trouble is None
    places = {"cap": cap, "used": finding.used, "free": max(0, cap - finding.used)}
    return {
        "server_id": finding.id,
        "server": finding.server.label,
        "reachable": reachable,
        "places": places if reachable else None,
        "managed": finding.managed,
        "foreign": finding.foreign,
        "orphans": [{"id": s.id, "name": s.name, "adopt": adopt_line(s.name)} for s in finding.orphans],
        "blocked": [{"policy": block.policy, "reason": block.reason} for block in finding.blocked],
        "legacy": [{"names": list(habit.names), "adopt": habit.adopt} for habit in finding.legacy],
        "short_by": finding.short_by,
        "turns": [
            {"policy": turn.policy, "mode": turn.mode.value, "deletes": list(turn.goes)}
            for turn in finding.turns
        ],
    }


# --- text -----------------------------------------------------------------------------------------


def lines(found: Checked, *, quiet: bool) -> Iterator[str]:
    """For people; `quiet` leaves warnings and what is wrong."""
    settings = found.settings
    warning = click.style("warning", fg="yellow")
    for w in settings.warnings:
        yield f"{settings.path}:{w.line}:{w.column}: {w.path}: {warning}: {w.message}"
    if not quiet:
        servers, pairs = len(settings.servers), len(settings.pairs)
        counts = f"{output.counted(servers, 'server')}, {output.counted(pairs, 'enabled pair')}"
        yield f"{settings.path} is valid: {counts}, {output.counted(len(settings.warnings), 'warning')}."
        for prospect in found.prospects:
            yield from _prospect_lines(prospect)
        yield from _busiest_lines(found)
    if found.inspection is not None:
        yield from _inspection_lines(found.inspection, quiet=quiet)


def _prospect_lines(prospect: Prospect) -> Iterator[str]:
    server, policy = prospect.pair.server, prospect.pair.policy
    unbounded = prospect.most_kept == UNLIMITED
    most = "without a bound" if unbounded else f"at most {prospect.most_kept:g}"
    needs = "" if unbounded else f", needs {places_needed(policy):g}"
    gap = f", widest gap {duration_text(prospect.widest)}" if prospect.widest else ""
    yield ""
    yield f"{click.style(printable(server.label), bold=True)}  {policy.name}  {'; '.join(policy.schedule)}"
    yield f"  {policy.zone.key}{gap}; keeps {most}{needs} of {output.counted(server.cap, 'place')}"
    rows = [
        (f"{slot.astimezone(policy.zone):%a %Y-%m-%d %H:%M %Z}", timestamp(slot)) for slot in prospect.next
    ]
    yield from output.columns(rows, indent="  ")


def _busiest_lines(found: Checked) -> Iterator[str]:
    busiest = found.busiest
    if busiest is None:
        return
    rate = found.settings.api.rate_limit
    pace = (
        f"about {busiest.seconds:.0f} s at {rate:g} a second" if busiest.seconds is not None else "no limit"
    )
    yield ""
    yield (
        f"Busiest minute: {timestamp(busiest.at)}, {output.counted(busiest.rotations, 'rotation')},"
        f" {output.counted(busiest.requests, 'request')}: {pace}."
    )


def _inspection_lines(inspection: Inspection, *, quiet: bool) -> Iterator[str]:
    if not quiet:
        yield ""
        yield _token_line(inspection.account)
    if inspection.account is not None and inspection.account.only_reads:
        yield f"{click.style('warning', fg='yellow')}: this token may only read: creates and deletes will be"
        yield "refused. A new one is made in the account's developer settings."
    for finding in inspection.findings:
        if not (quiet and finding.well and not finding.orphans):
            yield from _finding_lines(finding)
    for habit in () if quiet else _habits(inspection):
        yield from _habit_lines(habit)


def _token_line(account: AccountInfo | None) -> str:
    """What is known of the token; never the token."""
    if account is None:
        return "The token is accepted; what it may do the API does not tell."
    name = f" ({printable(account.token_name)})" if account.token_name else ""
    may = ", ".join(map(printable, account.permissions))
    return f"The token is accepted{name}{f' and may: {may}' if may else ''}."


def _finding_lines(finding: Finding) -> Iterator[str]:
    server = finding.server
    label = click.style(printable(server.label), bold=True)
    if finding.trouble is not None:
        yield f"{label}  {click.style('not reachable', fg='red')}: {printable(finding.trouble)}"
        return
    free = max(0, server.cap - finding.used)
    yield (
        f"{label}  {finding.used} of {output.counted(server.cap, 'place')} taken, {free} free:"
        f" {finding.managed} managed, {finding.foreign} foreign"
    )
    for turn in finding.turns:
        yield f"  {turn.policy}: {_turn_text(turn)}"
    for orphan in finding.orphans:
        yield f"  orphan {printable(orphan.name)}: a policy takes it over with  {adopt_line(orphan.name)}"
    works_now = {turn.policy for turn in finding.turns}
    for block in finding.blocked:
        later = " later" if block.policy in works_now else ""
        will_block = click.style("will block", fg="red")
        yield f"  {will_block} {block.policy}{later}: {printable(block.reason)}"
    if finding.short_by and not finding.blocked:
        yield f"  {click.style('warning', fg='yellow')}: {_short_text(finding)}"


def _short_text(finding: Finding) -> str:
    left = output.counted(finding.server.cap - finding.foreign, "place")
    fewer = output.counted(finding.short_by, "restore point")
    return f"foreign snapshots leave {left}: {fewer} fewer will be kept than the keep rules say"


def _turn_text(turn: Turn) -> str:
    """What the next rotation would do first."""
    after = f"once {printable(turn.awaited)} is done, " if turn.awaited else ""
    goes = f": {', '.join(map(printable, turn.goes))}" if turn.goes else ""
    first = {
        Mode.CREATE_FIRST: "creates first, there is a free place",
        Mode.DELETE_FIRST: f"has to delete before it creates{goes}",
    }
    return f"{after}the next rotation {first.get(turn.mode, turn.mode.value)}"


def _habits(inspection: Inspection) -> list[Habit]:
    """Each once, though it may stand on several servers."""
    return list(dict.fromkeys(habit for finding in inspection.findings for habit in finding.legacy))


def _habit_lines(habit: Habit) -> Iterator[str]:
    shown = ", ".join(map(printable, habit.names[:HABIT_SHOWN]))
    more = f" and {len(habit.names) - HABIT_SHOWN} more" if len(habit.names) > HABIT_SHOWN else ""
    yield ""
    yield f"These look like an older script's: {shown}{more}."
    yield f"If so, a policy takes them over, and may then delete them, with  {habit.adopt}"
