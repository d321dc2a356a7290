"""Asking a running daemon how it is, over its own listener; by the standard library, for probes are frequent.

Its law: whatever the other side does, there is an answer or a reason within PATIENCE seconds a step.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping

from rotator.settings import Address

PATIENCE = 3.0
"""Seconds for the connection and for each step of the answer: a daemon that is well takes milliseconds."""

LONGEST = 64 * 1024
"""Bytes of an answer that are read."""

EVERYWHERE: Mapping[str, str] = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared, not bound
"""Where to ask a daemon that listens on every address."""


def reasons_against(address: Address) -> list[str]:
    """Why the daemon there is not healthy; empty if it is."""
    try:
        status, body = _get(address, "/healthz")
    except (OSError, http.client.HTTPException) as error:
        return [f"no answer from {address}: {_words(error)}"]
    try:
        document = json.loads(body)
        reasons = [str(reason) for reason in document["reasons"]]
        healthy = status == 200 and document["ok"] is True
    except (ValueError, KeyError, TypeError):
        return [f"{address} answers {status}, but not as rotator does"]
    return [] if healthy else reasons or [f"{address} answers {status}"]


def _get(address: Address, path: str) -> tuple[int, bytes]:
    connection = _Connection(address)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(LONGEST)
    finally:
        connection.close()


class _Connection(http.client.HTTPConnection):
    """To a port, or to a unix socket under the name localhost."""

    def __init__(self, address: Address) -> None:
        host = "localhost" if address.path is not None else EVERYWHERE.get(address.host, address.host)
        super().__init__(host, address.port, timeout=PATIENCE)
        self._path = address.path

    def connect(self) -> None:
        """Connect."""
        if self._path is None:
            super().connect()
            return
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self._path)


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing within {PATIENCE:g} s, it may hang"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
