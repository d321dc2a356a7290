"""Replies: which error they are, in whose words, and what their headers say of time."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.answers import MAX_WORDS, error_of, json_of, retry_after, skew
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

NOW = datetime(2027, 3, 14, 7, 0, 0, 500_000, tzinfo=UTC)


def reply(
    status: int = 200,
    body: object = b"",
    headers: dict[str, str] | None = None,
    *,
    latency: float = 0.0,
) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answered = NOW + timedelta(seconds=latency)
    return Reply("GET /snapshots/", status, headers or {}, content, NOW, answered)


def wrong(status: int, body: object = b"", headers: dict[str, str] | None = None) -> ApiError:
    error = error_of(reply(status, body, headers), "vps_secret")
    assert error is not None
    return error


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, BadAnswer),
        (304, BadAnswer),
        (400, BadRequest),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (405, BadRequest),
        (409, BadRequest),
        (418, BadRequest),
        (429, RateLimited),
        (500, ServerFault),
        (502, ServerFault),
        (503, ServerFault),
        (599, ServerFault),
        (600, BadAnswer),
    ],
)
def test_every_status_has_its_error(status: int, kind: type[ApiError]) -> None:
    error = wrong(status)
    assert type(error) is kind
    assert error.status == status
    assert error.message.startswith(f"GET /snapshots/: {status}")


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_success_is_no_error(status: int) -> None:
    assert error_of(reply(status)) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"detail": "Snapshot limit reached."}, "Snapshot limit reached."),
        ({"name": ["Not a name.", "Too long."]}, "name: Not a name. Too long."),
        ({"name": "bad", "server_id": ["worse"]}, "name: bad; server_id: worse"),
        ({"errors": {"name": ["x"]}}, "errors: {'name': ['x']}"),
        (["Invalid", "data"], "Invalid data"),
        ("no", "no"),
        (b"<h1>Bad\n\tgateway</h1>\x1b[31m", "<h1>Bad gateway</h1> [31m"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 100_000, "[" * (MAX_WORDS - 1) + "…"),
    ],
    ids=["detail", "field", "fields", "nested", "list", "text", "html", "no_text", "deep"],
)
def test_the_provider_speaks_in_its_own_words_on_one_line(body: object, words: str) -> None:
    assert wrong(400, body).message == f"GET /snapshots/: 400 Bad Request: {words}"


def test_the_fields_of_a_refusal_are_told_apart() -> None:
    assert wrong(400, {"name": ["Not a name."], "server_id": "x"}).fields == {
        "name": "Not a name.",
        "server_id": "x",
    }
    assert wrong(400, {"detail": "no"}).fields == {}


def test_an_error_without_words_names_its_status() -> None:
    assert wrong(502).message == "GET /snapshots/: 502 Bad Gateway"
    assert wrong(599).message == "GET /snapshots/: 599"


def test_long_words_are_cut() -> None:
    assert len(wrong(500, b"x" * 10_000).message) < 250


@pytest.mark.parametrize("body", [b"no vps_secret here", {"detail": "vps_secret"}, {"token": ["vps_secret"]}])
def test_a_token_that_the_provider_repeats_is_struck_out(body: object) -> None:
    error = wrong(401, body)
    assert "vps_secret" not in error.message + repr(error.fields)
    assert "[token]" in error.message


def test_a_redirect_names_the_host_that_it_points_to() -> None:
    error = wrong(301, headers={"location": "https://user:pw@other.example/api?token=x"})
    assert error.message == (
        "GET /snapshots/: 301 Moved Permanently: redirects are not followed"
        " (it points to other.example: is base_url right?)"
    )
    assert "is base_url right?" in wrong(302).message
    assert "is base_url right?" in wrong(302, headers={"location": "https://[broken"}).message


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a":', b"\xff", b"[" * 100_000, b"9" * 5000], ids=len)
def test_what_is_not_json_is_a_bad_answer_and_not_quoted(body: bytes) -> None:
    with pytest.raises(BadAnswer) as caught:
        json_of(reply(200, body))
    assert caught.value.message == "GET /snapshots/: 200 OK: the answer is not JSON"


@given(st.binary(max_size=40))
def test_json_or_a_bad_answer_and_nothing_else(body: bytes) -> None:
    with contextlib.suppress(BadAnswer):
        assert json.dumps(json_of(reply(200, body)))


# --- times ----------------------------------------------------------------------------------------


def http_date(seconds: float) -> str:
    return format_datetime(NOW.replace(microsecond=0) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "9" * 40}, None),
        ({"retry-after": http_date(20), "date": http_date(0)}, 20.0),
        ({"retry-after": http_date(3620), "date": http_date(3600)}, 20.0),
        ({"retry-after": http_date(-20), "date": http_date(0)}, 0.0),
        ({"retry-after": http_date(20)}, 19.5),
    ],
    ids=str,
)
def test_retry_after_is_a_number_or_a_date_by_the_providers_clock(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(reply(429, headers=headers)) == seconds
    assert wrong(429, headers=headers).retry_after == seconds


@pytest.mark.parametrize(
    ("date", "latency", "ahead"),
    [
        (0, 0.0, 0.0),
        (0, 600.0, 0.0),
        (599, 600.0, 0.0),
        (-1, 0.0, -0.5),
        (600, 0.0, 599.5),
        (600, 30.0, 569.5),
        (-600, 0.0, -599.5),
        (-600, 30.0, -599.5),
    ],
)
def test_a_clock_is_skewed_only_by_what_no_latency_explains(date: int, latency: float, ahead: float) -> None:
    answer = reply(headers={"date": http_date(date)}, latency=latency)
    assert skew(answer).total_seconds() == ahead


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}, {"date": ""}], ids=str)
def test_a_clock_that_does_not_tell_is_not_skewed(headers: dict[str, Any]) -> None:
    assert skew(reply(headers=headers)) == timedelta(0)
