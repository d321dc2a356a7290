"""Bytes to text, or a fault with its place: what YAML cannot hold is refused before it is parsed.

Lines and columns count characters from 1, as editors do.
"""

from __future__ import annotations

import codecs
import os
import re
import stat

from rotator.errors import ConfigError, Fault

MAX_BYTES = 4 * 1024 * 1024
"""The largest file that is read: 10,000 servers written out take about one mebibyte."""

_HELP: tuple[tuple[type[OSError], str], ...] = (
    (FileNotFoundError, ". `rotator init` with the same --config writes a first one"),
    (PermissionError, ". Let the user that rotator runs as read it"),
)

_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""Everything outside YAML's printable set (YAML 1.2.2, chapter 5.1), and the byte order mark."""


def place(text: str, index: int) -> tuple[int, int]:
    """Line and column of the character at `index`."""
    before = text[:index]
    return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1


def check(text: str, path: str) -> None:
    """Raise ConfigError at the first character that no YAML file may contain."""
    found = _FORBIDDEN.search(text)
    if found is None:
        return
    line, column = place(text, found.start())
    message = f"the character U+{ord(found.group()):04X} is not allowed in YAML"
    raise ConfigError((Fault(path, line, column, "", message),))


def decode(data: bytes, path: str) -> str:
    """The text of a file; ConfigError for a byte order mark, bytes that are not UTF-8, control characters."""
    if data.startswith(_BOMS):
        message = "the file begins with a byte order mark: save it as plain UTF-8 without one"
        raise ConfigError((Fault(path, 1, 1, "", message),))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8")
        line, column = place(good, len(good))
        message = f"the byte 0x{data[error.start]:02X} is not UTF-8: is this a text file?"
        raise ConfigError((Fault(path, line, column, "", message),)) from None
    check(text, path)
    return text


def read(path: str) -> str:
    """Read a whole configuration file, at most MAX_BYTES; ConfigError where that cannot be done.

    The path may name a pipe (`<(command)`), but no other device: those have no end.
    """
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
                raise _unreadable(path, "this is not a regular file")
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        helps = next((text for kind, text in _HELP if isinstance(error, kind)), "")
        raise _unreadable(path, f"the file cannot be read: {error.strerror or error}{helps}") from None
    except ValueError:  # a NUL in the path
        raise _unreadable(path, "this cannot be the name of a file") from None
    if len(data) > MAX_BYTES:
        raise _unreadable(
            path, f"the file is larger than {MAX_BYTES // 1024**2} MiB: that is no configuration"
        )
    return decode(data, path)


def _unreadable(path: str, message: str) -> ConfigError:
    return ConfigError((Fault(path, 0, 0, "", message),))
