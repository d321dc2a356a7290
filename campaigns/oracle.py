"""Retention against a naive count, and plans against the contract: the same question asked twice.

python -m campaigns.oracle [--seed N] [--histories 50000] [--views 50000]

Each history and each view is drawn from the seed and its own number, so that `--only N` shows one again.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

from campaigns import histories, naive, seeds, views
from campaigns.known import Case
from campaigns.rotating import unending
from campaigns.steps import INVARIANTS, wrong
from rotator.census import View
from rotator.models import Keep
from rotator.plan import plan
from rotator.progress import Progress
from rotator.retention import apply_keep

SHOWN_EVERY = 10_000


def main() -> int:
    """Run both halves; 1 if anything differs."""
    options = _options()
    seed = seeds.begin(options.seed)
    kinds = {"history": options.histories, "view": options.views}
    findings = 0
    for kind, number in kinds.items():
        findings += _half(kind, seed, number, options.only) if number else 0
    return 1 if findings else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    seeds.add_option(parser)
    parser.add_argument("--histories", type=int, default=50_000, help="how many keep rules to compare")
    parser.add_argument("--views", type=int, default=50_000, help="how many plans to judge")
    parser.add_argument("--only", type=int, help="the one history or view of this number")
    return parser.parse_args()


def _half(kind: str, seed: int, number: int, only: int | None) -> int:
    began, tally, findings = time.process_time(), Tally(), 0
    judge = {"history": history_differs, "view": view_differs}[kind]
    for at in range(number) if only is None else [only] * bool(number):
        found = judge(seed, at, tally)
        if found:
            findings += 1
            other = "views" if kind == "history" else "histories"
            print(
                f"{found}\nagain: python -m campaigns.oracle --seed {seed} --only {at} --{other} 0",
                flush=True,
            )
        if (at + 1) % SHOWN_EVERY == 0:
            print(f"{kind} {at + 1:,} of {number:,}: {findings} findings", flush=True)
    seconds = time.process_time() - began
    print(f"seed {seed}: {tally}: {findings} findings in {seconds:.1f} s of processor time", flush=True)
    return findings


class Tally(Counter[str]):
    """What was looked at."""

    def __str__(self) -> str:
        return ", ".join(f"{count:,} {what}" for what, count in self.items())


# --- one history ------------------------------------------------------------------------------------


def history_differs(seed: int, at: int, tally: Tally) -> str | None:
    """The history of that number, made as small as it gets, if the two do not agree on it."""
    random = Random(f"history {seed} {at}")
    moments, zone, keep = histories.history(random), histories.zone(random), histories.keep(random)
    moments = histories.with_edges(random, moments, keep, zone)
    tally["histories"] += 1
    tally["snapshots judged"] += len(moments)
    if not _differ(moments, keep, zone):
        return None
    moments, keep = shrunk(moments, keep, lambda fewer, simpler: _differ(fewer, simpler, zone))
    told = zip(moments, _answer(moments, keep, zone), naive.keeps(moments, keep, zone), strict=False)
    lines = [f"  {moment.isoformat()}: {got} and not {wanted}" for moment, got, wanted in told]
    return "\n".join([f"history {at}: zone {zone.key}, {_short(keep)}:", *lines])


def _differ(moments: Sequence[datetime], keep: Keep, zone: ZoneInfo) -> bool:
    return _answer(moments, keep, zone) != naive.keeps(moments, keep, zone)


def _answer(moments: Sequence[datetime], keep: Keep, zone: ZoneInfo) -> list[object]:
    """What retention says, or what it raises, for each moment."""
    try:
        return list(apply_keep(moments, keep, zone))
    except Exception as error:
        return [error] * max(1, len(moments))


def shrunk(
    moments: list[datetime], keep: Keep, fails: Callable[[list[datetime], Keep], bool]
) -> tuple[list[datetime], Keep]:
    """Fewer moments and fewer rules with which it still fails."""
    for rule in naive.in_force(keep):
        simpler = replace(keep, **{rule: getattr(Keep(), rule)})
        keep = simpler if fails(moments, simpler) else keep
    for place in reversed(range(len(moments))):
        fewer = moments[:place] + moments[place + 1 :]
        moments = fewer if fails(fewer, keep) else moments
    return moments, keep


def _short(keep: Keep) -> str:
    rules = {rule: getattr(keep, rule) for rule in naive.in_force(keep)}
    return ", ".join(f"{rule} {limit}" for rule, limit in rules.items()) or "no rule"


# --- one view ---------------------------------------------------------------------------------------


def view_differs(seed: int, at: int, tally: Tally) -> str | None:
    """The view of that number, with as few rows as it takes, if its plan breaks a promise."""
    view, progress = views.case(Random(f"view {seed} {at}"))
    tally["views"] += 1
    tally["snapshots planned"] += len(view.snapshots)
    tally["promises looked at"] += len(INVARIANTS)
    found = broken(view, progress, seed, at)
    if not found:
        return None
    for row in view.snapshots:
        fewer = replace(view, snapshots=tuple(s for s in view.snapshots if s != row))
        view = fewer if broken(fewer, progress, seed, at) else view
    found = broken(view, progress, seed, at)
    return "\n".join([f"view {at}:", *(f"  {what}" for what in found), *described(view, progress)])


def broken(view: View, progress: Progress, seed: int, at: int) -> list[str]:
    """Which promises the plan breaks, or the whole rotation that would begin with it."""
    try:
        case = Case(view, progress, plan(view, progress))
        ends = [f"ends: {what}" for what in unending(case, Random(f"fates {seed} {at}"))]
    except Exception as error:
        return [f"total: {error!r}"]
    return [*wrong(case), *ends]


def described(view: View, progress: Progress) -> Iterator[str]:
    """The view in full."""
    policy = view.pair.policy
    yield f"  now {view.now}, skew {view.skew}, unsure {view.unsure}, gone {sorted(view.gone)}"
    yield f"  cap {view.pair.server.cap}, protect {view.pair.server.protect}, {progress}"
    yield f"  {policy}"
    for row in view.snapshots:
        facts = f"{row.state} {row.status!r} {row.created_at} {row.size_mb} MB, server {row.server_id!r}"
        yield f"  {row.id!r}: {row.name}: {facts}"


if __name__ == "__main__":
    raise SystemExit(main())
