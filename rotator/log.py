"""The only place that says what a log line looks like.

Every line, ours and the libraries', passes the same chain: stamped, its traceback written out without local
variables, made plain, scrubbed of secrets, and only then rendered. Scrubbing stands after everything that
could still turn a value into text. A line is never the reason for a failure: odd values, a closed pipe and an
encoding too small for a name are all survived.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

import structlog
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import ExceptionRenderer, JSONRenderer, StackInfoRenderer, TimeStamper
from structlog.stdlib import ProcessorFormatter
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger

from rotator.redact import Secrets, plain, printable

__all__ = ["EVENTS", "Secrets", "configure", "under_journald"]

EVENTS = frozenset(
    """
    daemon.started daemon.ready daemon.stopping daemon.stopped
    config.loaded config.rejected config.unchanged
    schedule.next schedule.missed schedule.caught_up schedule.overrun
    rotation.started rotation.resumed rotation.finished rotation.failed rotation.busy rotation.retry_scheduled
    snapshot.create_requested snapshot.created snapshot.progress snapshot.ready snapshot.failed snapshot.stuck
    snapshot.suspicious snapshot.adopted snapshot.orphaned snapshot.unknown_state snapshot.quarantined
    snapshot.delete_requested snapshot.deleted snapshot.delete_failed snapshot.delete_deferred
    restore.requested restore.started
    api.retry api.rate_limited api.unauthorized api.failed api.recovered api.list_unsure
    clock.skewed server.found server.vanished
    hook.finished hook.failed ping.failed notify.failed policy.stale policy.recovered
    """.split()  # noqa: SIM905  # fifty quoted names would be harder to compare with the documentation
)
"""The names of all events: stable, and no others are logged."""

LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

_PRIORITIES = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
)  # sd-daemon(3)
_DEBUG_PRIORITY = 7

_TALKATIVE = ("apscheduler", "asyncio", "filelock", "httpcore", "httpx", "requests", "urllib3")
"""Libraries that log their routine, httpx every URL: only their warnings matter."""

_WARNED_BY_ANYONE = "uvicorn"
"""Whoever reaches the HTTP port makes it warn of a bad request: only its errors, which are ours, matter."""


def configure(
    *,
    level: str,
    format: str,
    quiet: bool,
    secrets: Secrets,
    stream: TextIO = sys.stderr,
    journald: bool,
) -> None:
    """Send all log lines to `stream`; a later call replaces an earlier one.

    `level` is one of LEVELS; `format` is console, json, or auto: console on a terminal, JSON otherwise.
    `quiet` leaves warnings and worse. `journald` puts `<N>` priorities before the lines, and no colour in.
    """
    terminal = _is_terminal(stream)
    console = format == "console" or (format == "auto" and terminal)
    colours = terminal and not journald and not os.environ.get("NO_COLOR")
    floor = max(LEVELS[level], logging.WARNING) if quiet else LEVELS[level]
    ending = _console_ending(secrets, colours) if console else _json_ending(secrets)

    handler = _Handler(stream, journald)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_beginning()],
            processors=[ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(floor)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(floor, logging.WARNING))
    logging.getLogger(_WARNED_BY_ANYONE).setLevel(max(floor, logging.ERROR))
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_beginning(), ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # loggers are made at import, before this call
    )


def under_journald(environ: Mapping[str, str], stream: TextIO = sys.stderr) -> bool:
    """Whether `stream` goes to the journal itself: systemd names its device and inode in JOURNAL_STREAM."""
    with suppress(OSError, ValueError):  # streams of tests have no descriptor
        found = os.fstat(stream.fileno())
        return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
    return False


def _is_terminal(stream: TextIO) -> bool:
    with suppress(OSError, ValueError):
        return stream.isatty()
    return False


# --- the chain ------------------------------------------------------------------------------------


def _beginning() -> list[Processor]:
    """What is true of every line, whoever wrote it."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        TimeStamper(fmt="iso", utc=True),
        StackInfoRenderer(),
    ]


def _json_ending(secrets: Secrets) -> list[Processor]:
    # Pure ASCII, so that no stream's encoding can break a line.
    return [
        ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
        _plain_with(secrets),
        _in_order,
        JSONRenderer(serializer=json.dumps),
    ]


def _console_ending(secrets: Secrets, colours: bool) -> list[Processor]:
    # Tracebacks are written out before the scrubbing, by the standard library's printer: it shows no locals.
    return [
        ExceptionRenderer(),
        _plain_with(secrets),
        _without_controls,
        ConsoleRenderer(colors=colours, sort_keys=False, exception_formatter=plain_traceback),
    ]


def _plain_with(secrets: Secrets) -> Processor:
    def make_plain(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        cleaned = plain(event, secrets)
        assert isinstance(cleaned, dict)  # noqa: S101  # a mapping stays one
        return cleaned

    return make_plain


def _in_order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: event[key] for key in ("timestamp", "level", "event") if key in event} | dict(event)


def _without_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Names come from outside: they must not move the cursor, nor look like a line of their own."""
    return {
        key: printable(value, lines=key in ("exception", "stack")) if isinstance(value, str) else value
        for key, value in event.items()
    }


class _Handler(logging.Handler):
    """Writes whole lines, and lets nothing that happens on the way reach the caller."""

    def __init__(self, stream: TextIO, journald: bool) -> None:
        super().__init__()
        self._stream = stream
        self._journald = journald

    def emit(self, record: logging.LogRecord) -> None:
        text = self._format(record)
        if self._journald:
            prefix = f"<{_priority(record.levelno)}>"
            text = "\n".join(prefix + line for line in text.splitlines())
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        text = text.encode(encoding, "backslashreplace").decode(encoding)
        with suppress(OSError, ValueError):  # the reader has gone, or the stream is closed
            self._stream.write(text + "\n")
            self._stream.flush()

    def _format(self, record: logging.LogRecord) -> str:
        try:
            return self.format(record)
        except Exception:  # a library's arguments that do not fit its own message, for one
            return self.format(_bare(record))


def _bare(record: logging.LogRecord) -> logging.LogRecord:
    """What is left of a record that cannot be written: its origin, level, and text without arguments."""
    message = record.msg if isinstance(record.msg, str) else f"<{type(record.msg).__name__}: cannot be shown>"
    kept = {"name": record.name, "levelno": record.levelno, "levelname": record.levelname}
    return logging.makeLogRecord({**kept, "msg": message})


def _priority(level: int) -> int:
    return next((priority for least, priority in _PRIORITIES if level >= least), _DEBUG_PRIORITY)
