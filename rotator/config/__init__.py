"""The configuration: one YAML file, checked whole before anything is started.

    text -> compose (nodes with places) -> shape (keys, types, bounds) -> policies, servers (meaning) -> fit

Every module adds to the same `Findings`, so that all faults are told at once, each where it stands.
"""

from __future__ import annotations

from .fit import places_needed
from .loading import find, load, load_http, parse
from .schema import json_schema
from .token import Token, TokenSource, read_token_file

__all__ = [
    "Token",
    "TokenSource",
    "find",
    "json_schema",
    "load",
    "load_http",
    "parse",
    "places_needed",
    "read_token_file",
]
