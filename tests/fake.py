"""The in-memory twin of the provider: `rotator.api.Provider` with no HTTP, for tests in pure Python.

It passes the same contract suite as the adapter over the sandbox. Its time is that of the clock handed in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rotator.api import OnSend, Patience, Urgency, unnoted
from rotator.clock import Clock
from rotator.errors import AnswerLost, ApiError, BadRequest, NotFound, Unreachable
from rotator.models import AccountInfo, Id, Listing, ServerInfo, Snapshot, State
from rotator.rows import state_of

FIRST_ID = 801
"""The id of the first snapshot: the one of the provider's example."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One call as it arrived: the method's name, the id it was about, and a create's name."""

    call: str
    id: Id | None = None
    name: str | None = None


@dataclass(slots=True)
class _Failure:
    call: str
    error: ApiError
    times: int
    after: bool


class FakeProvider:
    """Servers and snapshots in memory; a created one is ready after `create_time`.

    `history` holds every call in order, `urgencies` those of the lists. `skew`, `strays` and `unsure` go into
    every list as they are.
    """

    def __init__(self, clock: Clock, *, cap: int = 5, create_time: timedelta = timedelta(minutes=4)) -> None:
        self.clock = clock
        self.cap = cap
        self.create_time = create_time
        self.history: list[Asked] = []
        self.urgencies: list[Urgency] = []
        self.skew = timedelta(0)
        self.strays: tuple[str, ...] = ()
        self.unsure: dict[str, str] = {}
        self._servers: dict[str, ServerInfo] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._ready_at: dict[str, datetime] = {}
        self._failures: list[_Failure] = []
        self._next = FIRST_ID

    # --- setting the stage ------------------------------------------------------------------------

    def add_server(self, id_: Id, name: str, status: str = "active") -> None:
        """Add a server, or replace the one with this id."""
        self._servers[str(id_)] = ServerInfo(id_, name, status)

    def add_snapshot(
        self,
        server_id: Id,
        name: str,
        *,
        status: str = "completed",
        created_at: datetime | None = None,
        size_mb: float | None = 5120,
        description: str = "",
    ) -> Snapshot:
        """Plant a snapshot, past every rule; its status stays until it is changed."""
        server = self._servers.get(str(server_id))
        planted = Snapshot(
            id=self._next,
            server_id=server.id if server else server_id,
            name=name,
            status=status,
            state=state_of(status, size_mb),
            created_at=created_at or self.clock.now(),
            size_mb=size_mb,
            description=description,
            server_name=server.name if server else None,
        )
        self._next += 1
        self._snapshots[planted.key] = planted
        return planted

    def change(self, id_: Id, *, status: str, size_mb: float | None = 5120) -> None:
        """Give a snapshot another status; it does not change by itself any more."""
        self._ready_at.pop(str(id_), None)
        state = state_of(status, size_mb)
        self._snapshots[str(id_)] = replace(
            self._snapshots[str(id_)], status=status, size_mb=size_mb, state=state
        )

    def remove(self, id_: Id) -> None:
        """Take a snapshot away, past the API."""
        del self._snapshots[str(id_)]

    def fail(self, call: str, error: ApiError | None = None, *, times: int = 1, after: bool = False) -> None:
        """Let the next `times` calls of that method raise `error`, before acting or after it.

        What a create or restore raises after acting is AnswerLost, with the error for its cause.
        """
        error = error or Unreachable(f"{call}: the connection failed")
        if after and call in ("create_snapshot", "restore_snapshot") and not isinstance(error, AnswerLost):
            error = AnswerLost(error)
        self._failures.append(_Failure(call, error, times, after))

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """All snapshots as they are now, in the order in which they came."""
        for key, ready_at in list(self._ready_at.items()):
            if key in self._snapshots and ready_at <= self.clock.now():
                self.change(key, status="completed")
        return tuple(self._snapshots.values())

    # --- the provider -----------------------------------------------------------------------------

    async def list_snapshots(
        self, server_id: Id | None = None, *, urgency: Urgency = Urgency.DECIDE
    ) -> Listing:
        """See `Provider`."""
        began = self.clock.monotonic()
        self.urgencies.append(urgency)
        failure = self._arrive(Asked("list_snapshots", server_id))
        shown = tuple(s for s in self.snapshots if server_id is None or str(s.server_id) == str(server_id))
        _leave(failure)
        return Listing(
            shown,
            server_id,
            began=began,
            skew=self.skew,
            unsure=dict(self.unsure),
            strays=self.strays,
        )

    async def create_snapshot(
        self,
        server_id: Id,
        name: str,
        description: str,
        *,
        patience: Patience | None = None,
        on_send: OnSend = unnoted,
    ) -> Snapshot:
        """See `Provider`."""
        on_send()
        failure = self._arrive(Asked("create_snapshot", server_id, name))
        if str(server_id) not in self._servers:
            raise NotFound("POST /snapshots/: 404 Not Found", status=404)
        if sum(str(s.server_id) == str(server_id) for s in self.snapshots) >= self.cap:
            raise BadRequest("POST /snapshots/: 400 Bad Request: snapshot limit reached", status=400)
        made = self.add_snapshot(server_id, name, status="in_progress", size_mb=None, description=description)
        self._ready_at[made.key] = self.clock.now() + self.create_time
        _leave(failure)
        return made

    async def delete_snapshot(
        self, snapshot_id: Id, *, patience: Patience | None = None, on_send: OnSend = unnoted
    ) -> bool:
        """See `Provider`."""
        on_send()
        failure = self._arrive(Asked("delete_snapshot", snapshot_id))
        gone = self._snapshots.pop(str(snapshot_id), None)
        _leave(failure)
        return gone is not None

    async def restore_snapshot(self, snapshot_id: Id) -> None:
        """See `Provider`."""
        failure = self._arrive(Asked("restore_snapshot", snapshot_id))
        found = next((s for s in self.snapshots if s.key == str(snapshot_id)), None)
        if found is None:
            raise NotFound(f"POST /snapshots/{snapshot_id}/restore/: 404 Not Found", status=404)
        server = self._servers[str(found.server_id)]
        if found.state is not State.READY or server.status == "restoring":
            raise BadRequest(f"POST /snapshots/{snapshot_id}/restore/: 400 Bad Request", status=400)
        self._servers[str(server.id)] = replace(server, status="restoring")
        _leave(failure)

    async def account(self) -> AccountInfo:
        """See `Provider`."""
        _leave(self._arrive(Asked("account")))
        return AccountInfo("fake@example.org", "fake", ("snapshots:*",))

    async def list_servers(self, *, status: str | None = None, once: bool = False) -> tuple[ServerInfo, ...]:
        """See `Provider`."""
        _leave(self._arrive(Asked("list_servers")))
        return tuple(info for info in self._servers.values() if status in (None, info.status))

    def _arrive(self, asked: Asked) -> _Failure | None:
        """Note the call; raise a failure that comes before acting, return one that comes after."""
        self.history.append(asked)
        failure = next((f for f in self._failures if f.call == asked.call and f.times > 0), None)
        if failure is None:
            return None
        failure.times -= 1
        if not failure.after:
            raise failure.error
        return failure


def _leave(failure: _Failure | None) -> None:
    if failure is not None:
        raise failure.error
