"""The token's three sources, asked in their order each time: a new token needs no restart."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field

from rotator.errors import ConfigError, Fault
from rotator.redact import guard

VARIABLE = "VPS_API_TOKEN"
"""The environment variable; the provider's own clients read the same one."""

CREDENTIAL = "vps-api-token"
"""The file's name in the directory that systemd's LoadCredential= fills."""

_DIRECTORY = "CREDENTIALS_DIRECTORY"
_HELP: tuple[tuple[type[Exception], str], ...] = (
    (FileNotFoundError, ". Write the token into it (chmod 600), or name another one in api.token_file"),
    (PermissionError, ". It has to belong to the user that rotator runs as"),
)
_MAX_BYTES = 4096
"""A token's file holds the token and no more; the provider's tokens have less than a hundred characters."""


@dataclass(frozen=True)
class Token:
    """A token and where it came from. `warning`: others can read the file (mode o+r)."""

    value: str = field(repr=False)
    source: str
    warning: str | None = None


class TokenSource:
    """Where the token is looked for: VPS_API_TOKEN, then `api.token_file`, then systemd's credentials."""

    def __init__(self, token_file: str | None, environ: Mapping[str, str]) -> None:
        self._file = token_file
        self._environ = environ

    @property
    def there(self) -> bool:
        """Whether any of the sources is there, whatever it holds."""
        return bool(self._environ.get(VARIABLE, "").strip() or self._file is not None or self._credential)

    @property
    def _credential(self) -> str | None:
        """The path of systemd's credential, None where there is none."""
        directory = self._environ.get(_DIRECTORY, "")
        path = os.path.join(directory, CREDENTIAL)
        return path if directory and os.path.lexists(path) else None

    def read(self) -> Token:
        """The token as it stands there now; files are read anew.

        ConfigError, which never repeats what it found, if there is no token, or if the first source that is
        there cannot be read, is empty, or holds anything but one word of ASCII.
        """
        token = self._found()
        guard(token.value)
        return token

    def _found(self) -> Token:
        value = self._environ.get(VARIABLE, "").strip()
        if value:
            return Token(_word(value, VARIABLE), VARIABLE)
        if self._file is not None:
            return _read(self._file)
        if (credential := self._credential) is not None:
            return _read(credential)
        raise _error(
            "",
            f"there is no token: put it into the environment variable {VARIABLE}, into the file that"
            f" api.token_file names, or into the file {CREDENTIAL} in ${_DIRECTORY}",
        )


def read_token_file(path: str) -> Token:
    """The token in that file as it stands there now. ConfigError, as of `TokenSource.read`."""
    token = _read(path)
    guard(token.value)
    return token


def _read(path: str) -> Token:
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or "this cannot be the name of a file"
        helps = next((text for kind, text in _HELP if isinstance(error, kind)), "")
        raise _error(path, f"the token's file cannot be read: {reason}{helps}") from None
    if len(data) > _MAX_BYTES:
        raise _error(path, "the token's file is too large: it should hold the token and nothing else")
    return Token(_word(data.decode("latin-1").strip(), path), path, _warning(path, mode))


def _warning(path: str, mode: int) -> str | None:
    if mode & stat.S_IROTH:
        return f"others can read the token's file {path}: chmod o-r it"
    return None


def _word(value: str, source: str) -> str:
    if not value:
        raise _error(source, "the token's file is empty: it should hold the token and nothing else")
    if not re.fullmatch("[!-~]+", value):
        raise _error(source, "the token should be one word of ASCII, without spaces and without `Bearer`")
    return value


def _error(source: str, message: str) -> ConfigError:
    return ConfigError((Fault(source, 0, 0, "", message),))
