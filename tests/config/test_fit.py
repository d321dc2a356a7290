"""The proof at load that what the policies keep fits the cap, and the warnings beside it."""

from __future__ import annotations

import math

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.config import places_needed

from .reading import faults, settings


def file(*policies: str, servers: str = "{id: 5, policies: [%s]}", top: str = "") -> str:
    """A file with policies a, b, c, … from line 3 on, and a server with all of them."""
    names = "abcdef"[: len(policies)]
    written = "".join(
        f'  {name}: {{schedule: "@daily", {keys}}}\n' for name, keys in zip(names, policies, strict=True)
    )
    return f"{top}\npolicies:\n{written}servers: [{servers.replace('%s', ', '.join(names))}]\n"


def warnings(text: str) -> list[tuple[str, str]]:
    """Code and path of each warning, in the order of the file."""
    return [(warning.code, warning.path) for warning in settings(text).warnings]


@pytest.mark.parametrize(
    ("keys", "needed"),
    [
        ("keep: {last: 3}", 3),
        ("keep: {last: 3, daily: 2}", 4),
        ("keep: {last: 1}, min_ready: 2", 2),
        ("keep: {last: 1}, min_ready: 0", 1),
        ("keep: {}", math.inf),
        ("keep: {last: unlimited}", math.inf),
        ("keep: {last: 1, within: 7d}", math.inf),
    ],
)
def test_a_policy_needs_what_its_rules_can_keep_and_no_less_than_its_floor(keys: str, needed: float) -> None:
    assert places_needed(settings(file(keys)).servers[0].policies[0]) == needed


def test_policies_that_leave_a_place_free_pass_without_a_word() -> None:
    assert warnings(file("keep: {last: 3}", "keep: {last: 1}")) == []


def test_policies_that_need_more_than_the_cap_are_refused_with_their_sum() -> None:
    assert faults(file("keep: {last: 3}", "keep: {last: 2, daily: 2}")) == [
        "c.yaml:5:29: servers[0].policies: the policies of this server need 6 places (a 3 + b 3), but it has"
        " 5: keep fewer, or use fewer policies here"
    ]


def test_policies_that_fill_the_server_are_warned_about_once_for_all_servers_alike() -> None:
    servers = "{id: 5, policies: [%s]}, {id: 6, policies: [%s]}, {id: 7, policies: [a]}"
    found = settings(file("keep: {last: 3}", "keep: {last: 2}", servers=servers)).warnings

    assert [(w.code, w.path, w.line) for w in found] == [("delete_first", "servers[0].policies", 5)]
    assert "5 places of 5 (and of 1 more with the same policies)" in found[0].message


def test_a_policy_that_could_never_make_room_on_a_full_server_is_refused() -> None:
    (line,) = faults(file("keep: {last: 4}", "keep: {last: 1}"))

    assert line.startswith(
        "c.yaml:5:33: servers[0].policies[1]: the policies of this server fill its 5 places, and b"
    )


def test_a_lower_floor_lets_a_full_server_pass_with_warnings() -> None:
    assert warnings(file("keep: {last: 4}", "keep: {last: 1}, min_ready: 0")) == [
        ("min_ready_zero", "policies.b.min_ready"),
        ("delete_first", "servers[0].policies"),
    ]


def test_a_server_of_its_own_cap_is_measured_by_it() -> None:
    wide = "{id: 5, policies: [%s], snapshot_limit: 9}"

    assert faults(file("keep: {last: 6}")) != []
    assert faults(file("keep: {last: 6}", servers=wide)) == []
    assert faults(file("keep: {last: 6}", top="api: {snapshot_limit: 9}")) == []


def test_a_disabled_policy_needs_no_place_and_warns_of_nothing() -> None:
    assert warnings(file("keep: {last: 4}", "enabled: false, max_deletes: 1")) == []


def test_rules_without_a_bound_are_a_warning_where_they_stand() -> None:
    assert warnings(file("keep: {within: 7d}", "keep: {last: unlimited}", "min_ready: 1")) == [
        ("keep_unbounded", "policies.a.keep"),
        ("keep_unbounded", "policies.b.keep"),
        ("keep_unbounded", "policies.c"),
    ]


def test_beside_a_policy_without_a_bound_the_others_still_have_to_fit_with_its_floor() -> None:
    assert faults(file("keep: {within: 7d}", "keep: {last: 4}")) == []
    assert "need 6 places (a 1 + b 5)" in faults(file("keep: {within: 7d}", "keep: {last: 5}"))[0]


def test_an_inherited_warning_is_given_once_and_in_the_defaults() -> None:
    text = file("keep: {last: 1}", "keep: {last: 2}", top="defaults: {max_deletes: 1}")

    assert warnings(text) == [("max_deletes_one", "defaults.max_deletes")]


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), min_size=1, max_size=5), st.integers(1, 8))
@hypothesis.settings(deadline=None)
def test_what_passes_fits_and_can_always_make_room(shares: list[tuple[int, int]], cap: int) -> None:
    keys = [f"keep: {{last: {last}}}, min_ready: {floor}" for last, floor in shares]
    needs = [max(last, floor) for last, floor in shares]
    stuck = sum(needs) == cap and any(need <= floor for need, (_, floor) in zip(needs, shares, strict=True))

    found = faults(file(*keys, top=f"api: {{snapshot_limit: {cap}}}"))

    assert (found == []) == (sum(needs) <= cap and not stuck)
