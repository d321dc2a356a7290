"""Room for a snapshot that no policy makes: which of the server's own may go for it, if its places are taken.

Law 1: the guards are those of every rotation (`deletes`): each policy's floor and `max_deletes`, nothing that
       is foreign, protected, unknown or dated in the future, nothing on an unsure list or a skewed clock.
Law 2: the snapshot that the room is not to cost (`spared`) stays, whatever else could be said for its going.
Law 3: all or nothing: where no place can be made, nothing goes.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
from dataclasses import dataclass, replace

from rotator import deletes
from rotator.census import Census, Item, View, take_census
from rotator.models import Pair, Problem, Snapshot
from rotator.occupants import taken
from rotator.progress import Progress


@dataclass(frozen=True, slots=True)
class Room:
    """What has to go for one more place, in order, each with its reason; or why there can be none."""

    goes: tuple[tuple[Snapshot, str], ...] = ()
    problem: Problem | None = None


def make_room(view: View, spared: Snapshot) -> Room:
    """One free place on the view's server, with as few deletes as that takes. Never raises.

    First failed and stuck ones of any policy, then ready ones that no rule keeps, then the others; in each of
    these the server's policies in their order, and of each policy the most dispensable first.
    """
    if view.unsure is not None:
        return Room(
            problem=Problem("list_unsure", f"the list cannot be trusted: {view.unsure}", passing=True)
        )
    census = take_census(view)
    needed = max(0, census.used - view.pair.server.cap + 1)
    if not needed:
        return Room()
    if view.skewed:
        message = "the API's clock and this machine's differ by more than 5 minutes: nothing is deleted"
        return Room(problem=Problem("clock_skewed", message, passing=True))
    candidates = sorted(_candidates(view, spared), key=lambda entry: RANKS.index(entry[1]))
    if len(candidates) < needed:
        message = f"no place can be made for another snapshot: {taken(census)}"
        return Room(problem=Problem("cap_reached", message))
    return Room(tuple((item.snapshot, reason) for item, reason in candidates[:needed]))


RANKS = ("failed", "stuck", "not_kept", "cap")
"""The reasons from the most dispensable on."""


def _candidates(view: View, spared: Snapshot) -> Iterator[tuple[Item, str]]:
    """All that may go, policy by policy."""
    server = view.pair.server
    safe = replace(server, protect=(*server.protect, glob.escape(spared.name)))
    for policy in server.enabled:
        yield from _of_policy(take_census(replace(view, pair=Pair(safe, policy))), view)


def _of_policy(census: Census, view: View) -> Iterator[tuple[Item, str]]:
    broken = deletes.broken(census.items)
    yield from ((item, broken[item.key][0]) for item in census.items if item.key in broken)
    kept = deletes.kept_by_rules(census)
    yield from deletes.for_room(census, Progress(view.now), kept)
