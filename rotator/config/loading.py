"""From a path to settings: read the file, check all of it, tell everything that is wrong."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from rotator.settings import HttpSettings, Settings

from . import leaks, settings, text
from .compose import compose
from .findings import Findings


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
