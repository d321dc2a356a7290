"""Hostile input: configurations, saved lists and answers, each with one of the ends it may have and no other.

python -m campaigns.configs [--seed N] [--files 20000] [--kind config|saved|answer]
python -m campaigns.configs --atheris 600 [--kind ...]     (where atheris is installed; guided by coverage)

The files are read in a child process that dies at 200 MiB of memory. None may take longer than a second of
processor time; a file above 128 KiB has a second for each of those. What is made up has some 1,500 different
schedules in a file at most: each takes about a millisecond.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from campaigns import mangling, readers, rows, seeds

MOST_MEMORY = 200 * 2**20
"""Bytes that the reading process may take, the interpreter included."""

SECOND_FOR = 128 * 2**10
"""Bytes for which a second is allowed: a thousand servers of one line each fit in half of that."""

CHUNK = 500
"""Files that one child reads."""

PATIENCE = 900
"""Seconds after which a child is ended, done or not: a chunk takes some ten."""


def main() -> int:
    """Read all kinds; 1 if anything came of it that should not."""
    options = _options()
    if options.worker is not None:
        return _work(options.kind, *options.worker)
    if options.atheris:
        return _guided(options.kind or "config", options.atheris)
    seed = seeds.begin(options.seed)
    kinds = [options.kind] if options.kind else list(readers.READERS)
    return 1 if sum([_campaign(kind, seed, options.files, options.only) for kind in kinds]) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    seeds.add_option(parser)
    parser.add_argument("--files", type=int, default=20_000, help="how many of each kind (default: 20000)")
    parser.add_argument("--kind", choices=sorted(readers.READERS), help="only these")
    parser.add_argument("--only", type=int, help="the one file of this number")
    parser.add_argument("--atheris", type=int, metavar="SECONDS", help="run guided by coverage instead")
    parser.add_argument("--worker", type=int, nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


# --- the parent -------------------------------------------------------------------------------------


@dataclass(slots=True)
class Sum:
    """What came of all files of a kind."""

    ends: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int, int] = (0.0, 0, 0)
    slowest_small: tuple[float, int, int] = (0.0, 0, 0)
    peak: int = 0
    findings: list[str] = field(default_factory=list)

    def add(self, line: dict[str, Any]) -> None:
        """Take one file's line."""
        self.ends[line["end"]] += 1
        self.peak = max(self.peak, line["peak"])
        took = (line["seconds"], line["number"], line["size"])
        self.slowest = max(self.slowest, took)
        if line["size"] <= SECOND_FOR:
            self.slowest_small = max(self.slowest_small, took)
        if line["wrong"]:
            self.findings.append(line["wrong"])


def _campaign(kind: str, seed: int, files: int, only: int | None) -> int:
    total = Sum()
    starts = range(0, files, CHUNK) if only is None else [only]
    for start in starts:
        end = min(start + CHUNK, files) if only is None else start + 1
        before = len(total.findings)
        for line in _read_by_child(kind, seed, start, end):
            total.add(line)
        for wrong in total.findings[before:]:
            number = wrong.split(":")[0].split()[-1]
            print(f"{wrong}\nagain: python -m campaigns.configs --seed {seed} --kind {kind} --only {number}")
        if (end // CHUNK) % 10 == 0:
            print(f"{kind}: {end:,} of {files:,} files, {len(total.findings)} findings", flush=True)
    ends = ", ".join(f"{count:,} {end}" for end, count in total.ends.most_common())
    times = f"slowest {_said(total.slowest_small)}, of larger ones {_said(total.slowest)}"
    print(f"{kind}, seed {seed}: {ends}; {times}; peak {total.peak / 2**20:.0f} MiB", flush=True)
    print(f"{kind}: {len(total.findings)} findings", flush=True)
    return len(total.findings)


def _said(took: tuple[float, int, int]) -> str:
    seconds, number, size = took
    return f"{seconds:.2f} s (file {number}, {size / 1024:,.0f} KiB)"


def _read_by_child(kind: str, seed: int, start: int, end: int) -> Iterator[dict[str, Any]]:
    """One line a file. A child that dies is a finding about the file it was at, and the rest goes on."""
    command = [sys.executable, "-m", "campaigns.configs", "--kind", kind, "--worker"]
    while start < end:
        numbers = [str(number) for number in (seed, start, end)]
        how, told = _run([*command, *numbers])
        lines = [json.loads(line) for line in told.splitlines()]
        yield from lines
        start += len(lines)
        if start < end:
            wrong = f"{kind} {start}: the reading process {how}"
            yield {"end": "died", "number": start, "size": 0, "seconds": 0.0, "peak": 0, "wrong": wrong}
            start += 1


def _run(command: list[str]) -> tuple[str, bytes]:
    """How the child ended, and what it told until then. One that was refused memory may hang, not end."""
    try:
        child = subprocess.run(
            command, stdout=subprocess.PIPE, cwd=mangling.ROOT, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as expired:
        return f"was not done after {PATIENCE} s", expired.stdout or b""
    return f"ended with {child.returncode}", child.stdout


# --- the child --------------------------------------------------------------------------------------


def _work(kind: str, seed: int, start: int, end: int) -> int:
    """Read these files and write a line about each: how it ended, how long it took, the peak of memory."""
    make, read = readers.READERS[kind]
    _bound_memory()
    for number in range(start, end):
        data = make(Random(f"{kind} {seed} {number}"))
        _forget_peak()
        began = time.process_time()
        try:
            came, wrong = read(data), ""
        except Exception as error:
            came, wrong = "finding", f"{kind} {number}: {error!r}"
        seconds, peak = time.process_time() - began, _peak()
        allowed = max(1.0, len(data) / SECOND_FOR)
        if not wrong and seconds > allowed:
            wrong = f"{kind} {number}: {seconds:.2f} s for {len(data):,} bytes, {allowed:.1f} s are allowed"
        if not wrong and peak > MOST_MEMORY:
            wrong = f"{kind} {number}: {peak / 2**20:.0f} MiB for {len(data):,} bytes"
        line = {
            "end": came,
            "number": number,
            "size": len(data),
            "seconds": seconds,
            "peak": peak,
            "wrong": wrong,
        }
        print(json.dumps(line), flush=True)
    return 0


def _bound_memory() -> None:
    """From here on the process gets no more address space than what it may take of memory in all."""
    pages, resident = (int(word) for word in Path("/proc/self/statm").read_text().split()[:2])
    size = resource.getpagesize()
    limit = pages * size + MOST_MEMORY - resident * size
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _forget_peak() -> None:
    """Let the kernel count the peak of memory from now on."""
    Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """The most memory that was resident since then, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


# --- guided by coverage -----------------------------------------------------------------------------


def _guided(kind: str, seconds: int) -> int:
    """Let atheris choose the bytes, from real files on. It ends the process at the first finding."""
    atheris = importlib.import_module("atheris")
    _, read = readers.READERS[kind]
    corpus = Path(tempfile.mkdtemp(prefix="rotator-corpus-"))
    for number, data in enumerate(_beginnings(kind)):
        (corpus / f"real-{number}").write_bytes(data)
    words = corpus.with_suffix(".dict")
    shown = ("".join(f"\\x{byte:02x}" for byte in word[:60]) for word in (*mangling.PIECES, *mangling.KEYS))
    words.write_text("".join(f'"{word}"\n' for word in shown))
    atheris.instrument_all()
    limits = (f"-max_total_time={seconds}", "-timeout=5", "-rss_limit_mb=1024", "-max_len=20000")
    atheris.Setup([sys.argv[0], *limits, f"-dict={words}", str(corpus)], lambda data: read(data) and None)
    atheris.Fuzz()
    return 0


def _beginnings(kind: str) -> Iterator[bytes]:
    """What atheris starts from."""
    if kind == "config":
        yield from mangling.real_files()
    else:
        yield from (rows.body(Random(number)) for number in range(200))


if __name__ == "__main__":
    raise SystemExit(main())
