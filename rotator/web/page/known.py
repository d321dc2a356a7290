"""What is known of one server at one moment: all that its row and its time line are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rotator.models import Server
from rotator.sight import Sight
from rotator.status import Last


@dataclass(frozen=True, slots=True)
class Known:
    """`sight` is what the last list showed, and `seen` when; None: no list has shown the server yet. Two are
    equal if the lists showed the same, whenever that was.

    By the policies' names: `lasts` is how the last rotation ended, `failing` since when they fail, `since`
    when the pair was first looked after.
    """

    server: Server
    sight: Sight | None = None
    seen: datetime | None = field(default=None, compare=False)
    lasts: Mapping[str, Last] = field(default_factory=dict)
    failing: Mapping[str, datetime] = field(default_factory=dict)
    since: Mapping[str, datetime] = field(default_factory=dict)
