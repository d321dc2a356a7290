"""What reads foreign bytes, and what may come of it: each reading answers with a word, or raises Finding."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random
from typing import IO, cast

import click

from campaigns import mangling, rows
from rotator import answers, naming
from rotator.cli import rotations, saved
from rotator.config import load, parse
from rotator.config.text import MAX_BYTES
from rotator.errors import ApiError, BadAnswer, ConfigError, Fault, ListUnsure
from rotator.http import Reply
from rotator.once import plan_all
from rotator.rows import BrokenRow, account_of, no_id_twice, page_of, server_of, snapshot_of, sort_rows
from rotator.settings import Settings

NOW = datetime(2027, 3, 14, 7, tzinfo=UTC)


class Finding(Exception):
    """What came of it should not have."""


def must(fine: object, otherwise: str) -> None:
    """Raise Finding unless it is so."""
    if not fine:
        raise Finding(otherwise)


# --- configurations ---------------------------------------------------------------------------------


def read_config(data: bytes) -> str:
    """Settings, or a ConfigError whose faults all have a place and words."""
    path = _scratch()
    path.write_bytes(data)
    try:
        settings = load(str(path), {}, NOW)
    except ConfigError as error:
        _check_faults(error.faults, data)
        return "refused"
    _check_settings(settings)
    return "settings"


@cache
def _scratch() -> Path:
    return Path(tempfile.mkdtemp(prefix="rotator-fuzz-"), f"{os.getpid()}.yaml")


def _check_faults(faults: tuple[Fault, ...], data: bytes) -> None:
    must(faults, "a ConfigError without a fault")
    must(faults == tuple(sorted(set(faults))), "faults that are not sorted, or there twice")
    lines = data.count(b"\n") + data.count(b"\r") + data.count(b"\xc2\x85") + data.count(b"\xe2\x80") + 1
    for fault in faults:
        too_large = len(data) > MAX_BYTES  # such a file is not read at all
        must(fault.file and fault.message.strip(), f"no file or no words: {fault!r}")
        must(too_large or (fault.line >= 1 and fault.column >= 1), f"no place: {fault!r}")
        must(fault.line <= lines + 1, f"a place behind the end ({lines} lines): {fault!r}")
        must(str(fault).isprintable(), f"not one printable line: {fault!r}")


def _check_settings(settings: Settings) -> None:
    must(settings.servers and any(server.policies for server in settings.servers), "nothing to do")
    must(len({server.key for server in settings.servers}) == len(settings.servers), "a server twice")
    for server in settings.servers[:50]:
        must(server.cap >= 1, f"cap {server.cap}")
        for policy in server.policies[:50]:
            must(naming.name_fault(server, policy) is None, f"names of {policy.name} cannot be used")
            must(policy.schedule and policy.max_deletes >= 1 and policy.min_ready >= 0, f"odd: {policy}")


# --- saved lists ------------------------------------------------------------------------------------


def read_saved(data: bytes) -> str:
    """Plans that can be told to people and as JSON, or a UsageError."""
    file = io.BytesIO(data)
    file.name = "saved.json"
    settings = _settings()
    try:
        views = saved.views(cast("IO[bytes]", file), settings, settings.pairs, NOW)
    except click.UsageError as error:
        must(error.format_message().strip(), "a refusal without words")
        return "refused"
    must(len(views) == len(settings.pairs), "a pair without a view")
    reports = plan_all(views, NOW)
    for as_json in (True, False):
        told = io.TextIOWrapper(
            io.BytesIO(), encoding="utf-8", errors="backslashreplace"
        )  # as the commands do
        with redirect_stdout(told):
            rotations.tell(reports, NOW, dry_run=True, as_json=as_json, quiet=False)
        told.flush()
    return "unsure" if any(view.unsure for view in views) else "planned"


@cache
def _settings() -> Settings:
    text = """
defaults: {adopt: ["by-*"]}
policies:
  nightly: {schedule: "0 3 * * *", keep: {last: 2}}
  weekly: {schedule: "@weekly", keep: {last: 1}}
servers:
  - {id: 5, policies: [nightly, weekly], protect: [golden-*]}
  - {id: "6", policies: [nightly]}
"""
    return parse(text, "fuzz.yaml", {}, NOW)


# --- answers of the API -----------------------------------------------------------------------------


def read_answer(data: bytes) -> str:
    """Rows or an error of ours: nothing is lost on the way, nothing else is raised."""
    random = Random(data[:64])
    status = random.choice((200, 200, 200, 201, 204, 301, 400, 404, 429, 503, 799))
    headers = {
        "date": random.choice(_DATES),
        "retry-after": random.choice(_DATES),
        "location": _HOSTS[len(data) % 3],
    }
    reply = Reply("GET /snapshots/", status, headers, data, NOW, NOW)
    answers.skew(reply)
    answers.retry_after(reply)
    error = answers.error_of(reply, "secret")
    must((error is None) == (status // 100 == 2), f"{status} is {error!r}")
    must(error is None or error.message.isprintable(), f"not one printable line: {error!r}")
    try:
        document = answers.json_of(reply)
    except BadAnswer:
        return "no JSON"
    with suppress(BadAnswer):
        account_of(document, "account")
    try:
        page = page_of(document, "list")
        no_id_twice(page.rows, "list")
    except ListUnsure:
        return "unsure"
    sorted_rows = sort_rows(page.rows)
    must(len(sorted_rows.snapshots) + len(sorted_rows.strays) <= len(page.rows), "more rows than came")
    lost = len(page.rows) - len(sorted_rows.snapshots) - len(sorted_rows.strays)
    must(bool(lost) == bool(sorted_rows.unsure), "a row was lost, and no server is unsure")
    for row in page.rows:
        with suppress(BrokenRow):
            must(snapshot_of(row, server_id=5).created_at.tzinfo is UTC, "a time without a zone")
        with suppress(ApiError):
            server_of(row, "servers")
    return "rows"


_DATES = (
    "",
    "Sun, 14 Mar 2027 07:00:00 GMT",
    "Sun, 31 Feb 2027 07:00:00 GMT",
    "5",
    "-1",
    "1e9",
    "9" * 400,
    "٣",
    "\x00",
)
_HOSTS = ("", "https://[::1", "//example.org/x")

READERS: dict[str, tuple[Callable[[Random], bytes], Callable[[bytes], str]]] = {
    "config": (mangling.file, read_config),
    "saved": (rows.body, read_saved),
    "answer": (rows.body, read_answer),
}
"""What there is to read, how it is made up, and who reads it."""


def found_by(kind: str, seed: int, numbers: Iterable[int]) -> list[str]:
    """What goes wrong with these files, in words."""
    wrong = []
    make, read = READERS[kind]
    for number in numbers:
        try:
            read(make(Random(f"{kind} {seed} {number}")))
        except Exception as error:
            wrong.append(f"{kind} {number}: {error!r}")
    return wrong
