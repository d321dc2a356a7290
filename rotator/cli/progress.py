"""Whether there is progress to show, and to whom. What it looks like stands in `screen`."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext

from rotator.office import Nobody, Spectator


def wanted(*, as_json: bool, quiet: bool) -> bool:
    """Whether somebody looks, and wants to."""
    return sys.stderr.isatty() and not as_json and not quiet


def shown(total: int, *, live: bool) -> AbstractContextManager[Spectator]:
    """Progress of so many rotations on stderr for the length of a block; nothing where nobody looks."""
    if not live:
        return nullcontext(Nobody())
    from rotator.cli.screen import drawn  # noqa: PLC0415  # rich is for terminals only

    return drawn(total)
