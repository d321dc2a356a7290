"""`rotator status`: is everything restorable, when does what come next, and what stands in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import click

from rotator.cli import exits, nagios, output, rollcall
from rotator.cli.age import age
from rotator.cli.complaints import Ended
from rotator.cli.exits import Exit
from rotator.cli.invocation import Invocation, invocation, json_option, shared_options
from rotator.cli.selection import policy_option, select_pairs, server_option
from rotator.cli.signals import run_to_end
from rotator.cli.wiring import looking
from rotator.errors import ApiError, Unreachable
from rotator.models import Pair, Snapshot, State
from rotator.once import look_at
from rotator.redact import printable
from rotator.settings import Settings
from rotator.status import Freshness, Standing, document, standing

HEAD = ("SERVER", "POLICY", "STATUS", "LAST READY", "AGE", "NEXT SLOT", "IN", "FREE")

COLOURS: Mapping[Freshness, str] = {
    Freshness.FRESH: "green",
    Freshness.PENDING: "yellow",
    Freshness.STALE: "red",
}


HURRY_SECONDS = 8.0
"""How long a plugin waits for the API's first word: monitors mostly give it ten seconds in all."""


@click.command("status")
@click.option("--nagios", "as_plugin", is_flag=True, help="One line with performance data, exit code 0 to 3.")
@server_option
@policy_option
@json_option
@shared_options
def command(*, as_plugin: bool, servers: tuple[str, ...], policies: tuple[str, ...], as_json: bool) -> int:
    """Show for each policy of each server how old its newest restore point is and what comes next.

    fresh: a ready snapshot as young as the schedule promises. stale: none, older than 1.25 times the widest
    gap of the schedule and what splay and wait allow. pending: none yet, and the list shows no sign that one
    was due. FREE is what is left of the server's places. The exit code is 1 if anything is stale or blocked.

    --nagios exits with 0 if all is well, 1 if a next rotation is blocked, 2 if a pair is stale or never had
    a restore point, 3 if nobody can tell, which it says after eight seconds without an answer.
    """
    asked = invocation()
    if as_plugin and as_json:
        return nagios.plugin(_not_both)
    if as_plugin:
        return nagios.plugin(lambda: _standings(asked, servers, policies, hurry=True))
    found = _standings(asked, servers, policies)
    if as_json:
        output.say_json(document(found))
    else:
        output.say(*_lines(found, asked.clock.now(), quiet=asked.quiet))
    return Exit.OK if all(each.ok for each in found) else Exit.FAILED


def _not_both() -> list[Standing]:
    raise click.UsageError("--nagios writes one line: leave --json or --nagios out")


def _standings(
    asked: Invocation, servers: Sequence[str], policies: Sequence[str], *, hurry: bool = False
) -> list[Standing]:
    """How the pairs stand. Raises ConfigError, UsageError, Interrupted, and Ended where nobody can tell."""
    written = asked.settings()
    asked.log_for(written, level="warning")
    settings = rollcall.everybody(asked, written, servers)
    pairs = select_pairs(settings, servers, policies)
    return run_to_end(_look(asked, settings, pairs, hurry=hurry))


async def _look(
    asked: Invocation, settings: Settings, pairs: Sequence[Pair], *, hurry: bool
) -> list[Standing]:
    async with looking(asked, settings) as account:
        look = asyncio.create_task(look_at(account.office, pairs, to_show=True))
        if hurry:
            await asyncio.wait({look}, timeout=HURRY_SECONDS)
        try:
            if hurry and not look.done() and not account.answered:
                look.cancel()
                raise Unreachable(f"the API has not answered within {HURRY_SECONDS:g} s")
            return [standing(view) for view in await look]
        except ApiError as error:
            raise Ended(error, exits.of_error(error, answered=account.answered)) from None


def _lines(found: Sequence[Standing], now: datetime, *, quiet: bool) -> Iterator[str]:
    """The table, and below it what is wrong with whom; `quiet` leaves the pairs that are not well."""
    shown = [each for each in found if not (quiet and each.ok)]
    if shown:
        yield from output.columns([HEAD, *(_cells(each, now) for each in shown)])
    for each in shown:
        yield from _remarks(each, now)
    if not found:
        yield "Nothing to show: no server has an enabled policy."


def _cells(of: Standing, now: datetime) -> Sequence[str]:
    newest, slot = of.last_ready, of.next_slot
    word = of.freshness.value if of.blocked is None else f"{of.freshness.value}, blocked"
    return (
        click.style(printable(of.pair.server.label), bold=True),
        of.pair.policy.name,
        click.style(word, fg=COLOURS[of.freshness] if of.blocked is None else "red"),
        printable(newest.name) if newest else "",
        age(newest.created_at, now) if newest else "",
        f"{slot.astimezone(of.pair.policy.zone):%a %Y-%m-%d %H:%M %Z}" if slot else "",
        age(slot, now) if slot else "",
        f"{of.places.free} of {of.places.cap}",
    )


def _remarks(of: Standing, now: datetime) -> Iterator[str]:
    """What is wrong, and what failed or got stuck since the newest restore point was made."""
    where = f"{printable(of.pair.server.label)}  {of.pair.policy.name}"
    failed, newest = of.last_failed, of.last_ready
    if of.freshness is Freshness.STALE:
        yield f"{where}: {click.style('stale', fg='red')}: {_why_stale(of, now)}"
    if of.blocked is not None:
        yield f"{where}: {click.style(of.blocked.code, fg='red')}: {printable(of.blocked.message)}"
    if failed is not None and (newest is None or failed.created_at > newest.created_at):
        yield f"{where}: {_no_restore_point(failed, now)}"


def _no_restore_point(of: Snapshot, now: datetime) -> str:
    """What became of a snapshot that failed, or that is being made for too long."""
    name, when = printable(of.name), age(of.created_at, now)
    if of.state is State.FAILED:
        return f"{click.style('failed', fg='red')}: {name}, {when} ago"
    return f"{click.style('stuck', fg='red')}: {name}, being made for {when}, longer than wait.timeout"


def _why_stale(of: Standing, now: datetime) -> str:
    """What is missing, and where the reason stands."""
    newest = of.last_ready
    had = f"nothing new for {age(newest.created_at, now)}" if newest else "there never was a restore point"
    late = f", {age(now - of.threshold, now)} are allowed" if newest and of.threshold is not None else ""
    return f"{had}{late}: the log says what failed, `rotator plan` what a rotation would meet now"
