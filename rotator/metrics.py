"""The only prometheus_client: what is known of the daemon, in the text that Prometheus scrapes.

Law 1: the labels are servers and policies of the configuration, outcomes, methods and codes: no others, so
       that no label grows without bound.
Law 2: what is not known has no sample: nobody has to guess whether a zero is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from prometheus_client import generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector, CollectorRegistry

from rotator import cron
from rotator.models import Outcome, Pair
from rotator.status import Freshness, Standing
from rotator.tally import BOUNDS, NO_ANSWER, Tally

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

KINDS = ("managed", "foreign", "in_progress", "failed", "unknown")
"""What takes a server's places, as `status.Places` counts it: each snapshot is one of them."""

EXPECTED = tuple((method, code) for method in ("GET", "POST", "DELETE") for code in ("401", "429", NO_ANSWER))
"""There from the start, so that an alert sees the first one: what begins with 1 has not increased."""

PAIR, SERVER = ("server_id", "policy"), ("server_id",)


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is to tell at `now`. A standing whose list is unsure tells nothing of its server."""

    version: str
    now: datetime
    outcomes: Mapping[Outcome, int]
    tally: Tally
    reload_ok: bool
    standings: Sequence[Standing] = ()


def render(facts: Facts) -> bytes:
    """The text. It takes some 0.2 ms for each pair: not for an event loop that has other things to do."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Told(facts))
    return generate_latest(registry)


class _Told(Collector):
    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def collect(self) -> Iterator[Metric]:
        facts = self._facts
        yield from _of_the_process(facts)
        yield from _of_the_api(facts.tally)
        yield from _of_pairs(facts.standings, facts.now)
        yield from _of_servers(facts.standings)


def _of_the_process(facts: Facts) -> Iterator[Metric]:
    yield _gauge(
        "rotator_build_info", "1; the label is the version of rotator.", ("version",), [((facts.version,), 1)]
    )
    yield _gauge(
        "rotator_config_reload_success",
        "1 if the last reload of the configuration was taken over, or none was tried; 0 if it was refused.",
        (),
        [((), int(facts.reload_ok))],
    )
    rotations = CounterMetricFamily(
        "rotator_rotations",
        "Rotations that ended, tries of the same slot included, by outcome.",
        labels=("outcome",),
    )
    for outcome in Outcome:
        rotations.add_metric((outcome.value,), facts.outcomes.get(outcome, 0))
    yield rotations


def _of_the_api(tally: Tally) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "rotator_api_requests",
        "Requests to the provider's API, by method and HTTP status; code none: there was no answer.",
        labels=("method", "code"),
    )
    for (method, code), count in sorted((dict.fromkeys(EXPECTED, 0) | tally.requests).items()):
        requests.add_metric((method, code), count)
    yield requests
    bounds = [*map(str, BOUNDS), "+Inf"]
    yield HistogramMetricFamily(
        "rotator_api_request_seconds",
        "How long requests to the provider's API took, answered or not, in seconds.",
        buckets=list(zip(bounds, accumulate(tally.within), strict=True)),
        sum_value=tally.seconds,
    )


def _of_pairs(standings: Sequence[Standing], now: datetime) -> Iterator[Metric]:
    seen = [each for each in standings if each.unsure is None]
    yield _gauge(
        "rotator_last_success_timestamp_seconds",
        "When the pair's newest ready snapshot was created, in seconds since 1970, as the provider tells.",
        PAIR,
        ((_pair(s.pair), s.last_ready.created_at.timestamp()) for s in seen if s.last_ready is not None),
    )
    yield _gauge(
        "rotator_schedule_interval_seconds",
        "The widest gap between two slots of the pair's schedule, in seconds.",
        PAIR,
        ((_pair(s.pair), s.widest.total_seconds()) for s in standings if s.widest is not None),
    )
    upcoming = ((s, _next_run(s.pair, now)) for s in standings)
    yield _gauge(
        "rotator_next_run_timestamp_seconds",
        "When the pair is rotated next, splay included, in seconds since 1970.",
        PAIR,
        ((_pair(s.pair), at.timestamp()) for s, at in upcoming if at is not None),
    )
    yield _gauge(
        "rotator_stale",
        "1 if the pair lacks the restore point that its schedule should have made by now, else 0.",
        PAIR,
        ((_pair(s.pair), int(s.freshness is Freshness.STALE)) for s in seen),
    )


def _of_servers(standings: Iterable[Standing]) -> Iterator[Metric]:
    seen = {s.pair.server.key: s.places for s in standings if s.unsure is None}
    yield _gauge(
        "rotator_snapshots",
        "Snapshots on the server, by what they are; managed: ready ones of any of its policies.",
        ("server_id", "kind"),
        (((key, kind), getattr(places, kind)) for key, places in seen.items() for kind in KINDS),
    )
    yield _gauge(
        "rotator_places_free",
        "Snapshots that the server has room for.",
        SERVER,
        (((key,), places.free) for key, places in seen.items()),
    )


def _gauge(
    name: str, text: str, labels: Sequence[str], samples: Iterable[tuple[Sequence[str], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family


def _pair(pair: Pair) -> tuple[str, str]:
    return pair.server.key, pair.policy.name


def _next_run(pair: Pair, now: datetime) -> datetime | None:
    policy = pair.policy
    offset = cron.splay_offset(pair.server.key, policy.splay)
    slot = cron.next_slot(policy.schedule, policy.zone, now - offset)
    return None if slot is None else slot + offset
