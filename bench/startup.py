"""How long `rotator --help` takes, against an interpreter that does nothing.

python -m bench.startup [--runs 20]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time


def main() -> None:
    """Run both in turn and print the medians and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    ours, bare = [], []
    for _ in range(runs):
        ours.append(seconds("-m", "rotator", "--help"))
        bare.append(seconds("-c", "pass"))
    ratios = [mine / other for mine, other in zip(ours, bare, strict=True)]
    print(f"rotator --help: {1000 * statistics.median(ours):.0f} ms")
    print(f"rotator --help / python -c pass: {statistics.median(ratios):.1f}")


def seconds(*arguments: str) -> float:
    """How long the interpreter takes with these arguments."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
