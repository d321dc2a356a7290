"""The kinds of values that the file's keys take, as pydantic types.

Each turns what was written into the value that the rest of rotator works with, says in plain words why it
cannot, and carries its own piece of the JSON Schema.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from rotator import cron
from rotator.models import Id, Span

from . import units
from .nodes import show
from .spelling import closest

NAME = r"[A-Za-z0-9_-]+"
"""What the provider allows in a snapshot's name, and so in a policy's."""

MAX_TEXT = 1000
"""Characters of a label, path, glob or description: a long paragraph. The provider documents no limit."""

MAX_ENTRIES = 1000
"""Entries of a list of globs or words; what is wrong with each of them is told."""

MAX_SCHEDULES = 100
"""Expressions of one policy; each is looked up for every day of a year."""

_IANA_NAME = (
    r"[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*"  # `localtime`, `right/UTC`, paths and directories are none
)


# --- texts ------------------------------------------------------------------------------------------


def _printable(text: str) -> str:
    if not text.strip():
        raise ValueError("should not be empty")
    if not text.isprintable():
        raise ValueError("should be a single line without control characters")
    return text


def _policy_name(text: str) -> str:
    if not re.fullmatch(NAME, text):
        raise ValueError("a policy's name is made of letters, digits, - and _")
    return text


Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT), AfterValidator(_printable)]
PolicyName = Annotated[str, AfterValidator(_policy_name), Field(json_schema_extra={"pattern": f"^{NAME}$"})]
Template = Annotated[Text, Field(json_schema_extra={"pattern": r"\{slot\}"})]


# --- identifiers ------------------------------------------------------------------------------------


def _identifier(value: object) -> Id:
    """An integer, or a text; a text of digits becomes the integer that it would be sent as."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("should be a server's id as the API gives it, a number or a text in quotes")
    if isinstance(value, str):
        if not re.fullmatch(r"[^\s/]{1,128}", value) or not value.isprintable():
            raise ValueError("a server's id is one word of at most 128 characters, without spaces and /")
        return int(value) if re.fullmatch("0|[1-9][0-9]*", value) else value
    return value


Identifier = Annotated[
    Id, PlainValidator(_identifier), WithJsonSchema({"type": ["integer", "string"], "minLength": 1})
]


# --- time -------------------------------------------------------------------------------------------


def _at_least(least: timedelta) -> Callable[[timedelta], timedelta]:
    def check(value: timedelta) -> timedelta:
        if value < least:
            raise ValueError(f"should be at least {units.duration_text(least)}")
        return value

    return check


def _at_most(most: int) -> Callable[[object], object]:
    def check(value: object) -> object:
        if isinstance(value, list) and len(value) > most:
            raise ValueError(f"should have at most {most:,} entries")
        return value

    return check


def _many(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, list) else (value,)


def _expression(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError('a schedule is a text in quotes, such as "0 3 * * *" or "@daily"')
    if len(value) > MAX_TEXT:
        raise ValueError(f"should have at most {MAX_TEXT} characters")
    return cron.expand(value)  # BadSchedule is a ValueError and speaks for itself


def _distinct(expressions: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(expressions))


@lru_cache(maxsize=1)
def _zones() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))


def _zone(value: object) -> ZoneInfo:
    if not isinstance(value, str):
        raise ValueError("should be the name of a time zone, such as Europe/Berlin")
    try:
        if re.fullmatch(_IANA_NAME, value):
            return ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # the last one: a directory such as `America`, a name too long
        pass
    hint = closest(value, _zones()) or ", write it as in Europe/Berlin"
    raise ValueError(f"there is no time zone {show(value)}{hint}")


_DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": units.DURATION})
_EXPRESSION_SCHEMA = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
_EXPRESSIONS_SCHEMA = {
    "type": "array",
    "items": _EXPRESSION_SCHEMA,
    "minItems": 1,
    "maxItems": MAX_SCHEDULES,
}

Duration = Annotated[timedelta, PlainValidator(units.duration), _DURATION_SCHEMA]
SomeTime = Annotated[
    timedelta,
    PlainValidator(units.duration),
    AfterValidator(_at_least(timedelta(milliseconds=1))),  # less is no wait at all, and 0s a busy loop
    _DURATION_SCHEMA,
]
Schedule = Annotated[
    tuple[Annotated[str, PlainValidator(_expression)], ...],
    BeforeValidator(_many),
    BeforeValidator(_at_most(MAX_SCHEDULES)),
    Field(min_length=1),
    AfterValidator(_distinct),
    WithJsonSchema({"anyOf": [_EXPRESSION_SCHEMA, _EXPRESSIONS_SCHEMA]}),
]
Zone = Annotated[ZoneInfo, PlainValidator(_zone), WithJsonSchema({"type": "string"})]


# --- keep rules -------------------------------------------------------------------------------------

Count = Annotated[
    float,
    PlainValidator(units.count),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0, "maximum": units.MAX_COUNT}, {"const": "unlimited"}]}
    ),
]
Within = Annotated[
    Span, PlainValidator(units.span), WithJsonSchema({"type": "string", "pattern": units.SPAN})
]


# --- the API ----------------------------------------------------------------------------------------

RESERVED_STATES = frozenset({"completed", "in_progress"})
"""The two states that the provider documents: neither is a failure."""


def _failed_state(word: str) -> str:
    if word.strip().lower() in RESERVED_STATES:
        raise ValueError(f"{word.strip()} is not a failure: it would cost good snapshots")
    return word


_URL = r"(?i:https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?(/[!-~]*)?"


def base_url(text: str) -> str:
    """An API's address without a slash at its end; ValueError for one that a token must not be sent to."""
    try:
        url = urlsplit(text)
        host, _ = url.hostname or "", url.port
    except ValueError:
        raise ValueError("this is not an address such as https://admin.vps.org/api/v1") from None
    if url.username is not None or url.password is not None:
        raise ValueError("no user name or password may stand in the address")
    if not re.fullmatch(_URL, text):
        raise ValueError("this is not an address such as https://admin.vps.org/api/v1")
    if "?" in text or "#" in text:
        raise ValueError("the address ends with its path: no ? and no #")
    if url.scheme == "http" and not _loopback(host):
        raise ValueError(
            "http would show the token to the network: use https (http is for this machine only)"
        )
    return text.rstrip("/")


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


BaseUrl = Annotated[Text, AfterValidator(base_url), Field(json_schema_extra={"format": "uri"})]
FailedState = Annotated[Text, AfterValidator(_failed_state)]

_SOME = (BeforeValidator(_at_most(MAX_ENTRIES)), Field(json_schema_extra={"maxItems": MAX_ENTRIES}))

Globs = Annotated[list[Text], *_SOME]
FailedStates = Annotated[list[FailedState], *_SOME]
