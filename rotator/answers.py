"""What a reply means: an error of ours with the provider's own words, a JSON document, a time.

A body is quoted only from an answer that is an error, shortened, on one line and with the token struck out;
the body of a success is never quoted (a server's can hold a password), and no header ever is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from rotator.errors import (
    ApiError,
    BadAnswer,
    BadRequest,
    Forbidden,
    NotFound,
    RateLimited,
    ServerFault,
    Unauthorized,
)
from rotator.http import Reply

MAX_WORDS = 200
"""Characters of the provider's own words that a message carries: two lines of a terminal."""

COLLECTIONS = frozenset({"GET /snapshots/", "GET /servers/"})
"""What every account has, empty or not: a 404 for one of these is about the address."""

_DATE_RESOLUTION = timedelta(seconds=1)

_BY_STATUS: Mapping[int, type[ApiError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    429: RateLimited,
}

_BY_CLASS: Mapping[int, type[ApiError]] = {4: BadRequest, 5: ServerFault}


def error_of(reply: Reply, secret: str = "") -> ApiError | None:
    """The error that a reply stands for, None for a 2xx. `secret` is struck out of the provider's words."""
    if reply.status // 100 == 2:
        return None
    if reply.status // 100 == 3:
        return BadAnswer(f"{_head(reply)}: redirects are not followed{_target(reply)}", status=reply.status)
    kind = _BY_STATUS.get(reply.status) or _BY_CLASS.get(reply.status // 100, BadAnswer)
    words, fields = _provider_words(reply.body, secret)
    message = f"{_head(reply)}: {words}" if words else _head(reply)
    if kind is NotFound and reply.label in COLLECTIONS:
        message += " (is the address right? VPS_API_URL, else api.base_url)"
    return kind(message, status=reply.status, retry_after=retry_after(reply), fields=fields)


def json_of(reply: Reply) -> object:
    """The JSON document of a reply. Raises BadAnswer for anything else."""
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError) as error:
        raise BadAnswer(f"{_head(reply)}: the answer is not JSON", status=reply.status) from error


def retry_after(reply: Reply) -> float | None:
    """Seconds for which the provider asks to be left alone, or None (RFC 9110, 10.2.3: number or date)."""
    value = reply.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", value, re.ASCII):
        return float(value)
    until = _http_date(value)
    if until is None:
        return None
    now = _http_date(reply.headers.get("date", "")) or reply.answered
    return max(0.0, (until - now).total_seconds())


def skew(reply: Reply) -> timedelta:
    """How far the provider's clock is surely ahead of ours (negative: behind); zero where it does not tell.

    The provider stamped `Date`, whole seconds cut off, at some moment between asking and being answered. Only
    what no moment of that interval explains counts, so that a slow answer cannot look like a wrong clock.
    """
    date = _http_date(reply.headers.get("date", ""))
    if date is None:
        return timedelta(0)
    least, most = date - reply.answered, date + _DATE_RESOLUTION - reply.asked
    return max(least, timedelta(0)) or min(most, timedelta(0))


def _head(reply: Reply) -> str:
    try:
        phrase = " " + HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = ""
    return f"{reply.label}: {reply.status}{phrase}"


def _target(reply: Reply) -> str:
    try:
        host = urlsplit(reply.headers.get("location", "")).hostname
    except ValueError:
        host = None
    return f" (it points to {_one_line(host)}: is base_url right?)" if host else " (is base_url right?)"


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _provider_words(body: bytes, secret: str) -> tuple[str, dict[str, str]]:
    text = body[: 2**16].decode("utf-8", "replace")  # an error's words need no more
    if secret:
        text = text.replace(secret, "[token]")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return _one_line(text), {}
    if not isinstance(document, dict):
        return _one_line(_plain(document)), {}
    if isinstance(document.get("detail"), str):
        return _one_line(document["detail"]), {}
    fields = {_one_line(str(name)): _one_line(_plain(value)) for name, value in document.items()}
    return _one_line("; ".join(f"{name}: {value}" for name, value in fields.items())), fields


def _plain(value: object) -> str:
    if isinstance(value, list):
        return " ".join(str(item) for item in value)
    return str(value)


def _one_line(text: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in text)
    words = " ".join(printable.split())
    return words if len(words) <= MAX_WORDS else words[: MAX_WORDS - 1] + "…"
