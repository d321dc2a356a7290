"""Whether what a blocked rotation says of the places is true: read as people read it, held against the world.

Each group of names has to be as large as it says, each snapshot has to stand there and to be what it is
called, none may be left out, and the limits have to be those of the configuration. Which of two true words
is chosen is rotator's own affair.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from campaigns.judge import FAILED, Judge, Standing
from rotator.models import Pair

PLACES = re.compile(
    r"no place can be made: (?P<taken>\d+) of (?P<cap>\d+) places are taken: (?P<groups>.*); "
    r"limits of (?P<policy>\S+): min_ready (?P<min_ready>\d+), max_deletes (?P<max_deletes>\d+)"
)
"""What is said where all places are taken and none can be had."""

GROUP = re.compile(r"(?P<count>\d+) (?P<what>.+?)(?: of (?P<policy>\S+))? \((?P<names>[^()]*)\)")
"""So many of a kind, and their names."""

REFUSED = re.compile(r"refused with a free place of (?P<cap>\d+): is snapshot_limit too high\?.*")
"""What is said where a place seems free and the provider refuses."""

AHEAD = timedelta(minutes=5)
"""From here on a date counts as one of the future."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One snapshot in the eyes of a pair."""

    one: Standing
    pair: Pair
    now: datetime

    @property
    def stuck(self) -> bool:
        """In progress for longer than its policy waits, or the one that is blocked."""
        policies = [policy for policy in (self.one.policy, self.pair.policy) if policy is not None]
        longest = min(policy.wait.timeout for policy in policies)
        return self.one.status == "in_progress" and self.now - self.one.created_at > longest


WORDS: Mapping[str, Callable[[Seen], bool]] = {
    "foreign": lambda seen: seen.one.policy is None,
    "dated in the future": lambda seen: max(seen.one.slot, seen.one.created_at) > seen.now + AHEAD,
    "protected": lambda seen: any(fnmatchcase(seen.one.name, glob) for glob in seen.pair.server.protect),
    "failed or stuck": lambda seen: seen.one.status in FAILED or seen.stuck,
    "in progress": lambda seen: seen.one.status == "in_progress",
    "in an unknown state": lambda seen: (
        not seen.one.ready and seen.one.status not in FAILED | {"in_progress"}
    ),
    "ready": lambda seen: seen.one.ready,
}
"""When each word is true."""


def untrue(judge: Judge, pair: Pair, now: datetime, said: str) -> Iterator[str]:
    """What is wrong with the words of a pair that ended blocked just now."""
    refused = REFUSED.fullmatch(said)
    if refused is not None:
        if judge.cap >= int(refused["cap"]):
            yield f"the provider's cap is {judge.cap}"
        return
    places = PLACES.fullmatch(said)
    if places is None:
        yield "this gives no reason that can be looked up"
        return
    standing = list(judge.standing.get(pair.server.key, {}).values())
    policy = pair.policy
    told = tuple(places[name] for name in ("taken", "cap", "policy", "min_ready", "max_deletes"))
    true = (len(standing), pair.server.cap, policy.name, policy.min_ready, policy.max_deletes)
    if told != tuple(map(str, true)):
        yield f"taken, cap, policy, min_ready and max_deletes are {true}, not {told}"
    yield from _wrong_groups([Seen(one, pair, now) for one in standing], places["groups"])


def _wrong_groups(standing: list[Seen], text: str) -> Iterator[str]:
    names: list[str] = []
    for group in GROUP.finditer(text):
        named = group["names"].split(", ")
        names += named
        if len(named) != int(group["count"]):
            yield f"{group[0]} are {len(named)}"
        for name in named:
            if not any(seen.one.name == name and _is(seen, group) for seen in standing):
                yield f"{name} is not {group['what']} of {group['policy'] or 'nobody'}"
    if sorted(names) != sorted(seen.one.name for seen in standing):
        yield f"there stand {', '.join(sorted(seen.one.name for seen in standing))}"


def _is(seen: Seen, group: re.Match[str]) -> bool:
    owner = None if seen.one.policy is None else seen.one.policy.name
    word = WORDS.get(group["what"])
    return word is not None and word(seen) and owner == group["policy"]
