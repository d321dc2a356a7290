"""The names in a file at a glance: to complete a command line, though the file may be half written.

Nothing is checked and nothing raised: what is there to be read counts, whatever is wrong with the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from rotator.errors import ConfigError

from . import text
from .compose import compose
from .findings import Findings
from .nodes import List, Map, Node, Scalar


@dataclass(frozen=True, slots=True)
class Names:
    """`servers` are ids and labels as texts, without a label an empty one; `policies` the names of all."""

    servers: tuple[tuple[str, str], ...] = ()
    policies: tuple[str, ...] = ()


def glance(path: str) -> Names:
    """What servers and policies the file names; none where it cannot be read."""
    with suppress(ConfigError):
        root, _ = compose(text.read(path), Findings(path))
        servers = list(_items(_child(root, "servers")))
        inline = (_plain(_child(use, "name")) for s in servers for use in _items(_child(s, "policies")))
        labels = ((_plain(_child(s, "id")), _plain(_child(s, "name"))) for s in servers)
        policies = dict.fromkeys(name for name in (*_keys(_child(root, "policies")), *inline) if name)
        return Names(tuple((id_, label) for id_, label in labels if id_), tuple(policies))
    return Names()


def _child(node: Node | None, key: str) -> Node | None:
    written = node.entries.get(key) if isinstance(node, Map) else None
    return written[0][1] if written else None


def _items(node: Node | None) -> Iterator[Node]:
    yield from node.items if isinstance(node, List) else ()


def _keys(node: Node | None) -> Iterator[str]:
    yield from node.entries if isinstance(node, Map) else ()


def _plain(node: Node | None) -> str:
    return str(node.value) if isinstance(node, Scalar) and node.value is not None else ""
