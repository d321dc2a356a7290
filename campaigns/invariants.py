"""What a plan may delete, how much of it, and in which order: one small function for each promise.

They are written from the contract's "What a rotation does". Each looks at one case and says what is wrong, or
nothing; `steps` has those of the other half, what a plan has to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from campaigns import naive
from campaigns.known import Case, by_id, future, listed, may_go, own, protected, ready_among, stuck
from rotator.models import Outcome, Snapshot, State
from rotator.plan import Step

# --- what may never go ------------------------------------------------------------------------------


def partition(case: Case) -> Iterator[str]:
    """The lists partition what stands on the server."""
    if by_id(listed(case.planned.buckets)) != by_id(case.here):
        yield "the lists do not hold each snapshot of the server exactly once"


def untouchable(case: Case) -> Iterator[str]:
    """Never a foreign, protected, unknown, future one, one in progress, or another policy's."""
    for snapshot in (*case.going, *case.planned.now):
        causes = {
            "foreign or another policy's": not own(case.pair, snapshot),
            "protected": protected(case.pair, snapshot),
            "of the future": future(case.pair, snapshot, case.now),
            "in an unknown state": snapshot.state is State.UNKNOWN,
            "in progress": snapshot.state is State.IN_PROGRESS and not stuck(case.pair, snapshot, case.now),
        }
        for cause, true in causes.items():
            if true:
                yield f"{snapshot.name} ({snapshot.key}) goes and is {cause}"
        if snapshot not in case.here:
            yield f"{snapshot.name} ({snapshot.key}) goes and does not stand here"


def now_is_announced(case: Case) -> Iterator[str]:
    """What goes now stands in the list of what goes; only a CLEAR and a PRUNE delete anything now."""
    if not {s.key for s in case.planned.now} <= {s.key for s in case.going}:
        yield "something goes now that is not listed as going"
    if case.planned.now and case.planned.step not in {Step.CLEAR, Step.PRUNE}:
        yield f"a {case.planned.step} deletes"
    if case.planned.step is Step.CLEAR and not case.planned.now:
        yield "a CLEAR deletes nothing"
    if (case.planned.awaited is not None) is not (case.planned.step is Step.WAIT):
        yield "a WAIT and whom it is for do not go together"


def true_reasons(case: Case) -> Iterator[str]:
    """Every delete has one reason, and it is true of its state."""
    true_of = {
        State.READY: {("not_kept",), ("cap",)},
        State.FAILED: {("failed",)},
        State.IN_PROGRESS: {("stuck",)},
    }
    for verdict in case.planned.buckets.deleted:
        if verdict.reasons not in true_of.get(verdict.snapshot.state, set()):
            yield f"{verdict.snapshot.name} is {verdict.snapshot.state} and goes as {verdict.reasons}"


def doubt(case: Case) -> Iterator[str]:
    """An unsure list allows nothing; clocks that differ allow no delete."""
    if (case.view.unsure or case.skewed) and (case.planned.now or case.going):
        yield "something goes though the list or the clock is wrong"
    if case.view.unsure and case.planned.step is not Step.STOP:
        yield f"an unsure list, and yet {case.planned.step}"


# --- how many may go --------------------------------------------------------------------------------


def floor(case: Case) -> Iterator[str]:
    """The floor holds after each delete, in its order; what is being made counts only once waited for."""
    planned, standing = case.planned, len(case.ready) + len(case.foreseen)
    ahead = {s.key for s in planned.now} if planned.step is Step.CLEAR else set()
    to_come = planned.outcome is Outcome.ROTATED or planned.step is Step.WAIT
    for snapshot in case.going:
        if snapshot.state is State.READY:
            standing -= 1
            new = to_come and snapshot.key not in ahead
            if standing + new < case.pair.policy.min_ready:
                yield f"{snapshot.name} goes, and {standing + new} are left of {case.pair.policy.min_ready}"


def most_deletes(case: Case) -> Iterator[str]:
    """Never more than `max_deletes` ready ones, what went before included."""
    allowed = max(0, case.pair.policy.max_deletes - case.progress.deleted)
    if ready_among(case.going) > allowed:
        yield f"{ready_among(case.going)} ready ones go, and {allowed} may"


def no_rule_keeps_all(case: Case) -> Iterator[str]:
    """With no keep rule no ready one goes."""
    if not naive.in_force(case.pair.policy.keep) and ready_among(case.going):
        yield "a ready one goes, and there is no rule"


def newest_goes_last(case: Case) -> Iterator[str]:
    """With a floor the newest ready one goes only for room, and only where an older one stays.

    Each older one that stays then is kept by a coarser rule than the newest, or may not go.
    """
    planned, ready = case.planned, case.ready
    if not ready or ready[0] not in case.going or not case.pair.policy.min_ready:
        return
    if ready[0] in planned.now and planned.step is not Step.CLEAR:
        yield f"{ready[0].name} is the newest ready one, and is pruned"
    staying = [s for s in ready if s not in planned.now]
    kept = case.kept_with(case.progress.slot if planned.outcome is Outcome.ROTATED else None)
    if planned.step is not Step.CLEAR or ready[0] not in planned.now or kept is None:
        return
    if not staying:
        yield f"{ready[0].name} is the newest ready one, and goes with all the others"
    for older in staying:
        if may_go(case.pair, older, case.now) and _standing(case, older, kept) <= _standing(
            case, ready[0], kept
        ):
            yield f"{ready[0].name} is the newest ready one, and goes before {older.name}"


# --- before the create (4) --------------------------------------------------------------------------


def only_what_makes_the_place(case: Case) -> Iterator[str]:
    """Before the create, as many as one place needs; where none can be made, only what no rule keeps."""
    planned, used, cap = case.planned, len(case.here), case.pair.server.cap
    if planned.step is not Step.CLEAR:
        return
    left = used - len(planned.now)
    if planned.outcome is Outcome.ROTATED:
        if left >= cap:
            yield f"{left} of {cap} places stay taken: no place was made"
        if ready_among(planned.now) and left != cap - 1:
            yield f"ready ones go, and {left} of {cap} places stay taken: one would do"
    elif any(v.reasons != ("not_kept",) for v in planned.buckets.deleted if v.snapshot in planned.now):
        yield "no place can be made, and yet one goes that a rule keeps, or a failed one"


def slot_limit(case: Case) -> Iterator[str]:
    """One slot deletes at most as many before its create as its first plan needed.

    What was tried and stands here still is counted once, not twice.
    """
    if case.planned.step is Step.CLEAR and case.progress.room_limit is not None:
        still = sum(1 for s in case.ready if s.key in case.progress.tried)
        allowed = max(0, case.progress.room_limit - case.progress.room_deleted + still)
        if ready_among(case.planned.now) > allowed:
            yield f"{ready_among(case.planned.now)} ready ones go, and {allowed} may for this slot"


def unknown_is_newest(case: Case) -> Iterator[str]:
    """While an own unknown one is newer than the newest own ready one, no ready one goes for room."""
    if case.planned.step is Step.CLEAR and ready_among(case.planned.now) and case.unknown_is_newest:
        yield "a ready one goes while an unknown one is the newest"


def order_of_room(case: Case) -> Iterator[str]:
    """Failed and stuck ones, then what no rule keeps, then what only the finest keeps, then the rest.

    Oldest first in each; and none is spared that comes before one that goes.
    """
    planned = case.planned
    kept = case.kept_with(case.progress.slot if planned.outcome is Outcome.ROTATED else None)
    if planned.step is not Step.CLEAR or kept is None:
        return
    ranks = {s.key: _rank(case, s, kept) for s in case.here if may_go(case.pair, s, case.now)}
    gone = [ranks[s.key] for s in planned.now if s.key in ranks]
    if gone != sorted(gone):
        yield f"the order is {[s.name for s in planned.now]}"
    ready_gone = [s for s in planned.now if s.key in ranks and s.state is State.READY]
    spared = [s for s in case.ready if s.key in ranks and s not in planned.now]
    if planned.outcome is not Outcome.ROTATED:
        spared = [s for s in spared if not kept[s.key]]
    for snapshot in spared:
        if ready_gone and ranks[snapshot.key] < ranks[ready_gone[-1].key]:
            yield f"{snapshot.name} is spared, and {ready_gone[-1].name} goes"
    broken = [s for s in case.here if s.key in ranks and s.state is not State.READY]
    if ready_gone and planned.outcome is Outcome.ROTATED and any(s not in planned.now for s in broken):
        yield "a ready one goes while a failed one could"


def _rank(case: Case, snapshot: Snapshot, kept: dict[str, tuple[str, ...]]) -> tuple[object, ...]:
    if snapshot.state is not State.READY:
        return 0, snapshot.name != case.name, case.age(snapshot)
    return 1, *_standing(case, snapshot, kept), case.age(snapshot)


def _standing(case: Case, snapshot: Snapshot, kept: dict[str, tuple[str, ...]]) -> tuple[bool, int]:
    """Whether a ready one was not tried before; kept by no rule, by the finest alone, or by others too."""
    finest = naive.in_force(case.pair.policy.keep)[:1]
    only = {*finest, *(f"oldest_{rule}" for rule in finest)}
    why = set(kept[snapshot.key])
    return snapshot.key not in case.progress.tried, 0 if not why else 1 if why <= only else 2


LIMITS: tuple[Callable[[Case], Iterator[str]], ...] = (
    partition,
    untouchable,
    now_is_announced,
    true_reasons,
    doubt,
    floor,
    most_deletes,
    no_rule_keeps_all,
    newest_goes_last,
    only_what_makes_the_place,
    slot_limit,
    unknown_is_newest,
    order_of_room,
)
"""What may go, how much of it, and in which order."""
