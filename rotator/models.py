"""The values that everything else speaks of: frozen, without behaviour beyond small derived facts.

Durations are `timedelta`s, instants are aware datetimes in UTC, ids are the provider's own values and
compared by their text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

Id = int | str
"""An opaque identifier: sent back exactly as the provider gave it, compared by its text."""

UNLIMITED = math.inf
"""A count without end: the word `unlimited` of a keep rule."""

FUTURE_TOLERANCE = timedelta(minutes=5)
"""How far ahead of now a slot or created_at may lie, and how far the API's clock may differ from ours."""


class State(StrEnum):
    """What a snapshot's status and size mean. Only READY ones count as restore points."""

    READY = "ready"
    IN_PROGRESS = "in_progress"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """Whose a snapshot is."""

    MANAGED = "managed"
    FOREIGN = "foreign"
    ORPHAN = "orphan"


class Outcome(StrEnum):
    """How a rotation ended. PRUNED: the slot's snapshot was there already."""

    ROTATED = "rotated"
    PRUNED = "pruned"
    UNCHANGED = "unchanged"
    CAP_REACHED = "cap_reached"
    FAILED = "failed"
    BUSY = "busy"


class Mode(StrEnum):
    """Which way a rotation went: a free place is used first, a full server makes room first."""

    CREATE_FIRST = "create_first"
    DELETE_FIRST = "delete_first"
    PRUNE = "prune"


# --- what the user configures ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Span:
    """A calendar span in restic's notation, `1y2m3d4h`: m is months."""

    years: int = 0
    months: int = 0
    days: int = 0
    hours: int = 0


@dataclass(frozen=True, slots=True)
class Keep:
    """Keep rules with restic's words and meanings. A count of 0 is off, UNLIMITED has no end.

    With no rule at all every snapshot is kept.
    """

    last: float = 0
    hourly: float = 0
    daily: float = 0
    weekly: float = 0
    monthly: float = 0
    yearly: float = 0
    within: Span | None = None
    within_hourly: Span | None = None
    within_daily: Span | None = None
    within_weekly: Span | None = None
    within_monthly: Span | None = None
    within_yearly: Span | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """How a snapshot in progress is watched: first look, then every interval, given up at timeout."""

    first: timedelta = timedelta(seconds=30)
    interval: timedelta = timedelta(seconds=15)
    timeout: timedelta = timedelta(minutes=45)


@dataclass(frozen=True, slots=True)
class Command:
    """Program and arguments, for no shell to read, and how long they may take."""

    argv: tuple[str, ...]
    timeout: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Hooks:
    """Commands around a create, by phase, each phase's in their order."""

    before: tuple[Command, ...] = ()
    created: tuple[Command, ...] = ()
    after: tuple[Command, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """Schedules and keep rules, with every default filled in.

    `schedule` holds five-field cron expressions (macros expanded); their union makes the slots.
    `template` is the snapshot name with `{slot}` and maybe `{policy}` and `{server}` in it.
    """

    name: str
    schedule: tuple[str, ...]
    zone: ZoneInfo
    catch_up: timedelta
    splay: timedelta = timedelta(0)
    keep: Keep = field(default_factory=Keep)
    template: str = "{policy}-{slot}"
    description: str = "{policy} snapshot by rotator"
    min_ready: int = 1
    max_deletes: int = 2
    wait: Wait = field(default_factory=Wait)
    adopt: tuple[str, ...] = ()
    enabled: bool = True
    hooks: Hooks = field(default_factory=Hooks)
    ping_url_file: str | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """A server and its policies, in the order in which they go when they fall due together.

    `cap` is the number of places (`snapshot_limit`). `name` is a label; without one the id's text serves.
    """

    id: Id
    policies: tuple[Policy, ...]
    name: str | None = None
    protect: tuple[str, ...] = ()
    cap: int = 5

    @property
    def key(self) -> str:
        """The id's text: what ids are compared by."""
        return str(self.id)

    @property
    def label(self) -> str:
        """The name for people and for `{server}`."""
        return self.name if self.name is not None else self.key

    @property
    def enabled(self) -> tuple[Policy, ...]:
        """The policies that rotate, in their order."""
        return tuple(policy for policy in self.policies if policy.enabled)


@dataclass(frozen=True, slots=True)
class Pair:
    """One policy on one server."""

    server: Server
    policy: Policy

    @property
    def key(self) -> tuple[str, str]:
        """Server id's text and policy name: unique within a configuration."""
        return self.server.key, self.policy.name


# --- what the provider shows ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One row of the provider's list. `status` is its word, `state` what that means."""

    id: Id
    server_id: Id
    name: str
    status: str
    state: State
    created_at: datetime
    size_mb: float | None = None
    description: str = ""
    server_name: str | None = None

    @property
    def key(self) -> str:
        """The id's text."""
        return str(self.id)


@dataclass(frozen=True, slots=True)
class Listing:
    """A whole list of snapshots, as it was received. It is sure, but for the servers in `unsure`.

    `server_id` is the filter that was asked for, None for the whole account. `began` is the monotonic time
    of the first request, in seconds; `skew` how far the API's clock is ahead of ours, 0 where it does not
    tell; `unsure` maps the text of a server's id to why its rows cannot be trusted; `strays` are the names
    of rows that belong to no server; `failing` the seconds that failed attempts took.
    """

    snapshots: tuple[Snapshot, ...]
    server_id: Id | None = None
    pages: int = 1
    began: float = 0.0
    skew: timedelta = timedelta(0)
    unsure: Mapping[str, str] = field(default_factory=dict)
    strays: tuple[str, ...] = ()
    failing: float = 0.0


RESTORING = "restoring"
"""The provider's word for a server that is being restored."""


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """One row of `GET /servers/`: what rotator may know. Never the whole body: it can hold a password."""

    id: Id
    name: str
    status: str | None = None


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """What `GET /account/me/` says of the token."""

    email: str | None = None
    token_name: str | None = None
    permissions: tuple[str, ...] = ()

    @property
    def only_reads(self) -> bool:
        """Whether permissions are told and every one of them is for reading, as `servers:read` is."""
        return bool(self.permissions) and all(p.endswith(":read") for p in self.permissions)


# --- what is decided and what came of it ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something did not happen. `code` is from the closed list of error codes.

    `passing`: it may go away by itself, so the same slot is tried again; `retry_after` in seconds.
    """

    code: str
    message: str
    passing: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A snapshot and why it is where it is. `reasons` are from the contract's closed list."""

    snapshot: Snapshot
    reasons: tuple[str, ...] = ()
