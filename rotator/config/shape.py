"""The shape of the file: every key, its type, its bounds and what it means.

The file's parts are described one by one, and the JSON Schema is made from the same description. A field of
type `Elsewhere[...]` is described here but read on its own, so that a fault in one policy or server hides
none in another. The defaults of the fields are
for the schema only: the values themselves are filled in by `rotator.models`, and a test compares the two.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SkipValidation, model_validator
from pydantic_core import PydanticCustomError

from rotator.models import Wait
from rotator.settings import ApiSettings

from .commands import Commands
from .fields import (
    BaseUrl,
    Count,
    Duration,
    FailedStates,
    Globs,
    Identifier,
    PolicyName,
    Schedule,
    SomeTime,
    Template,
    Text,
    Within,
    Zone,
)
from .listening import Listen

T = TypeVar("T")
Elsewhere = SkipValidation[T]

MAX_KEYS = 1000
"""Keys of one section; with more of them it is not read."""

MAX_POLICIES = 100
"""Policies of one server: every two of them are compared."""

_API, _WAIT = ApiSettings(), Wait()


def absent(**more: Any) -> Any:
    """A key that may be left out and has no fixed default. Only keys that are there are ever read."""
    return Field(default=None, **more)


class Shape(BaseModel):
    """A mapping whose keys are all known and whose values have the right type from the start."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _few_keys(cls, value: object) -> object:
        """What is wrong is told of each key: of a hundred thousand that takes more than there is to gain."""
        if isinstance(value, dict) and len(value) > MAX_KEYS:
            message = "{count} keys stand here, and the ones that there are number {known}"
            context = {"count": f"{len(value):,}", "known": len(cls.model_fields)}
            raise PydanticCustomError("many_keys", message, context)
        return value


class ApiShape(Shape):
    """Where the API is, and how gently it is asked."""

    base_url: BaseUrl = _API.base_url
    """The API's address: https, or http to this machine only. VPS_API_URL overrides it."""
    token_file: Text | None = None
    """A file that holds the token and nothing else. VPS_API_TOKEN goes before it."""
    ca_file: Text | None = None
    """Certificates (PEM) to trust in place of the system's."""
    timeout: SomeTime = _API.timeout
    """How long one request may take."""
    concurrency: int = Field(_API.concurrency, ge=1, le=1000)
    """Requests in flight at the same time, at most."""
    rate_limit: float = Field(_API.rate_limit, ge=0, le=10_000)
    """Requests a second, at most; 0 for no limit."""
    snapshot_limit: int = Field(_API.snapshot_limit, ge=1, le=1000)
    """The provider's cap: how many snapshots a server can have."""
    failed_states: FailedStates = []
    """Words of the API for a failed snapshot, in addition to `failed` and `error`."""


class KeepShape(Shape):
    """Which snapshots are kept, in restic's words; a snapshot is kept if any rule wants it."""

    last: Count = 0
    """The newest n."""
    hourly: Count = 0
    """The newest of each of the last n hours that have one."""
    daily: Count = 0
    """The newest of each of the last n days that have one."""
    weekly: Count = 0
    """The newest of each of the last n ISO weeks that have one."""
    monthly: Count = 0
    """The newest of each of the last n months that have one."""
    yearly: Count = 0
    """The newest of each of the last n years that have one."""
    within: Within = absent()
    """All within this span before the newest one."""
    within_hourly: Within = absent()
    """The newest of each hour, within this span."""
    within_daily: Within = absent()
    """The newest of each day, within this span."""
    within_weekly: Within = absent()
    """The newest of each ISO week, within this span."""
    within_monthly: Within = absent()
    """The newest of each month, within this span."""
    within_yearly: Within = absent()
    """The newest of each year, within this span."""


class WaitShape(Shape):
    """How a snapshot in progress is watched. Merged key by key with `defaults.wait`."""

    first: Duration = _WAIT.first
    """When to look for the first time after the create."""
    interval: SomeTime = _WAIT.interval
    """How long between two looks."""
    timeout: SomeTime = _WAIT.timeout
    """After this long in progress a snapshot is taken for stuck."""


class HooksShape(Shape):
    """Commands around a create, without a shell: ["program", "argument"]."""

    before: Commands = ()
    """Before the create; if it fails, nothing is created."""
    created: Commands = ()
    """Once the create was answered, refused or given up, if `before` was started."""
    after: Commands = ()
    """Last, whatever happened."""


class PolicyKeys(Shape):
    """What every policy can say, wherever it stands."""

    schedule: Schedule = absent()
    """Cron as Debian's cron reads it, or @hourly @daily @weekly @monthly @yearly; or a list: their union."""
    timezone: Zone = absent(json_schema_extra={"default": "UTC"})
    """The zone of the schedule and of the days, weeks and months of `keep`."""
    splay: Duration = timedelta(0)
    """Start later by a stable offset per server, up to this; the slot stays the scheduled time."""
    keep: KeepShape = absent()
    """Which snapshots to keep; without a rule, all."""
    description: Text = "{policy} snapshot by rotator"
    """The snapshot's description; {policy} and {server} may be used."""
    catch_up: Duration = absent()
    """How late a missed slot is still taken; by default 6h or a quarter of the widest gap; 0s = never."""
    min_ready: int = Field(1, ge=0, le=1000)
    """Never delete below this many ready snapshots of this policy."""
    max_deletes: int = Field(2, ge=1, le=1000)
    """Ready snapshots that one rotation may delete."""
    wait: WaitShape = absent()
    """How a snapshot in progress is watched."""
    adopt: Globs = []
    """Globs: older snapshots to treat as this policy's, with created_at for a slot."""
    enabled: bool = True
    """A disabled policy keeps its snapshots and makes no new ones."""
    hooks: HooksShape = absent()
    """Commands around a create."""
    ping_url_file: Text | None = None
    """A file with the address of a dead-man service, in the manner of healthchecks.io."""


class PolicyShape(PolicyKeys):
    """A policy, or the defaults of all."""

    name: Template = "{policy}-{slot}"
    """The snapshot's name: must contain {slot}; {policy} and {server} may be used."""


class InlinePolicyShape(PolicyKeys):
    """A policy of one server alone. Here `name` is the policy's name."""

    name: PolicyName
    """The policy's name: no global policy may have it."""


class ServerShape(Shape):
    """A server and its policies."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["id"]}, {"required": ["match"]}]})

    id: Identifier = absent()
    """The server's id as the API gives it."""
    match: Text = absent()
    """A glob: every server whose name fits. An entry with an id wins, else the first match."""
    exclude: Globs = []
    """Globs: names of servers that `match` shall leave out."""
    name: Text = absent()
    """A label for logs and names; without one the id serves."""
    policies: Elsewhere[
        Annotated[list[PolicyName | InlinePolicyShape], Field(min_length=1, max_length=MAX_POLICIES)]
    ]
    """Names of policies, or policies written out. Their order decides who goes first."""
    protect: Globs = []
    """Globs: snapshots that a rotation never deletes."""
    snapshot_limit: int = absent(ge=1, le=1000)
    """This server's cap, if it differs from `api.snapshot_limit`."""


class NotifyShape(Shape):
    """Messages through Apprise, which the extra `notify` installs."""

    urls_file: Text
    """A file with Apprise's addresses, one a line."""
    on: list[Literal["failure", "recovery"]] = ["failure", "recovery"]
    """What to tell."""


class HttpShape(Shape):
    """Where the daemon shows its health, metrics and status; without it nothing listens."""

    listen: Listen
    """An IP address and a port such as 127.0.0.1:9187, or unix:PATH."""
    token_file: Text | None = None
    """A file with the token that readers have to show; /healthz needs none."""


class LogShape(Shape):
    """How much is logged, and in which form."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least level that is written."""
    format: Literal["auto", "console", "json"] = "auto"
    """auto = console on a terminal, JSON otherwise."""


class FileShape(Shape):
    """The configuration of rotator."""

    api: Elsewhere[ApiShape] = absent()
    """Where the API is, and how gently it is asked."""
    defaults: Elsewhere[PolicyShape] = absent()
    """Any key of a policy; a policy's own value replaces it whole, `wait` key by key."""
    policies: Elsewhere[dict[PolicyName, PolicyShape]] = absent()
    """Policies by name, for the servers to share."""
    servers: Elsewhere[Annotated[list[ServerShape], Field(min_length=1)]]
    """The servers to take snapshots of."""
    notify: Elsewhere[NotifyShape] = absent()
    """Messages through Apprise."""
    http: Elsewhere[HttpShape] = absent()
    """Where the daemon shows its health, metrics and status; without it nothing listens."""
    log: Elsewhere[LogShape] = absent()
    """How much is logged, and in which form."""
