"""The metrics: the contract's names, bounded labels, and no number that nobody knows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families

from rotator.metrics import Facts, render
from rotator.models import Outcome, State
from rotator.status import standing
from rotator.tally import BOUNDS, NO_ANSWER, Tally
from tests.building import (
    DAY,
    NOW,
    make_managed,
    make_pair,
    make_policy,
    make_server,
    make_snapshot,
    make_view,
)

CONTRACT = {
    "rotator_rotations_total": {"outcome"},
    "rotator_last_success_timestamp_seconds": {"server_id", "policy"},
    "rotator_schedule_interval_seconds": {"server_id", "policy"},
    "rotator_next_run_timestamp_seconds": {"server_id", "policy"},
    "rotator_snapshots": {"server_id", "kind"},
    "rotator_places_free": {"server_id"},
    "rotator_stale": {"server_id", "policy"},
    "rotator_api_requests_total": {"method", "code"},
    "rotator_api_request_seconds_bucket": {"le"},
    "rotator_api_request_seconds_count": set(),
    "rotator_api_request_seconds_sum": set(),
    "rotator_config_reload_success": set(),
    "rotator_build_info": {"version"},
}
"""The names and labels that dashboards rely on."""

PAIR = make_pair()
FACTS = Facts("1.2.3", NOW, Counter(), Tally(), reload_ok=True)


def samples(facts: Facts) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample of the text, as Prometheus' own parser reads it."""
    found = {}
    for family in text_string_to_metric_families(render(facts).decode()):
        assert family.documentation
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, "a series stands there twice"
            found[key] = sample.value
    return found


def labelled(facts: Facts, name: str) -> dict[str, float]:
    """The values of one metric by its labels' values, joined by spaces in the order of their names."""
    return {
        " ".join(value for _, value in sorted(labels)): number
        for (found, labels), number in samples(facts).items()
        if found == name
    }


def full() -> Facts:
    """Something of everything."""
    snapshots = [
        make_managed(PAIR, NOW - DAY, id=1),
        make_managed(PAIR, NOW - 2 * DAY, id=2),
        make_snapshot(3),
        make_managed(PAIR, NOW - 3 * DAY, id=4, state=State.FAILED),
        make_snapshot(5, "nightly-20270314T060000Z", state=State.IN_PROGRESS, created_at=NOW),
    ]
    tally = Tally()
    tally.count("GET", "200", 0.07)
    tally.count("GET", "200", 400.0)
    tally.count("POST", NO_ANSWER, 0.05)
    return replace(
        FACTS,
        tally=tally,
        outcomes=Counter({Outcome.ROTATED: 7, Outcome.CAP_REACHED: 1}),
        standings=(standing(make_view(snapshots, PAIR)),),
    )


def test_the_names_and_the_labels_are_those_of_the_contract() -> None:
    found: dict[str, set[str]] = {}
    for name, labels in samples(full()):
        found.setdefault(name, set()).update(label for label, _ in labels)
    assert found == CONTRACT


def test_the_newest_ready_snapshot_tells_the_last_success() -> None:
    at = labelled(full(), "rotator_last_success_timestamp_seconds")
    assert at == {"nightly 1": (NOW - DAY).timestamp()}


def test_each_snapshot_is_counted_as_one_kind() -> None:
    kinds = labelled(full(), "rotator_snapshots")
    assert kinds == {"managed 1": 2, "foreign 1": 1, "failed 1": 1, "in_progress 1": 1, "unknown 1": 0}
    assert labelled(full(), "rotator_places_free") == {"1": 0}


def test_the_widest_gap_and_the_next_run_are_those_of_the_schedule() -> None:
    assert labelled(full(), "rotator_schedule_interval_seconds") == {"nightly 1": 24 * 3600}
    assert labelled(full(), "rotator_next_run_timestamp_seconds") == {"nightly 1": (NOW + DAY).timestamp()}


def test_a_run_that_splay_still_holds_back_is_the_next_one() -> None:
    pair = make_pair(make_server(make_policy(splay=timedelta(hours=8))))
    facts = replace(FACTS, standings=(standing(make_view((), pair)),))
    (at,) = labelled(facts, "rotator_next_run_timestamp_seconds").values()
    assert NOW.timestamp() < at < (NOW + timedelta(hours=8)).timestamp()


def test_stale_is_one_and_fresh_is_zero() -> None:
    old = make_view([make_managed(PAIR, NOW - 3 * DAY)], PAIR)
    assert labelled(replace(FACTS, standings=(standing(old),)), "rotator_stale") == {"nightly 1": 1}
    assert labelled(full(), "rotator_stale") == {"nightly 1": 0}


def test_a_server_that_nobody_has_seen_has_no_samples_of_its_own() -> None:
    unseen = standing(make_view((), PAIR, unsure="nobody has looked"))
    names = {
        name for name, labels in samples(replace(FACTS, standings=(unseen,))) if ("server_id", "1") in labels
    }
    assert names == {"rotator_schedule_interval_seconds", "rotator_next_run_timestamp_seconds"}


def test_every_outcome_is_there_from_the_start_so_that_its_first_increase_is_seen() -> None:
    assert labelled(FACTS, "rotator_rotations_total") == {outcome.value: 0 for outcome in Outcome}
    assert labelled(full(), "rotator_rotations_total")["rotated"] == 7


def test_requests_are_counted_by_method_and_status() -> None:
    counted = labelled(full(), "rotator_api_requests_total")
    assert {labels: count for labels, count in counted.items() if count} == {"200 GET": 2, "none POST": 1}


def test_refusals_are_there_from_the_start_so_that_the_first_one_is_seen() -> None:
    counted = labelled(FACTS, "rotator_api_requests_total")
    assert counted == {f"{code} {m}": 0 for code in ("401", "429", "none") for m in ("GET", "POST", "DELETE")}


def test_the_histogram_counts_up_to_each_bound_and_all_at_the_end() -> None:
    buckets = labelled(full(), "rotator_api_request_seconds_bucket")
    assert [buckets[str(bound)] for bound in BOUNDS] == [1, 2, 2, 2, 2, 2, 2, 2, 2]
    assert buckets["+Inf"] == 3
    assert labelled(full(), "rotator_api_request_seconds_count") == {"": 3}
    assert labelled(full(), "rotator_api_request_seconds_sum")[""] == 400.12


def test_a_refused_reload_is_zero() -> None:
    assert labelled(replace(FACTS, reload_ok=False), "rotator_config_reload_success") == {"": 0}


def test_a_label_that_looks_like_the_format_itself_stays_a_label() -> None:
    odd = make_pair(make_server(id='a"} 1\nx\\'))
    facts = replace(FACTS, standings=(standing(make_view((), odd)),))
    assert list(labelled(facts, "rotator_places_free")) == ['a"} 1\nx\\']


def test_the_text_of_the_same_facts_has_no_more_series_however_often_it_was_counted() -> None:
    facts = full()
    before = len(samples(facts))
    for seconds in range(1000):
        facts.tally.count("GET", "200", seconds)
    assert len(samples(facts)) == before
