"""Values made fit to be shown: plain, without secrets, without control characters.

Two nets for secrets: keys whose name says that they hold one, and the literal secrets that the process knows,
wherever they turn up and however they were escaped on the way. A third stands before both: what comes back
over the network passes `struck`, so that nobody inside ever reads the token in somebody else's words.
"""

from __future__ import annotations

import html
import json
import math
import re
import resource
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import quote, quote_plus

REDACTED = "[redacted]"

Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]
"""What JSON can say."""

_SHORTEST_SECRET = 4  # characters; anything shorter would blank out ordinary words
_SHORTEST_STRUCK = 11  # characters; a shorter token could be a word of a snapshot's name, or part of a date
_SECRET_KEY = re.compile(
    r"(^|[_\-. ])(token|secret|password|passwd|authorization|cookie|credentials?|api[_-]?key)$", re.IGNORECASE
)
_BEARER = re.compile(r"\b(Bearer) [A-Za-z0-9+/=_.~-]{4,}")
_TOKEN_LIKE = re.compile(r"(?<![A-Za-z0-9_./-])vps_[A-Za-z0-9._~+/=-]{16,}")
"""A token as RFC 6750 has them, too long for a word; a path such as `/etc/vps_token` is none."""
_ESCAPE = re.compile(rb"\\u00([0-7][0-9A-Fa-f])")
_QUOTED = 2**17  # bytes of an answer from which its words may be quoted, with room for wide characters
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


KNOWN = Secrets()
"""Every token that this process has read."""


def guard(secret: str) -> None:
    """A token comes into this process: it is struck out of all that is shown, and no core dump is left."""
    KNOWN.add(secret)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def struck(data: bytes, secret: str | None) -> bytes:
    """What came over the network, without the secret that was sent there.

    A secret that is too short to tell from other words is left: lists would read otherwise than they are.
    Where it is written so that a decoder would bring it back (JSON's escapes, wide characters), nothing of
    the data is left: whoever reads it finds no answer, rather than one with holes that nobody can place.
    """
    if not secret or len(secret) < _SHORTEST_STRUCK:
        return data
    for form in _sent_forms(secret):
        data = data.replace(form, REDACTED.encode())
    disguised = b"\\" in data or b"\0" in data
    return b"" if disguised and _brings_back(data, secret) else data


def _brings_back(data: bytes, secret: str) -> bool:
    """Whether a decoder, or a reader of the part that may be quoted, would see the secret again."""
    if _bare(secret.encode()) in _bare(data[:_QUOTED]):
        return True
    try:
        return json.dumps(secret)[1:-1] in json.dumps(json.loads(data), ensure_ascii=False)
    except (ValueError, RecursionError):
        return False


@lru_cache(maxsize=4)
def _sent_forms(secret: str) -> tuple[bytes, ...]:
    forms = _forms(secret) | {html.escape(secret)}
    return tuple(form.encode() for form in sorted(forms, key=len, reverse=True))


def _bare(data: bytes) -> bytes:
    """The data without what JSON and wide characters put around ASCII, however often it was escaped."""
    whole = _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), data.replace(b"\0", b""))
    return whole.replace(b"\\", b"")


def masked(text: str) -> str:
    """The text without anything that looks like one of VPS.org's tokens, known or not.

    It is for what people typed and set: there a mask too many does no harm.
    """
    return _TOKEN_LIKE.sub("vps_…", text)


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
