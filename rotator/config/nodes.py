"""The file as a tree that remembers where everything stands.

A `Node` is what was written, a `Part` a node together with the way that led to it. A key that occurs more
than once keeps all its values: the file is checked once per variant, in which every such key has its
first value, its second, and so on, so that no fault hides behind a duplicate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .scalars import Value

Mark = tuple[int, int]
"""Line and column, from 1."""

Path = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(slots=True)
class Scalar:
    """One value."""

    mark: Mark
    value: Value
    size: int = 1
    height: int = 0


@dataclass(slots=True)
class List:
    """A sequence. `size` counts its nodes with all aliases followed, `height` the levels below it."""

    mark: Mark
    items: list[Node]
    size: int = 1
    height: int = 1


@dataclass(slots=True)
class Map:
    """A mapping: for each key its places and values, more than one if the key is a duplicate."""

    mark: Mark
    entries: dict[str, list[tuple[Mark, Node]]]
    size: int = 1
    height: int = 1


Node = Scalar | List | Map


def show(text: object, longest: int = 60) -> str:
    """A value for a message: quoted, printable, and short."""
    whole = str(text)
    return repr(whole if len(whole) <= longest else whole[: longest - 1] + "…")


def dotted(path: Path) -> str:
    """The path for people: `policies.nightly.keep.last`, `servers[2].policies[0]`."""
    return "".join(map(_step, path)).removeprefix(".")


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN_KEY.fullmatch(step) else f"[{show(step)}]"


def value_of(node: Node, variant: int = 0) -> object:
    """The plain Python value of a node."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, List):
        return [value_of(item, variant) for item in node.items]
    return {key: value_of(_pick(found, variant)[1], variant) for key, found in node.entries.items()}


def _pick(found: list[tuple[Mark, Node]], variant: int) -> tuple[Mark, Node]:
    return found[min(variant, len(found) - 1)]


@dataclass(frozen=True, slots=True)
class Part:
    """A node and the way to it. `key` is where its key stands; for an item of a list, the item itself."""

    node: Node
    path: Path = ()
    key: Mark = (1, 1)
    variant: int = 0

    @property
    def value(self) -> object:
        """The plain Python value."""
        return value_of(self.node, self.variant)

    @property
    def empty(self) -> bool:
        """Whether nothing stands there: `key:` and no more."""
        return isinstance(self.node, Scalar) and self.node.value is None

    @property
    def is_map(self) -> bool:
        """Whether keys and values stand there."""
        return isinstance(self.node, Map)

    @property
    def is_list(self) -> bool:
        """Whether a list stands there."""
        return isinstance(self.node, List)

    @property
    def length(self) -> int:
        """How many items or keys stand there; 0 for a single value."""
        node = self.node
        return (
            len(node.items) if isinstance(node, List) else len(node.entries) if isinstance(node, Map) else 0
        )

    def child(self, step: str | int) -> Part | None:
        """What stands under that key or index, if anything does."""
        if isinstance(self.node, Map) and isinstance(step, str) and step in self.node.entries:
            key, node = _pick(self.node.entries[step], self.variant)
            return Part(node, (*self.path, step), key, self.variant)
        if isinstance(self.node, List) and isinstance(step, int) and step < len(self.node.items):
            node = self.node.items[step]
            return Part(node, (*self.path, step), node.mark, self.variant)
        return None

    def children(self) -> Iterator[Part]:
        """The values of a mapping or the items of a list, in the order of the file."""
        node = self.node
        steps: Sequence[str | int] = ()
        if isinstance(node, Map):
            steps = list(node.entries)
        if isinstance(node, List):
            steps = range(len(node.items))
        for step in steps:
            child = self.child(step)
            if child is not None:
                yield child

    def follow(self, steps: Path) -> Part:
        """As far down those steps as there is something."""
        part = self
        for step in steps:
            child = part.child(step)
            if child is None:
                break
            part = child
        return part
