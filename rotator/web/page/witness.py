"""What is known of the servers, taken from the daemon's vitals as it stands at the moment of asking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from rotator.clock import Clock
from rotator.models import FUTURE_TOLERANCE, Server
from rotator.sight import Sight
from rotator.vitals import Vitals

from .known import Known
from .recent import Ended

T = TypeVar("T")


class Witness:
    """A source for the board."""

    def __init__(self, vitals: Vitals, clock: Clock) -> None:
        self._vitals, self._clock = vitals, clock

    def known(self) -> Iterator[Known]:
        """Every server of the configuration, in its order."""
        vitals = self._vitals
        for server in vitals.settings.servers if vitals.settings is not None else ():
            sight = vitals.see(server)
            yield Known(
                server,
                sight=_lasting(sight) if sight is not None else None,
                seen=self._when(sight) if sight is not None else None,
                lasts=_of(server, vitals.last),
                failing=_of(server, vitals.chronicle.failing),
                since=_of(server, vitals.since),
            )

    def lacks(self) -> tuple[str, ...]:
        """Why the daemon is not ready."""
        return self._vitals.lacks()

    def refused(self) -> bool:
        """Whether the configuration file was changed, and refused."""
        return not self._vitals.reload_ok

    def well_since(self) -> datetime:
        """When a rotation last got well again, or the daemon began."""
        return self._vitals.chronicle.well_since

    def recent(self) -> Sequence[Ended]:
        """The rotations that ended last, newest first."""
        return [Ended.of(report, at) for at, report in self._vitals.chronicle.recent]

    def _when(self, sight: Sight) -> datetime:
        return self._clock.now() - timedelta(seconds=self._clock.monotonic() - sight.began)


def _lasting(sight: Sight) -> Sight:
    """The sight without what differs from list to list; a skew that matters counts in whole minutes."""
    minutes = sight.skew // timedelta(minutes=1) if abs(sight.skew) > FUTURE_TOLERANCE else 0
    return Sight(sight.snapshots, unsure=sight.unsure, skew=timedelta(minutes=minutes), missing=sight.missing)


def _of(server: Server, facts: Mapping[tuple[str, str], T]) -> dict[str, T]:
    """By policy, what is known of the pairs of the server."""
    keys = ((server.key, policy.name) for policy in server.policies)
    return {key[1]: facts[key] for key in keys if key in facts}
