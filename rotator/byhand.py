"""What a person does to a server by hand, with the same guards as a rotation: one lock, one look, one record.

Law 1: under the server's lock, from the look to the answer. What was shown before is looked for again.
Law 2: what a killed writer left unsettled is settled first, as a rotation does it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from rotator import notices
from rotator.api import Patience
from rotator.census import View, take_census
from rotator.errors import BadRequest, ListUnsure
from rotator.hands import Hands
from rotator.lock import Held
from rotator.models import Pair, Policy, Problem, Server, Snapshot, State, Wait
from rotator.occupants import taken
from rotator.office import Office
from rotator.once import view_of
from rotator.waiting import wait_for

DESCRIPTION = "made by hand with rotator"


class Refused(BadRequest):
    """Not done, for what stands on the server; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.code = problem.code  # type: ignore[misc]  # it speaks with the problem's voice
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Turn:
    """The lock is held: what stands on the server, and the hands to change it."""

    view: View
    hands: Hands
    held: Held

    def find(self, key: str) -> Snapshot | None:
        """The snapshot of that id's text, if it still stands."""
        return next((s for s in self.view.snapshots if s.key == key), None)


def pair_of(server: Server, wait: Wait) -> Pair:
    """The server with a policy that owns nothing and is never due: whoever works by hand needs its waits."""
    return Pair(server, Policy("by-hand", (), ZoneInfo("UTC"), timedelta(0), wait=wait))


@asynccontextmanager
async def turn(office: Office, pair: Pair) -> AsyncIterator[Turn]:
    """The server's lock, and a look that counts. Raises ListUnsure for a list that cannot be trusted.

    Raises LockHeld, ServerRestoring and ApiError as well.
    """
    async with office.turn(pair.server, by_hand=True) as held:
        hands = Hands.of(office, pair, held)
        sight = await hands.settling.look()
        if sight.unsure is not None:
            raise ListUnsure(f"the list cannot be trusted, so nothing was changed: {sight.unsure}")
        notices.strays(office, sight.strays)
        yield Turn(view_of(pair, sight, office.clock.now()), hands, held)


async def create(office: Office, pair: Pair, name: str, description: str) -> Snapshot:
    """Ask for a snapshot of that name. Raises Refused where there is one, or no place, and as `turn` does."""
    async with turn(office, pair) as now:
        if any(s.name == name for s in now.view.snapshots):
            raise Refused(
                Problem("bad_request", f"there is a snapshot {name} on {pair.server.label} already")
            )
        census = take_census(now.view)
        if not census.free:
            raise Refused(Problem("cap_reached", taken(census)))
        return await now.hands.creation.ask(name, description, Patience())


async def delete(office: Office, pair: Pair, shown: Snapshot, reason: str = "by_hand") -> bool:
    """Delete what was shown. True: done now; False: it was gone already.

    Raises Refused where the delete failed, or what stands there is not what was shown, and as `turn` does.
    """
    async with turn(office, pair) as now:
        found = now.find(shown.key)
        if found is None:
            return False
        if found.name != shown.name:
            raise Refused(Problem("bad_request", f"{shown.key} is now {found.name}, and was {shown.name}"))
        problem = await now.hands.deletion.delete(found, (reason,), Patience())
        if problem is not None:
            raise Refused(problem)
        return True


async def ready(office: Office, pair: Pair, awaited: Snapshot, *, fresh: bool = True) -> Snapshot:
    """Wait until it is ready, and return it as it is then. Raises Refused if it fails, is stuck or gone."""
    in_time = await wait_for(office, pair, awaited, fresh=fresh)
    sight = await office.inventory.look(pair.server)
    found = next((s for s in sight.snapshots if s.key == awaited.key), None)
    if found is not None and found.state is State.READY:
        return found
    if found is None and sight.unsure is None:
        raise Refused(Problem("snapshot_failed", f"{awaited.name} disappeared before it was ready"))
    if in_time and found is not None:
        raise Refused(Problem("snapshot_failed", f"{awaited.name} ended in the state {found.status!r}"))
    timeout = pair.policy.wait.timeout
    raise Refused(Problem("snapshot_stuck", f"{awaited.name} is not ready after {timeout}", passing=True))
