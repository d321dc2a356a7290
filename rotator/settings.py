"""A whole configuration that was checked, as the rest of rotator is handed it.

Durations are `timedelta`s; paths are complete.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from rotator.models import Pair, Policy, Server, Wait


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Where the API is and how gently it is asked. `rate_limit` in requests a second, 0 for no limit.

    `base_url_source` says who decided the URL: `config`, `default` or `VPS_API_URL`.
    """

    base_url: str = "https://admin.vps.org/api/v1"
    base_url_source: str = "default"
    token_file: str | None = None
    ca_file: str | None = None
    timeout: timedelta = timedelta(seconds=30)
    concurrency: int = 8
    rate_limit: float = 5
    snapshot_limit: int = 5
    failed_states: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LogSettings:
    """`level` is one of debug, info, warning, error; `format` one of auto, console, json."""

    level: str = "info"
    format: str = "auto"


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen: an IP address and a port, or the path of a unix socket."""

    host: str = "127.0.0.1"
    port: int = 9187
    path: str | None = None

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where the daemon shows itself, and the file with the token that readers have to show, if any."""

    listen: Address
    token_file: str | None = None


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """The file with Apprise's addresses, and what is told: `failure`, `recovery`."""

    urls_file: str
    on: frozenset[str] = frozenset({"failure", "recovery"})


@dataclass(frozen=True, slots=True)
class Match:
    """An entry for every server of the account whose name fits `glob` and none of `exclude`.

    `path`, `line` and `column` are where it stands in the file.
    """

    glob: str
    policies: tuple[Policy, ...]
    exclude: tuple[str, ...] = ()
    protect: tuple[str, ...] = ()
    cap: int = 5
    path: str = ""
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """A whole configuration that was checked. `warnings` are what is legal but unwise.

    `policies` are those under the key of that name, whether a server uses them or not.
    `servers` are those that entries with an id name; `matches` stand for more, once they were looked up.
    `wait` is that of the defaults: commands by hand follow it.
    """

    path: str
    api: ApiSettings
    servers: tuple[Server, ...]
    log: LogSettings = field(default_factory=LogSettings)
    http: HttpSettings | None = None
    wait: Wait = field(default_factory=Wait)
    warnings: tuple[ConfigWarning, ...] = ()
    policies: tuple[Policy, ...] = ()
    matches: tuple[Match, ...] = ()
    notify: NotifySettings | None = None

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Every enabled pair, in the order of the file."""
        return tuple(Pair(s, p) for s in self.servers for p in s.enabled)


@dataclass(frozen=True, slots=True, order=True)
class ConfigWarning:
    """Something legal but unwise, and where it stands."""

    line: int
    column: int
    path: str
    code: str
    message: str
