"""Tokens that stand in the file: refused wherever they stand, and never repeated in the message."""

from __future__ import annotations

from collections.abc import Iterator

from .explain import KEEP_IT_OUT, TOKEN_KEYS
from .findings import TOKEN, Findings
from .nodes import List, Map, Mark, Node, Path, Scalar


def check(root: Node, findings: Findings) -> None:
    """Note every key and value that looks like a token; an aliased value once, where it was written."""
    seen: set[int] = set()
    innocent = isinstance(root, Scalar) and not _is_token(root.value)
    waiting: list[tuple[Path, Node]] = [] if innocent else [((), root)]
    while waiting:
        path, node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Scalar):
            findings.at(node.mark, path, KEEP_IT_OUT)
        for step, mark, child in _below(node):
            if _is_token(step):
                findings.at(mark, path, KEEP_IT_OUT)
            harmless = isinstance(child, Scalar) and not _is_token(child.value)
            if not harmless and step not in TOKEN_KEYS:  # refused as a key already
                waiting.append(((*path, step), child))


def _is_token(value: object) -> bool:
    return isinstance(value, str) and "vps_" in value and TOKEN.search(value) is not None


def _below(node: Node) -> Iterator[tuple[str | int, Mark, Node]]:
    if isinstance(node, List):
        yield from ((index, item.mark, item) for index, item in enumerate(node.items))
    if isinstance(node, Map):
        for key, found in node.entries.items():
            yield from ((key, mark, child) for mark, child in found)
