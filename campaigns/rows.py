"""Answers of an API that has lost its mind: JSON of every kind, near to real lists and far from them."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

_NAMES = (
    "nightly-20270313T070000Z",
    "nightly-20270312T070000Z",
    "by-hand",
    "golden-1",
    "",
    "\ud800",
    "a" * 5000,
)
_TIMES: tuple[Any, ...] = (
    "2027-03-13T07:00:00Z", "2027-03-12T07:00:00+00:00", "2027-03-13 07:00:00", "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "2027-02-30T00:00:00Z", "20270313T070000Z",
    "now", "", "2027-03-13T07:00:00.123456789Z", "2027-03-13T07:00:00+99:99", "\ud800", "2027-W10-6T00Z",
    1773385200, None, [],
)  # fmt: skip
_WORDS = (
    "completed",
    "in_progress",
    "failed",
    "error",
    "Completed",
    "",
    None,
    3,
    ["completed"],
    "\x00",
    "\ud800",
)
_ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1.5, 1e308, -0.0, float("nan"), float("inf"), 10**300, 10**4000, "", "x",
    "1", ".", "..", "/", "a/b", "\ud800", "\x00", "\u202e", "x" * 10_000, [], {}, [[]], {"id": 1}, [None],
    {"": None},
)  # fmt: skip


def document(random: Random) -> Any:
    """A list's answer: mostly near to a real one."""
    if random.random() < 0.1:
        return anything(random)
    rows = [row(random, number) for number in range(random.choice((0, 1, 3, 5, 8, 40)))]
    if random.random() < 0.15:
        rows = [*rows, *copy.deepcopy(rows[:1])]
    whole: Any = {"count": len(rows), "next": None, "previous": None, "results": rows}
    if random.random() < 0.4:
        whole[random.choice(("count", "next", "results", "x"))] = random.choice(
            (*_ODD, rows, -1, len(rows) + 1)
        )
    return rows if random.random() < 0.3 else whole


def row(random: Random, number: int) -> Any:
    """A snapshot, with some of it missing or wrong."""
    made: dict[str, Any] = {
        "id": random.choice((number, str(number), f"uuid-{number}", number, number)),
        "server": {"id": random.choice((5, "5", 6)), "name": "web-01"},
        "name": random.choice(_NAMES[:4]),
        "description": "",
        "status": random.choice(_WORDS[:3]),
        "size_mb": random.choice((5000, 0, 2000.5, None)),
        "created_at": random.choice(_TIMES[:2]),
    }
    for key in list(made):
        if random.random() < 0.05:
            made[key] = random.choice((*_ODD, *_NAMES, *_TIMES, *_WORDS))
        elif random.random() < 0.02:
            del made[key]
    if random.random() < 0.05:
        made["server"] = {"id": random.choice(_ODD), "name": random.choice(_ODD)}
    return made if random.random() < 0.98 else random.choice(_ODD)


def anything(random: Random, depth: int = 4) -> Any:
    """Any JSON value at all."""
    kind = random.randrange(4) if depth else 0
    keys = (
        "id",
        "server",
        "name",
        "status",
        "created_at",
        "size_mb",
        "count",
        "next",
        "results",
        "account",
        "token",
    )
    if kind == 1:
        return [anything(random, depth - 1) for _ in range(random.randrange(4))]
    if kind == 2:
        return {random.choice(keys): anything(random, depth - 1) for _ in range(random.randrange(5))}
    return random.choice((*_ODD, *_TIMES, *_WORDS, *_NAMES))


def body(random: Random) -> bytes:
    """An answer's bytes: JSON, maybe cut, maybe with bytes changed, maybe of another encoding."""
    data = json.dumps(document(random), ensure_ascii=random.random() < 0.9).encode("utf-8", "surrogatepass")
    damage = random.random()
    if damage < 0.1:
        at = random.randrange(len(data) + 1)
        return data[:at] + random.randbytes(random.randrange(4)) + data[at + random.randrange(3) :]
    if damage < 0.13:
        return data[: random.randrange(len(data) + 1)]
    if damage < 0.15:
        return random.choice(
            (b"[" * 100_000, b'{"a":' * 50_000, b"", b"\xef\xbb\xbf" + data, b"<html>", b"9" * 5000)
        )
    if damage < 0.16:
        return data.decode("utf-8", "replace").encode(
            random.choice(("utf-16", "utf-32", "latin-1")), "replace"
        )
    return data
