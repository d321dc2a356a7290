"""The YAML itself: places, duplicates, anchors, bombs, and what cannot be read at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from rotator.config import load
from rotator.errors import ConfigError

from .reading import NOW, SMALL, faults, settings

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 100))

UNREADABLE = {
    "empty": ("", "1:1: the file is empty: config.example.yaml shows what belongs there"),
    "only a comment": ("# nothing\n", "1:1: the file is empty: config.example.yaml shows what belongs there"),
    "@daily without quotes": (
        "policies:\n  p: {schedule: @daily}\n",
        "2:17: this is not YAML: quote the schedule: a plain text cannot begin with @ or *",
    ),
    "a step without quotes": (
        "policies:\n  p:\n    schedule: */5 * * * *\n",
        "3:15: this is not YAML: quote the schedule: a plain text cannot begin with @ or *",
    ),
    "stars without quotes": (
        "schedule: * * * * *\n",
        "1:11: this is not YAML: quote the schedule: a plain text cannot begin with @ or *",
    ),
    "an anchor that is not there": (
        "schedule: *hourly\n",
        "1:11: schedule: no anchor &hourly stands before this; if it is a schedule, quote the schedule:"
        " a plain text cannot begin with @ or *",
    ),
    "a tab": (
        "policies:\n\tp: 1\n",
        "2:1: this is not YAML: found character that cannot start any token"
        " (indent with spaces, not with tabs)",
    ),
    "an anchor inside itself": ("a: &a [*a]\n", "1:8: a[0]: *a stands inside the value that it stands for"),
    "a second document": (
        "a: 1\n---\nb: 2\n",
        "2:1: a second document begins here: only one is allowed",
    ),
    "a bomb of aliases": (
        BOMB,
        "6:12: f[1]: with its aliases followed, the file has more than 250,000 values",
    ),
    "deep nesting": ("[" * 20000, "1:34: [0][0][0]: nested more than 32 levels deep"),
    "deep nesting of keys": ("{" * 20000, "1:34: ['?']['?']['?']: nested more than 32 levels deep"),
    "deep nesting by aliases": (CHAIN, "32:12: a31[0]: nested more than 32 levels deep"),
    "a control character": ("a: 1\nb: \x07\n", "2:4: the character U+0007 is not allowed in YAML"),
    "NUL": ("\x00", "1:1: the character U+0000 is not allowed in YAML"),
    "a byte order mark": ("\ufeffa: 1\n", "1:1: the character U+FEFF is not allowed in YAML"),
    "half a surrogate": ("a: \ud800\n", "1:4: the character U+D800 is not allowed in YAML"),
}


@pytest.mark.parametrize(("text", "line"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_text_that_cannot_be_read_says_where_it_stops(text: str, line: str) -> None:
    assert faults(text) == [f"c.yaml:{line}"]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"a: 1\nb: \xff\n", "2:4: the byte 0xFF is not UTF-8: is this a text file?"),
        ("a: ä\n".encode("latin-1"), "1:4: the byte 0xE4 is not UTF-8: is this a text file?"),
        (
            b"\xef\xbb\xbfa: 1\n",
            "1:1: the file begins with a byte order mark: save it as plain UTF-8 without one",
        ),
        (
            "a: 1\n".encode("utf-16"),
            "1:1: the file begins with a byte order mark: save it as plain UTF-8 without one",
        ),
        (b"\x7fELF\x02", "1:1: the character U+007F is not allowed in YAML"),
    ],
    ids=["binary", "latin-1", "BOM", "UTF-16", "a program"],
)
def test_bytes_that_are_no_text_are_refused_with_their_place(tmp_path: Path, data: bytes, line: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(data)

    with pytest.raises(ConfigError) as caught:
        load(str(path), {}, NOW)

    assert str(caught.value) == f"{path}:{line}"


def test_columns_count_characters_not_bytes() -> None:
    text = SMALL + "log: {level: info, 'ä€𝄞': 1}\n"

    assert faults(text) == ["c.yaml:5:20: log['ä€𝄞']: there is no key 'ä€𝄞' here"]


def test_a_duplicate_key_is_refused_and_both_its_values_are_checked() -> None:
    text = SMALL.replace("keep: {last: 3}", "keep: {last: -1}, keep: {last: 3, last: x}")

    count = "should be a whole number from 0 to 1000000, or the word unlimited"
    assert faults(text) == [
        f"c.yaml:2:49: policies.nightly.keep.last: {count}",
        "c.yaml:2:54: policies.nightly.keep: the key 'keep' stands here twice, first in line 2",
        "c.yaml:2:70: policies.nightly.keep.last: the key 'last' stands here twice, first in line 2",
        f"c.yaml:2:76: policies.nightly.keep.last: {count}",
    ]


def test_a_second_section_of_policies_is_one_fault_and_its_names_are_known() -> None:
    text = 'policies:\n  weekly: {schedule: "@weekly"}\n' + SMALL.replace("[nightly]", "[nightly, weekly]")

    assert faults(text) == ["c.yaml:3:1: policies: the key 'policies' stands here twice, first in line 1"]


def test_anchors_and_merge_keys_work_and_what_a_mapping_says_itself_wins() -> None:
    found = settings("""\
policies:
  a: &a {schedule: &s "@daily", keep: {last: 2}, min_ready: 2}
  b: {<<: *a, keep: {last: 3}}
  c: {<<: [{max_deletes: 3}, *a], schedule: *s}
servers:
  - &one {id: 5, policies: [a]}
  - {<<: *one, id: 6, policies: [b]}
  - {<<: *one, id: 7, policies: [c]}
""")

    a, b, c = (server.policies[0] for server in found.servers)
    assert [p.keep.last for p in (a, b, c)] == [2, 3, 2]
    assert [p.min_ready for p in (a, b, c)] == [2, 2, 2]
    assert c.max_deletes == 3
    assert {p.schedule for p in (a, b, c)} == {("0 0 * * *",)}


def test_a_fault_behind_an_alias_stands_where_it_was_written() -> None:
    text = "x: &x {schedule: '@daily', keep: 3}\npolicies: {p: *x}\nservers: [{id: 5, policies: [p]}]\n"

    assert faults(text) == [
        "c.yaml:1:1: x: there is no key 'x' here",
        "c.yaml:1:34: policies.p.keep: should be a mapping of keys to values, but is a whole number",
    ]


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("<<: 3", "5:7: api.<<: << takes a mapping, or a list of mappings"),
        ("[a]: 3", "5:7: api: a key has to be a text"),
        ("timeout: !!binary aGk=", "5:16: api.timeout: YAML tags other than !!str, !!int"),
        ("concurrency: !!int x", "5:20: api.concurrency: this is no value for the tag !!int"),
        ("failed_states: !mine []", "5:22: api.failed_states: YAML tags are not supported here"),
        ("concurrency: " + "9" * 200, "5:20: api.concurrency: this number is too long"),
    ],
)
def test_what_yaml_can_say_but_this_file_cannot_is_refused(keys: str, line: str) -> None:
    lines = faults(f"{SMALL}api: {{{keys}}}\n")

    assert any(
        found.startswith(f"c.yaml:{line.replace('.<<', '[' + repr('<<') + ']')}") for found in lines
    ), lines


def test_a_tagged_text_is_a_text() -> None:
    assert settings(SMALL.replace("id: 5", "id: !!str 5x")).servers[0].id == "5x"


def test_a_document_may_be_opened_and_closed() -> None:
    assert settings(f"%YAML 1.2\n---\n{SMALL}...\n") == settings(SMALL)
