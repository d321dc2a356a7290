"""300 servers, one policy, 50 ms of API latency, 16 requests at once: rotator against a bare loop.

The bare loop does what cannot be left out and nothing else: one create and one delete a server, and one list
of the account each second until all snapshots are ready. Both run against a sandbox of their own, one after
the other, in turn, and only ratios and counts are printed.

    python -m bench.rotations [--servers 300] [--rounds 3] [--paged]
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import statistics
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import structlog

from bench.sandboxed import IN_MEMORY, sandbox
from rotator.api import VpsApi
from rotator.clock import SystemClock
from rotator.inventory import Inventory
from rotator.models import Keep, Outcome, Pair, Policy, Server, Wait
from rotator.office import Office
from rotator.once import rotate_now
from rotator.sandbox import TOKEN, Switches
from rotator.settings import ApiSettings

PLANTED, CONCURRENCY = 4, 16
CREATE_SECONDS, LATENCY_SECONDS = 3.0, 0.05
LOOK_SECONDS = 1.0


@dataclass
class Token:
    """The sandbox's token."""

    value: str = TOKEN

    source = "VPS_API_TOKEN"

    def refresh(self) -> bool:
        """It never changes."""
        return False


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--servers", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--paged", action="store_true", help="the account's list comes in pages of 100")
    args = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.getLogger("httpx").setLevel(logging.WARNING)
    switches = Switches(paging=args.paged, create_time=CREATE_SECONDS, latency=LATENCY_SECONDS)
    ratios = []
    for _ in range(args.rounds):
        with sandbox(args.servers, PLANTED, switches) as base_url:
            requests, ours = asyncio.run(rotator(base_url, args.servers))
        with sandbox(args.servers, PLANTED, switches) as base_url:
            bare = asyncio.run(bare_loop(base_url, args.servers))
        ratios.append(ours / bare)
        each = requests / args.servers
        print(f"requests per rotated server: {each:.2f}  wall time / bare loop: {ours / bare:.2f}")
    print(f"median of {args.rounds}: wall time / bare loop: {statistics.median(ratios):.2f}")


async def rotator(base_url: str, servers: int) -> tuple[int, float]:
    """Rotate all of them; how many requests and seconds it took."""
    clock = SystemClock()
    wait = Wait(timedelta(seconds=CREATE_SECONDS), timedelta(seconds=LOOK_SECONDS), timedelta(minutes=5))
    policy = Policy(
        "nightly", ("0 3 * * *",), ZoneInfo("UTC"), timedelta(hours=6), keep=Keep(last=PLANTED), wait=wait
    )
    pairs = [Pair(Server(number, (policy,), f"web-{number}"), policy) for number in range(1, servers + 1)]
    settings = ApiSettings(base_url=base_url, concurrency=CONCURRENCY, rate_limit=0)
    log = structlog.stdlib.get_logger()
    async with VpsApi(settings, Token(), clock=clock, random=random.Random(), on_event=log) as api:
        with tempfile.TemporaryDirectory(dir=IN_MEMORY) as locks:
            office = Office(api, Inventory(api, clock), clock, Path(locks), base_url, CONCURRENCY, 0)
            began = time.perf_counter()
            reports = await rotate_now(office, pairs, clock.now().replace(microsecond=0))
            seconds = time.perf_counter() - began
        assert {report.outcome for report in reports} == {Outcome.ROTATED}
        assert all(len(report.buckets.deleted) == 1 for report in reports)
        return api.requests, seconds


async def bare_loop(base_url: str, servers: int) -> float:
    """The necessary calls alone; how many seconds they took."""
    gate = asyncio.Semaphore(CONCURRENCY)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    limits = httpx.Limits(max_keepalive_connections=CONCURRENCY)
    async with httpx.AsyncClient(headers=headers, limits=limits, timeout=30) as client:

        async def listed() -> list[dict[str, object]]:
            rows = []
            url: str | None = f"{base_url}/snapshots/?page_size=100"
            while url:
                async with gate:
                    answer = (await client.get(url)).json()
                rows += answer["results"]
                url = answer.get("next")
            return rows

        async def send(method: str, path: str, body: object = None) -> None:
            async with gate:
                (await client.request(method, base_url + path, json=body)).raise_for_status()

        began = time.perf_counter()
        oldest = sorted(await listed(), key=lambda row: str(row["created_at"]))[:servers]
        names = ({"server_id": number, "name": "new"} for number in range(1, servers + 1))
        await asyncio.gather(*(send("POST", "/snapshots/", body) for body in names))
        await asyncio.sleep(CREATE_SECONDS)
        while any(row["status"] == "in_progress" for row in await listed()):
            await asyncio.sleep(LOOK_SECONDS)
        await asyncio.gather(*(send("DELETE", f"/snapshots/{row['id']}/") for row in oldest))
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
