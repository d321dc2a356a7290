"""What nobody documents about the provider, one switch each.

The provider's page leaves questions open. A client has to be right whichever way they are answered, so the
sandbox can answer each of them in every way. The defaults are the assumptions that rotator starts from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict

PAGE_LIMIT = 100
"""The largest page that the provider's own client asks for; 20 is what it asks for by default."""

Ids = Literal["integer", "text", "uuid"]
Filter = Literal["honoured", "ignored"]
UnknownServer = Literal["empty", "bad_request"]
Order = Literal["newest_first", "oldest_first", "shuffled"]
Timestamps = Literal["z", "offset", "fractions"]
AfterRestore = Literal["active", "stopped"]
ServerList = Literal["told", "missing", "forbidden"]


@dataclass(frozen=True, slots=True)
class Switches:
    """How a world answers the open questions. Durations in seconds, sizes in megabytes.

    What a write fixes (when the snapshot is ready, its size, how long lists lag behind) stays as the switches
    were at the write; everything else follows the switches of the moment. Raises ValueError for a number that
    makes no sense.
    """

    # The list of snapshots.
    paging: bool = False  # in pages, asked for by `page` and `page_size`, linked by `next` and `previous`
    page_size: int = 20  # rows a page where the request does not say, of the servers too
    bare_array: bool = False  # lists are arrays without `count` and `results`, and never paged
    filter: Filter = "honoured"  # what `?server_id=` does
    unknown_server: UnknownServer = "empty"  # what an honoured filter says to an id that does not exist
    order: Order = "newest_first"  # "shuffled" is neither by id nor by date, but the same each time
    create_lag: float = 0  # how long lists do not show a new snapshot
    delete_lag: float = 0  # how long lists still show a deleted one
    rows_without_server: bool = False  # a removed server's snapshots stay, with `server: null`

    # What a row looks like.
    ids: Ids = "integer"  # "uuid" is for snapshots: a server keeps the id with which it was added
    ready_word: str = "completed"
    progress_word: str = "in_progress"
    failed_word: str = "failed"
    timestamps: Timestamps = "z"  # 18:30:00Z, 21:30:00+03:00 or 18:30:00.000000Z

    # What a create may do, and what comes of it.
    cap: int = 5  # snapshots per server
    failed_count: bool = True  # failed ones take a place
    in_progress_count: bool = True  # those in progress take a place
    repeated_names: bool = True  # one server may have two snapshots of the same name
    max_name_length: int = 64
    create_time: float = 180  # the documented "3-10 minutes" at their shortest
    new_size_mb: float = 5120  # of a new snapshot once it is ready

    # What a restore does.
    restore_time: float = 300  # the documented "5-15 minutes" at their shortest
    after_restore: AfterRestore = "active"  # whether the server is started again

    server_list: ServerList = "told"  # "missing": there is no such call; "forbidden": not for this token

    # The wire and the clock.
    latency: float = 0  # passes before a request is looked at
    date_header: bool = True
    clock_skew: float = 0  # how far the API's clock, in created_at and Date, is ahead of the true one

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    def __post_init__(self) -> None:
        not_negative = {
            "create_lag": self.create_lag,
            "delete_lag": self.delete_lag,
            "cap": self.cap,
            "create_time": self.create_time,
            "new_size_mb": self.new_size_mb,
            "restore_time": self.restore_time,
            "latency": self.latency,
        }
        for name, value in not_negative.items():
            if value < 0:
                raise ValueError(f"{name} cannot be below 0")
        if not 1 <= self.page_size <= PAGE_LIMIT:
            raise ValueError(f"page_size has to be between 1 and {PAGE_LIMIT}")
        if self.max_name_length < 1:
            raise ValueError("max_name_length has to be at least 1")
