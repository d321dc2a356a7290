"""How a rotation ends: well, refused, or with a snapshot that came to nothing."""

from __future__ import annotations

from dataclasses import dataclass

from rotator.errors import BadRequest
from rotator.models import Outcome, Problem, Server
from rotator.plan import Plan
from rotator.report import problem_of


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended, and why if not well."""

    outcome: Outcome
    problem: Problem | None = None


def refused(refusal: BadRequest, server: Server, *, made_room: bool) -> Ending:
    """A 400 though a place was counted free: the provider's cap is lower, or a parameter is bad."""
    if refusal.status != 400 or {"name", "description", "server_id"} & set(refusal.fields):
        return Ending(Outcome.FAILED, problem_of(refusal))
    message = f"refused with a free place of {server.cap}: is snapshot_limit too high? ({refusal.message})"
    return Ending(Outcome.CAP_REACHED, Problem("cap_lower", message, passing=made_room))


def came_to_nothing(planned: Plan, name: str, *, made: bool, overtaken: bool) -> Ending:
    """The slot's snapshot was waited for and is not there to be ready: nothing is deleted for it now.

    `made`: this rotation asked for it. Where a later slot's is ready (`overtaken`), it was made, and pushed
    out by that one meanwhile: nothing is owed.
    """
    failed = any(v.snapshot.name == name for v in (*planned.buckets.failed, *planned.buckets.deleted))
    if not failed and overtaken:
        return Ending(Outcome.ROTATED if made else Outcome.PRUNED)
    what = "failed" if failed else "disappeared from the list before it was ready"
    return Ending(Outcome.FAILED, Problem("snapshot_failed", f"{name} {what}", passing=True))


def unforeseen(error: Exception) -> Ending:
    """A defect of ours: it may not be met again."""
    return Ending(Outcome.FAILED, Problem("bad_answer", f"unforeseen: {error!r}", passing=True))
