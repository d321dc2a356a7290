"""`match` entries in commands: the account's servers are looked up once, before anything is selected.

A command knows no earlier servers. So one that only looks ends where the look-up fails; `run --once` rotates
the servers that have an entry of their own, and fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from rotator.cli import exits
from rotator.cli.complaints import Ended
from rotator.cli.exits import Exit
from rotator.cli.invocation import Invocation
from rotator.cli.signals import run_to_end
from rotator.cli.wiring import looking
from rotator.config.nodes import show
from rotator.errors import ApiError
from rotator.matching import IDLE, resolved
from rotator.settings import ConfigWarning, Match, Settings

log = structlog.stdlib.get_logger()

NOT_LOOKED_UP = "match_not_looked_up"
"""The code of a warning that nobody was asked whom a match stands for."""


@dataclass(frozen=True, slots=True)
class Called:
    """The settings with all servers. `error`: the look-up failed, and those found by match are not there."""

    settings: Settings
    error: ApiError | None = None
    exit_code: Exit = Exit.OK


def call(asked: Invocation, settings: Settings, ids: Sequence[str] = (), *, warn: bool = True) -> Called:
    """Look up who is meant, unless no match can matter. Raises ConfigError and Interrupted.

    `warn`: log which match stands for nobody; who shows the settings' warnings need not.
    """
    known = {server.key for server in settings.servers}
    if not settings.matches or (ids and known.issuperset(ids)):
        return Called(settings)
    called = run_to_end(_call(asked, settings))
    for warning in called.settings.warnings if warn else ():
        if warning.code == IDLE:
            log.warning("config.loaded", path=warning.path, warning=warning.message)
    return called


def everybody(
    asked: Invocation, settings: Settings, ids: Sequence[str] = (), *, warn: bool = True
) -> Settings:
    """As `call`, for commands that only look. Raises Ended where the look-up failed."""
    called = call(asked, settings, ids, warn=warn)
    if called.error is not None:
        raise Ended(called.error, called.exit_code)
    return called.settings


async def _call(asked: Invocation, settings: Settings) -> Called:
    async with looking(asked, settings) as account:
        try:
            return Called(resolved(settings, await account.api.list_servers()))
        except ApiError as error:
            return Called(settings, error, exits.of_error(error, answered=account.answered))


def nobody(settings: Settings) -> Settings:
    """For commands without a network: a warning for each match, that its servers are not among the others."""
    return replace(settings, warnings=(*settings.warnings, *map(_not_called, settings.matches)))


def _not_called(match: Match) -> ConfigWarning:
    message = f"the servers that fit {show(match.glob)} were not looked up, and are left out"
    return ConfigWarning(match.line, match.column, match.path, NOT_LOOKED_UP, message)


def apart(settings: Settings) -> Settings:
    """Likewise, where the output has no place for warnings: they are logged."""
    for match in settings.matches:
        left_out = _not_called(match)
        log.warning("config.loaded", path=left_out.path, warning=left_out.message)
    return settings
