"""Work by hand on one server: an account that may write, and a line on the terminal while it waits."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from structlog.contextvars import bound_contextvars

from rotator.byhand import pair_of
from rotator.cli import exits, progress
from rotator.cli.complaints import Ended
from rotator.cli.invocation import Invocation
from rotator.cli.signals import Interrupted, run_to_end
from rotator.cli.wiring import writing
from rotator.errors import ApiError
from rotator.models import Pair, Server, Snapshot, State
from rotator.office import Nobody, Office, Spectator
from rotator.redact import printable
from rotator.settings import Settings

T = TypeVar("T")

LEFT_BEHIND = "interrupted; what was asked for by then is done all the same: `rotator list` shows what stands"
"""What becomes of work that was interrupted, if the command does not know better."""

Work = Callable[[Office, Pair], Awaitable[T]]


def perform(asked: Invocation, settings: Settings, server: Server, work: Work[T], *, as_json: bool) -> T:
    """Do the work on that server. Raises Interrupted, LockHeld, and Ended where the API ended it."""
    live = progress.wanted(as_json=as_json, quiet=asked.quiet)
    asked.log_for(settings, level="warning" if live else None)
    with _line(live=live) as spectator:
        if live:
            asked.log_for(settings, level="warning", stream=sys.stderr)  # which now goes above the line
        try:
            return run_to_end(_perform(asked, settings, server, work, spectator))
        except Interrupted as interrupted:
            interrupted.hint = LEFT_BEHIND
            raise


async def _perform(
    asked: Invocation, settings: Settings, server: Server, work: Work[T], spectator: Spectator
) -> T:
    async with writing(asked, settings, spectator) as account:
        try:
            with bound_contextvars(server_id=server.id, server=server.label):
                return await work(account.office, pair_of(server, settings.wait))
        except ApiError as error:
            raise Ended(error, exits.of_error(error, answered=account.answered)) from None


@contextmanager
def _line(*, live: bool) -> Iterator[Spectator]:
    """One line on stderr that says what is waited for, and is wiped in the end."""
    if not live:
        yield Nobody()
        return
    from rich.console import Console  # noqa: PLC0415  # rich is for terminals only
    from rich.markup import escape  # noqa: PLC0415  # likewise

    class Line(Nobody):
        def waiting(self, pair: Pair, snapshot: Snapshot, seconds: float) -> None:
            what = "being restored to" if snapshot.state is State.READY else "waiting for"
            doing = printable(f"{pair.server.label}: {what} {snapshot.name}")
            status.update(f"{escape(doing)}, {seconds:.0f} s")

    with Console(file=sys.stderr).status("at work") as status:
        yield Line()
