"""How often the provider was asked, what it answered, and how long that took: counted for the whole process.

Its law: it is bounded. Methods and codes are the words of HTTP, and no request leaves more than a count.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable

BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds in seconds: a quick answer takes 50 ms, a request is given up after 30 s by default."""

NO_ANSWER = "none"
"""The code of a request that had no answer."""

Meter = Callable[[str, str, float], None]
"""Told of each request that ended: its method, the answer's status or NO_ANSWER, the seconds that it took."""


def unmetered(method: str, code: str, seconds: float) -> None:
    """Nobody counts."""


class Tally:
    """`requests` by method and code; `within` counts the requests up to each of BOUNDS, and above."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        self.within = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0

    def copy(self) -> Tally:
        """The counts of this moment, for another thread."""
        copied = Tally()
        copied.requests, copied.within, copied.seconds = self.requests.copy(), self.within[:], self.seconds
        return copied

    def count(self, method: str, code: str, seconds: float) -> None:
        """A request ended."""
        self.requests[method, code] += 1
        self.within[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds
