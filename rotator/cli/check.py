"""`rotator check`: what the configuration means, and with --online whether the account agrees."""

from __future__ import annotations

from datetime import datetime

import click

from rotator.bell import check_files
from rotator.cli import checked, exits, outlook, output, rollcall
from rotator.cli.checked import Checked
from rotator.cli.complaints import Ended
from rotator.cli.exits import Exit
from rotator.cli.inspection import Inspection, inspect
from rotator.cli.invocation import Invocation, invocation, json_option, shared_options
from rotator.cli.moments import at_option
from rotator.cli.signals import run_to_end
from rotator.cli.wiring import looking
from rotator.errors import ApiError
from rotator.settings import Settings

MOST_SLOTS = 1000
"""How many slots of a pair can be asked for: more than anybody reads."""


@click.command("check")
@click.option(
    "--online",
    is_flag=True,
    help="Ask the API too: the token, each server's places, what blocks; read the files of addresses.",
)
@click.option(
    "--next",
    "count",
    type=click.IntRange(0, MOST_SLOTS),
    default=5,
    show_default=True,
    metavar="N",
    help="How many slots of each pair to show.",
)
@at_option("Show the slots after that time instead of now.")
@json_option
@shared_options
def command(*, online: bool, count: int, at: datetime | None, as_json: bool) -> int:
    """Check the configuration and say what it will do.

    Shown are the next slots of each pair, the widest gap between two, how many snapshots are kept at most,
    and how long the requests of the busiest minute will take at `rate_limit`: a rotation costs three, or five
    where the account's list has several pages.
    """
    asked = invocation()
    written = asked.settings()
    asked.log_for(written)
    if online:
        check_files(written, services=True)  # like the token, they are there where the daemon is to run
    settings = rollcall.everybody(asked, written, warn=False) if online else rollcall.nobody(written)
    inspection = run_to_end(ask(asked, settings)) if online else None
    after = at or asked.clock.now()
    found = Checked(
        settings,
        outlook.prospects(settings.pairs, after, count),
        outlook.busiest(settings, after),
        inspection,
    )
    if as_json:
        output.say_json(checked.document(found))
    else:
        output.say(*checked.lines(found, quiet=asked.quiet))
    return Exit.OK if found.well else Exit.FAILED


async def ask(asked: Invocation, settings: Settings) -> Inspection:
    """Look at the account. Raises Ended where it cannot be looked at."""
    async with looking(asked, settings) as account:
        try:
            return await inspect(account, settings.servers)
        except ApiError as error:
            raise Ended(error, exits.of_error(error, answered=account.answered)) from None
