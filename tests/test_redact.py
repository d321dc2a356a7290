"""What comes back over the network, and what goes out to people, without the token."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.secrecy import found_in, make_token
from rotator.redact import REDACTED, Secrets, masked, struck

TOKEN = make_token(Random(11))
ODD = make_token(Random(12), odd=True)


@pytest.mark.parametrize("token", [TOKEN, ODD], ids=["plain", "odd"])
def test_a_token_that_comes_back_is_struck_out_and_the_rest_stays(token: str) -> None:
    for written in (token, json.dumps(token)[1:-1]):
        assert struck(f"no {written}, yes".encode(), token) == f"no {REDACTED}, yes".encode()


def test_a_list_stays_a_list_when_a_name_holds_the_token() -> None:
    rows = [{"id": 1, "name": f"by hand {TOKEN}"}, {"id": 2, "name": "a \\ b"}]
    assert json.loads(struck(json.dumps(rows).encode(), TOKEN)) == [
        {"id": 1, "name": f"by hand {REDACTED}"},
        {"id": 2, "name": "a \\ b"},
    ]


@pytest.mark.parametrize("token", [TOKEN, ODD], ids=["plain", "odd"])
@pytest.mark.parametrize(
    "disguise",
    [
        lambda token: "".join(f"\\u{ord(char):04x}" for char in token).encode(),
        lambda token: "".join(f"\\u{ord(char):04X}" for char in token).encode(),
        lambda token: (f"\\u{ord(token[0]):04x}" + json.dumps(token[1:])[1:-1]).encode(),
        lambda token: token.encode("utf-16"),
        lambda token: token.encode("utf-16-be"),
        lambda token: token.encode("utf-32"),
    ],
)
def test_of_an_answer_that_disguises_the_token_nothing_is_left(token: str, disguise: object) -> None:
    assert callable(disguise)
    assert struck(b'{"detail": "' + disguise(token) + b'"}', token) == b""


def test_a_disguise_far_back_in_a_long_list_is_found_too() -> None:
    disguised = "".join(f"\\u{ord(char):04x}" for char in ODD)
    rows = '{"name": "' + "x" * 2**18 + '"}, {"name": "' + disguised + '"}'
    assert struck(f"[{rows}]".encode(), ODD) == b""
    assert struck(f"[{rows}]".encode(), TOKEN) != b""


@given(st.binary())
def test_an_answer_without_the_token_is_left_as_it_is(data: bytes) -> None:
    assert struck(data, TOKEN) == data
    assert struck(data, None) == data


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_whatever_stands_around_it_the_token_goes(before: bytes, after: bytes) -> None:
    assert found_in(TOKEN, struck(before + TOKEN.encode() + after, TOKEN)) is None


def test_what_looks_like_a_token_is_masked_whoever_made_it() -> None:
    assert masked(f"no such file: {TOKEN}") == "no such file: vps_…"
    assert masked("/etc/vps_token_of_the_whole_company") == "/etc/vps_token_of_the_whole_company"
    assert masked("vps_weekly-snapshot") == "vps_weekly-snapshot"


def test_a_process_that_has_read_a_token_leaves_no_core() -> None:
    code = (
        "import resource; from rotator.redact import KNOWN, guard\n"
        "hard = resource.getrlimit(resource.RLIMIT_CORE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))\n"
        f"guard({TOKEN!r})\n"
        f"print(resource.getrlimit(resource.RLIMIT_CORE)[0], KNOWN.scrub({TOKEN!r}))"
    )
    before = resource.getrlimit(resource.RLIMIT_CORE)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"0 {REDACTED}\n"
    assert resource.getrlimit(resource.RLIMIT_CORE) == before


def test_what_is_known_is_scrubbed_before_words_are_masked() -> None:
    known = Secrets()
    known.add(TOKEN)
    assert masked(known.scrub(f"{TOKEN} and {ODD[:40]}")).startswith(f"{REDACTED} and ")


@pytest.mark.parametrize("token", ["nightly", "2027", "web", "07"])
def test_a_token_too_short_to_tell_from_other_words_takes_nothing_out_of_a_list(token: str) -> None:
    row = b'{"name": "nightly-20270314T070000Z", "created_at": "2027-03-14T07:00:00Z", "server": "web-1"}'
    assert struck(row, token) == row
