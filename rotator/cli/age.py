"""How old something is, as a table says it."""

from __future__ import annotations

from datetime import datetime, timedelta


def age(of: datetime, now: datetime) -> str:
    """How old something is, in its largest unit: `3d`, `5h`, `12m`, `40s`; a future one is `in 2h`."""
    seconds = (now - of) // timedelta(seconds=1)
    units = (("d", 86400), ("h", 3600), ("m", 60))
    unit, size = next(((u, s) for u, s in units if abs(seconds) >= s), ("s", 1))
    return f"in {-seconds // size}{unit}" if seconds < 0 else f"{seconds // size}{unit}"
