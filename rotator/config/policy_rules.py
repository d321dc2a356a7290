"""What one policy has to fulfil as a whole, whichever servers use it.

A fault or warning about a key is noted where that key stands: in the policy, or in the `defaults` that it
is inherited from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from rotator import cron, naming, retention
from rotator.models import UNLIMITED, Policy, Server

from .findings import Findings, Unwise
from .nodes import Part
from .units import duration_text

_STAND_IN = Server(id=0, policies=())
"""Has the shortest label that there is: a name that is wrong with it is wrong with any."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A policy and where it stands. Its `faulty` keys were reported; it holds defaults in their place."""

    policy: Policy
    part: Part
    defaults: Part | None = None
    faulty: frozenset[str] = frozenset()

    def sound(self, *keys: str) -> bool:
        """Whether the policy holds what the file means under each of these keys."""
        return self.faulty.isdisjoint(keys)

    def origin(self, key: str) -> Part:
        """Where the key stands: in the policy, else in the defaults, else the policy itself."""
        inherited = self.defaults.child(key) if self.defaults is not None else None
        return self.part.child(key) or inherited or self.part


def judge(entry: Entry, now: datetime, findings: Findings) -> cron.Gaps | None:
    """Note all that is wrong or unwise about the policy; the gaps of its schedule, where it has one."""
    _check_name(entry, findings)
    _check_wait(entry, findings)
    _warn(entry, findings)
    gaps = _gaps(entry, now, findings)
    if gaps is not None:
        _check_splay(entry, gaps, findings)
    return gaps


def with_default_catch_up(policy: Policy, gaps: cron.Gaps) -> Policy:
    """The policy with the catch-up that suits its schedule."""
    return replace(policy, catch_up=cron.default_catch_up(gaps.widest))


def _check_name(entry: Entry, findings: Findings) -> None:
    if entry.policy.name and entry.sound("name"):
        fault = naming.name_fault(_STAND_IN, entry.policy)
        if fault is not None:
            findings.fault(_template_of(entry), fault)


def _template_of(entry: Entry) -> Part:
    """Where the template stands. An inline policy's `name` is no template; it inherits one at most."""
    inline = isinstance(entry.part.path[-1], int)
    inherited = entry.defaults.child("name") if entry.defaults is not None else None
    return (inherited or entry.part) if inline else entry.origin("name")


def _check_wait(entry: Entry, findings: Findings) -> None:
    wait = entry.policy.wait
    if entry.sound("wait") and wait.first >= wait.timeout:
        message = f"first ({duration_text(wait.first)}) should be shorter than timeout"
        findings.fault(entry.origin("wait"), f"{message} ({duration_text(wait.timeout)})")


def _gaps(entry: Entry, now: datetime, findings: Findings) -> cron.Gaps | None:
    policy = entry.policy
    if not entry.sound("schedule", "timezone"):
        return None
    if not policy.schedule:
        path = (*entry.part.path, "schedule")
        findings.at(entry.part.node.mark, path, "this key is required, but is not there")
        return None
    gaps = cron.gaps(policy.schedule, policy.zone, now)
    if gaps is None:
        findings.fault(entry.origin("schedule"), "this schedule fires less than twice from now on")
    return gaps


def _check_splay(entry: Entry, gaps: cron.Gaps, findings: Findings) -> None:
    splay = entry.policy.splay
    if entry.sound("splay") and splay >= gaps.narrowest:
        narrowest = duration_text(gaps.narrowest)
        message = f"{duration_text(splay)} is not shorter than the narrowest gap of the schedule, {narrowest}"
        findings.fault(entry.origin("splay"), f"{message}: one slot would run into the next")


def _warn(entry: Entry, findings: Findings) -> None:
    policy = entry.policy
    if not policy.enabled:
        return
    if retention.most_kept(policy.keep) == UNLIMITED:
        findings.warn(entry.origin("keep"), Unwise.KEEP_UNBOUNDED, _unbounded(policy))
    if policy.max_deletes == 1:
        message = "with max_deletes: 1 a server that holds too many snapshots never comes down to its rules"
        findings.warn(entry.origin("max_deletes"), Unwise.MAX_DELETES_ONE, message)
    if policy.min_ready == 0:
        message = "with min_ready: 0 the last ready snapshot may be deleted before the new one is there"
        findings.warn(entry.origin("min_ready"), Unwise.MIN_READY_ZERO, message)


def _unbounded(policy: Policy) -> str:
    if not retention.has_rules(policy.keep):
        return "no keep rule: every snapshot is kept, and once the server is full no more can be made"
    return "these keep rules have no bound: it cannot be proven that what they keep fits the server"
