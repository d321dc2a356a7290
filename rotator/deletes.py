"""Which snapshots may go, in which order and why: the guards that stand before every delete.

Law 1: a deletable snapshot is this policy's own, not protected, not future, and ready, failed or stuck.
Law 2: ready ones go only within `max_deletes` and above the floor, at every instant, not just at the end.
Law 3: without a keep rule no ready one goes at all.
Law 4: what withholds one delete (clocks that differ, a suspicious new snapshot) withholds all of them.
Law 5: a slot's own snapshot never goes in its own rotation, or the next look would make it once more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from rotator import retention
from rotator.census import Census, Item, Judgement, Reasons
from rotator.progress import Progress


def kept_by_rules(census: Census, virtual: datetime | None = None, gone: Collection[str] = ()) -> Reasons:
    """The keep rules' reasons for each own ready snapshot, as if one of the slot `virtual` were ready too."""
    dated = [(i.slot, i.key) for i in reversed(census.own_ready) if i.key not in gone]
    if virtual is not None:
        dated.append((virtual, ""))
    dated.sort(key=lambda entry: entry[0], reverse=True)
    verdicts = retention.apply_keep([slot for slot, _ in dated], census.policy.keep, census.policy.zone)
    return {key: reasons for (_, key), reasons in zip(dated, verdicts, strict=True) if key}


def for_room(census: Census, progress: Progress, kept: Reasons) -> list[tuple[Item, str]]:
    """Own ready ones that may go before the create, the most dispensable first, each with its reason.

    First what this slot tried before, then what no rule keeps, then what only the finest rule keeps, then the
    rest; oldest first in each. The list is already cut to every limit: the floor, `max_deletes`, and what the
    slot may still delete.
    """
    if _unknown_is_newest(census):
        return []
    allowed = min(_above_floor(census), _budget(census, progress), _room_left(census, progress))
    only = _finest_alone(census)
    ranked = sorted(
        (i for i in census.own_ready if i.deletable and kept[i.key] != ("no_rule",)),
        key=lambda i: (
            i.key not in progress.tried,
            bool(kept[i.key]),
            not set(kept[i.key]) <= only,
            i.age,
        ),
    )
    return [(i, "cap" if kept[i.key] else "not_kept") for i in ranked][:allowed]


def broken(items: Iterable[Item]) -> Reasons:
    """The failed and stuck ones among the items that may be deleted, each with its reason, in their order."""
    return {i.key: ("stuck",) if i.stuck else ("failed",) for i in items if i.broken and i.deletable}


def once_ready(
    census: Census, progress: Progress, *, virtual: datetime | None = None, gone: Collection[str] = ()
) -> Judgement:
    """What goes once the slot's snapshot is ready: broken ones older than it, and what no rule keeps.

    `virtual` is the slot of a snapshot that is not there yet, `gone` holds ids assumed to be deleted before.
    """
    kept = kept_by_rules(census, virtual, gone)
    of_slot = census.of_slot(progress.slot)
    not_kept = [i for i in census.own_ready if kept.get(i.key) == () and i.deletable]
    extra = [i for i in not_kept if i not in of_slot]
    ready_gone = sum(1 for i in census.own_ready if i.key in gone)
    floor = _above_floor(census, ready_gone - (virtual is not None))
    budget = _budget(census, progress, ready_gone)
    above, held_by_floor = extra[:floor], extra[floor:]
    return Judgement(
        doomed={
            **broken(_older_than_newest(census, virtual, gone)),
            **{i.key: ("not_kept",) for i in above[:budget]},
        },
        deferred={i.key: ("deferred",) for i in (*above[budget:], *(i for i in not_kept if i in of_slot))},
        kept={**_with_marks(census, kept), **{i.key: ("floor",) for i in held_by_floor}},
    )


def withhold(judgement: Judgement, reason: str) -> Judgement:
    """The same judgement with no delete left in it."""
    doubtful = dict.fromkeys((*judgement.doomed, *judgement.deferred), (reason,))
    return Judgement(deferred=doubtful, kept=judgement.kept)


def suspicion(census: Census, newest: Item) -> str | None:
    """Why the new snapshot may be empty inside: it has under half the size of the one before it."""
    earlier = [i.snapshot for i in census.own_ready if i.age < newest.age and i.snapshot.size_mb is not None]
    size, last = newest.snapshot.size_mb, earlier[-1] if earlier else None
    if size is None or last is None or last.size_mb is None or size * 2 >= last.size_mb:
        return None
    return f"{newest.snapshot.name} has {size:g} MB, under half of the {last.size_mb:g} MB of {last.name}"


def _above_floor(census: Census, gone: int = 0) -> int:
    return max(0, len(census.own_ready) - gone - census.policy.min_ready)


def _budget(census: Census, progress: Progress, gone: int = 0) -> int:
    return max(0, census.policy.max_deletes - progress.deleted - gone)


def _room_left(census: Census, progress: Progress) -> int:
    """What the slot may still delete. One that was tried and still stands may go again."""
    limit = len(census.items) if progress.room_limit is None else progress.room_limit
    still_there = sum(1 for i in census.own_ready if i.key in progress.tried)
    return max(0, limit - progress.room_deleted + still_there)


def _finest_alone(census: Census) -> set[str]:
    finest = retention.finest(census.policy.keep)
    return {f"{prefix}{finest}" for prefix in ("", "oldest_")}


def _unknown_is_newest(census: Census) -> bool:
    """Whether an own one in an undocumented state, maybe the best there is, is newer than any ready one."""
    unknown = [i.age for i in census.items if i.own and i.unknown and not i.future]
    ready = [i.age for i in census.own_ready]
    return bool(unknown) and (not ready or max(unknown) > max(ready))


def _older_than_newest(census: Census, virtual: datetime | None, gone: Collection[str]) -> list[Item]:
    slots = [i.slot for i in census.own_ready if i.key not in gone]
    newest = max(slots + ([virtual] if virtual is not None else []), default=None)
    return [i for i in census.items if newest is not None and i.slot < newest and i.key not in gone]


def _with_marks(census: Census, kept: Reasons) -> Reasons:
    """The rules' reasons, and what else holds or marks a snapshot."""
    marks = {i.key: ("protected",) * i.protected + ("adopted",) * i.adopted for i in census.own_ready}
    return {key: reasons + marks[key] for key, reasons in kept.items()}
