"""All that a turn may do to its server, as long as it holds the lock."""

from __future__ import annotations

from dataclasses import dataclass

from rotator.creation import Creation
from rotator.deletion import Deletion
from rotator.lock import Held
from rotator.models import Pair
from rotator.office import Office
from rotator.settling import Settling


@dataclass(frozen=True, slots=True)
class Hands:
    """Looks and settles, creates, deletes."""

    settling: Settling
    creation: Creation
    deletion: Deletion

    @classmethod
    def of(cls, office: Office, pair: Pair, held: Held) -> Hands:
        """For a turn of that pair."""
        inventory, clock = office.inventory, office.clock
        return cls(
            Settling(pair, inventory, clock, held),
            Creation(pair, office.provider, inventory, clock, held),
            Deletion(pair.server, office.provider, inventory, held),
        )
