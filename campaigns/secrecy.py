"""Searching for a token: made up for one run, looked for byte by byte in all that a process leaves behind.

A token that nobody has seen before can only come from the process that was told it. It is looked for in every
form that text takes on its way out: whole, cut short, quoted for a URL, JSON, HTML or a repr, in hex and in
base64. A new place to search is one call of `found_in` with its bytes.
"""

from __future__ import annotations

import base64
import html
import json
import os
import string
from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from random import Random
from urllib.parse import quote, quote_plus

PIECE = 12
"""Bytes. So much of a token in a row is a leak, wherever it was cut."""

_LETTERS = string.ascii_letters + string.digits
_ODD = "\"'\\+/%&<>=~"
"""What JSON, URLs, HTML and reprs write otherwise than it is, and a header carries all the same."""


def make_token(random: Random, *, odd: bool = False) -> str:
    """A token of 44 characters that nobody has seen; `odd` has signs that get escaped as well."""
    letters = random.choices(_LETTERS, k=40)
    if odd:
        for place, sign in zip(random.sample(range(len(letters)), len(_ODD)), _ODD, strict=True):
            letters[place] = sign
    return "vps_" + "".join(letters)


@lru_cache(maxsize=64)
def traces(token: str) -> tuple[bytes, ...]:
    """Every form that gives the token away, or twelve bytes of it in a row."""
    raw = token.encode()
    forms = {*_pieces(raw), *_written(token), *_encoded(raw)}
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def found_in(token: str, data: bytes | str) -> str | None:
    """What of the token stands in the data and where, or None. The words do not give it away."""
    searched = data.encode(errors="surrogatepass") if isinstance(data, str) else data
    folded = searched.lower()
    for trace in traces(token):
        at = searched.find(trace)
        if at < 0 and _is_hex(trace):
            at = folded.find(trace)
        if at >= 0:
            return f"{len(trace)} bytes of it ({trace[:6].decode(errors='replace')}...) at byte {at}"
    return None


def found_under(token: str, directory: Path, *, but: Collection[Path] = ()) -> list[str]:
    """Every file, name and link's target below the directory that holds it; `but` leaves out its own file."""
    findings = []
    for path in _everything(directory):
        if path in but:
            continue
        with suppress(FileNotFoundError):  # locks come and go
            for what, data in _shown(path, directory):
                trace = found_in(token, data)
                if trace is not None:
                    findings.append(f"{what} {path.relative_to(directory)}: {trace}")
    return findings


def found_in_process(token: str, pid: int, *, given_by_environment: bool = False) -> list[str]:
    """What others read of a running process: its command line and name, and the same user its environment.

    A token given by the environment stands there by its user's choice. An ended process shows nothing.
    """
    findings = []
    for name in ("cmdline", "comm", *(() if given_by_environment else ("environ",))):
        try:
            data = Path(f"/proc/{pid}/{name}").read_bytes()
        except OSError:
            continue
        trace = found_in(token, data)
        if trace is not None:
            findings.append(f"/proc/{pid}/{name}: {trace}")
    return findings


# --- the forms ------------------------------------------------------------------------------------


def _pieces(raw: bytes) -> Iterator[bytes]:
    """The token, its halves, and every other piece of it."""
    yield raw
    half = len(raw) // 2
    if half >= PIECE:
        yield from (raw[:half], raw[half:])
    yield from (raw[start : start + PIECE] for start in range(len(raw) - PIECE + 1))


def _written(token: str) -> Iterator[bytes]:
    for form in (
        quote(token),
        quote(token, safe=""),
        quote_plus(token),
        json.dumps(token)[1:-1],
        json.dumps(json.dumps(token)[1:-1])[1:-1],
        repr(token)[1:-1],
        repr(token.encode())[2:-1],
        html.escape(token),
    ):
        yield form.encode()


def _encoded(raw: bytes) -> Iterator[bytes]:
    yield raw.hex().encode()
    yield raw.hex(" ").encode()
    for shift in range(3):
        first = -(-shift * 8 // 6)  # the first digit that depends on nothing before the token
        end = (shift + len(raw)) * 8 // 6  # and the first that depends on what comes after
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(shift) + raw)[first:end]


def _is_hex(trace: bytes) -> bool:
    return not trace.translate(None, b"0123456789abcdef ")


# --- the places -----------------------------------------------------------------------------------


def _everything(directory: Path) -> Iterator[Path]:
    for parent, directories, files in os.walk(directory):
        yield from (Path(parent, name) for name in (*directories, *files))


def _shown(path: Path, directory: Path) -> Iterator[tuple[str, bytes]]:
    yield "the name of", os.fsencode(path.relative_to(directory))
    if path.is_symlink():
        yield "the target of", os.fsencode(os.readlink(path))
    elif path.is_file():
        yield "the content of", path.read_bytes()
