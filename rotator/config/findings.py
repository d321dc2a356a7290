"""Where the faults and warnings of one reading are gathered, so that all of them are told at once.

Whatever looks like a token is masked here, on the way in: no other module has to think of it.
"""

from __future__ import annotations

import re
from enum import StrEnum

from rotator.errors import ConfigError, Fault
from rotator.settings import ConfigWarning

from .nodes import Mark, Part, Path, dotted

MAX_FAULTS = 10_000
"""Faults of one file that are told: one for each line of a large one. With more of them it is not read on."""

TOKEN = re.compile(r"(?<![A-Za-z0-9_./-])vps_[A-Za-z0-9._~+/=-]+")
"""VPS.org's tokens begin with `vps_`. A path such as `/etc/vps_token` is none."""


class Unwise(StrEnum):
    """The codes of warnings: what is legal, but will surprise."""

    DELETE_FIRST = "delete_first"
    """The policies of a server fill it: each rotation has to delete before it creates."""
    KEEP_UNBOUNDED = "keep_unbounded"
    """The keep rules have no bound: once the server is full, nothing can be created any more."""
    MAX_DELETES_ONE = "max_deletes_one"
    """One delete a rotation just keeps pace: a backlog never shrinks."""
    MIN_READY_ZERO = "min_ready_zero"
    """No floor: the last ready snapshot may be deleted before the new one is there."""
    HTTP_OPEN = "http_open"
    """Whoever reaches the listener's address may read it."""


class Findings:
    """The faults and warnings of one file, without repetitions."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: set[Fault] = set()
        self.warnings: set[ConfigWarning] = set()

    def at(self, mark: Mark, path: Path, message: str) -> None:
        """Note a fault at a place of the file. Raises ConfigError where there are too many."""
        self.faults.add(Fault(self.file, *mark, _fit_to_show(dotted(path)), _fit_to_show(message)))
        if len(self.faults) > MAX_FAULTS:
            rest = f"more than {MAX_FAULTS:,} things are wrong: from here on the file was not looked at"
            self.faults.add(Fault(self.file, *mark, "", rest))
            self.stop_on_faults()

    def fault(self, part: Part, message: str) -> None:
        """Note a fault where the part's value stands."""
        self.at(part.node.mark, part.path, message)

    def fault_at_key(self, part: Part, message: str) -> None:
        """Note a fault where the part's key stands."""
        self.at(part.key, part.path, message)

    def warn(self, part: Part, code: Unwise, message: str) -> None:
        """Note something legal but unwise."""
        self.warnings.add(
            ConfigWarning(*part.node.mark, dotted(part.path), code.value, _fit_to_show(message))
        )

    def outside(self, path: str, message: str) -> None:
        """Note a fault that no place of the file is to blame for."""
        self.faults.add(Fault("", 0, 0, path, message))

    def stop_on_faults(self) -> None:
        """Raise ConfigError if anything is wrong so far."""
        if self.faults:
            raise ConfigError(tuple(sorted(self.faults)))


def _fit_to_show(text: str) -> str:
    """One printable line: what somebody wrote may hold a token, or move the cursor of a terminal."""
    masked = re.sub(
        "vps_[A-Za-z0-9._~+/=-]+", "vps_…", text
    )  # wherever it stands: a mask too many is harmless
    if masked.isprintable():
        return masked
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in masked)
