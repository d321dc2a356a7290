"""Where others look at the daemon: the port through which `web` is handed to it."""

from __future__ import annotations

from typing import Protocol

from rotator.settings import HttpSettings


class Front(Protocol):
    """Opens and closes with the configuration's section `http`."""

    async def open(self, http: HttpSettings | None) -> None:
        """Be there from now on. Raises ConfigError and CannotListen; then all is as it was before."""

    async def aclose(self) -> None:
        """Be nowhere."""


class Nowhere:
    """The front of a daemon that nobody looks at."""

    async def open(self, http: HttpSettings | None) -> None:
        """Nothing to open."""

    async def aclose(self) -> None:
        """Nothing to close."""
