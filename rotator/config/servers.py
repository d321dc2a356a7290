"""The servers of the file and the policies on each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from rotator import naming
from rotator.models import Server
from rotator.settings import Match

from . import fit
from .explain import Reading, check
from .findings import Findings
from .fit import Placement, Use
from .nodes import Part, dotted, show
from .policies import Book
from .policy_rules import Entry
from .shape import MAX_POLICIES, ServerShape
from .spelling import closest

_NOT_WITH_MATCH = {
    "id": "an entry is for the server of an id or for those that fit a match, not for both",
    "name": "a server found by match bears the name that the API gives it: leave this out",
}

_NO_ID = (
    "this key is required, but is not there; or write match, a glob of servers' names, in its place:"
    ' match: "web-*"'
)

_Names = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Servers:
    """Reads the list of servers. `cap` is `api.snapshot_limit`, None where that is faulty.

    `names` holds every policy's name that the file knows, those behind a duplicate key too.
    """

    book: Book
    names: frozenset[str]
    cap: int | None
    findings: Findings
    _seen: dict[str, Part] = field(default_factory=dict)
    _clashes: dict[_Names, _Names] = field(default_factory=dict)

    def read(self, part: Part | None) -> tuple[tuple[Server, ...], tuple[Match, ...]]:
        """All entries, in the order of the file, each checked by itself and for the fit."""
        if part is None:  # reported already: the key is required
            return (), ()
        if not part.is_list or part.length == 0:
            self.findings.fault(part, "there are no servers: write a list of them, each with id and policies")
            return (), ()
        servers: list[Server] = []
        matches: list[Match] = []
        placements: list[Placement] = []
        for item in part.children():
            reading = check(ServerShape, item, self.findings)
            self._check_id(item, reading)
            uses = self._uses(item)
            server = _server(reading.values, uses, self.cap)
            self._check_names(server, reading, uses)
            glob = item.child("match")
            if glob is None:
                servers.append(server)
            else:
                self._check_match(item, glob, uses)
                matches.append(_match(reading.values, server, glob))
            placements.extend(self._placement(item, reading, server, uses))
        fit.prove(placements, self.findings)
        return tuple(servers), tuple(matches)

    def _placement(
        self, item: Part, reading: Reading, server: Server, uses: Sequence[Use]
    ) -> Iterator[Placement]:
        """What the proof of the fit needs to know, if the file says it."""
        listed = item.child("policies")
        cap_known = "snapshot_limit" not in reading.faulty and (
            self.cap is not None or "snapshot_limit" in reading.values
        )
        if listed is not None and cap_known:
            glob = item.child("match")
            label = server.label if glob is None else f"each server that fits {show(glob.value)}"
            yield Placement(label, listed, uses, server.cap, whole=len(uses) == listed.length)

    def _check_id(self, item: Part, reading: Reading) -> None:
        if item.child("match") is not None:
            return
        excluded = item.child("exclude")
        if excluded is not None:
            self.findings.fault_at_key(excluded, "exclude goes with match: this entry is for one server")
        if "id" in reading.faulty or item.is_list:
            return
        written = item.child("id")
        if written is None:
            path = (*item.path, "id")
            self.findings.at(item.node.mark, path, _NO_ID)
        elif "id" in reading.values:
            first = self._seen.setdefault(str(reading.values["id"]), written)
            if first is not written:
                where = f"{dotted(first.path[:-1])}, line {first.node.mark[0]}"
                self.findings.fault(written, f"this server stands here twice, first as {where}")

    def _check_match(self, item: Part, glob: Part, uses: Sequence[Use]) -> None:
        """What an entry for many servers cannot say."""
        for key in ("id", "name"):
            written = item.child(key)
            if written is not None:
                self.findings.fault_at_key(written, _NOT_WITH_MATCH[key])
        for use in uses:
            if "{server}" in use.entry.policy.template:
                self.findings.fault(
                    use.part,
                    f"the names of {use.entry.policy.name} hold {{server}}, and a server found by match is"
                    " called as the panel calls it: renamed there, it would leave its snapshots behind as"
                    " orphans. Leave {server} out (each server has names of its own anyway), or give the"
                    " server an entry with id and name",
                )

    # --- the policies of one server -----------------------------------------------------------------

    def _uses(self, item: Part) -> list[Use]:
        listed = item.child("policies")
        if listed is None:  # reported already
            return []
        if not listed.is_list or listed.length == 0:
            self.findings.fault(listed, "there are no policies: write a list of their names")
            return []
        if listed.length > MAX_POLICIES:
            self.findings.fault(listed, f"a server can have at most {MAX_POLICIES} policies")
        uses: dict[str, Use] = {}
        for part in islice(listed.children(), MAX_POLICIES):
            entry = self._entry(part)
            if entry is None:
                continue
            name = entry.policy.name or dotted(part.path)  # one without a name was reported
            if name in uses and not (part.is_map and name in self.names):  # that one was reported
                self.findings.fault(part, f"the policy {show(name)} stands twice on this server")
            uses.setdefault(name, Use(entry, part))
        return list(uses.values())

    def _entry(self, part: Part) -> Entry | None:
        if part.is_map:
            return self._inline(part)
        name = part.value
        if not isinstance(name, str):
            self.findings.fault(part, "should be the name of a policy, or a policy written out as a mapping")
        elif name not in self.names:
            self.findings.fault(part, f"there is no policy {show(name)}{closest(name, self.names)}")
        return self.book.by_name.get(name) if isinstance(name, str) else None

    def _inline(self, part: Part) -> Entry:
        entry = self.book.inline(part)
        name = part.child("name")
        if name is not None and entry.policy.name in self.names:
            message = f"the name {show(entry.policy.name)} belongs to a policy under `policies` already"
            self.findings.fault(name, message)
        return entry

    # --- names --------------------------------------------------------------------------------------

    def _check_names(self, server: Server, reading: Reading, uses: Sequence[Use]) -> None:
        if not reading.faulty.isdisjoint(("id", "name")):
            return
        sound = [use for use in uses if use.entry.policy.name and use.entry.sound("name")]
        for use in sound:
            if "{server}" in use.entry.policy.template:  # the others were checked without a server
                fault = naming.name_fault(server, use.entry.policy)
                if fault is not None:
                    self.findings.fault(use.part, fault)
        for one, other in self._clashing(server, sound):
            part = next(use.part for use in sound if use.entry.policy.name == other)
            message = f"names of {other} could be taken for names of {one}: change one of the templates"
            self.findings.fault(part, message)

    def _clashing(self, server: Server, uses: Sequence[Use]) -> _Names:
        """The pairs of policies whose names could be mixed up; once for each set without labels in it."""
        policies = tuple(use.entry.policy for use in uses)
        checked = Server(id=server.id, name=server.name, policies=policies)
        if any("{server}" in policy.template for policy in policies):
            return naming.ambiguous(checked)
        key = tuple((policy.name, policy.template) for policy in policies)
        if key not in self._clashes:
            self._clashes[key] = naming.ambiguous(checked)
        return self._clashes[key]


def _server(values: Mapping[str, Any], uses: Sequence[Use], cap: int | None) -> Server:
    """The server; where the file does not say which, it was reported and any id will do."""
    return Server(
        id=values.get("id", 0),
        policies=tuple(use.entry.policy for use in uses),
        name=values.get("name"),
        protect=tuple(values.get("protect", ())),
        cap=values.get("snapshot_limit", cap or 1),
    )


def _match(values: Mapping[str, Any], like: Server, glob: Part) -> Match:
    """The entry for the servers that are like this one."""
    return Match(
        glob=values.get("match", ""),
        policies=like.policies,
        exclude=tuple(values.get("exclude", ())),
        protect=like.protect,
        cap=like.cap,
        path=dotted(glob.path),
        line=glob.node.mark[0],
        column=glob.node.mark[1],
    )
