"""What is shown of servers to people and monitors: one survey, and whether the account has them at all.

A slip of the hand in an id looks like a new server: the list shows nothing of either. So those that show
nothing are looked up among the account's servers. Rotations do not ask: they try, and hear it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rotator.models import Server
from rotator.office import Office
from rotator.pace import Urgency
from rotator.sight import Sight


async def show(
    office: Office, servers: Sequence[Server], urgency: Urgency = Urgency.DECIDE
) -> dict[str, Sight]:
    """These servers by id's text, `missing` where the account surely has none of that id.

    Raises ApiError if no list could be had at all.
    """
    sights = await office.inventory.survey(servers, urgency)
    empty = [s for s in servers if sights[s.key].unsure is None and not sights[s.key].snapshots]
    missing = await office.states.missing(empty) if empty else frozenset()
    office.inventory.called(empty, missing)
    return {key: replace(sight, missing=key in missing) for key, sight in sights.items()}
