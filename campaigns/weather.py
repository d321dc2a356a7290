"""The weather of a storm: every fault as one row of a table, and when it strikes whom.

What a lie can do depends on whether it can be told from the truth:

============================================  =========  ==============================================
what the list or the answer says              told by    which promises stand
============================================  =========  ==============================================
rows or pages missing, `count` as it was      count      unsure: nothing is created, nothing deleted
rows twice, pages in circles, a wrong shape   shape      unsure
a row whose fields are broken                 shape      its server is unsure, no other one is
an odd word; completed, with no size          word       it takes a place, never goes, never counts
a row without a server, of this slot's name   name       unsure
a row without a server, of another name       nothing    as the next row
rows missing, `count` to match                nothing    the floor and the rules keep more, never less;
                                                         a slot whose own row is hidden may get a twin
an empty bare array                           nothing    as rows missing
lists lag behind an answered write            own notes  all, up to a minute, and through kills
lists lag behind a lost or killed write       patience   all, up to 10 s; beyond, a slot may get a twin
a page with a 2xx for a create, nothing done  the list   all: the name is looked for
a create's answer calls it ready              the list   all: an answer only says that it exists
a ready one is called failed                  nothing    none: it goes as a failed one
a delete answered with 2xx or 404, not done   nothing    it counts as gone; nothing else goes for it
============================================  =========  ==============================================

That hiding rows can only make the rules keep more is a property of all of them: a snapshot that is kept in
a list is kept in each list that lacks others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from campaigns import spoils, strikes
from campaigns.strikes import LATE, SOON, Strike, answers, fated

EVERY = frozenset({"GET", "POST", "DELETE"})
GET = frozenset({"GET"})
POST = frozenset({"POST"})
DELETE = frozenset({"DELETE"})
WRITES = POST | DELETE


@dataclass(frozen=True)
class Kind:
    """A fault that strikes requests; `methods` are those that it may strike.

    `rows`: it changes single rows, so that over one server it strikes lists of the account too.
    """

    strike: Strike
    methods: frozenset[str] = EVERY
    rows: bool = False

    def fits(self, method: str, about: str | None, over: str | None) -> bool:
        """Whether it may strike a request about that server (None: the account) while it is over `over`."""
        here = over is None or over == about or (about is None and self.rows)
        return method in self.methods and here


def _rows(edit: spoils.Edit) -> Kind:
    return Kind(spoils.on_list(edit), GET, rows=True)


STRIKES: Mapping[str, Kind] = {
    # answers instead of acts
    "429": Kind(answers(429)),
    "429 with Retry-After": Kind(answers(429, retry_after=True)),
    "5xx": Kind(answers(500, 502, 503, 504)),
    "503 with Retry-After": Kind(answers(503, retry_after=True)),
    "5xx after acting": Kind(answers(500, 502, 503, 504, acts=True)),
    "403": Kind(answers(403)),
    "404 for a list or a create": Kind(answers(404), GET | POST),
    "400": Kind(answers(400), POST),
    "a page with 200": Kind(strikes.html_page, GET | POST),
    "a page with 200 after acting": Kind(strikes.html_after),
    "a redirect": Kind(strikes.to_a_login),
    # the wire
    "no connection": Kind(strikes.no_connection),
    "reset before acting": Kind(strikes.reset_before),
    "reset after acting": Kind(strikes.reset_after),
    "slow to act": Kind(strikes.slow_to_act),
    "slow to answer": Kind(strikes.slow_to_answer),
    "a body that drips": Kind(strikes.slow_body),
    "a body that breaks off": Kind(strikes.cut_body),
    "half a document": Kind(strikes.half_a_document),
    # documents
    "a wrong shape": Kind(spoils.wrong_shape, GET | POST),
    "rows lost": _rows(spoils.lose_rows),
    "rows hidden": _rows(spoils.hide_rows),
    "pages lost": Kind(spoils.on_list(spoils.lose_pages), GET),
    "rows twice": _rows(spoils.repeat_rows),
    "broken rows": _rows(spoils.break_rows),
    "odd words": _rows(spoils.odd_words),
    "completed and empty": _rows(spoils.empty_ones),
    "rows without a server": _rows(spoils.no_server),
    "ids as text": _rows(spoils.ids_as_text),
    # what becomes of a create, and when lists show a write
    "lists lag": Kind(strikes.late, WRITES),
    "creates called ready": Kind(strikes.called_ready, POST),
    "creates fail": Kind(fated("fails"), POST),
    "creates hang": Kind(fated("hangs"), POST),
    "creates end oddly": Kind(fated("archived"), POST),
    "creates come out small": Kind(fated(size=(1, 2500)), POST),
    "creates come out empty": Kind(fated(size=(0, 0)), POST),
}
"""What may befall a request."""


def _constant(**changes: object) -> Callable[[Random], dict[str, object]]:
    return lambda chance: changes


SWITCHES: Mapping[str, Callable[[Random], dict[str, object]]] = {
    "pages": lambda chance: {"paging": True, "page_size": chance.choice((7, 20, 100))},
    "bare arrays": _constant(bare_array=True),
    "the filter is ignored": _constant(filter="ignored"),
    "an unknown server is a bad request": _constant(unknown_server="bad_request"),
    "another order": lambda chance: {"order": chance.choice(("oldest_first", "shuffled"))},
    "offsets in times": _constant(timestamps="offset"),
    "fractions in times": _constant(timestamps="fractions"),
    "no Date": _constant(date_header=False),
    "another clock": lambda chance: {"clock_skew": chance.uniform(-600, 1200)},
    "a lower cap": lambda chance: {"cap": chance.choice((2, 3, 4))},
}
"""What the provider does otherwise for a while."""

EVENTS = ("somebody's snapshots", "a person deletes", "a server vanishes", "the token stops", "a kill")
"""What befalls the account or the process, not a request."""

KINDS = (*STRIKES, *SWITCHES, *EVENTS)


@dataclass(frozen=True)
class Window:
    """A fault lasts from `start` to `end` (seconds of virtual time), over one server or all of them.

    `hits`: the share of requests that it strikes. `number` tells windows apart.
    """

    number: int
    kind: str
    start: float
    end: float
    server: str | None
    hits: float


def draw(
    chance: Random, servers: list[str], start: float, hours: float, kinds: Iterable[str] = KINDS
) -> list[Window]:
    """A storm of so many hours: some four faults at any moment, each for seconds to an hour."""
    known, length = list(kinds), hours * 3600
    known += [kind for kind in known if kind == "a kill"] * 5
    windows = []
    for number in range(int(hours * PER_HOUR)):
        kind = chance.choice(known)
        begin = chance.uniform(0, length)
        lasts = min(chance.expovariate(1 / MEAN) + 5, 3600)
        server = chance.choice(servers) if chance.random() < 0.4 or kind in ONE_SERVER else None
        hits = chance.choice((0.05, 0.2, 0.5, 1.0, 1.0))
        windows.append(Window(number, kind, start + begin, start + min(begin + lasts, length), server, hits))
    return sorted(windows, key=lambda window: window.start)


SOME_DAY = datetime(2027, 3, 14, tzinfo=UTC)
"""From here the gaps of schedules are measured."""

PER_HOUR, MEAN = 36, 420.0
"""How many windows an hour of storm has, and how long one lasts on average, in seconds."""

ONE_SERVER = frozenset({"a server vanishes"})
"""What always befalls a single server."""

__all__ = ["EVENTS", "KINDS", "LATE", "SOON", "STRIKES", "SWITCHES", "Kind", "Window", "draw"]
