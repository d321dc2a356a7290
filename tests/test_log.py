"""What a log line looks like, and what never stands in one."""

from __future__ import annotations

import ast
import io
import json
import logging
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

import rotator
from rotator.log import EVENTS, Secrets, configure, under_journald
from rotator.redact import REDACTED, plain

TOKEN = 'vps_s3cret/"tøken"'
LIBRARIES = ("apscheduler", "asyncio", "filelock", "httpcore", "httpx")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Broken(io.StringIO):
    def write(self, text: str, /) -> int:
        raise BrokenPipeError(text)


class Unspeakable:
    def __str__(self) -> str:
        raise ValueError("no words")

    __repr__ = __str__


@pytest.fixture(autouse=True)
def logging_is_put_back() -> Iterator[None]:
    root = logging.getLogger()
    names = (None, *LIBRARIES)
    before = root.handlers[:], [logging.getLogger(name).level for name in names]
    yield
    root.handlers[:] = before[0]
    for name, level in zip(names, before[1], strict=True):
        logging.getLogger(name).setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def secrets() -> Secrets:
    known = Secrets()
    known.add(TOKEN + "\n")
    return known


def start(
    stream: io.TextIOBase,
    secrets: Secrets,
    *,
    level: str = "info",
    format: str = "json",
    quiet: bool = False,
    journald: bool = False,
) -> Any:
    """A logger whose lines go to the stream."""
    assert isinstance(stream, io.TextIOWrapper | io.StringIO)
    configure(level=level, format=format, quiet=quiet, secrets=secrets, stream=stream, journald=journald)
    return structlog.get_logger()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


# --- shape ----------------------------------------------------------------------------------------


def test_a_json_line_is_one_object_that_opens_with_time_level_and_event(secrets: Secrets) -> None:
    out = io.StringIO()
    start(out, secrets).info("snapshot.created", server_id=12345, snapshot="nightly-20270314T070000Z")
    (line,) = lines(out)
    assert list(line) == ["timestamp", "level", "event", "server_id", "snapshot"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line.pop("timestamp"))
    assert line == {
        "level": "info",
        "event": "snapshot.created",
        "server_id": 12345,
        "snapshot": "nightly-20270314T070000Z",
    }


def test_lines_of_libraries_come_out_like_ours(secrets: Secrets) -> None:
    out = io.StringIO()
    start(out, secrets)
    logging.getLogger("some.library").info("listening on %s", "127.0.0.1")
    (line,) = lines(out)
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert (line["level"], line["event"], line["logger"]) == (
        "info",
        "listening on 127.0.0.1",
        "some.library",
    )


@pytest.mark.parametrize("library", LIBRARIES)
def test_of_talkative_libraries_only_warnings_are_shown(secrets: Secrets, library: str) -> None:
    out = io.StringIO()
    start(out, secrets, level="debug")
    logging.getLogger(library).info("routine")
    logging.getLogger(f"{library}.part").warning("trouble")
    assert [line["event"] for line in lines(out)] == ["trouble"]


def test_what_is_bound_to_the_context_stands_on_every_line(secrets: Secrets) -> None:
    out = io.StringIO()
    log = start(out, secrets)
    with structlog.contextvars.bound_contextvars(rotation_id="r1"):
        log.info("rotation.started")
        logging.getLogger("library").info("words")
    assert [line["rotation_id"] for line in lines(out)] == ["r1", "r1"]


@pytest.mark.parametrize(
    ("level", "quiet", "shown"),
    [
        ("debug", False, ["debug", "info", "warning", "error"]),
        ("info", False, ["info", "warning", "error"]),
        ("error", False, ["error"]),
        ("debug", True, ["warning", "error"]),
        ("error", True, ["error"]),
    ],
)
def test_the_level_and_quiet_decide_what_is_shown(
    secrets: Secrets, level: str, quiet: bool, shown: list[str]
) -> None:
    out = io.StringIO()
    log = start(out, secrets, level=level, quiet=quiet)
    for method in (log.debug, log.info, log.warning, log.error):
        method("api.retry")
    assert [line["level"] for line in lines(out)] == shown


def test_a_second_call_replaces_the_first(secrets: Secrets) -> None:
    first, second = io.StringIO(), io.StringIO()
    start(first, secrets)
    start(second, secrets).info("daemon.started")
    assert (first.getvalue(), len(lines(second))) == ("", 1)


@pytest.mark.parametrize(
    ("format", "stream", "is_json"),
    [
        pytest.param("auto", io.StringIO, True, id="auto in a file"),
        pytest.param("auto", Terminal, False, id="auto on a terminal"),
        pytest.param("json", Terminal, True, id="json on a terminal"),
        pytest.param("console", io.StringIO, False, id="console in a file"),
    ],
)
def test_the_format_follows_the_stream_unless_it_is_named(
    secrets: Secrets, format: str, stream: type[io.StringIO], is_json: bool
) -> None:
    out = stream()
    start(out, secrets, format=format).info("daemon.ready")
    assert out.getvalue().startswith("{") is is_json
    assert "daemon.ready" in out.getvalue()


@pytest.mark.parametrize(
    ("stream", "no_color", "journald", "coloured"),
    [
        pytest.param(Terminal, "", False, True, id="terminal"),
        pytest.param(Terminal, "1", False, False, id="NO_COLOR"),
        pytest.param(Terminal, "", True, False, id="journal"),
        pytest.param(io.StringIO, "", False, False, id="file"),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    secrets: Secrets,
    monkeypatch: pytest.MonkeyPatch,
    *,
    stream: type[io.StringIO],
    no_color: str,
    journald: bool,
    coloured: bool,
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    out = stream()
    start(out, secrets, format="console", journald=journald).info("daemon.ready", servers=2)
    assert ("\x1b[" in out.getvalue()) is coloured


# --- the journal ----------------------------------------------------------------------------------


def test_under_journald_every_line_carries_its_priority(secrets: Secrets) -> None:
    out = io.StringIO()
    log = start(out, secrets, level="debug", journald=True)
    for method in (log.debug, log.info, log.warning, log.error, log.critical):
        method("api.retry")
    assert [line[:4] for line in out.getvalue().splitlines()] == ["<7>{", "<6>{", "<4>{", "<3>{", "<2>{"]


def test_under_journald_a_traceback_carries_it_on_each_of_its_lines(secrets: Secrets) -> None:
    out = io.StringIO()
    log = start(out, secrets, format="console", journald=True)
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        log.exception("rotation.failed")
    written = out.getvalue().splitlines()
    assert len(written) > 3
    assert all(line.startswith("<3>") for line in written)


def test_the_journal_is_known_by_the_streams_device_and_inode(tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("w") as stream:
        found = os.fstat(stream.fileno())
        assert under_journald({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}, stream)
        assert not under_journald({"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"}, stream)
        assert not under_journald({}, stream)
    assert not under_journald({"JOURNAL_STREAM": "1:2"}, io.StringIO())


# --- secrets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["json", "console"])
def test_a_known_secret_is_shown_nowhere(secrets: Secrets, format: str) -> None:
    out = io.StringIO()
    log = start(out, secrets, format=format)
    log.info(f"api.retry {TOKEN}", url=f"https://u:{TOKEN}@host/", deep=[{"a": (TOKEN,)}], raw=TOKEN.encode())
    log.warning("api.failed", error=ValueError(TOKEN), **{TOKEN: 1})
    logging.getLogger("library").warning("sent %s", {"token_is": TOKEN})
    try:
        raise RuntimeError(TOKEN) from ValueError(TOKEN)
    except RuntimeError:
        log.exception("rotation.failed", stack_info=True)
    text = out.getvalue()
    assert REDACTED in text
    assert "s3cret" not in text


@pytest.mark.parametrize("format", ["json", "console"])
def test_a_traceback_shows_no_local_variables(format: str) -> None:
    out = io.StringIO()
    log = start(out, Secrets(), format=format)
    a_local = "something" + " private"
    try:
        _ = 1 / len(a_local[:0])
    except ZeroDivisionError:
        log.exception("rotation.failed")
        logging.getLogger("library").exception("trouble")
    assert out.getvalue().count("ZeroDivisionError") == 2
    assert "something private" not in out.getvalue()


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(TOKEN, id="as it is"),
        pytest.param("vps_s3cret%2F%22t%C3%B8ken%22", id="in a query"),
        pytest.param("vps_s3cret/%22t%C3%B8ken%22", id="in a path"),
        pytest.param('vps_s3cret/\\"t\\u00f8ken\\"', id="in ASCII JSON"),
        pytest.param('vps_s3cret/\\"tøken\\"', id="in JSON"),
    ],
)
def test_a_secret_is_known_in_its_escaped_forms_too(secrets: Secrets, form: str) -> None:
    assert secrets.scrub(f"before {form} after") == f"before {REDACTED} after"


def test_the_longer_of_two_secrets_goes_whole() -> None:
    known = Secrets()
    known.add("abcd")
    known.add("abcdefgh")
    assert known.scrub("abcdefgh abcd") == f"{REDACTED} {REDACTED}"


@pytest.mark.parametrize("short", ["", "  ", "abc", " abc\n"])
def test_a_secret_too_short_to_be_one_blanks_nothing_out(short: str) -> None:
    known = Secrets()
    known.add(short)
    assert known.scrub("abc abc") == "abc abc"


def test_a_bearer_token_that_nobody_knew_is_hidden() -> None:
    assert Secrets().scrub("{'Authorization': 'Bearer vps_abc.d-e_f='}") == (
        f"{{'Authorization': 'Bearer {REDACTED}'}}"
    )


def test_the_repr_of_secrets_shows_none(secrets: Secrets) -> None:
    assert "s3cret" not in repr(secrets)


@pytest.mark.parametrize(
    "key",
    [
        "token",
        "Authorization",
        "password",
        "api_token",
        "X-Api-Key",
        "db.password",
        "client_secret",
        "Set-Cookie",
    ],
)
def test_what_a_key_says_is_secret_is_hidden(key: str) -> None:
    assert plain({key: {"any": "thing"}}, Secrets()) == {key: REDACTED}


@pytest.mark.parametrize("key", ["token_file", "token_name", "secretary", "snapshot", "key"])
def test_what_only_resembles_such_a_key_is_shown(key: str) -> None:
    assert plain({key: "value", "token": None}, Secrets()) == {key: "value", "token": None}


# --- odd values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(datetime(2027, 3, 14, 7, 0, tzinfo=UTC), "2027-03-14T07:00:00Z", id="datetime"),
        pytest.param(timedelta(minutes=1.5), "90s", id="timedelta"),
        pytest.param(b"bytes \xff", "bytes \\xff", id="bytes"),
        pytest.param(KeyError("a"), "KeyError: 'a'", id="exception"),
        pytest.param(Path("/etc"), "/etc", id="path"),
        pytest.param((1, 2.5, None, True), [1, 2.5, None, True], id="tuple"),
        pytest.param(frozenset({1}), [1], id="set"),
        pytest.param(float("nan"), "nan", id="not a number"),
        pytest.param({1: {"a": []}}, {"1": {"a": []}}, id="mapping"),
        pytest.param("", "", id="nothing"),
        pytest.param(Unspeakable(), "<Unspeakable that cannot be shown>", id="without words"),
    ],
)
def test_odd_values_are_written_plainly(secrets: Secrets, value: object, shown: object) -> None:
    out = io.StringIO()
    start(out, secrets).info("daemon.started", value=value)
    assert lines(out)[0]["value"] == shown


def test_a_value_that_holds_itself_ends_somewhere(secrets: Secrets) -> None:
    out = io.StringIO()
    endless: list[object] = []
    endless.append(endless)
    start(out, secrets).info("daemon.started", value=endless)
    assert len(lines(out)) == 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.binary() | st.datetimes(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
        max_leaves=10,
    )
)
def test_whatever_comes_in_goes_out_as_json(value: object) -> None:
    json.dumps(plain(value, Secrets()), allow_nan=False)


def test_a_librarys_broken_message_is_shown_without_its_arguments(
    secrets: Secrets, capsys: pytest.CaptureFixture[str]
) -> None:
    out = io.StringIO()
    start(out, secrets)
    logging.getLogger("library").warning(f"%d of {TOKEN}", "x")
    logging.getLogger("library").warning(Unspeakable())
    assert [line["event"] for line in lines(out)] == [f"%d of {REDACTED}", "<Unspeakable: cannot be shown>"]
    assert capsys.readouterr().err == ""


def test_a_reader_that_has_gone_and_a_closed_stream_harm_nobody(
    secrets: Secrets, capsys: pytest.CaptureFixture[str]
) -> None:
    start(Broken(), secrets).info("daemon.started")
    closed = io.StringIO()
    closed.close()
    start(closed, secrets).info("daemon.started")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("format", ["json", "console"])
def test_a_stream_that_knows_only_ascii_is_enough(secrets: Secrets, format: str) -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    start(out, secrets, format=format).info("snapshot.created", server="mbuyu-ø-\ud800")
    assert b"mbuyu-" in raw.getvalue()


def test_on_a_console_a_name_cannot_play_tricks(secrets: Secrets) -> None:
    out = io.StringIO()
    start(out, secrets, format="console").info("snapshot.created", server="a\x1b[2J\nforged line\x9b")
    assert len(out.getvalue().splitlines()) == 1
    assert "forged line" in out.getvalue()
    assert not {"\x1b", "\x9b"} & set(out.getvalue())


# --- the closed list of events --------------------------------------------------------------------

METHODS = {"debug", "info", "warning", "error", "critical", "exception"}
LOGGERS = {"log", "_log", "logger", "_logger"}
DOTTED = re.compile(r"[a-z_]+\.[a-z_]+")


def logged_events() -> Iterator[tuple[str, ast.expr]]:
    """Where a log method is called in rotator's source, and its first argument."""
    source = Path(rotator.__file__).parent
    for path in sorted(source.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and call.args and _is_log_call(call.func):
                yield f"{path.relative_to(source)}:{call.lineno}", call.args[0]


def _is_log_call(called: ast.expr) -> bool:
    if not (isinstance(called, ast.Attribute) and called.attr in METHODS):
        return False
    owner = called.value
    name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
    return name in LOGGERS


def test_only_events_of_the_list_are_logged() -> None:
    unknown = [
        f"{place}: {argument.value!r}"
        for place, argument in logged_events()
        if isinstance(argument, ast.Constant) and argument.value not in EVENTS
    ]
    assert unknown == []


def test_no_events_name_is_put_together_at_run_time() -> None:
    assert [
        place for place, argument in logged_events() if isinstance(argument, ast.JoinedStr | ast.BinOp)
    ] == []


def test_every_event_has_a_dotted_name() -> None:
    assert [event for event in EVENTS if not DOTTED.fullmatch(event)] == []
