"""What a plan has to do next, and what it leaves: one small function for each promise, as in `invariants`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from campaigns import naive
from campaigns.invariants import LIMITS
from campaigns.known import Case, may_go, ready_among, slot_of, stuck
from rotator.models import Outcome, Snapshot, State
from rotator.plan import Step, plan
from rotator.progress import Progress


def create(case: Case) -> Iterator[str]:
    """A create needs a free place by the plan's own count, and that the slot has no snapshot."""
    if case.planned.step is Step.CREATE:
        if len(case.here) >= case.pair.server.cap:
            yield f"a create with {len(case.here)} of {case.pair.server.cap} places taken"
        if case.of_slot:
            yield f"a create of {case.name}, which is there"
        if _in_the_way(case):
            yield "a create while another one is in progress"


def the_slots_own(case: Case) -> Iterator[str]:
    """The slot's snapshot decides: ready, prune; in progress or unknown, wait and never make a second one."""
    if case.view.unsure or not case.of_slot:
        return
    states = {s.state for s in case.of_slot}
    step, outcome = case.planned.step, case.planned.outcome
    if State.READY in states and step is not Step.PRUNE:
        yield f"the slot's snapshot is ready, and the plan is to {step}"
    pending = State.READY not in states and bool(states & {State.IN_PROGRESS, State.UNKNOWN})
    if pending and (step not in {Step.WAIT, Step.STOP} or outcome is Outcome.ROTATED):
        yield f"the slot's snapshot may become ready, and the plan is to {step}"


def waited_for(case: Case) -> Iterator[str]:
    """The slot's snapshot is waited for while it is in progress or unknown, until the time is up."""
    if case.view.unsure or any(s.state is State.READY for s in case.of_slot):
        return
    moving = [s for s in case.of_slot if s.state is State.IN_PROGRESS and not stuck(case.pair, s, case.now)]
    unknown = [s for s in case.of_slot if s.state is State.UNKNOWN]
    young = [s for s in unknown if case.now - s.created_at <= case.pair.policy.wait.timeout]
    worth_it = moving or (young if young == unknown else [])
    given_up = any(s.key in case.progress.waited_out for s in worth_it)
    if worth_it and not given_up and case.planned.awaited not in worth_it:
        yield f"{worth_it[0].name} is {worth_it[0].state}, and the plan is to {case.planned.step}"


def waits(case: Case) -> Iterator[str]:
    """Waits are for the slot's own, or for one in progress that is not stuck, and not given up yet."""
    awaited = case.planned.awaited
    if awaited is None:
        return
    if awaited.key in case.progress.waited_out:
        yield f"{awaited.name} was waited for already"
    if awaited not in case.of_slot and (
        awaited.state is not State.IN_PROGRESS or stuck(case.pair, awaited, case.now)
    ):
        yield f"a wait for {awaited.name}, which is {awaited.state}"


def creates_where_it_may(case: Case) -> Iterator[str]:
    """A free place, nothing in the way: the create comes first. A full server: room, if it can be made."""
    if case.view.unsure or case.of_slot or _in_the_way(case):
        return
    needed = len(case.here) - case.pair.server.cap + 1
    planned = case.planned
    if needed <= 0:
        if planned.step is not Step.CREATE:
            yield f"a place is free, and the plan is to {planned.step}"
    elif not case.skewed:
        possible = _dispensable(case) >= needed
        if possible and (planned.step, planned.outcome) != (Step.CLEAR, Outcome.ROTATED):
            yield f"room can be made for {case.name}, and the plan is to {planned.step}: {planned.outcome}"
        if not possible and planned.outcome is not Outcome.CAP_REACHED:
            yield f"no room can be made, and the outcome is {planned.outcome}"


def _in_the_way(case: Case) -> list[Snapshot]:
    return [
        s
        for s in case.here
        if s.state is State.IN_PROGRESS
        and not stuck(case.pair, s, case.now)
        and s.key not in case.progress.waited_out
    ]


def _dispensable(case: Case) -> int:
    """How many may go before the create, by the contract's limits."""
    policy, progress = case.pair.policy, case.progress
    free_to_go = [s for s in case.here if may_go(case.pair, s, case.now)]
    ready = ready_among(free_to_go)
    broken = len(free_to_go) - ready
    limits = [ready, len(case.ready) - policy.min_ready, policy.max_deletes - progress.deleted]
    if progress.room_limit is not None:
        still = sum(1 for s in case.ready if s.key in progress.tried)
        limits.append(progress.room_limit - progress.room_deleted + still)
    if not naive.in_force(policy.keep) or case.unknown_is_newest:
        limits.append(0)
    return broken + max(0, min(limits))


# --- after the create (7) ---------------------------------------------------------------------------


def prune_needs_the_slots_own(case: Case) -> Iterator[str]:
    """A prune comes only where the list shows the slot's snapshot ready, and never deletes it."""
    if case.planned.step is Step.PRUNE:
        if State.READY not in {s.state for s in case.of_slot}:
            yield "a prune, and the slot's snapshot is not ready"
        if any(s in case.planned.now for s in case.of_slot if s.state is State.READY):
            yield "the slot's own snapshot is pruned"


def prune_by_the_rules(case: Case) -> Iterator[str]:
    """After the create ready ones go only where no rule keeps them, the oldest first, and as many as may.

    Of two of one slot either may serve the rules.
    """
    if case.planned.step is not Step.PRUNE:
        return
    policy = case.pair.policy
    slots = [slot_of(case.pair, s) for s in case.ready]
    reasons = naive.keeps(slots, policy.keep, policy.zone)
    kept = [slot for slot, why in zip(slots, reasons, strict=True) if why]
    left = [slot_of(case.pair, s) for s in case.ready if s not in case.planned.now]
    gone = [s for s in case.planned.now if s.state is State.READY]
    if any(left.count(slot) < kept.count(slot) for slot in kept):
        yield "something goes that a rule keeps"
    if gone != sorted(gone, key=case.age):
        yield "it is not the oldest that goes first"
    if len(set(slots)) == len(slots) and not case.skewed and case.planned.suspicious is None:
        extra = [s for s, why in zip(case.ready, reasons, strict=True) if not why]
        free_to_go = [s for s in extra if may_go(case.pair, s, case.now) and s not in case.of_slot]
        limits = (len(case.ready) - policy.min_ready, policy.max_deletes - case.progress.deleted)
        due = max(0, min(len(free_to_go), *limits))
        if gone != list(reversed(free_to_go))[:due]:
            yield f"{len(gone)} go, and {due} should"


def broken_ones_outlived(case: Case) -> Iterator[str]:
    """After the create failed and stuck ones go once a newer one of the policy is ready, and only then."""
    if case.planned.step is not Step.PRUNE or not case.ready or case.skewed or case.planned.suspicious:
        return
    newest = slot_of(case.pair, case.ready[0])
    for snapshot in case.here:
        if snapshot.state is not State.READY and may_go(case.pair, snapshot, case.now):
            outlived = slot_of(case.pair, snapshot) < newest
            if outlived is not (snapshot in case.planned.now):
                yield f"{snapshot.name} is {snapshot.state}: outlived {outlived}"


def suspicious(case: Case) -> Iterator[str]:
    """A new one of under half the size of the last one: nothing is pruned in this rotation."""
    new = [s for s in case.of_slot if s.state is State.READY]
    if case.planned.step is not Step.PRUNE or len(new) != 1 or new[0].size_mb is None:
        return
    before = [s for s in case.ready if case.age(s) < case.age(new[0]) and s.size_mb is not None]
    last = before[0].size_mb if before else None
    small = last is not None and new[0].size_mb < last / 2
    if small is (case.planned.suspicious is None):
        yield f"{new[0].size_mb} MB after {last} MB: suspicious is {case.planned.suspicious}"
    if small and case.planned.now:
        yield "the new one is suspicious, and something is pruned"


# --- what it says, and what it leaves ---------------------------------------------------------------


def why_not(case: Case) -> Iterator[str]:
    """A plan that comes to nothing says why, and no other does."""
    well = case.planned.outcome in {Outcome.ROTATED, Outcome.PRUNED}
    if well is not (case.planned.problem is None):
        yield f"{case.planned.outcome}, and the problem is {case.planned.problem}"


def places_add_up(case: Case) -> Iterator[str]:
    """The free places before and after are those of the lists."""
    cap, used = case.pair.server.cap, len(case.here)
    left = used - len(case.going) + (case.planned.outcome is Outcome.ROTATED)
    told = (case.planned.free_before, case.planned.free_after)
    if told != (max(0, cap - used), max(0, cap - left)):
        yield f"the free places are said to be {told}"


def any_order(case: Case) -> Iterator[str]:
    """The order of the list does not matter."""
    for rows in (case.view.snapshots[::-1], (*case.view.snapshots[1:], *case.view.snapshots[:1])):
        if plan(replace(case.view, snapshots=rows), case.progress) != case.planned:
            yield "another order of the list, another plan"


def nothing_twice(case: Case) -> Iterator[str]:
    """Planned again on what a prune leaves, the same rotation deletes no more, a new one what was
    deferred, or what nothing but the floor held."""
    if case.planned.step is not Step.PRUNE:
        return
    left = tuple(s for s in case.view.snapshots if s not in case.planned.now)
    view = replace(case.view, snapshots=left)
    spent = replace(case.progress, deleted=case.progress.deleted + ready_among(case.planned.now))
    again = plan(view, spent)
    if again.now or again.step is not Step.PRUNE:
        yield f"again: {again.step} {[s.name for s in again.now]}"
    buckets = case.planned.buckets
    by_floor = [verdict for verdict in buckets.kept if "floor" in verdict.reasons]
    left_over = {verdict.snapshot.key for verdict in (*buckets.deferred, *by_floor)}
    if not {s.key for s in plan(view, Progress(case.progress.slot)).now} <= left_over:
        yield "a new rotation deletes what was neither deferred nor held by the floor alone"


INVARIANTS: tuple[Callable[[Case], Iterator[str]], ...] = (
    *LIMITS,
    create,
    the_slots_own,
    waited_for,
    waits,
    creates_where_it_may,
    prune_needs_the_slots_own,
    prune_by_the_rules,
    broken_ones_outlived,
    suspicious,
    why_not,
    places_add_up,
    any_order,
    nothing_twice,
)
"""Everything that is asked of a plan."""


def wrong(case: Case) -> list[str]:
    """What is wrong with the plan, each with the name of the promise."""
    return [f"{rule.__name__}: {what}" for rule in INVARIANTS for what in rule(case)]
