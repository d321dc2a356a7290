"""Names of snapshots: written from policy and slot, read back strictly, everything else somebody else's."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from rotator.models import Kind, Policy, Server
from rotator.naming import (
    MAX_NAME,
    RESERVED_PREFIX,
    adopt_line,
    ambiguous,
    description,
    is_protected,
    kind,
    name_fault,
    owner,
    parse_slot,
    slot_text,
    snapshot_name,
)
from tests import strategies as some

SLOT = datetime(2027, 3, 14, 7, tzinfo=UTC)
CREATED = datetime(2027, 3, 14, 7, 1, 2, tzinfo=UTC)
TEXT = "20270314T070000Z"


def policy(name: str, template: str = "{policy}-{slot}", adopt: tuple[str, ...] = ()) -> Policy:
    return Policy(name, ("0 3 * * *",), ZoneInfo("UTC"), timedelta(hours=6), template=template, adopt=adopt)


def server(*policies: Policy, name: str | None = None, protect: tuple[str, ...] = ()) -> Server:
    return Server(12345, policies, name=name, protect=protect)


NIGHTLY = policy("nightly")
WEEKLY = policy("weekly", "{server}_{slot}_w")
SERVER = server(NIGHTLY, WEEKLY, name="web-01", protect=("golden-*", "Keep?"))


# --- slots in text --------------------------------------------------------------------------------


def test_a_slot_is_written_in_utc_and_whole_seconds() -> None:
    nairobi = datetime(2027, 3, 14, 10, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=3)))
    assert slot_text(nairobi) == TEXT


def test_a_year_before_1000_keeps_its_four_digits() -> None:
    assert slot_text(datetime(7, 3, 14, tzinfo=UTC)) == "00070314T000000Z"


@given(some.instants)
def test_a_written_slot_is_read_back(slot: datetime) -> None:
    assert parse_slot(slot_text(slot)) == slot


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("20270230T070000Z", id="no such day"),
        pytest.param("20270314T240000Z", id="no such hour"),
        pytest.param("20270314T070060Z", id="a leap second"),
        pytest.param("00000314T070000Z", id="no such year"),
        pytest.param("20270314T070000", id="without the Z"),
        pytest.param("20270314t070000z", id="small letters"),
        pytest.param("20270314 070000Z", id="a blank for the T"),
        pytest.param("2027-03-14T07:00:00Z", id="with separators"),
        pytest.param("20270314T070000Z\n", id="a newline behind"),
        pytest.param("+0270314T070000Z", id="a sign for a digit"),
        pytest.param("\uff120270314T070000Z", id="a wide digit"),
        pytest.param("", id="nothing"),
    ],
)
def test_only_the_exact_shape_of_a_real_date_is_a_slot(text: str) -> None:
    assert parse_slot(text) is None


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{policy}-{slot}", f"nightly-{TEXT}"),
        ("{server}_{policy}_{slot}", f"web-01_nightly_{TEXT}"),
        ("{slot}", TEXT),
        ("a{slot}z{policy}", f"a{TEXT}znightly"),
        ("{policy}{policy}{slot}", f"nightlynightly{TEXT}"),
    ],
)
def test_placeholders_are_filled_in(template: str, name: str) -> None:
    made = policy("nightly", template)
    assert snapshot_name(server(made, name="web-01"), made, SLOT) == name


def test_without_a_label_the_id_stands_in_for_the_server() -> None:
    made = policy("nightly", "{server}-{slot}")
    assert snapshot_name(server(made), made, SLOT) == f"12345-{TEXT}"


def test_what_is_filled_in_is_not_filled_in_again() -> None:
    odd = policy("{server}{slot}")
    assert snapshot_name(server(odd, name="web"), odd, SLOT) == f"{{server}}{{slot}}-{TEXT}"
    assert owner(server(odd, name="web"), f"{{server}}{{slot}}-{TEXT}", CREATED) is not None


def test_a_description_knows_policy_and_server_and_leaves_the_rest_alone() -> None:
    made = replace(NIGHTLY, description="{policy} of {server}: {policy.__class__} {} {0} {")
    assert description(SERVER, made) == "nightly of web-01: {policy.__class__} {} {0} {"


# --- whose is it ----------------------------------------------------------------------------------

_words = st.text(alphabet="abZ019-_", max_size=8)
_templates = st.tuples(_words, st.sampled_from(["{policy}", "{server}", ""]), _words, _words).map(
    lambda parts: f"{parts[0]}{parts[1]}{parts[2]}{{slot}}{parts[3]}"
)
_policies = st.builds(policy, _words.map("p".__add__), _templates)


@given(_policies, _words.map("s".__add__), some.instants)
def test_a_name_that_was_written_is_read_back(made: Policy, label: str, slot: datetime) -> None:
    where = server(made, name=label)
    name = snapshot_name(where, made, slot)
    assume(not name.startswith(RESERVED_PREFIX))
    found = owner(where, name, CREATED)
    assert found is not None
    assert (found.policy, found.slot, found.adopted) == (made, slot, False)


@given(_policies, st.text(alphabet="abps0127TZ-_", max_size=40))
def test_a_name_that_is_read_would_be_written_so(made: Policy, name: str) -> None:
    where = server(made)
    found = owner(where, name, CREATED)
    assert found is None or snapshot_name(where, made, found.slot) == name


@pytest.mark.parametrize(
    "name",
    [
        f"Nightly-{TEXT}",
        f"nightly_{TEXT}",
        f" nightly-{TEXT}",
        f"nightly-{TEXT}-2",
        f"nightly--{TEXT}",
        "nightly-20270230T070000Z",
        "nightly-",
        f"web-01_{TEXT}",
        f"web-02_{TEXT}_w",
        "pre-migration-snapshot",
        "",
    ],
)
def test_a_name_that_differs_in_anything_is_nobodys(name: str) -> None:
    assert owner(SERVER, name, CREATED) is None
    assert kind(SERVER, name, CREATED) is not Kind.MANAGED


def test_a_disabled_policy_still_owns_its_snapshots() -> None:
    asleep = replace(NIGHTLY, enabled=False)
    found = owner(server(asleep), f"nightly-{TEXT}", CREATED)
    assert found is not None
    assert found.policy is asleep


def test_an_adopted_snapshot_has_its_creation_for_a_slot() -> None:
    adopting = policy("nightly", adopt=("weekly-snapshot-*",))
    found = owner(server(adopting), "weekly-snapshot-2025-01-08", CREATED)
    assert found is not None
    assert (found.policy, found.slot, found.adopted) == (adopting, CREATED, True)


def test_a_name_that_parses_belongs_to_its_policy_whatever_a_glob_says() -> None:
    greedy = policy("greedy", adopt=("*",))
    found = owner(server(greedy, NIGHTLY), f"nightly-{TEXT}", CREATED)
    assert found is not None
    assert (found.policy, found.adopted) == (NIGHTLY, False)


def test_of_two_globs_that_fit_the_first_policys_wins() -> None:
    one, other = policy("one", adopt=("old-*",)), policy("other", adopt=("old-*", "*"))
    for policies, winner in (((one, other), one), ((other, one), other)):
        found = owner(server(*policies), "old-1", CREATED)
        assert found is not None
        assert found.policy is winner


def test_globs_mind_the_case() -> None:
    assert owner(server(policy("nightly", adopt=("Old-*",))), "old-1", CREATED) is None


@pytest.mark.parametrize("name", [f"safety-{TEXT}", "safety-", "safety-anything"])
def test_a_reserved_name_is_foreign_whatever_template_or_glob_would_take_it(name: str) -> None:
    where = server(policy("safety"), policy("greedy", adopt=("*",)))
    assert owner(where, name, CREATED) is None
    assert kind(where, name, CREATED) is Kind.FOREIGN


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(f"nightly-{TEXT}", Kind.MANAGED, id="of a policy"),
        pytest.param(f"old-nightly-{TEXT}", Kind.ORPHAN, id="of a policy that was renamed"),
        pytest.param(f"web-02_{TEXT}_w", Kind.ORPHAN, id="of a label that was changed"),
        pytest.param(TEXT, Kind.ORPHAN, id="a slot alone"),
        pytest.param(f"x{TEXT}y", Kind.ORPHAN, id="a slot inside"),
        pytest.param(f"12345{TEXT}", Kind.FOREIGN, id="a slot that is part of a longer number"),
        pytest.param("old-20270230T070000Z", Kind.FOREIGN, id="no such date"),
        pytest.param(f"old nightly {TEXT}", Kind.FOREIGN, id="characters that rotator never writes"),
        pytest.param("x" * MAX_NAME + TEXT, Kind.FOREIGN, id="longer than rotator writes"),
        pytest.param("weekly-snapshot-2025-01-08", Kind.FOREIGN, id="another tool's"),
    ],
)
def test_an_orphan_is_a_foreign_name_that_rotator_could_have_written(name: str, expected: Kind) -> None:
    assert kind(SERVER, name, CREATED) is expected


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (f"old-nightly-{TEXT}", 'adopt: ["old-nightly-*"]'),
        (f"web-02_{TEXT}_w", 'adopt: ["web-02_*_w"]'),
        (TEXT, 'adopt: ["????????T??????Z"]'),
        ("by hand [1]", 'adopt: ["by hand [[]1]"]'),
        ('a "name" \\ ü', 'adopt: ["a \\"name\\" \\\\ ü"]'),
    ],
)
def test_the_adopt_line_is_yaml_and_takes_the_name_it_was_made_for(name: str, line: str) -> None:
    assert adopt_line(name) == line
    (pattern,) = yaml.safe_load(line)["adopt"]
    assert fnmatchcase(name, pattern)


def test_the_adopt_line_of_a_bare_slot_does_not_adopt_everything() -> None:
    (pattern,) = yaml.safe_load(adopt_line(TEXT))["adopt"]
    assert not fnmatchcase("pre-migration-snapshot", pattern)


@pytest.mark.parametrize(
    ("name", "protected"),
    [("golden-1", True), ("Keep1", True), ("keep1", False), ("Keep12", False), ("a-golden-1", False)],
)
def test_protected_is_what_a_glob_of_the_server_fits(name: str, protected: bool) -> None:
    assert is_protected(SERVER, name) is protected


# --- what can be wrong with names -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "label", "said"),
    [
        ("{policy}", "web", "{slot} exactly once"),
        ("{slot}-{slot}", "web", "{slot} exactly once"),
        ("{polic}-{slot}", "web", "{polic} is unknown"),
        ("{policy.__class__}-{slot}", "web", "{policy.__class__} is unknown"),
        ("{}-{slot}", "web", "{} is unknown"),
        ("{policy!r}-{slot}", "web", "{policy!r} is unknown"),
        ("{slot:%Y}", "web", "{slot:%Y} is unknown"),
        ("{{policy}}-{slot}", "web", "a brace that belongs to no placeholder"),
        ("a}-{slot}", "web", "a brace that belongs to no placeholder"),
        ("a{-{slot}", "web", "a brace that belongs to no placeholder"),
        ("{policy}:{slot}", "web", "has ':' in it"),
        ("{policy} {slot}", "web", "has ' ' in it"),
        ("{server}-{slot}", "web.example.com", "has '.' in it"),
        ("{server}-{slot}", "wéb", "has 'é' in it"),
        ("{slot}~+.;~:,", "web", "has '+' ',' '.' ':' ';' '~' in it"),
        ("{server}-{slot}", "w" * 48, "65 characters long, 64 are allowed"),
        ("safety-{slot}", "web", "begins with 'safety-'"),
        ("{server}-{slot}", "safety", "begins with 'safety-'"),
    ],
)
def test_unusable_names_are_told_with_their_reason(template: str, label: str, said: str) -> None:
    made = policy("nightly", template)
    fault = name_fault(server(made, name=label), made)
    assert fault is not None
    assert said in fault


@pytest.mark.parametrize(
    ("template", "label"),
    [
        ("{policy}-{slot}", "web.example.com"),
        ("{server}-{slot}", "w" * 47),
        ("{slot}", "web"),
        ("x_{slot}_safety-", "web"),
    ],
)
def test_usable_names_have_no_fault(template: str, label: str) -> None:
    made = policy("nightly", template)
    assert name_fault(server(made, name=label), made) is None


TWO_SLOTS = f"a-{TEXT}-{{slot}}"

AMBIGUOUS = [
    pytest.param("{policy}-{slot}", "{policy}-{slot}", False, id="the default"),
    pytest.param("{slot}", "{slot}", True, id="both the slot alone"),
    pytest.param("{server}-{slot}", "12345-{slot}", True, id="the same once filled in"),
    pytest.param("a-{slot}", "a-{slot}-b", False, id="one has more behind"),
    pytest.param("{slot}-a", "b-{slot}", False, id="before and behind"),
    pytest.param("a-{slot}-20270101T000000Z", TWO_SLOTS, True, id="a slot in the text of each"),
    pytest.param("a-{slot}-20270101T000000Z", f"b-{TEXT}-{{slot}}", False, id="other text before"),
    pytest.param("a-{slot}-20270230T000000Z", TWO_SLOTS, False, id="no such date in the text"),
    pytest.param("a-{slot}-20270101T000000Zb", TWO_SLOTS, False, id="other text behind"),
]


@pytest.mark.parametrize(("one", "other", "expected"), AMBIGUOUS)
def test_policies_are_ambiguous_if_some_name_is_both_ones(one: str, other: str, expected: bool) -> None:
    for first, second in ((one, other), (other, one)):
        where = server(policy("p", first), policy("q", second))
        assert ambiguous(where) == ((("p", "q"),) if expected else ())


def test_disabled_policies_are_looked_at_too_and_every_pair_is_named() -> None:
    a, b, c = policy("a", "{slot}"), replace(policy("b", "{slot}"), enabled=False), policy("c", "{slot}")
    assert ambiguous(server(a, b, c)) == (("a", "b"), ("a", "c"), ("b", "c"))


_slotted = st.lists(st.sampled_from(["a", "-", TEXT, "20270101T000000Z", "1", "Z"]), max_size=3).map("".join)
_rivals = st.tuples(_slotted, _slotted).map(lambda ends: f"{ends[0]}{{slot}}{ends[1]}")


@given(_rivals, _rivals, st.sampled_from([TEXT, "20270101T000000Z"]))
def test_policies_that_are_not_ambiguous_never_share_a_name(one: str, other: str, text: str) -> None:
    where = server(policy("p", one), policy("q", other))
    assume(not ambiguous(where))
    slot = parse_slot(text)
    assert slot is not None
    for made in where.policies:
        found = owner(where, snapshot_name(where, made, slot), CREATED)
        assert found is not None
        assert found.policy is made


# --- what a name never depends on -------------------------------------------------------------------


def test_a_name_is_the_same_whatever_zone_the_machine_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        assert slot_text(SLOT) == TEXT
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_follows_a_slot_is_enough_to_adopt_the_like_of_it() -> None:
    assert adopt_line(f"{TEXT}-web") == 'adopt: ["*-web"]'


def test_a_template_without_a_slot_is_a_fault_and_no_defect() -> None:
    without = policy("bare", "{policy}")
    assert ambiguous(server(without, NIGHTLY)) == ()
    assert owner(server(without), "bare", CREATED) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("a-{slot}-20270101T000000Z-b", f"a-{TEXT}-{{slot}}-b", id="with the same text behind"),
        pytest.param("a-{slot}20270101T000000Z", f"a-{TEXT}{{slot}}", id="with nothing between the slots"),
    ],
)
def test_two_policies_with_a_slot_in_their_text_can_share_a_name(one: str, other: str) -> None:
    both = server(policy("one", one), policy("other", other))
    assert ambiguous(both) == (("one", "other"),)
    shared = snapshot_name(both, both.policies[0], SLOT)
    assert shared == snapshot_name(both, both.policies[1], datetime(2027, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(("length", "expected"), [(MAX_NAME, Kind.ORPHAN), (MAX_NAME + 1, Kind.FOREIGN)])
def test_an_orphan_is_as_long_as_rotator_writes_at_most(length: int, expected: Kind) -> None:
    assert kind(SERVER, f"-{TEXT}".rjust(length, "x"), CREATED) is expected


def test_a_bad_name_is_told_with_each_character_that_is_wrong_and_what_to_do() -> None:
    fault = name_fault(server(NIGHTLY), policy("nightly", "z!é a-{slot}"))
    assert fault == (
        "'z!é a-20270314T070000Z' has ' ' '!' 'é' in it: names are letters, digits, - and _: "
        "change the template, or the server's `name` if {server} brings it in"
    )
