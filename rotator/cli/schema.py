"""`rotator schema`: the JSON Schema of the configuration."""

from __future__ import annotations

import click

from rotator.cli import output
from rotator.cli.invocation import shared_options
from rotator.config import json_schema


@click.command("schema")
@shared_options
def command() -> None:
    """Print the JSON Schema of the configuration.

    Editors that know it complete the keys and explain them: write `# yaml-language-server: $schema=FILE` into
    the first line of the configuration.
    """
    output.say_json(json_schema())
