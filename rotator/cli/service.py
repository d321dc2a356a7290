"""`rotator run`: the daemon with what it needs of the process around it."""

from __future__ import annotations

import asyncio

from rotator.bell import Bell, check_files
from rotator.cli.exits import Exit
from rotator.cli.invocation import Invocation
from rotator.cli.wiring import writing
from rotator.config import parse, text
from rotator.daemon import Daemon, Source
from rotator.settings import Settings
from rotator.systemd import Notifier
from rotator.vitals import Vitals
from rotator.web import Front

LAST_WORDS = 0.5
"""Seconds that pings and messages under way get at the end: the daemon has to be gone within 10 s."""


def run(asked: Invocation, *, watch: bool) -> int:
    """Live until SIGTERM or SIGINT. Raises what is wrong at the start; later all is logged."""
    path = asked.config_path()

    def checked(content: str) -> Settings:
        found = parse(content, path, asked.environ, asked.clock.now())
        check_files(found)
        return found

    source = Source(read=lambda: text.read(path), parse=checked)
    content = source.read()
    settings = source.parse(content)
    asked.log_for(settings)

    async def live() -> None:
        vitals, bell = Vitals(asked.clock), Bell(settings, asked.clock)

        def in_force(current: Settings) -> None:
            asked.log_for(current)
            bell.load(current)

        daemon = Daemon(
            content,
            settings,
            source=source,
            open_account=lambda current: writing(asked, current, bell, meter=vitals.tally.count),
            clock=asked.clock,
            notifier=Notifier(asked.environ),
            watch=watch,
            on_settings=in_force,
            vitals=vitals,
            front=Front(vitals, asked.clock, asked.secrets),
        )
        daemon.handle_signals()
        watching = asyncio.create_task(bell.watch(vitals))
        try:
            await daemon.run()
        finally:
            watching.cancel()
            await bell.aclose(patience=LAST_WORDS)

    asyncio.run(live())
    return Exit.OK
