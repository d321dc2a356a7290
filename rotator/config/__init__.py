"""The configuration: one YAML file, checked whole before anything is started.

    text -> compose (nodes with places) -> shape (keys, types, bounds) -> policies, servers (meaning) -> fit

Every module adds to the same `Findings`, so that all faults are told at once, each where it stands.

A part is imported when it is first asked for: who completes a command line must not wait for the whole.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .fit import places_needed
    from .loading import load, load_http, parse
    from .names import Names, glance
    from .places import find, init_path
    from .reference import markdown
    from .schema import json_schema
    from .token import Token, TokenSource, read_token_file

__all__ = [
    "Names",
    "Token",
    "TokenSource",
    "find",
    "glance",
    "init_path",
    "json_schema",
    "load",
    "load_http",
    "markdown",
    "parse",
    "places_needed",
    "read_token_file",
]

_HOME = {
    "Names": "names",
    "Token": "token",
    "TokenSource": "token",
    "find": "places",
    "glance": "names",
    "init_path": "places",
    "json_schema": "schema",
    "load": "loading",
    "load_http": "loading",
    "markdown": "reference",
    "parse": "loading",
    "places_needed": "fit",
    "read_token_file": "token",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
