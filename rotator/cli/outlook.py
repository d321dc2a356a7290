"""What the configuration will do: the next slots of each pair, and how busy the busiest minute gets.

The model of the busiest minute: all pairs whose slot, splay included, falls into it begin together; each
costs a create, a delete and its share of the lists; and requests leave at `rate_limit`. The time that the
provider takes to make the snapshots is not in it: nobody is held up by that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from rotator import cron, retention
from rotator.models import Pair
from rotator.settings import Settings

AHEAD = timedelta(days=7)
"""How far ahead the busiest minute is looked for; of a rarer schedule the next slot counts all the same."""

PAGE = 100
"""Rows of one page of the account's list: the most that is asked for."""

ONE_PAGE, SEVERAL_PAGES = 3, 5
"""Requests per rotation: a create, a delete and a shared list; or two more lists of the server alone."""

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Prospect:
    """One pair's future. `most_kept` is UNLIMITED without a bound, `widest` None if it fires once at most."""

    pair: Pair
    next: tuple[datetime, ...]
    widest: timedelta | None
    most_kept: float


@dataclass(frozen=True, slots=True)
class Busiest:
    """The minute in which most rotations begin. `seconds` for all its requests, None without a limit."""

    at: datetime
    rotations: int
    requests: int
    seconds: float | None


def prospects(pairs: Iterable[Pair], after: datetime, count: int) -> list[Prospect]:
    """For each pair the next `count` slots strictly after that moment, and what follows from its policy."""
    known: dict[tuple[tuple[str, ...], ZoneInfo], tuple[tuple[datetime, ...], timedelta | None]] = {}
    found = []
    for pair in pairs:
        schedule, zone = pair.policy.schedule, pair.policy.zone
        if (schedule, zone) not in known:
            gaps = cron.gaps(schedule, zone, after)
            slots = tuple(islice(cron.slots(schedule, zone, after), count))
            known[schedule, zone] = (slots, gaps.widest if gaps else None)
        slots, widest = known[schedule, zone]
        found.append(Prospect(pair, slots, widest, retention.most_kept(pair.policy.keep)))
    return found


def busiest(settings: Settings, after: datetime) -> Busiest | None:
    """The busiest minute from there on; None if nothing is ever due."""
    starts = _starts(settings.pairs, after)
    if not starts:
        return None
    at, rotations = max(starts.items(), key=lambda entry: (entry[1], -entry[0].timestamp()))
    requests = rotations * _requests_each(settings)
    rate = settings.api.rate_limit
    return Busiest(at, rotations, requests, requests / rate if rate else None)


def _starts(pairs: Sequence[Pair], after: datetime) -> Counter[datetime]:
    """How many rotations begin in each minute."""
    alike: defaultdict[tuple[tuple[str, ...], ZoneInfo], Counter[timedelta]] = defaultdict(Counter)
    for pair in pairs:
        offset = cron.splay_offset(pair.server.key, pair.policy.splay)
        alike[pair.policy.schedule, pair.policy.zone][offset] += 1
    starts: Counter[datetime] = Counter()
    for (schedule, zone), offsets in alike.items():
        for slot in _slots_ahead(schedule, zone, after):
            for offset, number in offsets.items():
                starts[_minute(slot + offset)] += number
    return starts


def _slots_ahead(schedule: Sequence[str], zone: ZoneInfo, after: datetime) -> list[datetime]:
    ahead = list(takewhile(lambda slot: slot <= after + AHEAD, cron.slots(schedule, zone, after)))
    return ahead or list(islice(cron.slots(schedule, zone, after), 1))


def _minute(at: datetime) -> datetime:
    return at - timedelta(seconds=at.second)


def _requests_each(settings: Settings) -> int:
    """Servers that are as full as they may be decide how many pages the account's list has."""
    rows = sum(server.cap for server in settings.servers)
    return ONE_PAGE if rows <= PAGE else SEVERAL_PAGES
