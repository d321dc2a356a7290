"""A server's time line: the picture that `simulate` draws too, from what the last list showed."""

from __future__ import annotations

from datetime import datetime, timedelta

from markupsafe import Markup

from rotator import cron
from rotator.draw import timeline
from rotator.models import Server
from rotator.simulate import simulate

from .known import Known

SHORTEST, LONGEST = timedelta(minutes=5), timedelta(days=45)
"""How far a picture looks ahead at least and at most."""

PAST = 5
"""How many times as far it looks back at most; what is older is shown at its edge."""

ROTATIONS = 3
"""How many slots of its most frequent policy a picture shows."""

A_LITTLE_MORE = 1.08
"""So that the last of them does not stand on the edge."""


def picture(known: Known, now: datetime) -> Markup | None:
    """The server from its oldest snapshot to the next rotations; None where no list has shown it."""
    if known.sight is None:
        return None
    server = known.server
    ahead = _ahead(server, now)
    oldest = min((s.created_at for s in known.sight.snapshots), default=now)
    back = min(PAST * ahead, max(ahead, now - oldest + ahead / 8))
    future = simulate(server, now, now + ahead, known.sight.snapshots)
    return Markup(timeline(future, back=back, ident=f"t-{server.key}", style=False))  # noqa: S704  # it escapes


def _ahead(server: Server, now: datetime) -> timedelta:
    """As long as some rotations of the policy that comes next take."""
    furthest = []
    for policy in server.enabled:
        slots = cron.slots(policy.schedule, policy.zone, now)
        coming = [at for _, at in zip(range(ROTATIONS), slots, strict=False)]
        furthest += [coming[-1] - now + policy.splay] if coming else []
    return min(LONGEST, max(SHORTEST, min(furthest, default=SHORTEST) * A_LITTLE_MORE))
