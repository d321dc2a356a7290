"""From a path to settings: find the file, read it, check all of it, tell everything that is wrong."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from rotator.errors import ConfigError, Fault
from rotator.settings import HttpSettings, Settings

from . import leaks, settings, text
from .compose import compose
from .findings import Findings

VARIABLE = "ROTATOR_CONFIG"

PLACES = ("config.yaml", "/etc/rotator/config.yaml")
"""Where the configuration is looked for when nobody names one."""


def find(option: str | None, environ: Mapping[str, str]) -> str:
    """The path of the configuration: `option`, else $ROTATOR_CONFIG, else the first of PLACES that exists.

    A path that somebody named is taken as it is; ConfigError, with where it looked, if nobody did and there
    is no file.
    """
    named = option if option is not None else environ.get(VARIABLE) or None
    if named is not None:
        return named
    for place in PLACES:
        if os.path.exists(place):
            return place
    looked = f"--config and ${VARIABLE} (not given), ./{PLACES[0]} and {PLACES[1]} (not there)"
    raise ConfigError((Fault("", 0, 0, "", f"no configuration was found; looked at {looked}"),))


def load(path: str, environ: Mapping[str, str], now: datetime) -> Settings:
    """Read and check the file at `path`. ConfigError with every fault, sorted by place."""
    return parse(text.read(path), path, environ, now)


def load_http(path: str) -> HttpSettings | None:
    """Only the section `http` of the file at `path`, None if there is none; other sections are not looked at.

    So whoever asks a running daemon finds it while a change of something else is not right yet. ConfigError
    for a file that is no YAML, and for a section that is wrong.
    """
    content = text.read(path)
    text.check(content, path)
    findings = Findings(path)
    with _uncollected():
        root, _ = compose(content, findings)
    findings.faults.clear()  # of other sections: this one is read below
    found = settings.http(root, 0, findings)
    findings.stop_on_faults()
    return found


def parse(content: str, path: str, environ: Mapping[str, str], now: datetime) -> Settings:
    """Check the text of a configuration; `path` is what messages call it.

    `now` (aware) is where the gaps of the schedules are measured from. ConfigError with every fault, sorted
    by place; a text that is no YAML has one, where it stops to be.
    """
    text.check(content, path)
    findings = Findings(path)
    with _uncollected():
        root, variants = compose(content, findings)
        leaks.check(root, findings)
        whole = [settings.read(root, variant, environ, now, findings) for variant in range(variants)]
    findings.stop_on_faults()
    return whole[0]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without Python's collector: a tree that only grows has nothing for it, and it takes half the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
