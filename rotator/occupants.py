"""Who takes the places of a full server, in words, and whether one of them may leave by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rotator.census import Census, Item, View, take_census
from rotator.deletes import kept_by_rules
from rotator.models import Pair

OCCUPANTS: tuple[tuple[str, Callable[[Item], bool]], ...] = (
    ("foreign", lambda i: i.policy is None),
    ("dated in the future", lambda i: i.future),
    ("protected", lambda i: i.protected),
    ("failed or stuck", lambda i: i.broken),
    ("in progress", lambda i: i.moving),
    ("in an unknown state", lambda i: i.unknown),
)
"""What to call an occupant: the first that fits, else it is a ready one of its policy."""


def cap_reached(census: Census) -> str:
    """Say what takes the places, with names, and what would help."""
    policy = census.policy
    limits = f"min_ready {policy.min_ready}, max_deletes {policy.max_deletes}"
    return f"no place can be made: {taken(census)}; limits of {policy.name}: {limits}"


def taken(census: Census) -> str:
    """What takes the places, with names."""
    grouped: dict[str, list[str]] = {}
    for item in census.items:
        grouped.setdefault(_what(item), []).append(item.snapshot.name)
    parts = [f"{len(names)} {what} ({', '.join(names)})" for what, names in grouped.items()]
    return f"{census.used} of {census.view.pair.server.cap} places are taken: {'; '.join(parts)}"


def next_door_may_give(census: Census) -> bool:
    """Whether another enabled policy's snapshot holds a place that it will give up by itself."""
    policies = (p for p in census.view.pair.server.enabled if p.name != census.policy.name)
    return any(_may_give(replace(census.view, pair=Pair(census.view.pair.server, p))) for p in policies)


def _may_give(view: View) -> bool:
    census = take_census(view)
    kept = kept_by_rules(census)
    return any(
        i.own and not i.protected and not i.future and (i.broken or i.moving or kept.get(i.key) == ())
        for i in census.items
    )


def _what(item: Item) -> str:
    named = next((name for name, fits in OCCUPANTS if fits(item)), "ready")
    return f"{named} of {item.policy.name}" if item.policy is not None else named
