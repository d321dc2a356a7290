"""Pictures of snapshots in time, as SVG: a server's places now and soon, and what a simulation found.

The law: a picture is made of data alone, refers to nothing outside itself, escapes every text, carries its
meaning in words too (title and desc), and has no style of its own but classes. The stylesheet (`STYLE`) goes
into it by default, with a light and a dark side; a page whose policy forbids inline styles asks for
`style=False` and serves `STYLE` itself.
"""

from __future__ import annotations

from .simulation import simulation
from .style import STYLE
from .timeline import timeline

__all__ = ["STYLE", "simulation", "timeline"]
