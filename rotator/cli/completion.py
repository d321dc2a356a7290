"""`rotator completion`: the lines that make a shell complete servers, policies, commands and options."""

from __future__ import annotations

import click

from rotator.cli import completing, output
from rotator.cli.invocation import shared_options


@click.command("completion")
@click.argument("shell", type=click.Choice(completing.SHELLS))
@shared_options
def command(shell: str) -> None:
    """Print the script that lets SHELL complete rotator's command lines.

    Servers and policies are taken from the configuration: --config on the line, else where it is looked for.
    """
    output.say(completing.script(shell).rstrip())
