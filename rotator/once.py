"""Rotate a selection once, or say what that would do; the daemon's work without the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from rotator import cron, deletes, foresight
from rotator.census import View, sort_into_buckets, take_census
from rotator.due import due
from rotator.errors import ApiError
from rotator.models import Outcome, Pair, Problem, Snapshot
from rotator.office import Office
from rotator.plan import plan
from rotator.progress import Progress
from rotator.report import Report, planned, problem_of
from rotator.rotation import Rotation
from rotator.showing import show
from rotator.sight import Sight


@dataclass(frozen=True, slots=True)
class Task:
    """A pair with the slots that it is to be rotated for, in order; none: it owes nothing.

    `view` is what that was decided on, None where nothing had to be looked at.
    """

    pair: Pair
    slots: tuple[datetime, ...]
    view: View | None = None


async def rotate_now(office: Office, pairs: Iterable[Pair], slot: datetime) -> list[Report]:
    """Rotate every pair for that slot. One's failure never stops another's; reports in the order of pairs."""
    return await _all(office, [Task(pair, (slot,)) for pair in pairs])


async def rotate_due(office: Office, pairs: Sequence[Pair]) -> list[Report]:
    """Rotate what is due under its slot's name, and take up what is under way. Splay is taken as 0.

    Raises ApiError if the account could not be looked at.
    """
    tasks = [_owed(view) for view in await look_at(office, pairs)]
    return await _all(office, tasks)


async def look_at(office: Office, pairs: Sequence[Pair], *, to_show: bool = False) -> list[View]:
    """What stands on the pairs' servers now; `to_show` also whether the account has each of them.

    Raises ApiError if no list could be had at all.
    """
    servers = list({pair.server.key: pair.server for pair in pairs}.values())
    survey = partial(show, office) if to_show else office.inventory.survey
    sights = await survey(servers) if servers else {}
    return [view_of(pair, sights[pair.server.key], office.clock.now()) for pair in pairs]


def view_of(pair: Pair, sight: Sight, now: datetime) -> View:
    """A sight of the pair's server as the deciding core wants it."""
    return View(pair, sight.snapshots, now, unsure=sight.unsure, skew=sight.skew, missing=sight.missing)


def plan_all(views: Iterable[View], slot: datetime) -> list[Report]:
    """What rotations for that slot would do, one after the other on each server."""
    return _plan([Task(view.pair, (slot,), view) for view in views])


def plan_due(views: Iterable[View]) -> list[Report]:
    """What `rotate_due` would do."""
    return _plan([_owed(view) for view in views])


def unchanged(view: View) -> Report:
    """The report of a pair that owes nothing: its slot is the last one, which is done or was missed."""
    census = take_census(view)
    policy = view.pair.policy
    problem = Problem("list_unsure", view.unsure, passing=True) if view.unsure is not None else None
    cause = "list_unsure" if problem else "deferred"
    judgement = deletes.withhold(deletes.once_ready(census, Progress(view.now)), cause)
    return Report(
        pair=view.pair,
        slot=cron.last_slot(policy.schedule, policy.zone, view.now) or view.now.replace(microsecond=0),
        outcome=Outcome.FAILED if problem else Outcome.UNCHANGED,
        buckets=sort_into_buckets(census, judgement),
        cap=view.pair.server.cap,
        free_before=census.free,
        free_after=census.free,
        problem=problem,
    )


def failed(pairs: Iterable[Pair], slot: datetime, error: ApiError) -> list[Report]:
    """The reports of pairs whose servers could not be looked at."""
    return [_not_tried(pair, slot, problem_of(error)) for pair in pairs]


def _owed(view: View) -> Task:
    slots = due(view, timedelta(0)).slots if view.unsure is None else ()
    return Task(view.pair, slots, view)


def _plan(tasks: Iterable[Task]) -> list[Report]:
    reports: list[Report] = []
    foreseen: dict[str, tuple[Snapshot, ...]] = {}
    for task in tasks:
        if task.view is None:
            continue
        key = task.pair.server.key
        view = replace(task.view, snapshots=foreseen.get(key, task.view.snapshots))
        for slot in task.slots:
            made = plan(view, Progress(slot))
            view = foresight.after(view, made, slot)
            reports.append(planned(task.pair, slot, foresight.only_real(made)))
        foreseen[key] = view.snapshots
        reports += [] if task.slots else [unchanged(task.view)]
    return reports


async def _all(office: Office, tasks: Sequence[Task]) -> list[Report]:
    """The servers side by side, each one's pairs one after the other; reports in the order of the tasks."""
    chains: dict[str, list[Task]] = {}
    for task in tasks:
        chains.setdefault(task.pair.server.key, []).append(task)
    done = await asyncio.gather(*(_chain(office, chain) for chain in chains.values()))
    by_pair = {key: reports for chain in done for key, reports in chain.items()}
    return [report for task in tasks for report in by_pair[task.pair.key]]


async def _chain(office: Office, tasks: Iterable[Task]) -> dict[tuple[str, str], list[Report]]:
    """One server's pairs. What the first was refused for good, or nobody answered, the next is spared."""
    done: dict[tuple[str, str], list[Report]] = {}
    hopeless: Problem | None = None
    for task in tasks:
        reports = done[task.pair.key] = []
        for slot in task.slots:
            if hopeless is None:
                reports.append(await Rotation(office, task.pair, Progress(slot)).run())
                hopeless = _hopeless(reports[-1])
            else:
                reports.append(_not_tried(task.pair, slot, hopeless))
        if not task.slots and task.view is not None:
            reports.append(unchanged(task.view))
    return done


def _hopeless(report: Report) -> Problem | None:
    """What is true of the whole account: asking again for the next pair could only take the same time."""
    problem = report.problem
    return problem if problem is not None and problem.code in {"unreachable", "unauthorized"} else None


def _not_tried(pair: Pair, slot: datetime, problem: Problem) -> Report:
    return Report(pair, slot, Outcome.FAILED, cap=pair.server.cap, problem=problem)
