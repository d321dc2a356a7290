"""What was asked for before any command does its work: the options that all of them share.

They may stand before the command or after it; what stands last counts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

if TYPE_CHECKING:  # `--help` needs none of them
    from rotator.clock import Clock
    from rotator.redact import Secrets
    from rotator.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

_KEY = "rotator.invocation"


def _remember(ctx: click.Context, param: click.Parameter, value: object) -> None:
    """Keep a shared option's value where the command finds it; `meta` is one for all nested contexts."""
    if value is not None and value is not False:
        ctx.meta[f"{_KEY}.{param.name}"] = value


def given(ctx: click.Context, name: str) -> Any:
    """A shared option's value; None where it was not given."""
    return ctx.meta.get(f"{_KEY}.{name}")


def shared_options(function: F) -> F:
    """Add the options that every command takes."""
    options = (
        click.option(
            "--config",
            type=click.Path(),
            metavar="PATH",
            help="The configuration; else $ROTATOR_CONFIG, ./config.yaml, /etc/rotator/config.yaml.",
            expose_value=False,
            callback=_remember,
        ),
        click.option(
            "--log-level",
            type=click.Choice(("debug", "info", "warning", "error")),
            help="What is logged at least.",
            expose_value=False,
            callback=_remember,
        ),
        click.option(
            "--log-format",
            type=click.Choice(("auto", "console", "json")),
            help="How: auto is console on a terminal and JSON otherwise.",
            expose_value=False,
            callback=_remember,
        ),
        click.option(
            "--quiet",
            is_flag=True,
            help="Say only what is wrong.",
            expose_value=False,
            callback=_remember,
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def json_option(function: F) -> F:
    """Add `--json`. That failures follow it too is the affair of `__main__`."""
    text = "Print one JSON document on stdout and nothing else."
    return click.option("--json", "as_json", is_flag=True, help=text)(function)


VALUED = ("--config", "--log-level", "--log-format")
"""The shared options that take a value."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """The shared options as they were given, None where they were not, and the world around the command."""

    config: str | None
    log_level: str | None
    log_format: str | None
    quiet: bool
    environ: Mapping[str, str]
    secrets: Secrets
    clock: Clock

    def config_path(self) -> str:
        """Where the configuration is. Raises ConfigError if nobody named one and there is none."""
        from rotator.config import find  # noqa: PLC0415  # `--help` must not import the configuration

        return find(self.config, self.environ)

    def settings(self) -> Settings:
        """The configuration, checked whole. Raises ConfigError."""
        from rotator.config import load  # noqa: PLC0415  # likewise

        return load(self.config_path(), self.environ, self.clock.now())

    def log_for(
        self,
        settings: Settings,
        *,
        level: str | None = None,
        log_format: str | None = None,
        stream: TextIO | None = None,
    ) -> None:
        """Send the log where options and configuration want it.

        `level` and `log_format` go before the configuration, but not before an option; `stream` None: stderr.
        """
        from rotator.log import configure, under_journald  # noqa: PLC0415  # likewise

        out = stream or sys.stderr
        configure(
            level=self.log_level or level or settings.log.level,
            format=self.log_format or log_format or settings.log.format,
            quiet=self.quiet,
            secrets=self.secrets,
            stream=out,
            journald=under_journald(self.environ, out),
        )


def invocation() -> Invocation:
    """What the command that is running was asked for."""
    from rotator.clock import SystemClock  # noqa: PLC0415  # `--help` needs neither time nor secrets
    from rotator.redact import Secrets  # noqa: PLC0415  # likewise

    ctx = click.get_current_context()
    return Invocation(
        config=given(ctx, "config"),
        log_level=given(ctx, "log_level"),
        log_format=given(ctx, "log_format"),
        quiet=bool(given(ctx, "quiet")),
        environ=os.environ,
        secrets=Secrets(),
        clock=SystemClock(),
    )
