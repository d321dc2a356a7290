"""`rotator create`: a snapshot by hand, which no rotation will delete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import click

from rotator import byhand, naming
from rotator.cli import completing, output, rollcall
from rotator.cli.handwork import perform
from rotator.cli.invocation import invocation, json_option, shared_options
from rotator.cli.list import row_json, row_of
from rotator.cli.selection import select_servers
from rotator.cli.signals import Interrupted
from rotator.models import Kind, Pair, Server, Snapshot
from rotator.office import Office
from rotator.redact import printable


@click.command("create")
@click.option(
    "--server",
    "servers",
    required=True,
    multiple=True,
    metavar="ID",
    help="The server, by its id.",
    shell_complete=completing.servers,
)
@click.option("--name", required=True, help="Letters, digits, - and _; at most 64 of them.")
@click.option("--description", default=byhand.DESCRIPTION, help="What it is for.")
@click.option("--wait", is_flag=True, help="Wait until it is ready, as defaults.wait says.")
@json_option
@shared_options
def command(*, servers: tuple[str, ...], name: str, description: str, wait: bool, as_json: bool) -> int:
    """Take a snapshot of one server now.

    It is foreign to every policy unless its name is one that a policy would write: it takes a place, and no
    rotation deletes it. A server without a free place is refused with what takes the places.
    """
    asked = invocation()
    if len(set(servers)) > 1:
        raise click.UsageError("--server: one at a time, so that each snapshot has its own answer.")
    settings = rollcall.everybody(asked, asked.settings(), servers)
    (server,) = select_servers(settings, servers)
    _check_name(name)
    notes = tuple(_notes(server, name, asked.clock.now()))
    output.tell(*(f"rotator: {note}" for note in notes if not as_json))

    begun: list[Snapshot] = []

    async def work(office: Office, pair: Pair) -> Snapshot:
        begun.append(await byhand.create(office, pair, name, description))
        return await byhand.ready(office, pair, begun[0]) if wait else begun[0]

    def document(made: Snapshot) -> dict[str, object]:
        row = row_json(row_of(server, made, asked.clock.now()))
        return {"version": 1, "ok": True, "snapshot": row, "notes": list(notes)}

    try:
        made = perform(asked, settings, server, work, as_json=as_json)
    except Interrupted as interrupted:
        for snapshot in begun:
            interrupted.hint = f"interrupted; {_called(snapshot, server)} is made all the same"
            interrupted.done = document(snapshot)
        raise
    if as_json:
        output.say_json(document(made))
    else:
        output.say(f"{_called(made, server)} is {'ready' if wait else 'being made'}.")
    return 0


def _called(snapshot: Snapshot, server: Server) -> str:
    return f"{printable(snapshot.name)} (id {snapshot.key}) of {printable(server.label)}"


def _check_name(name: str) -> None:
    """The provider's rules, before anything is asked. Raises UsageError."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise click.UsageError(f"--name {name!r}: names are made of letters, digits, - and _.")
    if len(name) > naming.MAX_NAME:
        raise click.UsageError(f"--name has {len(name)} characters, {naming.MAX_NAME} are allowed.")


def _notes(server: Server, name: str, now: datetime) -> Iterator[str]:
    """What a name means that is not as free as it looks."""
    owner = naming.owner(server, name, now)
    if owner is not None:
        policy = owner.policy.name
        yield f"{name} is a name of the policy {policy}: its rotations count it, and may delete it"
    elif name.startswith(naming.RESERVED_PREFIX):
        yield f"names that begin with {naming.RESERVED_PREFIX} are for safety snapshots: no policy owns them"
    elif naming.kind(server, name, now) is Kind.ORPHAN:
        yield f"{name} looks like rotator's, but is no policy's name here: it is reported as an orphan"
