"""Policy and slot to a snapshot's name, and back: whose is it?

The name is the journal: nothing else says what a snapshot was made for. So the way back is strict. A name
is a policy's only if it is, letter for letter, what that policy would write for some real slot; whoever
renames a policy or changes a template leaves orphans behind, which are reported and never deleted.
"""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import combinations

from rotator.models import Kind, Policy, Server

RESERVED_PREFIX = "safety-"
"""How the names of safety snapshots begin: nobody's, neither managed nor orphans."""

MAX_NAME = 64
"""The longest name to send. The provider documents no limit; this is taken for safe."""

_SLOT = "{slot}"
_SAMPLE = "20270314T070000Z"
_SLOT_LENGTH = len(_SAMPLE)
_SLOT_SHAPE = re.compile("([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")
_SLOT_GLOB = "????????T??????Z"
_SLOT_INSIDE = re.compile(f"(?<![0-9])(?={_SLOT_SHAPE.pattern})")
_NAME_SHAPE = re.compile("[A-Za-z0-9_-]*")  # what the provider allows in a name
_PLACEHOLDER = re.compile(r"(\{[^{}]*\})")


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a snapshot is. `adopted`: by a glob, so that created_at stands in for a slot."""

    policy: Policy
    slot: datetime
    adopted: bool


# --- slots in text --------------------------------------------------------------------------------


def slot_text(slot: datetime) -> str:
    """An aware instant as it stands in names: `20270314T070000Z`, in UTC, whole seconds."""
    utc = slot.astimezone(UTC)
    return f"{utc.year:04}{utc:%m%dT%H%M%S}Z"


def parse_slot(text: str) -> datetime | None:
    """The instant that `slot_text` writes so; None for every other text, and for dates that do not exist."""
    match = _SLOT_SHAPE.fullmatch(text)
    if match is None:
        return None
    try:
        year, month, day, hour, minute, second = map(int, match.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


# --- templates ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Frame:
    """The exact text before and after the slot in a policy's names."""

    before: str
    after: str

    def name(self, slot: str) -> str:
        return self.before + slot + self.after

    def slot_in(self, name: str) -> datetime | None:
        text = name[len(self.before) : len(self.before) + _SLOT_LENGTH]
        return parse_slot(text) if self.name(text) == name else None


def _fill(pieces: Iterable[str], values: Mapping[str, str]) -> str:
    """The pieces of a template with its placeholders replaced; an unknown one stays as it stands."""
    return "".join(values.get(piece, piece) for piece in pieces)


@lru_cache(maxsize=65536)  # one entry a pair, some 300 bytes each
def _frame(template: str, policy: str, label: str) -> _Frame:
    pieces = _PLACEHOLDER.split(template)
    at = pieces.index(_SLOT) if _SLOT in pieces else len(pieces)
    values = {"{policy}": policy, "{server}": label}
    return _Frame(_fill(pieces[:at], values), _fill(pieces[at + 1 :], values))


def _frame_of(server: Server, policy: Policy) -> _Frame:
    return _frame(policy.template, policy.name, server.label)


def snapshot_name(server: Server, policy: Policy, slot: datetime) -> str:
    """The name of this policy's snapshot of that server for that slot."""
    return _frame_of(server, policy).name(slot_text(slot))


def description(server: Server, policy: Policy) -> str:
    """The policy's description with `{policy}` and `{server}` filled in; anything else stays as written."""
    values = {"{policy}": policy.name, "{server}": server.label}
    return _fill(_PLACEHOLDER.split(policy.description), values)


# --- whose is it ----------------------------------------------------------------------------------


def owner(server: Server, name: str, created_at: datetime) -> Owner | None:
    """Which of the server's policies, enabled or not, a snapshot belongs to; None if to none.

    A name that parses wins over every glob. Names with the reserved prefix are never anybody's.
    """
    if name.startswith(RESERVED_PREFIX):
        return None
    for policy in server.policies:
        slot = _frame_of(server, policy).slot_in(name)
        if slot is not None:
            return Owner(policy, slot, adopted=False)
    for policy in server.policies:
        if _fits(name, policy.adopt):
            return Owner(policy, created_at, adopted=True)
    return None


def kind(server: Server, name: str, created_at: datetime) -> Kind:
    """Managed, foreign, or an orphan: foreign, but a name that rotator could have written."""
    if owner(server, name, created_at) is not None:
        return Kind.MANAGED
    if name.startswith(RESERVED_PREFIX) or not _is_usable(name) or _orphaned_slot(name) is None:
        return Kind.FOREIGN
    return Kind.ORPHAN


def adopt_line(name: str) -> str:
    """The YAML line by which a policy takes an orphan, and its like, for its own.

    A name that is nothing but a slot gets a glob of that shape: a bare `*` would adopt everything.
    """
    at = _orphaned_slot(name)
    if at is None:
        pattern = glob.escape(name)
    else:
        before, after = name[:at], name[at + _SLOT_LENGTH :]
        pattern = glob.escape(before) + ("*" if before or after else _SLOT_GLOB) + glob.escape(after)
    return f"adopt: [{json.dumps(pattern, ensure_ascii=False)}]"


def is_protected(server: Server, name: str) -> bool:
    """Whether one of the server's `protect` globs fits, case and all: no rotation may delete it."""
    return _fits(name, server.protect)


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _is_usable(name: str) -> bool:
    return len(name) <= MAX_NAME and _NAME_SHAPE.fullmatch(name) is not None


def _orphaned_slot(name: str) -> int | None:
    """Where in the name a slot begins that is not part of a longer number."""
    places = (match.start() for match in _SLOT_INSIDE.finditer(name))
    return next((at for at in places if parse_slot(name[at : at + _SLOT_LENGTH])), None)


# --- what can be wrong with names -----------------------------------------------------------------


def name_fault(server: Server, policy: Policy) -> str | None:
    """Why this policy's names on that server would be unusable, and what to do; None if they are fine."""
    return _template_fault(policy.template) or _filled_fault(_frame_of(server, policy).name(_SAMPLE))


def _template_fault(template: str) -> str | None:
    pieces = _PLACEHOLDER.split(template)
    literals, placeholders = pieces[::2], pieces[1::2]
    if any("{" in text or "}" in text for text in literals):
        return f"{template!r} has a brace that belongs to no placeholder"
    unknown = [text for text in placeholders if text not in ("{policy}", "{server}", _SLOT)]
    if unknown:
        return f"{template!r}: {unknown[0]} is unknown: there are {{policy}}, {{server}} and {{slot}}"
    if placeholders.count(_SLOT) != 1:
        return f"{template!r} has to contain {{slot}} exactly once: it tells the snapshots apart"
    return None


def _filled_fault(name: str) -> str | None:
    change = "change the template, or the server's `name` if {server} brings it in"
    strange = sorted(set(_NAME_SHAPE.sub("", name)))
    if strange:
        listed = " ".join(repr(character) for character in strange)
        return f"{name!r} has {listed} in it: names are letters, digits, - and _: {change}"
    if len(name) > MAX_NAME:
        return f"{name!r} is {len(name)} characters long, {MAX_NAME} are allowed: {change}"
    if name.startswith(RESERVED_PREFIX):
        return f"{name!r} begins with {RESERVED_PREFIX!r}, which is kept for safety snapshots: {change}"
    return None


def ambiguous(server: Server) -> tuple[tuple[str, str], ...]:
    """The pairs of policies on this server for which some name would parse as both's."""
    frames = [(policy.name, _frame_of(server, policy)) for policy in server.policies]
    return tuple(
        (one, other)
        for (one, frame), (other, rival) in combinations(frames, 2)
        if frame == rival or _overlap(frame, rival) or _overlap(rival, frame)
    )


def _overlap(outer: _Frame, inner: _Frame) -> bool:
    """Whether a name of `inner` can be one of `outer`, whose slot stands further to the left.

    Two slots in one text never share a character (the T and Z of one would be digits of the other), so the
    left one is part of `inner.before` and the right one of `outer.after`.
    """
    start = len(inner.before) - len(outer.before) - _SLOT_LENGTH
    text = outer.after[start : start + _SLOT_LENGTH] if start >= 0 else ""
    return parse_slot(text) is not None and outer.slot_in(inner.name(text)) is not None
