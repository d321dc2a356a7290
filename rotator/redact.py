"""Values made fit to be shown: plain, without secrets, without control characters.

Two nets for secrets: keys whose name says that they hold one, and the literal secrets that the process knows,
wherever they turn up and however they were escaped on the way.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, quote_plus

REDACTED = "[redacted]"

Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]
"""What JSON can say."""

_SHORTEST_SECRET = 4  # characters; anything shorter would blank out ordinary words
_SECRET_KEY = re.compile(
    r"(^|[_\-. ])(token|secret|password|passwd|authorization|cookie|credentials?|api[_-]?key)$", re.IGNORECASE
)
_BEARER = re.compile(r"\b(Bearer) [A-Za-z0-9+/=_.~-]{4,}")
_DEEPEST = 8  # levels of nesting; a traceback has four, and a value that holds itself ends here


class Secrets:
    """The literal secrets that this process knows. Its repr shows none of them."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: str) -> None:
        """Never show this value again, nor its URL-encoded and JSON-escaped forms. Short ones are ignored."""
        secret = value.strip()
        if len(secret) < _SHORTEST_SECRET:
            return
        self._forms |= _forms(secret)
        longest_first = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def scrub(self, text: str) -> str:
        """The text with every known secret, and whatever follows `Bearer`, replaced."""
        if self._pattern is not None:
            text = self._pattern.sub(REDACTED, text)
        return _BEARER.sub(rf"\1 {REDACTED}", text)

    def __repr__(self) -> str:
        return f"<Secrets: {len(self._forms)} forms>"


def _forms(secret: str) -> set[str]:
    encoded = secret.encode(errors="surrogatepass")
    return {
        secret,
        quote(encoded),
        quote(encoded, safe=""),
        quote_plus(encoded),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
    }


def plain(value: object, secrets: Secrets, depth: int = 0) -> Plain:
    """The same value in JSON's terms, without secrets. Total: whatever comes in, something comes out."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth < _DEEPEST and isinstance(value, Mapping):
        return {_text(key, secrets): _field(key, item, secrets, depth) for key, item in value.items()}
    if depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [plain(item, secrets, depth + 1) for item in value]
    return _text(value, secrets)


def _field(key: object, value: object, secrets: Secrets, depth: int) -> Plain:
    hidden = isinstance(key, str) and _SECRET_KEY.search(key) and value is not None
    return REDACTED if hidden else plain(value, secrets, depth + 1)


def _text(value: object, secrets: Secrets) -> str:
    try:
        return secrets.scrub(_written(value))
    except Exception:  # a value whose __str__ fails must not cost the line
        return f"<{type(value).__name__} that cannot be shown>"


def _written(value: object) -> str:
    return next((write(value) for kind, write in _WRITERS if isinstance(value, kind)), None) or str(value)


def _instant(value: datetime) -> str:
    """RFC 3339 with Z; a time without a zone is left without one."""
    return (
        value.isoformat()
        if value.tzinfo is None
        else value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    )


_WRITERS: Iterable[tuple[type, Callable[..., str]]] = (
    (str, str),
    (bytes, lambda value: value.decode(errors="backslashreplace")),
    (datetime, _instant),
    (timedelta, lambda value: f"{value.total_seconds():g}s"),
    (BaseException, lambda value: f"{type(value).__name__}: {value}"),
)

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_CONTROLS_BUT_LINES = {code: text for code, text in _CONTROLS.items() if chr(code) not in "\n\t"}


def printable(text: str, *, lines: bool = False) -> str:
    """The text with control characters spelled out; line ends and tabs stay where `lines` allows them."""
    return text.translate(_CONTROLS_BUT_LINES if lines else _CONTROLS)
