"""`rotator delete`: one snapshot by hand, whosever it is, once somebody has said that it is meant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import click

from rotator import byhand
from rotator.cli import output, rollcall, target
from rotator.cli.handwork import perform
from rotator.cli.invocation import invocation, json_option, shared_options
from rotator.cli.list import row_json
from rotator.cli.selection import select_servers, server_option
from rotator.cli.target import Target
from rotator.models import Pair
from rotator.office import Office
from rotator.redact import printable


@click.command("delete")
@click.argument("snapshot")
@click.option("--yes", is_flag=True, help="Do not ask.")
@server_option
@json_option
@shared_options
def command(*, snapshot: str, yes: bool, servers: tuple[str, ...], as_json: bool) -> int:
    """Delete one snapshot, by its id, or by its name if only one bears it.

    Foreign and protected ones can be deleted too. What will be lost is told first, and the server's name has
    to be typed; without a terminal --yes has to be said.
    """
    asked = invocation()
    if not yes and not target.can_ask():
        target.refuse_unasked(f"delete {snapshot}")
    settings = rollcall.everybody(asked, asked.settings(), servers)
    chosen = select_servers(settings, servers)
    asked.log_for(settings, level="warning")
    found = target.find(asked, settings, chosen, snapshot)
    if not yes:
        target.confirm(found.server, list(_loss(found, asked.clock.now())))

    async def work(office: Office, pair: Pair) -> bool:
        return await byhand.delete(office, pair, found.snapshot)

    deleted = perform(asked, settings, found.server, work, as_json=as_json)
    if as_json:
        output.say_json(
            {"version": 1, "ok": True, "deleted": row_json(found.row), "was_gone": not deleted},
        )
    else:
        name, where = printable(found.snapshot.name), printable(found.server.label)
        output.say(f"{name} of {where} is deleted." if deleted else f"{name} of {where} was gone already.")
    return 0


def _loss(found: Target, now: datetime) -> Iterator[str]:
    yield "This deletes, for good:"
    yield from target.described(found, now)
    policy = target.is_last_of_its_policy(found)
    if policy is not None:
        yield click.style(f"  It is the last restore point of the policy {policy} on this server.", fg="red")
