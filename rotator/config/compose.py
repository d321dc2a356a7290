"""YAML text to a tree of nodes.

The parser's events are turned into nodes here, not by the library, for four reasons: every key and value
keeps its place, a key that occurs twice is seen, values follow YAML 1.2, and the work is bounded before it
is done: aliases are counted as what they stand for, so a bomb of them is refused unexploded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

import yaml

from rotator.errors import ConfigError

from . import scalars
from .findings import Findings
from .nodes import List, Map, Mark, Node, Path, Scalar, show

MAX_NODES = 250_000
"""Keys and values of one file, aliases followed: 10,000 servers have a third of that."""

MAX_DEPTH = 32
"""Levels of nesting, aliases followed: a configuration has seven."""

MAX_DUPLICATES = 8
"""Values of one key that are checked if it occurs more than once; each costs a reading of the file."""

_LOADER = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # the C parser is five times faster, where there is one

_QUOTE = "quote the schedule: a plain text cannot begin with @ or *"

_HINTS = {
    "mapping values are not allowed": "quote a text with ': ' in it; keys of a mapping share one column",
    "could not find expected ':'": "is a ':' missing after a key, or a space after the ':'?",
    "did not find expected key": "is the indentation right?",
    "did not find expected '-' indicator": "is the indentation right?",
    "unknown escape character": "in double quotes a backslash has to be written twice",
    "unexpected end of stream": "is a closing quote missing?",
}


class _Hopeless(Exception):
    """Nothing after this place can be read."""

    def __init__(self, mark: Mark, path: Path, message: str) -> None:
        super().__init__(message)
        self.mark, self.path, self.message = mark, path, message


def compose(text: str, findings: Findings) -> tuple[Node, int]:
    """The file's one document, and how many variants of it are to be checked (see `nodes`).

    Faults that leave the rest readable go to the findings; ConfigError where there is no rest.
    """
    composer = _Composer(text, findings)
    try:
        node = composer.document()
    except yaml.MarkedYAMLError as error:
        findings.at(*_syntax(error, text))
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        findings.at((1, 1), (), f"this is not YAML: {error}")  # only the pure parser: escapes of no character
    except _Hopeless as error:
        findings.at(error.mark, error.path, error.message)
    else:
        return node, composer.variants
    raise ConfigError(tuple(sorted(findings.faults)))


def _mark(mark: Any) -> Mark:  # the C parser has a class of its own for it
    return mark.line + 1, mark.column + 1


def _syntax(error: yaml.MarkedYAMLError, text: str) -> tuple[Mark, Path, str]:
    """Place and words of a syntax error, with the hint that a newcomer needs."""
    alias = error.context == "while scanning an alias"
    mark = error.context_mark if alias else error.problem_mark
    if mark is None:  # pragma: no cover  # every error of the parser is marked
        return (1, 1), (), "this is not YAML"
    lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", text)  # the line breaks of the parser
    rest = lines[mark.line][mark.column :] if mark.line < len(lines) else ""
    if rest[:1] in ("@", "*"):
        return _mark(mark), (), f"this is not YAML: {_QUOTE}"
    problem = error.problem or "it cannot be parsed"
    hints = [hint for words, hint in _HINTS.items() if words in problem]
    if rest[:1] == "\t":
        hints = ["indent with spaces, not with tabs"]
    return _mark(mark), (), f"this is not YAML: {problem}" + "".join(f" ({hint})" for hint in hints)


class _Composer:
    """One pass over the events of one text."""

    def __init__(self, text: str, findings: Findings) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_LOADER)
        self._findings = findings
        self._anchors: dict[str, Node | None] = {}  # None while the anchored node is still open
        self._nodes = 0
        self.variants = 1

    def document(self) -> Node:
        """The one document of the stream."""
        self._next()
        if isinstance(self._next(), yaml.StreamEndEvent):
            raise _Hopeless((1, 1), (), "the file is empty: config.example.yaml shows what belongs there")
        node = self._node(self._next(), ())
        self._next()
        more = self._next()
        if not isinstance(more, yaml.StreamEndEvent):
            raise _Hopeless(_mark(more.start_mark), (), "a second document begins here: only one is allowed")
        return node

    def _next(self) -> yaml.Event:
        return next(self._events)

    def _node(self, event: yaml.Event, path: Path) -> Node:
        mark = _mark(event.start_mark)
        if len(path) > MAX_DEPTH:
            raise _Hopeless(mark, path[:3], f"nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        opening = cast("yaml.ScalarEvent | yaml.CollectionStartEvent", event)  # no other event opens a node
        self._count(1, mark, path)
        anchor = opening.anchor
        if anchor is not None:
            self._anchors[anchor] = None
        node = self._written(opening, mark, path)
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _written(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, mark: Mark, path: Path) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        kind = "seq" if isinstance(event, yaml.SequenceStartEvent) else "map"
        if event.tag not in (None, "!", scalars.TAG + kind):
            self._findings.at(mark, path, "YAML tags are not supported here")
        return self._list(mark, path) if kind == "seq" else self._map(mark, path)

    def _count(self, nodes: int, mark: Mark, path: Path) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            message = f"with its aliases followed, the file has more than {MAX_NODES:,} values"
            raise _Hopeless(mark, path, message)

    def _alias(self, event: yaml.AliasEvent, path: Path) -> Node:
        mark = _mark(event.start_mark)
        if event.anchor not in self._anchors:
            message = f"no anchor &{event.anchor} stands before this; if it is a schedule, {_QUOTE}"
            raise _Hopeless(mark, path, message)
        node = self._anchors[event.anchor]
        if node is None:
            raise _Hopeless(mark, path, f"*{event.anchor} stands inside the value that it stands for")
        self._count(node.size, mark, path)
        if len(path) + node.height > MAX_DEPTH:
            raise _Hopeless(mark, path[:3], f"nested more than {MAX_DEPTH} levels deep")
        return node

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> Scalar:
        mark = _mark(event.start_mark)
        try:
            if event.tag is not None:
                return Scalar(mark, scalars.tagged(event.tag, event.value))
            return Scalar(mark, scalars.plain(event.value) if event.implicit[0] else event.value)
        except ValueError as error:
            self._findings.at(mark, path, str(error))
            return Scalar(mark, event.value)

    def _list(self, mark: Mark, path: Path) -> List:
        node = List(mark, [])
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            item = self._node(event, (*path, len(node.items)))
            node.items.append(item)
            _grow(node, item)
        return node

    def _map(self, mark: Mark, path: Path) -> Map:
        node = Map(mark, {})
        merged: list[tuple[Mark, Node]] = []
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            where = _mark(event.start_mark)
            merge = isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]
            key = self._key(event, path)
            value = self._node(self._next(), (*path, key or ""))
            if merge:
                merged.append((where, value))
            elif key is not None:
                self._enter(node, key, where, value, path)
        for where, value in merged:
            self._merge(node, where, value, path)
        for found in node.entries.values():
            for _, value in found:
                _grow(node, value)
        return node

    def _key(self, event: yaml.Event, path: Path) -> str | None:
        """A key's text: keys are names, so `12` and `on` are text there too."""
        key = self._node(event, (*path, "?"))  # a key can be nested too
        if isinstance(event, yaml.ScalarEvent):
            return str(event.value)
        if isinstance(key, Scalar) and isinstance(key.value, str):
            return key.value
        self._findings.at(_mark(event.start_mark), path, "a key has to be a text")
        return None

    def _enter(self, node: Map, key: str, where: Mark, value: Node, path: Path) -> None:
        found = node.entries.setdefault(key, [])
        if found:
            first = found[0][0][0]
            self._findings.at(
                where, (*path, key), f"the key {show(key)} stands here twice, first in line {first}"
            )
        if len(found) < MAX_DUPLICATES:
            found.append((where, value))
        self.variants = max(self.variants, len(found))

    def _merge(self, node: Map, where: Mark, value: Node, path: Path) -> None:
        """YAML's merge key: what the mapping says itself wins, then what was merged first."""
        for source in value.items if isinstance(value, List) else [value]:
            if isinstance(source, Map):
                for key, found in source.entries.items():
                    node.entries.setdefault(key, found)
            else:
                self._findings.at(where, (*path, "<<"), "<< takes a mapping, or a list of mappings")


def _grow(node: List | Map, child: Node) -> None:
    node.size += child.size
    node.height = max(node.height, child.height + 1)
