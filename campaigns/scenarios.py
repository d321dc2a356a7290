"""The situations in which processes are killed and meet: one table, for virtual time and for real processes.

A scenario says what stands on which servers, how rotator is configured, how the sandbox behaves, and what the
end must be. The configuration is YAML text: real processes read it from a file, virtual ones through the same
parser. Times are those of virtual time; `Pace` shortens them where time is real.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal

from rotator.clock import Clock
from rotator.config import parse
from rotator.sandbox import Fault, Switches, World
from rotator.settings import Settings

End = Literal["ready", "stuck", "refused"]
"""What becomes of the slot: one ready snapshot; one that hangs, and no second one; or none at all."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a scenario is played. `create_time` and `lag` (at most) in seconds."""

    wait: str = "{first: 30s, interval: 15s, timeout: 30m}"
    wait_stuck: str = "{first: 30s, interval: 1m, timeout: 10m}"
    create_time: float = 60.0
    lag: float = 10.0


VIRTUAL = Pace()
REAL = Pace(
    wait="{first: 0.1s, interval: 0.1s, timeout: 40s}",
    wait_stuck="{first: 0.1s, interval: 0.1s, timeout: 3s}",
    create_time=0.3,
    lag=1.0,
)


@dataclass(frozen=True, slots=True)
class Planted:
    """A snapshot that stands there before: `{slot}` in the name is filled in, `days` is its age at the slot.

    A `status` stays for ever; `making`: it was begun now, and takes the usual time. `server` counts from 0.
    """

    name: str
    days: float
    status: str | None = None
    making: bool = False
    server: int = 0


def of(policy: str, *days: float, server: int = 0) -> tuple[Planted, ...]:
    """Ready snapshots of a policy, so many days old."""
    return tuple(Planted(policy + "-{slot}", each, server=server) for each in days)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One situation. `policies` maps a name to the rest of its YAML; every one is on every server.

    `ready`: how many ready snapshots each policy has on the first server once `further` slots are done.
    `server`: more keys of the server's YAML. `servers`: how many are configured; another one, for what is
    planted there, may stand beside them. `late`: how long after the slot the first process is started.
    `split`: each policy stands in a file of its own, and processes take turns with the files; none knows the
    other's policy.
    """

    planted: tuple[Planted, ...]
    ready: Mapping[str, int]
    policies: Mapping[str, str] = field(default_factory=lambda: {"nightly": "keep: {last: 3}"})
    server: str = ""
    servers: int = 1
    switches: Switches = field(default_factory=Switches)
    faults: tuple[Fault, ...] = ()
    late: timedelta = timedelta(0)
    end: End = "ready"
    split: bool = False
    further: int = 2

    def files(self) -> tuple[str | None, ...]:
        """The policy that each configuration file holds alone; None: there is one file with all of them."""
        return tuple(self.policies) if self.split else (None,)

    def text(self, base_url: str, slot: datetime, pace: Pace, first_id: int, only: str | None = None) -> str:
        """config.yaml; `only` leaves one policy in it, as in a second file about the same servers."""
        wait = pace.wait_stuck if self.end == "stuck" else pace.wait
        names = [name for name in self.policies if only in (None, name)]
        policies = "".join(f"  {name}: {{{_filled(self.policies[name], slot)}}}\n" for name in names)
        more = f", {_filled(self.server, slot)}" if self.server else ""
        servers = "".join(
            f"  - {{id: {first_id + index}, name: web-{index}, policies: [{', '.join(names)}]{more}}}\n"
            for index in range(self.servers)
        )
        return (
            f"api: {{base_url: '{base_url}', rate_limit: 0}}\n"
            f'defaults: {{schedule: "{slot.minute} {slot.hour} * * *", catch_up: 20h, wait: {wait}}}\n'
            f"policies:\n{policies}servers:\n{servers}"
        )

    def furnish(self, clock: Clock, slot: datetime, pace: Pace, first_id: int) -> World:
        """The world before the first process is started."""
        given = self.switches
        switches = replace(
            given,
            create_time=pace.create_time,
            create_lag=min(given.create_lag, pace.lag),
            delete_lag=min(given.delete_lag, pace.lag),
        )
        world = World(clock, switches)
        beside = max((one.server for one in self.planted), default=0)
        for index in range(max(self.servers, beside + 1)):
            world.add_server(first_id + index, f"web-{index}")
        for one in self.planted:
            at = slot - timedelta(days=one.days)
            world.add_snapshot(
                first_id + one.server,
                one.name.replace("{slot}", f"{at:%Y%m%dT%H%M%SZ}"),
                status=one.status,
                created_at=clock.now() if one.making else at,
                ready_at=clock.now() + timedelta(seconds=pace.create_time) if one.making else None,
            )
        return world


@lru_cache(maxsize=256)
def settings(text: str) -> Settings:
    """What rotator makes of that text."""
    return parse(text, "config.yaml", {}, datetime(2027, 1, 1, tzinfo=UTC))


def _filled(yaml: str, slot: datetime) -> str:
    """`{-9d}` becomes the slot nine days earlier, as it stands in names."""
    return yaml.replace("{-9d}", f"{slot - timedelta(days=9):%Y%m%dT%H%M%SZ}")


LAGGING = Switches(create_lag=10, delete_lag=10)
THREE = of("nightly", 3, 2, 1)
FIVE = of("nightly", 5, 4, 3, 2, 1)
KEEP_FIVE = {"nightly": "keep: {last: 5}"}
TWO_POLICIES = {"nightly": "keep: {last: 3}", "weekly": "keep: {last: 2}"}
NEXT_DOOR = of("nightly", 3, 2, 1) + of("weekly", 2, 1)
OTHERS = tuple(Planted(f"others-{number}", 30, server=1) for number in range(120))

SCENARIOS: dict[str, Scenario] = {
    "create first": Scenario(THREE, {"nightly": 3}),
    "delete first at the cap": Scenario(FIVE, {"nightly": 5}, KEEP_FIVE),
    "a wait taken up": Scenario((*THREE, Planted("nightly-{slot}", 0, making=True)), {"nightly": 3}),
    "prune of several": Scenario(THREE, {"nightly": 2}, {"nightly": "keep: {last: 2}"}),
    "deferred deletes": Scenario(
        of("nightly", 4, 3, 2, 1), {"nightly": 1}, {"nightly": "keep: {last: 1}, max_deletes: 2"}, further=5
    ),
    "two policies": Scenario(
        of("nightly", 2, 1) + of("weekly", 2, 1),
        {"nightly": 2, "weekly": 2},
        {"nightly": "keep: {last: 2}", "weekly": "keep: {last: 2}"},
    ),
    "two policies at the cap": Scenario(NEXT_DOOR, {"nightly": 3, "weekly": 2}, TWO_POLICIES),
    "two policies at the cap, a list that lags": Scenario(
        NEXT_DOOR, {"nightly": 3, "weekly": 2}, TWO_POLICIES, switches=LAGGING
    ),
    "two files at the cap": Scenario(NEXT_DOOR, {"nightly": 3, "weekly": 2}, TWO_POLICIES, split=True),
    "two files at the cap, a list that lags": Scenario(
        NEXT_DOOR, {"nightly": 3, "weekly": 2}, TWO_POLICIES, switches=LAGGING, split=True
    ),
    "two servers": Scenario(THREE + of("nightly", 2, 1, server=1), {"nightly": 3}, servers=2),
    "failed snapshot of the slot": Scenario(
        (*THREE, Planted("nightly-{slot}", 0, status="failed")), {"nightly": 3}
    ),
    "failed one at the cap": Scenario(
        (*of("nightly", 4, 3, 2, 1), Planted("nightly-{slot}", 5, status="failed")),
        {"nightly": 4},
        {"nightly": "keep: {last: 4}"},
    ),
    "a create that fails": Scenario(THREE, {"nightly": 3}, faults=(Fault(method="POST", fate="fails"),)),
    "a create that hangs": Scenario(
        THREE, {"nightly": 3}, faults=(Fault(method="POST", fate="hangs"),), end="stuck"
    ),
    "stuck one": Scenario((*THREE, Planted("nightly-{slot}", 2.5, status="in_progress")), {"nightly": 3}),
    "a list that lags": Scenario(THREE, {"nightly": 3}, switches=LAGGING),
    "a list that lags at the cap": Scenario(FIVE, {"nightly": 5}, KEEP_FIVE, switches=LAGGING),
    "adopted legacy ones": Scenario(
        (Planted("legacy-a", 3), Planted("legacy-b", 2), *of("nightly", 1)),
        {"nightly": 3},
        {"nightly": 'keep: {last: 3}, adopt: ["legacy-*"]'},
    ),
    "catch-up": Scenario(THREE, {"nightly": 3}, late=timedelta(hours=3)),
    "lost answer": Scenario(THREE, {"nightly": 3}, faults=(Fault(method="POST", drop="after"),)),
    "lost request at the cap": Scenario(
        FIVE, {"nightly": 5}, KEEP_FIVE, faults=(Fault(method="POST", drop="before"),)
    ),
    "lost answers of deletes": Scenario(
        THREE, {"nightly": 2}, {"nightly": "keep: {last: 2}"}, faults=(Fault(method="DELETE", drop="after"),)
    ),
    "protected one at the cap": Scenario(
        of("nightly", 9, 4, 3, 2, 1),
        {"nightly": 5},
        {"nightly": "keep: {last: 4}"},
        server='protect: ["nightly-{-9d}"]',
    ),
    "foreign one takes a place": Scenario(
        (Planted("by-hand", 20), *of("nightly", 4, 3, 2, 1)), {"nightly": 4}, {"nightly": "keep: {last: 4}"}
    ),
    "unknown word": Scenario((Planted("nightly-{slot}", 6, status="archiving"), *THREE), {"nightly": 3}),
    "paged lists, filter ignored": Scenario(
        (*FIVE, *OTHERS), {"nightly": 5}, KEEP_FIVE, switches=Switches(paging=True, filter="ignored")
    ),
    "filter ignored": Scenario(
        (*THREE, *OTHERS[:3]), {"nightly": 3}, switches=Switches(filter="ignored", order="shuffled")
    ),
    "uuid ids": Scenario(FIVE, {"nightly": 5}, KEEP_FIVE, switches=Switches(ids="uuid", bare_array=True)),
    "the cap is lower": Scenario(
        of("nightly", 4, 3, 2, 1),
        {"nightly": 4},
        {"nightly": "keep: {last: 4}"},
        switches=Switches(cap=4),
        end="refused",
    ),
}
"""Every kind of situation that a rotation can be in; each has an end that no kill may change."""
