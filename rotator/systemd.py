"""What the service tells systemd: sd_notify(3), one datagram of `KEY=value` lines.

Nobody may be listening (a container, a shell), or slowly: telling never fails and never blocks.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

from rotator.clock import Clock, SystemClock

DRAINED_WITHIN = 10.0
"""Seconds that a stop takes at most (the contract's number)."""


class Notifier:
    """Speaks to `$NOTIFY_SOCKET`; without one every call does nothing."""

    def __init__(self, environ: Mapping[str, str], clock: Clock | None = None) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._clock = clock if clock is not None else SystemClock()
        self.watchdog_interval = _watchdog_interval(environ)
        """Seconds between two calls of `watchdog()`, None if systemd does not ask for them."""

    def send(self, **fields: str | int) -> None:
        """One datagram with all these fields, each on one line."""
        if self._address is None:
            return
        lines = (f"{key}={' '.join(str(value).splitlines())}" for key, value in fields.items())
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            out.sendto("\n".join(lines).encode(errors="replace"), self._address)

    def ready(self, status: str) -> None:
        """Started, or done with a reload."""
        self.send(READY=1, STATUS=status)

    def reloading(self) -> None:
        """A reload begins; `ready` ends it. systemd wants the monotonic time in the same datagram."""
        self.send(RELOADING=1, MONOTONIC_USEC=int(self._clock.monotonic() * 1_000_000))

    def stopping(self) -> None:
        """The drain begins, and may take DRAINED_WITHIN whatever TimeoutStopSec= says."""
        self.send(STOPPING=1, EXTEND_TIMEOUT_USEC=int(DRAINED_WITHIN * 1_000_000))

    def extend(self, seconds: float) -> None:
        """The start is well under way, and may take so much longer whatever TimeoutStartSec= says."""
        self.send(EXTEND_TIMEOUT_USEC=int(seconds * 1_000_000))

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self.send(STATUS=text)

    def watchdog(self) -> None:
        """Still alive: to be called from the loop that does the work."""
        self.send(WATCHDOG=1)


def _address(text: str) -> str | None:
    """A path, or an abstract name: its leading `@` stands for a zero byte. Other kinds are for machines."""
    if text.startswith("@"):
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _watchdog_interval(environ: Mapping[str, str]) -> float | None:
    """Half of what systemd allows, as sd_watchdog_enabled(3) advises; None if another process is meant."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    with suppress(ValueError):
        allowed = int(environ.get("WATCHDOG_USEC", ""))
        return allowed / 2 / 1_000_000 if allowed > 0 else None
    return None
