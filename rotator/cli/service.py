"""`rotator run`: the daemon with what it needs of the process around it."""

from __future__ import annotations

import asyncio

from rotator.cli.exits import Exit
from rotator.cli.invocation import Invocation
from rotator.cli.wiring import writing
from rotator.config import parse, text
from rotator.daemon import Daemon, Source
from rotator.settings import Settings
from rotator.systemd import Notifier
from rotator.vitals import Vitals
from rotator.web import Front


def run(asked: Invocation, *, watch: bool) -> int:
    """Live until SIGTERM or SIGINT. Raises what is wrong at the start; later all is logged."""
    path = asked.config_path()

    def checked(content: str) -> Settings:
        return parse(content, path, asked.environ, asked.clock.now())

    source = Source(read=lambda: text.read(path), parse=checked)
    content = source.read()
    settings = source.parse(content)
    asked.log_for(settings)

    async def live() -> None:
        vitals = Vitals(asked.clock)
        daemon = Daemon(
            content,
            settings,
            source=source,
            open_account=lambda current: writing(asked, current, meter=vitals.tally.count),
            clock=asked.clock,
            notifier=Notifier(asked.environ),
            watch=watch,
            on_settings=asked.log_for,
            vitals=vitals,
            front=Front(vitals, asked.clock, asked.secrets),
        )
        daemon.handle_signals()
        await daemon.run()

    asyncio.run(live())
    return Exit.OK
