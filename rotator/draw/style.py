"""The one stylesheet of all pictures, made of a table: what, which property, its light and its dark value.

Every rule begins with `.drawing`, so that a page can take the sheet over whole. No custom properties: what
turns an SVG into a printed page often knows none.
"""

from __future__ import annotations

from rotator.models import Server

PALETTE = (
    ("#2563eb", "#60a5fa"),
    ("#0f766e", "#2dd4bf"),
    ("#7c3aed", "#a78bfa"),
    ("#b45309", "#fbbf24"),
    ("#be185d", "#f472b6"),
)
"""A colour for each policy of a server in their order, light and dark; a sixth one begins again."""

_INK, _MUTED = ("#0f172a", "#e2e8f0"), ("#52606d", "#9fb0c3")
_LINE, _BACK, _BAND = ("#dbe2ea", "#2b3a4f"), ("#ffffff", "#0f1724"), ("#f3f6f9", "#182334")
_BAD, _FOREIGN = ("#c81e1e", "#f98080"), ("#6b7280", "#9ca3af")

_COLOURS: tuple[tuple[str, str, tuple[str, str]], ...] = (
    (".back", "fill", _BACK),
    (".band", "fill", _BAND),
    ("text", "fill", _INK),
    ("text.muted", "fill", _MUTED),
    ("text.bad", "fill", _BAD),
    (".grid", "stroke", _LINE),
    (".now", "stroke", _INK),
    (".dim", "stroke", _MUTED),
    (".veil", "fill", _BAND),
    (".off", "stroke", _BAD),
    (".warn", "fill", _BAD),
    *((f".p{i} .fill", "fill", colour) for i, colour in enumerate(PALETTE)),
    *((f".p{i} .line", "stroke", colour) for i, colour in enumerate(PALETTE)),
    *((f".p{i} text.name", "fill", colour) for i, colour in enumerate(PALETTE)),
    (".foreign .fill", "fill", _FOREIGN),
    (".foreign .line", "stroke", _FOREIGN),
    (".foreign text.name", "fill", _FOREIGN),
)

_SHAPES = """\
.drawing text{font:12px system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif}
.drawing text.head{font-size:15px;font-weight:600}
.drawing text.small{font-size:11px}
.drawing text.big{font-size:20px;font-weight:600}
.drawing text.end{text-anchor:end}
.drawing text.mid{text-anchor:middle}
.drawing .grid,.drawing .dim{stroke-width:1}
.drawing .dash{stroke-dasharray:3 3}
.drawing .now{stroke-width:1.5}
.drawing .line{fill:none;stroke-width:1.5}
.drawing .thin{stroke-width:1}
.drawing .tint{fill-opacity:.16}
.drawing .ahead{fill-opacity:0;stroke-dasharray:4 3}
.drawing .pale{fill-opacity:.55}
.drawing .veil{fill-opacity:.75}
.drawing .off{fill:none;stroke-width:2;stroke-linecap:round}
"""


def _colours(side: int) -> str:
    return "".join(f".drawing {what}{{{property_}:{values[side]}}}\n" for what, property_, values in _COLOURS)


STYLE = f"{_SHAPES}{_colours(0)}@media (prefers-color-scheme:dark){{\n{_colours(1)}}}\n"
"""CSS for a `<style>` element or a stylesheet; it holds nothing that would have to be escaped in XML."""


def hue(server: Server, policy: str | None) -> str:
    """The class that gives a policy of that server its colour; None is foreign."""
    names = [p.name for p in server.policies]
    return f"p{names.index(policy) % len(PALETTE)}" if policy in names else "foreign"
