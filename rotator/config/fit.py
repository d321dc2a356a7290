"""The proof that what the policies of a server keep fits the provider's cap.

A policy needs as many places as its rules can ever keep, and no fewer than its floor. The needs of a
server's enabled policies together must not exceed its cap. Where they just reach it, no place is ever free:
each rotation has to delete before it creates, which a policy that may not go below its need cannot do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rotator import retention
from rotator.models import UNLIMITED, Policy

from .findings import Findings, Unwise
from .nodes import Part
from .policy_rules import Entry


@dataclass(frozen=True, slots=True)
class Use:
    """A policy in a server's list, and where it stands there."""

    entry: Entry
    part: Part


@dataclass(frozen=True, slots=True)
class Placement:
    """The policies of one server. `whole`: none of its list is missing because of a fault."""

    label: str
    part: Part
    uses: Sequence[Use]
    cap: int
    whole: bool


def places_needed(policy: Policy) -> float:
    """The places that a policy needs on a full server; UNLIMITED where its rules have no bound."""
    return max(retention.most_kept(policy.keep), policy.min_ready)


def prove(placements: Iterable[Placement], findings: Findings) -> None:
    """Note each server whose policies do not fit; those that they just fill once per set of policies."""
    full: dict[tuple[tuple[Policy, ...], int], list[Placement]] = {}
    for placement in placements:
        uses = [use for use in placement.uses if use.entry.policy.enabled]
        known = [use for use in uses if use.entry.sound("keep", "min_ready", "enabled")]
        total = sum(_least(use.entry.policy) for use in known)
        if total > placement.cap:
            findings.fault(placement.part, _too_many(placement, known, total))
        elif total == placement.cap and placement.whole and known == uses and _bounded(uses):
            _check_full(placement, uses, findings)
            full.setdefault((tuple(use.entry.policy for use in uses), placement.cap), []).append(placement)
    for alike in full.values():
        findings.warn(alike[0].part, Unwise.DELETE_FIRST, _fills(alike))


def _least(policy: Policy) -> int:
    """The places that are surely needed: without a bound, at least the floor."""
    needed = places_needed(policy)
    return policy.min_ready if needed == UNLIMITED else int(needed)


def _bounded(uses: Sequence[Use]) -> bool:
    return all(places_needed(use.entry.policy) < UNLIMITED for use in uses)


def _check_full(placement: Placement, uses: Sequence[Use], findings: Findings) -> None:
    for use in uses:
        policy = use.entry.policy
        if places_needed(policy) <= policy.min_ready:
            findings.fault(
                use.part,
                f"the policies of this server fill its {placement.cap} places, and {policy.name}, which needs"
                f" {_least(policy)}, may not go below min_ready: {policy.min_ready}: it can never make room."
                " Leave a place free, or lower min_ready",
            )


def _too_many(placement: Placement, uses: Sequence[Use], total: int) -> str:
    shares = " + ".join(f"{use.entry.policy.name} {_least(use.entry.policy)}" for use in uses)
    return (
        f"the policies of this server need {total} places ({shares}), but it has {placement.cap}:"
        " keep fewer, or use fewer policies here"
    )


def _fills(alike: Sequence[Placement]) -> str:
    others = f" (and of {len(alike) - 1} more with the same policies)" if len(alike) > 1 else ""
    return (
        f"the policies fill all {alike[0].cap} places of {alike[0].label}{others}:"
        " each rotation has to delete a snapshot before it creates one"
    )
