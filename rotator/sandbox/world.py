"""The account behind the API: servers, snapshots and what time makes of them. No HTTP here.

Time is never waited for: what a snapshot or a server is follows from the clock at the moment of the question,
so that a simulated clock can jump over a year. A list may lag behind the truth; the rules never do.

Whoever sets the stage (`add_…`, `remove_…`, `set_…`) writes no history: that holds what the API was asked to
do, and what came of it by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from rotator.clock import Clock
from rotator.models import Id
from rotator.sandbox.faults import Faults
from rotator.sandbox.ledger import End, Entry, Ledger, number_in
from rotator.sandbox.records import (
    Change,
    ChangeKind,
    Memory,
    Refused,
    RequestRecord,
    ServerRow,
    SnapshotRow,
)
from rotator.sandbox.switches import Ids, Switches

TOKEN = "vps_sandbox"  # noqa: S105  # it opens nothing but a sandbox
FIRST_ID = 801
"""The id of the first snapshot: the one of the provider's example."""

RESTORABLE = frozenset({"active", "stopped"})
"""The states from which a restore may begin. The provider only says that there are others."""

_ID_FORMS: Mapping[Ids, Callable[[int], Id]] = {
    "integer": int,
    "text": str,
    "uuid": lambda number: str(UUID(int=number)),
}


@dataclass(frozen=True, slots=True)
class _Server:
    """`restored_at` is when the last restore is over; from then on the status is `status` again."""

    id: Id
    name: str
    status: str
    created_at: datetime
    restored_at: datetime | None = None


class World:
    """State and rules of one account. Ids are looked up by their text, whatever their type.

    `switches` may be replaced at any time; `tokens` are those that are let in; `requests` is everything that
    was asked, in order of arrival. `remembers`: of these and of the changes only the last so many are kept.
    """

    def __init__(self, clock: Clock, switches: Switches | None = None, remembers: int | None = None) -> None:
        self.clock = clock
        self.switches = switches or Switches()
        self.faults = Faults()
        self.requests = Memory[RequestRecord](remembers)
        self.tokens = {TOKEN}
        self._servers: dict[str, _Server] = {}
        self._ledger = Ledger()
        self._history = Memory[Change](remembers)
        self._next = FIRST_ID

    # --- setting the stage ----------------------------------------------------------------------

    def add_server(self, id: Id, name: str, status: str = "active") -> None:
        """Add a server, or replace the one with this id; its snapshots stay."""
        self._servers[str(id)] = _Server(id, name, status, self.api_now())

    def remove_server(self, id: Id) -> None:
        """Take a server away, and its snapshots unless the switch `rows_without_server` keeps them."""
        self._settle()
        del self._servers[str(id)]
        for entry in self._ledger.clear(str(id)):
            if self.switches.rows_without_server:
                self._ledger.put(replace(entry, server_id=None))

    def set_server_status(self, id: Id, status: str) -> None:
        """Put a server into a state; a restore under way is over."""
        self._servers[str(id)] = replace(self._servers[str(id)], status=status, restored_at=None)

    def add_snapshot(
        self,
        server_id: Id | None,
        name: str,
        *,
        status: str | None = None,
        created_at: datetime | None = None,
        size_mb: float | None = 5120,
        description: str = "",
        ready_at: datetime | None = None,
    ) -> Id:
        """Plant a snapshot, past every rule and lag, and return its id.

        A `status` stays for ever. None is the ready word, from `ready_at` on if that is given and in progress
        until then. Without `created_at` it is made now; with a `server_id` of None it belongs to no server.
        """
        now = self.clock.now()
        entry = Entry(
            number=self._number(),
            server_id=server_id,
            name=name,
            description=description,
            created_at=created_at or self.api_now(),
            end=End.READY if status is None else status,
            ends_at=ready_at or now,
            size_mb=size_mb,
            listed=now,
        )
        self._ledger.put(entry)
        if ready_at is not None:
            self._ledger.await_end(entry)
        return self._shown(entry.number)

    def remove_snapshot(self, id: Id) -> None:
        """Take a snapshot away, past every rule and lag. Raises KeyError if there is none."""
        entry = self._find(id)
        if entry is None:
            raise KeyError(id)
        self._settle()
        self._ledger.drop(entry.number)

    def limit_lag(self, id: Id, seconds: float) -> None:
        """In so many seconds lists show whether that snapshot stands, if they do not before."""
        self._ledger.limit_lag(number_in(id), self.clock.now() + timedelta(seconds=seconds))

    # --- looking --------------------------------------------------------------------------------

    def api_now(self) -> datetime:
        """The time by the API's own clock, which may be wrong."""
        return self.clock.now() + timedelta(seconds=self.switches.clock_skew)

    @property
    def history(self) -> list[Change]:
        """Every true change up to now, in order."""
        self._settle()
        return list(self._history)

    def snapshots(self, server_id: Id | None) -> list[SnapshotRow]:
        """The true rows of a server, in the order in which they came; for None those of no server."""
        return [self._row(entry) for entry in self._ledger.of(None if server_id is None else str(server_id))]

    def snapshot(self, id: Id) -> SnapshotRow | None:
        """One true row."""
        entry = self._find(id)
        return None if entry is None else self._row(entry)

    def listed(self, server_id: Id | None = None) -> list[SnapshotRow]:
        """What a list of this server, or of the account, shows now: lagging, and in no particular order."""
        homes = self._ledger.homes() if server_id is None else [str(server_id)]
        now = self.clock.now()
        return [self._row(entry) for home in homes for entry in self._ledger.listed(home, now)]

    def servers(self) -> list[ServerRow]:
        """All servers, in the order in which they were added."""
        return [self._server_row(server) for server in self._servers.values()]

    def server(self, id: Id) -> ServerRow | None:
        """One server."""
        server = self._servers.get(str(id))
        return None if server is None else self._server_row(server)

    # --- the rules ------------------------------------------------------------------------------

    def full(self, server_id: Id) -> bool:
        """Whether the server has no place left. The truth counts, not a lagging list."""
        switches = self.switches
        placeless = {
            word
            for word, counts in (
                (switches.failed_word, switches.failed_count),
                (switches.progress_word, switches.in_progress_count),
            )
            if not counts
        }
        return sum(row.status not in placeless for row in self.snapshots(server_id)) >= switches.cap

    def create(self, server_id: Id, name: str, description: str, fate: str | None = None) -> SnapshotRow:
        """Begin a snapshot of a server that exists and has a place. `fate` as a Fault has it."""
        now = self.clock.now()
        self._settle()
        end = {None: End.READY, "fails": End.FAILED}.get(fate, fate or End.READY)
        entry = Entry(
            number=self._number(),
            server_id=self._servers[str(server_id)].id,
            name=name,
            description=description,
            created_at=self.api_now(),
            end=end,
            ends_at=None if fate == "hangs" else now + timedelta(seconds=self.switches.create_time),
            size_mb=None if end is End.FAILED else self.switches.new_size_mb,
            listed=now + timedelta(seconds=self.switches.create_lag),
        )
        self._ledger.put(entry)
        self._note(now, "created", entry)
        self._ledger.await_end(entry)
        # The answer is that of the first moment, however short the create time.
        return replace(self._row(entry), status=self.switches.progress_word, size_mb=None)

    def delete(self, id: Id) -> None:
        """Delete a snapshot. Raises Refused if there is none."""
        entry = self._existing(id)
        now = self.clock.now()
        self._settle()
        self._note(now, "deleted", entry)
        self._ledger.drop(entry.number, hidden=now + timedelta(seconds=self.switches.delete_lag))

    def restore(self, id: Id) -> SnapshotRow:
        """Begin to restore the snapshot's server. Raises Refused if that cannot be."""
        entry = self._existing(id)
        row = self._row(entry)
        server = None if entry.server_id is None else self.server(entry.server_id)
        if server is None or server.status not in RESTORABLE or row.status != self.switches.ready_word:
            raise Refused(400, {"detail": "Server is not in a valid state for restoration"})
        now = self.clock.now()
        self._settle()
        self._note(now, "restored", entry)
        self._servers[str(server.id)] = replace(
            self._servers[str(server.id)],
            status=self.switches.after_restore,
            restored_at=now + timedelta(seconds=self.switches.restore_time),
        )
        return row

    # --- inside ---------------------------------------------------------------------------------

    def _number(self) -> int:
        self._next += 1
        return self._next - 1

    def _shown(self, number: int) -> Id:
        return _ID_FORMS[self.switches.ids](number)

    def _shown_server(self, id: Id) -> Id:
        return str(id) if self.switches.ids == "text" else id

    def _find(self, id: Id) -> Entry | None:
        try:
            entry = self._ledger.find(number_in(id))
        except ValueError:
            return None
        # "+801" and "0801" are numbers too, but no ids.
        return entry if entry is not None and str(id) == str(self._shown(entry.number)) else None

    def _existing(self, id: Id) -> Entry:
        entry = self._find(id)
        if entry is None:
            raise Refused(404, {"detail": "Snapshot does not exist."})
        return entry

    def _row(self, entry: Entry) -> SnapshotRow:
        status = self._status(entry)
        server = None if entry.home is None else self._servers.get(entry.home)
        return SnapshotRow(
            id=self._shown(entry.number),
            server_id=None if entry.server_id is None else self._shown_server(entry.server_id),
            name=entry.name,
            status=status,
            size_mb=None if status == self.switches.progress_word else entry.size_mb,
            created_at=entry.created_at,
            description=entry.description,
            server_name=None if server is None else server.name,
        )

    def _status(self, entry: Entry) -> str:
        if entry.ends_at is None or self.clock.now() < entry.ends_at:
            return self.switches.progress_word
        if isinstance(entry.end, str):
            return entry.end
        return {End.READY: self.switches.ready_word, End.FAILED: self.switches.failed_word}[entry.end]

    def _server_row(self, server: _Server) -> ServerRow:
        restoring = server.restored_at is not None and self.clock.now() < server.restored_at
        status = "restoring" if restoring else server.status
        return ServerRow(self._shown_server(server.id), server.name, status, server.created_at)

    def _settle(self) -> None:
        """Write into the history what has come by itself since it was last looked at."""
        for entry in self._ledger.ended(self.clock.now()):
            if entry.ends_at is not None:
                self._note(entry.ends_at, "ready" if entry.end is End.READY else "failed", entry)

    def _note(self, at: datetime, kind: ChangeKind, entry: Entry) -> None:
        row = self._row(entry)
        self._history.append(
            Change(at, kind, row.id, row.server_id, row.name, row.status, row.size_mb, row.created_at)
        )
