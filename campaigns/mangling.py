"""Files as accidents and malice leave them: mutations of real ones, and shapes that cost a parser dear."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[1]

PIECES = (
    b"*a", b"&a ", b"<<: *a", b"<<: [*a, *a]", b"!!int ", b"!!binary ", b"!x ", b"? ", b"- ", b": ", b"|",
    b">-", b"{", b"}", b"[", b"]", b",", b"'", b'"', b"#", b"%YAML 1.1\n", b"---\n", b"...\n", b"\t", b"\n",
    b"\r", b"\\x", b"\x00", b"\x07", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xe2\x80\xa8",
    b"\xc2\x85", b"\xf4\x90", b"null", b"~", b"true", b"1e999", b".nan", b"-0", b"9" * 99, b"9" * 5000,
    b"0x1F", b"unlimited", b"-1", b"1.5", b"99999999y", b"9" * 300 + b"d", b"0.0000001s", b"* * * * *",
    b"0 0 30 2 *", b"0 0 29 2 1", b"@reboot", b"{slot}", b"vps_abc123", b"x" * 1001, b"Europe/Berlin",
    b'"a\\e[31m"', b'"we\tekly"', b'"nightly\\u202e"',
    b"../../etc/passwd", b"America", b"on", b"22:22", b"2027-03-14",
)  # fmt: skip

KEYS = (
    b"api", b"defaults", b"policies", b"servers", b"notify", b"http", b"log", b"base_url", b"timeout",
    b"keep", b"concurrency", b"rate_limit", b"snapshot_limit", b"failed_states", b"schedule", b"timezone",
    b"splay", b"name", b"description", b"catch_up", b"min_ready", b"max_deletes", b"wait", b"adopt",
    b"enabled", b"hooks", b"last", b"daily", b"within", b"first", b"interval", b"id", b"match", b"exclude",
    b"protect", b"level", b"format", b"<<",
)  # fmt: skip


@cache
def real_files() -> tuple[bytes, ...]:
    """Configurations that somebody wrote: the example, the documents', the tests', a page of all."""
    found = [
        (ROOT / "config.example.yaml").read_bytes(),
        (Path(__file__).parent / "corpus.yaml").read_bytes(),
    ]
    for page in sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]):
        found += [block.encode() for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)]
    for module in sorted((ROOT / "tests" / "config").glob("*.py")):
        found += [text.encode("utf-8", "surrogatepass") for text in _texts(ast.parse(module.read_text()))]
    return tuple(found)


def _texts(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ":" in node.value:
            yield node.value


def file(random: Random) -> bytes:
    """One configuration file: mostly a real one with accidents, sometimes a monster."""
    if random.random() < 0.04:
        return random.choice(MONSTERS)(random)
    data = random.choice(real_files()) if random.random() < 0.5 else real_files()[random.randrange(2)]
    for _ in range(random.choice((1, 1, 2, 3, 5, 20))):
        data = random.choice(_OPERATIONS)(random, data)
    return random.choice(_ENCODINGS)(data) if random.random() < 0.03 else data


_ENCODINGS: tuple[Callable[[bytes], bytes], ...] = (
    lambda data: data.decode("utf-8", "replace").encode("utf-16"),
    lambda data: data.decode("utf-8", "replace").encode("utf-16-le"),
    lambda data: data.decode("utf-8", "replace").encode("utf-32"),
    lambda data: b"\xef\xbb\xbf" + data,
    lambda data: data.replace(b"n", "\xf1".encode("latin-1"), 1),
    lambda data: data.replace(b"\n", b"\r\n"),
    lambda data: data.replace(b"\n", b"\r"),
    lambda data: data + b"\x00",
)


# --- accidents: bytes, lines, tokens ----------------------------------------------------------------


def _flip(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.randbytes(random.randrange(3)) + data[at + random.randrange(4) :]


def _piece(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(PIECES) + data[at:]


def _value(random: Random, data: bytes) -> bytes:
    """Another value after some colon."""
    places = [match.end() for match in re.finditer(rb": ?", data)]
    if not places:
        return _piece(random, data)
    at = random.choice(places)
    end = re.compile(rb"[,\n}\]]|$").search(data, at)
    return data[:at] + b" " + random.choice(PIECES) + data[end.start() if end else at :]


def _word(random: Random, data: bytes) -> bytes:
    """Another key for a word."""
    words = list(re.finditer(rb"[a-z_]+", data))
    if not words:
        return data
    word = random.choice(words)
    return data[: word.start()] + random.choice(KEYS) + data[word.end() :]


def _line(random: Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    change = random.randrange(5)
    if change == 0:
        del lines[at]
    elif change == 1:
        lines.insert(at, lines[other])
    elif change == 2:
        lines[at], lines[other] = lines[other], lines[at]
    elif change == 3:
        lines[at] = b" " * random.randrange(6) + lines[at].lstrip()
    else:
        lines[at : at + 1] = [lines[at]] * random.choice((2, 3, 10))
    return b"\n".join(lines)


def _splice(random: Random, data: bytes) -> bytes:
    """The head of one file and the tail of another."""
    other = random.choice(real_files())
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]


def _graft(random: Random, data: bytes) -> bytes:
    """A whole block of one file under a key of this one."""
    blocks = [block for text in real_files()[:2] for block in re.findall(rb"(?m)^\w+:.*(?:\n[ -].*)*", text)]
    block = random.choice(blocks)
    depth = b" " * random.choice((0, 2, 4))
    lines = data.split(b"\n")
    at = random.randrange(len(lines) + 1)
    return b"\n".join([*lines[:at], *(depth + line for line in block.split(b"\n")), *lines[at:]])


_OPERATIONS = (_flip, _piece, _piece, _value, _value, _value, _word, _line, _line, _splice, _graft)


# --- monsters ---------------------------------------------------------------------------------------

_HEAD = b'policies:\n  nightly: {schedule: "0 3 * * *", keep: {last: 3}}\nservers:\n'
_SERVER = b"  - {id: 5, policies: [nightly]}\n"


def _many(random: Random) -> int:
    return int(10 ** random.uniform(2, 5.3))


def _deep(random: Random) -> bytes:
    opening = random.choice((b"[", b"{a: ", b"- ", b"? ", b"{? "))
    return b"x: " * random.randrange(2) + opening * _many(random)


def _bomb(random: Random) -> bytes:
    """Aliases of aliases, just below the limits or far above; maybe under a key that is read."""
    width, depth = random.randint(2, 30), random.randint(2, 12)
    under = random.choice((b"", b"servers: ", b"policies: ", b"defaults: "))
    lines = [b"a0: &a0 [" + b",".join([b"x"] * width) + b"]"]
    for level in range(1, depth):
        alias = b"*a%d" % (level - 1)
        body = b"[" + b",".join([alias] * width) + b"]"
        if random.random() < 0.2:
            body = b"{" + b",".join(b"k%d: %s" % (key, alias) for key in range(width)) + b"}"
        lines.append(b"a%d: &a%d %s" % (level, level, body))
    lines += [under + b"*a%d" % (depth - 1)] if under else []
    return b"\n".join(lines * random.choice((1, 1, 9))) + b"\n" + _HEAD + _SERVER


def _scalar(random: Random) -> bytes:
    huge = random.choice((b"a", b"9", b" ", b"\\", b"*", b"1,", b"\xc3\xa9", b"\n", b"#", b"{slot}")) * _many(
        random
    )
    key = random.choice(KEYS)
    quoted = random.choice((b"%s", b'"%s"', b"'%s'", b"|\n  %s", b"# %s")) % huge
    inside = random.choice((b"policies: {a: {%s: %s}}\n", b"api: {%s: %s}\n", b"%s: %s\n"))
    return _HEAD + _SERVER + inside % (key, quoted)


def _long_list(random: Random) -> bytes:
    item = random.choice(
        (b"a", b"1", b"~", b"{}", b'"0 0 * * *"', b'"* * * * *"', b"[]", b"nightly", b"{id: 1}")
    )
    key = random.choice(KEYS)
    listed = b"[" + b",".join([item] * _many(random)) + b"]"
    inside = random.choice(
        (
            b'policies: {a: {schedule: "@daily", %s: %s}}\n',
            b"api: {%s: %s}\n",
            b"servers: [{id: 1, policies: [nightly], %s: %s}]\n",
            b"%s: %s\n",
        )
    )
    return _HEAD + _SERVER * random.randrange(2) + inside % (key, listed)


def _long_map(random: Random) -> bytes:
    count, same = _many(random), random.random() < 0.2
    keys = b"".join(b"  k%d: 1\n" % (0 if same else key) for key in range(count))
    return random.choice((b"", b"api:\n", b"policies:\n", b"defaults:\n")) + keys + _HEAD + _SERVER


def _fleet(random: Random) -> bytes:
    """As many servers as some providers have, right or wrong, each with its own schedule or not."""
    line = random.choice(
        (
            "  - {{id: {n}, policies: [nightly]}}\n",
            "  - {{id: {n}, policies: [nightl]}}\n",
            "  - {{idd: {n}, police: [nightly]}}\n",
            "  - {{id: 5, policies: [nightly, nightly]}}\n",
            '  - {{id: {n}, name: "web {n}", policies: [{{name: a, schedule: "{m} * * * *"}}]}}\n',
            '  - id: {n}\n    policies:\n      - {{name: a, schedule: "{m} {h} * * *", timezone: Egypt}}\n',
        )
    )
    numbers = range(min(_many(random), 20_000))
    return _HEAD + "".join(line.format(n=n, m=n % 60, h=n % 24) for n in numbers).encode()


def _policies(random: Random) -> bytes:
    count = min(_many(random), 10_000)
    lines = (b'  p%d: {schedule: "%d * * * *", keep: {last: 1}}\n' % (n, n % 60) for n in range(count))
    names = b",".join(b"p%d" % n for n in range(min(count, random.choice((1, 5, 100, 10_000)))))
    return b"policies:\n" + b"".join(lines) + b"servers: [{id: 5, policies: [" + names + b"]}]\n"


def _inline(random: Random) -> bytes:
    lines = (b'      - {name: p%d, schedule: "@daily"}\n' % n for n in range(min(_many(random), 10_000)))
    return _HEAD + b"  - id: 5\n    policies:\n" + b"".join(lines)


def _schedules(random: Random) -> bytes:
    times = [
        f'"{n % 60} {n // 60 % 24} {n % 28 + 1} * *"' for n in range(random.choice((20, 100, 101, 3000)))
    ]
    one = f"[{','.join(times)}], timezone: {random.choice(('UTC', 'Australia/Lord_Howe'))}"
    lines = "".join(f"  p{n}: {{schedule: {one}}}\n" for n in range(random.choice((1, 5, 30))))
    return f"policies:\n{lines}servers: [{{id: 5, policies: [p0]}}]\n".encode()


def _noise(random: Random) -> bytes:
    return random.randbytes(_many(random))


def _padded(random: Random) -> bytes:
    padding = random.choice((b"\n", b"# x\n", b" ", b"\r\n", b"\xe2\x80\xa8", b"---\n")) * (
        10 * _many(random)
    )
    return random.choice((padding + _HEAD + _SERVER, _HEAD + _SERVER + padding + b"@"))


def _as_json(random: Random) -> bytes:
    keys = [key.decode() for key in KEYS]
    value: object = random.choice((None, 0, "x", [], {}))
    for _ in range(random.randrange(1, 40)):
        value = {random.choice(keys): value} if random.random() < 0.7 else [value] * random.randrange(3)
    return json.dumps(value).encode()


MONSTERS: tuple[Callable[[Random], bytes], ...] = (
    _deep, _bomb, _bomb, _bomb, _scalar, _scalar, _long_list, _long_list, _long_map, _fleet, _policies,
    _inline, _schedules, _noise, _padded, _as_json,
)  # fmt: skip
