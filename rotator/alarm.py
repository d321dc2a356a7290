"""What is worth a message, decided from how rotations end and how old restore points are.

Law 1: one message when a pair starts to fail or goes stale, one when it is well again, none in between.
Law 2: where the API itself cannot be asked, that is one message for all pairs, and one when it answers again.
Law 3: who is `busy` is neither well nor ill.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from rotator.errors import ACCOUNT_WIDE
from rotator.models import Outcome, Pair
from rotator.report import Report

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Message:
    """`kind` is failure or recovery, as `notify.on` has them."""

    kind: str
    text: str


@dataclass(slots=True)
class Alarms:
    """What was told. Nothing of it survives a restart: what still fails then is told once more."""

    failing: set[Key] = field(default_factory=set)
    stale: set[Key] = field(default_factory=set)
    api_down: bool = False

    def ended(self, report: Report) -> list[Message]:
        """A rotation ended."""
        problem, key, name = report.problem, report.pair.key, _name(report.pair)
        if report.outcome is Outcome.BUSY:
            return []
        if problem is not None and problem.code in ACCOUNT_WIDE:
            told, self.api_down = self.api_down, True
            return [] if told else [Message("failure", f"the API cannot be asked: {problem.message}")]
        messages = [Message("recovery", "the API answers again")] if self.api_down else []
        self.api_down = False
        if not report.ok and key not in self.failing:
            self.failing.add(key)
            why = f"{problem.code}: {problem.message}" if problem else report.outcome.value
            messages.append(Message("failure", f"{name} fails: {why}"))
        elif report.ok and key in self.failing:
            self.failing.discard(key)
            messages.append(Message("recovery", f"{name} is well again"))
        return messages

    def aged(self, pair: Pair, *, stale: bool, newest: str | None) -> list[Message]:
        """How a pair stands: `newest` names its newest ready snapshot."""
        key, name = pair.key, _name(pair)
        if stale == (key in self.stale):
            return []
        if stale:
            self.stale.add(key)
            last = f"the newest is {newest}" if newest else "there is none"
            return [Message("failure", f"{name} is stale: no restore point as young as it should be, {last}")]
        self.stale.discard(key)
        return [Message("recovery", f"{name} is fresh again: {newest}")]

    def keep(self, keys: set[Key]) -> None:
        """Forget pairs that left the configuration."""
        self.failing &= keys
        self.stale &= keys


def _name(pair: Pair) -> str:
    return f"{pair.policy.name} on {pair.server.label}"
