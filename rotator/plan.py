"""What a rotation would do next, decided from one view: pure and total.

Law 1: an unsure list allows nothing.
Law 2: the slot's snapshot decides first. Ready: prune. Under way: wait. Failed: clear it away and ask again.
       Stuck or unknown: leave it alone. There is never a second one.
Law 3: before the create only as many ready ones go as one place needs, and only if that makes the place.
Law 4: after the create ready ones go only once the list shows this slot's snapshot ready.

Which snapshots may go at all, and in which order, stands in `deletes`. `plan` answers with the next step and
with how the whole rotation would end; whoever performs the step asks again with a fresh list.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from rotator import deletes
from rotator.census import Buckets, Census, Item, Judgement, Reasons, View, sort_into_buckets, take_census
from rotator.models import Mode, Outcome, Problem, Snapshot, State
from rotator.occupants import cap_reached, next_door_may_give
from rotator.progress import Progress


class Step(StrEnum):
    """The next thing to do. CLEAR deletes ahead of the create, PRUNE after it."""

    STOP = "stop"
    WAIT = "wait"
    CLEAR = "clear"
    CREATE = "create"
    PRUNE = "prune"


@dataclass(frozen=True, slots=True)
class Plan:
    """The next step, and the whole rotation as it would go from here.

    `now`: what a CLEAR or PRUNE deletes, in order. `awaited`: whom a WAIT is for. `room_needed`: how many
    ready ones the create needs gone, None where no create was planned. `suspicious`: why nothing is pruned
    though something could be.
    """

    step: Step
    outcome: Outcome
    buckets: Buckets
    judgement: Judgement
    free_before: int
    free_after: int
    mode: Mode | None = None
    now: tuple[Snapshot, ...] = ()
    awaited: Snapshot | None = None
    room_needed: int | None = None
    problem: Problem | None = None
    suspicious: str | None = None


def plan(view: View, progress: Progress) -> Plan:
    """Decide the next step of the rotation of the view's pair for the slot of `progress`. Never raises."""
    census = take_census(view)
    decided = (rule(census, progress) for rule in LADDER)
    return next(found for found in decided if found is not None)


# --- the ladder: the first rule that answers decides ------------------------------------------------


def _no_such_server(census: Census, progress: Progress) -> Plan | None:
    """Nothing comes of asking for a snapshot of a server that the account does not have."""
    if not census.view.missing:
        return None
    id_ = census.view.pair.server.id
    message = f"the account has no server with the id {id_} (an id, not a name): correct its entry or drop it"
    return _stop(census, progress, Problem("not_found", message))


def _unsure(census: Census, progress: Progress) -> Plan | None:
    """An unsure list allows neither create nor delete."""
    if census.view.unsure is None:
        return None
    problem = Problem("list_unsure", f"the list cannot be trusted: {census.view.unsure}", passing=True)
    return _stop(census, progress, problem)


def _slot_is_ready(census: Census, progress: Progress) -> Plan | None:
    """The slot's snapshot is there and ready: all that is left is to prune."""
    found = census.of_slot(progress.slot)
    if not found or not found[0].ready:
        return None
    judgement = deletes.once_ready(census, progress)
    suspicious = deletes.suspicion(census, found[0])
    cause = "clock_skewed" if census.view.skewed else "suspicious" if suspicious else None
    if cause:
        judgement = deletes.withhold(judgement, cause)
    answer = _answer(census, Step.PRUNE, Outcome.PRUNED, judgement, now=judgement.doomed)
    return replace(answer, mode=Mode.PRUNE, suspicious=suspicious)


def _slot_is_on_its_way(census: Census, progress: Progress) -> Plan | None:
    """The slot's snapshot is being made, or nobody knows what it is: wait, and never make a second one."""
    found = census.of_slot(progress.slot)
    if not found or not (found[0].moving or found[0].unknown):
        return None
    awaited = found[0]
    age = census.view.now - awaited.snapshot.created_at
    old_unknown = awaited.unknown and age > census.policy.wait.timeout
    if old_unknown or awaited.key in progress.waited_out:
        return _stop(census, progress, _stuck(awaited.snapshot))
    judgement = _unless_skewed(census, deletes.once_ready(census, progress, virtual=progress.slot))
    answer = _answer(census, Step.WAIT, Outcome.PRUNED, judgement)
    return replace(answer, mode=Mode.PRUNE, awaited=awaited.snapshot)


def _slot_is_stuck(census: Census, progress: Progress) -> Plan | None:
    """A stuck one of this very slot may still turn out ready: it is not asked for again."""
    found = census.of_slot(progress.slot)
    if not found or not found[0].stuck:
        return None
    return _stop(census, progress, _stuck(found[0].snapshot))


def _slot_failed_for_good(census: Census, progress: Progress) -> Plan | None:
    """The slot's snapshot failed and may not be cleared away, so it cannot be asked for again either."""
    held = next((i for i in census.of_slot(progress.slot) if not i.deletable), None)
    if held is None:
        return None
    message = f"{held.snapshot.name} failed and may not be deleted: it is protected or dated in the future"
    return _stop(census, progress, Problem("snapshot_failed", message))


def _another_is_on_its_way(census: Census, progress: Progress) -> Plan | None:
    """Another snapshot of the server is being made: wait for it before this one is asked for.

    What comes then is foreseen as if all that is being made had turned out ready, unless some of that would
    have to go itself: it is nobody's to promise.
    """
    moving = {i.key: i for i in census.items if i.moving and i.key not in progress.waited_out}
    if not moving:
        return None
    items = tuple(_as_ready(i) if i.key in moving else i for i in census.items)
    foreseen = _room(replace(census, items=items), progress)
    then = _room(census, progress) if foreseen.judgement.doomed.keys() & moving.keys() else foreseen
    awaited = next(iter(moving.values())).snapshot
    buckets = sort_into_buckets(census, then.judgement)
    return replace(then, step=Step.WAIT, now=(), awaited=awaited, buckets=buckets)


def _as_ready(item: Item) -> Item:
    return replace(item, snapshot=replace(item.snapshot, state=State.READY))


def _room(census: Census, progress: Progress) -> Plan:
    """A free place: create. None: make one, if that can be done at all, and not at all otherwise."""
    failed = deletes.broken(census.of_slot(progress.slot))
    needed = max(0, census.used - len(failed) - census.view.pair.server.cap + 1)
    others = deletes.broken(i for i in census.items if i.key not in failed)
    broken: Reasons = {**failed, **dict(list(others.items())[:needed])}
    ready_needed = needed - (len(broken) - len(failed))
    candidates = deletes.for_room(census, progress, deletes.kept_by_rules(census, progress.slot))
    if (broken or ready_needed) and census.view.skewed:
        return replace(_stop(census, progress, _skew(census)), room_needed=ready_needed)
    if len(candidates) < ready_needed:
        return _blocked(census, progress, ready_needed)
    before: Reasons = {**broken, **{i.key: (reason,) for i, reason in candidates[:ready_needed]}}
    return replace(_make(census, progress, before), room_needed=ready_needed)


LADDER = (
    _no_such_server,
    _unsure,
    _slot_is_ready,
    _slot_is_on_its_way,
    _slot_is_stuck,
    _slot_failed_for_good,
    _another_is_on_its_way,
    _room,
)


# --- building the answer ----------------------------------------------------------------------------


def _make(census: Census, progress: Progress, before: Reasons) -> Plan:
    """Clear what has to go first, if anything, create, and prune as if the new one were ready."""
    pruning = deletes.once_ready(census, progress, virtual=progress.slot, gone=before)
    judgement = _unless_skewed(census, replace(pruning, doomed={**before, **pruning.doomed}))
    step = Step.CLEAR if before else Step.CREATE
    answer = _answer(census, step, Outcome.ROTATED, judgement, now=before, created=1)
    return replace(answer, mode=Mode.CREATE_FIRST if census.free else Mode.DELETE_FIRST)


def _blocked(census: Census, progress: Progress, ready_needed: int) -> Plan:
    """No place can be made. What no rule keeps even so goes all the same: later rotations get through."""
    kept = deletes.kept_by_rules(census)
    candidates = deletes.for_room(census, progress, kept)
    doomed: Reasons = {i.key: (reason,) for i, reason in candidates if reason == "not_kept"}
    pruning = deletes.once_ready(census, progress)
    left = {key: ("deferred",) for key in (*pruning.doomed, *pruning.deferred) if key not in doomed}
    step = Step.CLEAR if doomed else Step.STOP
    answer = _answer(census, step, Outcome.CAP_REACHED, Judgement(doomed, left, pruning.kept), now=doomed)
    problem = Problem("cap_reached", cap_reached(census), passing=next_door_may_give(census))
    return replace(answer, problem=problem, room_needed=ready_needed)


def _stop(census: Census, progress: Progress, problem: Problem) -> Plan:
    """Nothing is done; what a rotation would have deleted is listed as deferred, with the cause."""
    cause = problem.code if problem.code in {"list_unsure", "clock_skewed"} else "deferred"
    judgement = deletes.withhold(deletes.once_ready(census, progress), cause)
    return replace(_answer(census, Step.STOP, Outcome.FAILED, judgement), problem=problem)


def _answer(
    census: Census,
    step: Step,
    outcome: Outcome,
    judgement: Judgement,
    *,
    now: Reasons | None = None,
    created: int = 0,
) -> Plan:
    snapshots = {i.key: i.snapshot for i in census.items}
    left = census.used - len(judgement.doomed) + created
    return Plan(
        step=step,
        outcome=outcome,
        buckets=sort_into_buckets(census, judgement),
        judgement=judgement,
        free_before=census.free,
        free_after=max(0, census.view.pair.server.cap - left),
        now=tuple(snapshots[key] for key in now or ()),
    )


def _unless_skewed(census: Census, judgement: Judgement) -> Judgement:
    return deletes.withhold(judgement, "clock_skewed") if census.view.skewed else judgement


def _skew(census: Census) -> Problem:
    seconds = census.view.skew.total_seconds()
    message = f"the API's clock is {seconds:+.0f} s off this machine's: nothing is deleted until they agree"
    return Problem("clock_skewed", message, passing=True)


def _stuck(snapshot: Snapshot) -> Problem:
    odd = f"in the state {snapshot.status!r}, which rotator does not know"
    why = odd if snapshot.state is State.UNKNOWN else "still being made, for longer than wait.timeout"
    return Problem("snapshot_stuck", f"{snapshot.name} is {why}", passing=True)
