"""`rotator simulate`: the real plan over a virtual future, from empty servers or from what stands there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

import click

from rotator.census import View
from rotator.cli import exits, futures, output, rollcall, saved
from rotator.cli.complaints import Ended
from rotator.cli.exits import Exit
from rotator.cli.futures import Simulated
from rotator.cli.invocation import Invocation, invocation, json_option, shared_options
from rotator.cli.moments import at_option
from rotator.cli.selection import policy_option, select_pairs, server_option
from rotator.cli.signals import run_to_end
from rotator.cli.wiring import looking
from rotator.errors import ApiError
from rotator.models import Pair, Server
from rotator.once import look_at
from rotator.reach import end_of
from rotator.settings import Settings
from rotator.simulate import simulate

VIRTUAL = "virtual"
"""The id of a server that stands in where no server uses a policy."""

MOST_DAYS = 3660
"""Ten years."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be simulated. `online` and `snapshots` say what stands there; else the servers are empty."""

    days: int
    servers: tuple[str, ...]
    policies: tuple[str, ...]
    online: bool
    snapshots: IO[bytes] | None
    at: datetime | None


@click.command("simulate")
@click.option(
    "--days",
    type=click.IntRange(1, MOST_DAYS),
    default=30,
    show_default=True,
    metavar="N",
    help="How many days to look ahead: N midnights in UTC.",
)
@click.option(
    "--svg",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the picture there too.",
)
@click.option("--online", is_flag=True, help="Begin with what stands on the servers now: ask the API.")
@saved.saved_option("Begin with a saved list, the API's own JSON (- is stdin).")
@at_option("Begin at that time instead of now.")
@server_option
@policy_option
@json_option
@shared_options
def command(
    *,
    days: int,
    svg: Path | None,
    online: bool,
    snapshots: IO[bytes] | None,
    at: datetime | None,
    servers: tuple[str, ...],
    policies: tuple[str, ...],
    as_json: bool,
) -> int:
    """Show which restore points will exist on each day, by the plan that a rotation follows.

    All policies of a server run together, under its cap. Without --online or --snapshots the servers are
    taken to be empty; a policy that no server uses gets a virtual one. Every snapshot is taken to be ready as
    soon as it is asked for.

    Reach: how old the oldest restore point is at the worst moment, so how far back one can always go. The
    warm-up is left out: it ends when the first restore point is deleted. Largest gap: the longest time
    without a restore point, from one to the next or from the newest to the present.
    """
    if online and snapshots is not None:
        raise click.UsageError("--online and --snapshots both say what stands there: give one of them.")
    asked = invocation()
    written = asked.settings()
    asked.log_for(written)
    settings = rollcall.everybody(asked, written, servers) if online else rollcall.apart(written)
    found = run(asked, settings, Request(days, servers, policies, online, snapshots, at))
    if svg is not None:
        _write(svg, found)
    if as_json:
        output.say_json(futures.document(found))
    else:
        output.say(*futures.lines(found, output.width(), quiet=asked.quiet))
    return Exit.OK if found.well else Exit.FAILED


def run(asked: Invocation, settings: Settings, request: Request) -> Simulated:
    """The futures of what was selected. Raises UsageError and, where the API cannot be asked, Ended."""
    pairs = chosen(settings, request)
    start = request.at or asked.clock.now().replace(microsecond=0)
    servers = list({pair.server.key: pair.server for pair in pairs}.values())
    try:
        end = end_of(start, request.days)
    except OverflowError:
        raise click.UsageError("the calendar ends before that.") from None
    views = _views(asked, settings, servers, request, start)
    unsure = {key: view.unsure for key, view in views.items() if view.unsure is not None}
    ahead = [
        simulate(server, start, end, views[server.key].snapshots if server.key in views else ())
        for server in servers
        if server.key not in unsure
    ]
    shown = frozenset(pair.key for pair in pairs)
    return Simulated(tuple(ahead), shown, unsure, from_empty=not (request.online or request.snapshots))


def chosen(settings: Settings, request: Request) -> Sequence[Pair]:
    """The pairs to show; a policy that no server uses stands on a virtual server of its own."""
    used = {policy.name for server in settings.servers for policy in server.policies}
    unused = [p for p in settings.policies if p.name in request.policies and p.name not in used and p.enabled]
    names = tuple(name for name in request.policies if name not in {policy.name for policy in unused})
    virtual = [
        Pair(Server(id=VIRTUAL, policies=(policy,), cap=settings.api.snapshot_limit), policy)
        for policy in unused
    ]
    if len(virtual) > 1:
        raise click.UsageError("several policies that no server uses: simulate them one at a time.")
    pairs = select_pairs(settings, request.servers, names) if names or not virtual else []
    if not pairs and not virtual:
        raise click.UsageError("nothing to simulate: no server has an enabled policy; name one by --policy.")
    return [*pairs, *virtual]


def _views(
    asked: Invocation, settings: Settings, servers: Sequence[Server], request: Request, start: datetime
) -> Mapping[str, View]:
    """What stands on the servers, by their ids' texts; nothing where they are to be taken as empty."""
    one_each = [Pair(server, server.policies[0]) for server in servers if server.key != VIRTUAL]
    if request.snapshots is not None:
        views = saved.views(request.snapshots, settings, one_each, start)
    else:
        views = run_to_end(_ask(asked, settings, one_each)) if request.online else []
    return {view.pair.server.key: view for view in views}


async def _ask(asked: Invocation, settings: Settings, pairs: Sequence[Pair]) -> list[View]:
    async with looking(asked, settings) as account:
        try:
            return await look_at(account.office, pairs)
        except ApiError as error:
            raise Ended(error, exits.of_error(error, answered=account.answered)) from None


def _write(path: Path, found: Simulated) -> None:
    from rotator import draw  # noqa: PLC0415  # only where a picture is wanted

    if not found.futures:
        return
    try:
        path.write_text(draw.simulation(found.futures) + "\n", encoding="utf-8")
    except OSError as error:
        raise click.BadParameter(f"{path}: {error.strerror}", param_hint="'--svg'") from None
