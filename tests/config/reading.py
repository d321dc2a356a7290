"""Reads configurations from text: what the tests of this folder share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from rotator.config import parse
from rotator.errors import ConfigError
from rotator.settings import Settings

NOW = datetime(2027, 3, 14, 7, tzinfo=UTC)
EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"

SMALL = """\
policies:
  nightly: {schedule: "0 3 * * *", keep: {last: 3}}
servers:
  - {id: 5, policies: [nightly]}
"""


def settings(text: str, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of a text that is right."""
    return parse(text, "c.yaml", environ or {}, NOW)


def faults(text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """The lines of all faults of a text; none if it is right."""
    try:
        settings(text, environ)
    except ConfigError as error:
        return [str(fault) for fault in error.faults]
    return []


def policy(rules: str) -> str:
    """A file whose policy `p`, in line 2, says `rules` beside its schedule; one server uses it."""
    return f'policies:\n  p: {{schedule: "@daily", {rules}}}\nservers: [{{id: 5, policies: [p]}}]\n'


def server(keys: str) -> str:
    """A file whose one server, in line 4, says `keys`; there are the policies `p` and `q`."""
    return f"policies:\n  p: {{schedule: '@daily'}}\n  q: {{schedule: '@weekly'}}\nservers: [{{{keys}}}]\n"


def api(keys: str) -> str:
    """A file whose `api`, in line 5, says `keys`."""
    return f"{SMALL}api: {{{keys}}}\n"
