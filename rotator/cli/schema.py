"""`rotator schema`: the JSON Schema of the configuration."""

from __future__ import annotations

import click

from rotator.cli import output
from rotator.cli.invocation import shared_options
from rotator.config import json_schema, markdown


@click.command("schema")
@click.option(
    "--markdown", "as_text", is_flag=True, help="Print the reference of all keys instead, for reading."
)
@shared_options
def command(*, as_text: bool) -> None:
    """Print the JSON Schema of the configuration.

    Editors that know it complete the keys and explain them: write `# yaml-language-server: $schema=FILE` into
    the first line of the configuration.
    """
    if as_text:
        output.say(markdown().rstrip())
    else:
        output.say_json(json_schema())
