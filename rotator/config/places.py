"""Where the configuration is looked for when nobody names one."""

from __future__ import annotations

import os
from collections.abc import Mapping

from rotator.errors import ConfigError, Fault

VARIABLE = "ROTATOR_CONFIG"

PLACES = ("config.yaml", "/etc/rotator/config.yaml")
"""The first of them that exists is taken."""


def named(option: str | None, environ: Mapping[str, str]) -> str | None:
    """The path that somebody named: `option`, else $ROTATOR_CONFIG; None if nobody did."""
    return option if option is not None else environ.get(VARIABLE) or None


def init_path(option: str | None, environ: Mapping[str, str]) -> str:
    """Where a first configuration is written: the named path, else the first of PLACES."""
    return named(option, environ) or PLACES[0]


def find(option: str | None, environ: Mapping[str, str]) -> str:
    """The path of the configuration: a named one, else the first of PLACES that exists.

    A path that somebody named is taken as it is; ConfigError, with where it looked and what to do, if nobody
    did and there is no file.
    """
    path = named(option, environ) or next((place for place in PLACES if os.path.exists(place)), None)
    if path is not None:
        return path
    looked = f"--config and ${VARIABLE} (not given), ./{PLACES[0]} and {PLACES[1]} (not there)"
    fault = f"no configuration was found; looked at {looked}. `rotator init` writes one to begin with"
    raise ConfigError((Fault("", 0, 0, "", fault),))
