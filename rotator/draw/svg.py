"""SVG as text: elements, escaped; numbers short; one frame for every picture."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from .style import STYLE

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML can hold, however it is written."""


def element(tag: str, *children: str, **attributes: object) -> str:
    """One element; its children are SVG already. `class_` is `class`, and `_` in a name stands for `-`."""
    listed = "".join(
        f" {name.rstrip('_').replace('_', '-')}={quoteattr(_value(value))}"
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{listed}>{''.join(children)}</{tag}>" if children else f"<{tag}{listed}/>"


def text(content: str, **attributes: object) -> str:
    """A text at a place."""
    return element("text", escaped(content), **attributes)


def told(title: str, *children: str, **attributes: object) -> str:
    """A group that says what it is to whoever points at it."""
    return element("g", element("title", escaped(title)), *children, **attributes)


def cross(x: float, y: float) -> str:
    """The path of a cross around a point."""
    return f"M{x - 4:.1f} {y - 4:.1f}l8 8m0-8l-8 8"


def escaped(content: str) -> str:
    """A text from outside, harmless inside an element."""
    return escape(_FORBIDDEN.sub("\ufffd", content))


def picture(
    width: float, height: float, title: str, description: str, body: Iterable[str], *, ident: str, style: bool
) -> str:
    """A whole SVG document; `ident` makes the ids of title and description unique in a page."""
    name = re.sub("[^A-Za-z0-9_-]", "-", ident)
    return element(
        "svg",
        element("title", escaped(title), id=f"{name}-title"),
        element("desc", escaped(description), id=f"{name}-desc"),
        *([element("style", STYLE)] if style else []),
        element("rect", class_="back", width=width, height=height, rx=8),
        *body,
        xmlns="http://www.w3.org/2000/svg",
        class_="drawing",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        width=width,
        height=height,
    )


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    return _FORBIDDEN.sub("\ufffd", str(value))
