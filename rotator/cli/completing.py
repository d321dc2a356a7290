"""What completes a command line: servers and policies of the configuration, and nothing where there is none.

Somebody who presses Tab must never see a traceback, nor wait for anything but a file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from rotator.config import Names

VARIABLE = "_ROTATOR_COMPLETE"
"""Set by the shell's script: this process completes a line and does nothing else."""

SHELLS = ("bash", "zsh", "fish")


def servers(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The ids of the configured servers, with their labels for an explanation."""
    items = (CompletionItem(id_, help=label or None) for id_, label in _names(ctx).servers)
    return _fitting(items, incomplete)


def policies(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of the configured policies."""
    return _fitting(map(CompletionItem, _names(ctx).policies), incomplete)


def script(shell: str) -> str:
    """What that shell has to read to complete rotator's command lines."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415  # for this command only

    from rotator.cli.group import cli  # noqa: PLC0415  # which knows all commands, this one too

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"{shell} is none of {', '.join(SHELLS)}")
    completer = found(cli, {}, "rotator", VARIABLE)
    return completer.source_template % completer.source_vars()


def completing() -> bool:
    """Whether a shell asks, not a person."""
    return VARIABLE in os.environ


def _fitting(items: Iterable[CompletionItem], incomplete: str) -> list[CompletionItem]:
    return [item for item in items if str(item.value).startswith(incomplete)]


def _names(ctx: click.Context) -> Names:
    """From the file that the line names so far, or from where one is looked for."""
    from rotator.cli.invocation import given  # noqa: PLC0415  # which imports this module's users
    from rotator.config import Names, find, glance  # noqa: PLC0415  # `--help` must not import it
    from rotator.errors import ConfigError  # noqa: PLC0415  # likewise

    with suppress(ConfigError):
        return glance(find(given(ctx, "config"), os.environ))
    return Names()
