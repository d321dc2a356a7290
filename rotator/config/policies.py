"""Policies as the file says them, with what they inherit from `defaults` filled in."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rotator.models import Command, Hooks, Keep, Policy, Wait

from . import policy_rules
from .explain import Reading, check
from .fields import NAME
from .findings import Findings
from .nodes import Part
from .policy_rules import Entry
from .shape import InlinePolicyShape, PolicyShape

_STAND_INS: Mapping[str, Any] = {"schedule": (), "timezone": ZoneInfo("UTC"), "catch_up": timedelta(0)}
"""For keys that a policy has to have and that `models` gives no default. UTC is the default itself."""

_CONVERTERS: Mapping[str, Callable[[Any], object]] = {
    "keep": lambda rules: Keep(**rules),
    "wait": lambda times: Wait(**times),
    "adopt": tuple,
    "hooks": lambda phases: Hooks(**phases),
}

_FIELDS = {"timezone": "zone", "name": "template"}
"""Keys of the file that `models.Policy` calls otherwise."""


@dataclass(frozen=True, slots=True)
class Book:
    """The global policies by name, and how to read those that a server writes out for itself.

    `now` is where the gaps of the schedules are measured from.
    """

    by_name: Mapping[str, Entry]
    defaults: Reading
    defaults_part: Part | None
    now: datetime
    findings: Findings

    def inline(self, part: Part) -> Entry:
        """A policy in a server's list. Its name is empty if the file gives none."""
        reading = check(InlinePolicyShape, part, self.findings)
        values = dict(reading.values)
        return self.entry(values.pop("name", ""), Reading(values, reading.faulty - {"name"}), part)

    def entry(self, name: str, reading: Reading, part: Part) -> Entry:
        """The policy of that name: what it says itself, what it inherits, and checked as a whole."""
        values = {**_STAND_INS, **self.defaults.values, **reading.values}
        values["wait"] = self.defaults.values.get("wait", {}) | reading.values.get("wait", {})
        torn = {"wait"} & self.defaults.faulty  # the one key that is inherited in pieces
        faulty = reading.faulty | (self.defaults.faulty - reading.values.keys()) | torn
        policy = _placed(_policy(name, values), os.path.dirname(self.findings.file))
        entry = Entry(policy, part, self.defaults_part, faulty)
        gaps = policy_rules.judge(entry, self.now, self.findings)
        if gaps is None or "catch_up" in reading.values or "catch_up" in self.defaults.values:
            return entry
        return replace(entry, policy=policy_rules.with_default_catch_up(entry.policy, gaps))


def read(root: Part, now: datetime, findings: Findings) -> Book:
    """All that the file says under `defaults` and `policies`; faults and warnings go to the findings."""
    part = root.child("defaults")
    defaults = check(PolicyShape, part, findings) if part is not None else Reading({})
    by_name: dict[str, Entry] = {}
    book = Book(by_name, defaults, part, now, findings)
    for written in _written(root, findings):
        by_name[str(written.path[-1])] = _named(book, written)
    return book


def _written(root: Part, findings: Findings) -> Iterator[Part]:
    part = root.child("policies")
    if part is None or part.empty:
        return
    if not part.is_map:
        findings.fault(part, "should be a mapping from the names of policies to policies")
    yield from part.children() if part.is_map else ()


def _named(book: Book, part: Part) -> Entry:
    name = str(part.path[-1])
    reading = check(PolicyShape, part, book.findings)
    if not re.fullmatch(NAME, name):
        book.findings.fault_at_key(part, "a policy's name is made of letters, digits, - and _")
        reading = replace(reading, faulty=reading.faulty | {"name"})
    return book.entry(name, reading, part)


def _policy(name: str, values: Mapping[str, Any]) -> Policy:
    converted: dict[str, Any] = {key: _CONVERTERS.get(key, _as_it_is)(value) for key, value in values.items()}
    return Policy(name=name, **{_FIELDS.get(key, key): value for key, value in converted.items()})


def _as_it_is(value: object) -> object:
    return value


def _placed(policy: Policy, directory: str) -> Policy:
    """The policy with its relative paths complete: they start where the file lies."""
    hooks = {
        phase: tuple(_reachable(command, directory) for command in getattr(policy.hooks, phase))
        for phase in ("before", "created", "after")
    }
    ping = policy.ping_url_file
    return replace(policy, hooks=Hooks(**hooks), ping_url_file=ping and os.path.join(directory, ping))


def _reachable(command: Command, directory: str) -> Command:
    """A program without a slash is looked for in PATH; any other is a path."""
    program, *arguments = command.argv
    if "/" not in program:
        return command
    return replace(command, argv=(os.path.join(directory, program), *arguments))
