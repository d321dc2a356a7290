"""What a scalar of the file means: the values of YAML 1.2's core schema, and nothing that surprises.

`on`, `no`, `22:22`, `1_000` and dates are text. So are `014`, `0o14` and `0x1F`: an opaque id must never be
rewritten behind its owner's back.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Value = str | int | float | bool | None

TAG = "tag:yaml.org,2002:"

_LONGEST_NUMBER = 100
"""Characters; Python itself refuses to convert integers of more than 4,300 digits."""

_WORDS: dict[str, Value] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_ENDLESS = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")

_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[str], Value]], ...] = (
    (_INT, int),
    (_FLOAT, float),
    (_ENDLESS, lambda text: float(text.replace(".", ""))),
)

_TAGGED: dict[str, Callable[[Value], bool]] = {
    "null": lambda value: value is None,
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, float),
}


def plain(text: str) -> Value:
    """The value of a scalar without quotes. ValueError for a number too long to be meant."""
    if text in _WORDS:
        return _WORDS[text]
    for pattern, convert in _NUMBERS:
        if pattern.fullmatch(text):
            if len(text) > _LONGEST_NUMBER:
                raise ValueError("this number is too long; if it is meant as text, put it in quotes")
            return convert(text)
    return text


def tagged(tag: str, text: str) -> Value:
    """The value of a scalar with a tag such as `!!str`. ValueError for tags unknown or unfit."""
    name = tag.removeprefix(TAG)
    if tag in ("!", TAG + "str"):
        return text
    fits = _TAGGED.get(name) if tag.startswith(TAG) else None
    if fits is None:
        raise ValueError("YAML tags other than !!str, !!int, !!float, !!bool and !!null are not supported")
    value = plain(text)
    if not fits(value):
        raise ValueError(f"this is no value for the tag !!{name}")
    return value
