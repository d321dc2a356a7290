"""What is worth a message, decided from how rotations end and how old restore points are.

Law 1: one message when a pair starts to fail or goes stale, one when it is well again, none in between.
Law 2: where the API itself fails, that is one message for all whom it strikes until somebody gets through,
       and one when the last of them does. Whom it goes on failing while others get through is told no more.
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
class Outage:
    """Whom the API fails. `down`: that was told, and nobody has got through since.

    `struck` are all of them, `spell` those of the last outage that was told; `many`: it has struck several.
    """

    struck: set[Key] = field(default_factory=set)
    spell: set[Key] = field(default_factory=set)
    down: bool = False
    many: bool = False

    def strike(self, key: Key) -> bool:
        """The API failed that pair. True: it is news."""
        known = key in self.struck
        self.struck.add(key)
        if known:
            return False
        if self.down:
            self.spell.add(key)
            self.many = True
            return False
        self.spell, self.down, self.many = {key}, True, False
        return True

    def get_through(self, key: Key) -> str | None:
        """The API answered that pair. Whose news it is: "pair" or "all"; None where it is none."""
        self.down = False
        if key not in self.struck:
            return None
        of_many = self.many and key in self.spell
        self.struck.discard(key)
        self.spell.discard(key)
        if not of_many:
            return "pair"
        return None if self.spell else "all"

    def keep(self, keys: set[Key]) -> None:
        """Forget pairs that left the configuration."""
        self.struck &= keys
        self.spell &= keys


@dataclass(slots=True)
class Alarms:
    """What was told. Nothing of it survives a restart: what still fails then is told once more."""

    failing: set[Key] = field(default_factory=set)
    stale: set[Key] = field(default_factory=set)
    outage: Outage = field(default_factory=Outage)

    def ended(self, report: Report) -> list[Message]:
        """A rotation ended."""
        problem, key, name = report.problem, report.pair.key, _name(report.pair)
        if report.outcome is Outcome.BUSY:
            return []
        if problem is not None and problem.code in ACCOUNT_WIDE:
            text = f"{name} fails, and so may others: the API cannot be asked: {problem.message}"
            return [Message("failure", text)] if self.outage.strike(key) else []
        messages = self._got_through(key, name, well=report.ok and key not in self.failing)
        if not report.ok and key not in self.failing:
            self.failing.add(key)
            why = f"{problem.code}: {problem.message}" if problem else report.outcome.value
            messages.append(Message("failure", f"{name} fails: {why}"))
        elif report.ok and key in self.failing:
            self.failing.discard(key)
            messages.append(Message("recovery", f"{name} is well again"))
        return messages

    def _got_through(self, key: Key, name: str, *, well: bool) -> list[Message]:
        match self.outage.get_through(key):
            case "all":
                return [Message("recovery", "the API answers again, all whom it failed")]
            case "pair":
                return [
                    Message("recovery", f"{name} is well again" if well else f"the API answers {name} again")
                ]
            case _:
                return []

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
        self.outage.keep(keys)


def _name(pair: Pair) -> str:
    return f"{pair.policy.name} on {pair.server.label}"
