"""The bounded share of the search for the token, and one named test for each leak that it found.

Every answer of the hostile API and every slip goes through the modules that have to stand it; real processes
play the scenarios that once leaked, and some that the fresh seed draws.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from campaigns import hostile, seeds, slips
from campaigns.secrecy import found_in, make_token
from campaigns.secrets_hunt import COMMANDS, play, scenarios
from rotator.cli.commands import COMMANDS as ALL_COMMANDS
from rotator.clock import SystemClock
from rotator.config import TokenSource, load
from rotator.errors import ApiError, ConfigError
from rotator.http import HttpClient

ANSWERS = {**hostile.REFUSALS, **hostile.PASSING, **hostile.LISTS}

SHOWN = ("hooks", "pings and messages", "pages")
"""What others are given while rotator works."""

LEAKED = {
    "works: list --json": "names, descriptions and states from the API went to stdout as they came",
    "works: check --online": "so did names of servers",
    "works: run --once --json": "so did the identifiers of what was created",
    "says: 403 escaped detail": "a refusal in JSON's escapes was told on stderr",
    "says: 400 cut body": "of a token at the end of what is read of a body one half was told",
    "unforeseen: list": "the traceback of an unforeseen exception was not scrubbed",
    "unforeseen: run --once --json": "nor were its words in a rotation's result",
    "signal: SIGABRT": "a core dump held the token",
}
"""Scenarios that found a leak once, and what it was."""

DRAWN = 4
"""Scenarios that the fresh seed chooses among all others."""


def others() -> list[str]:
    """Scenarios that the fresh seed drew."""
    return Random(seeds.fresh()).sample(sorted(scenarios().keys() - {*LEAKED, *SHOWN}), DRAWN)


@pytest.mark.parametrize("name", SHOWN)
def test_what_others_are_given_holds_no_token(name: str) -> None:
    assert play(name, scenarios()[name], 1).findings == []


@pytest.mark.parametrize("name", LEAKED)
def test_what_leaked_once_leaks_no_more(name: str) -> None:
    assert play(name, scenarios()[name], 1).findings == []


@pytest.mark.parametrize("number", range(DRAWN))
def test_a_drawn_scenario_shows_the_token_nowhere(number: int) -> None:
    name = others()[number]
    trial = play(name, scenarios()[name], seeds.fresh(), number=number)
    assert trial.findings == [], f"python -m campaigns.secrets_hunt --seed {seeds.fresh()} --only {name!r}"


def test_every_command_of_rotator_is_searched() -> None:
    told = {word for line in COMMANDS for word in line} | {"sandbox"}
    assert set(ALL_COMMANDS) <= told


@pytest.mark.parametrize("name", ANSWERS)
async def test_no_answer_brings_the_token_in(name: str) -> None:
    token = make_token(Random(name), odd=True)
    with hostile.listening(lambda heard: ANSWERS[name](token)) as api:
        client = HttpClient(SystemClock())
        try:
            reply = await client.send("GET", f"{api.origin}/", label="GET /", token=token)
            got = reply.body + repr(reply.headers).encode()
        except ApiError as error:
            got = error.message.encode()
        finally:
            await client.aclose()
        assert f"Bearer {token}".encode() in api.everything
    assert found_in(token, got) is None


@pytest.mark.parametrize("name", slips.CONFIGS)
def test_a_token_in_the_wrong_place_is_not_repeated(name: str, tmp_path: Path) -> None:
    token = make_token(Random(name))
    path = tmp_path / "config.yaml"
    path.write_text(slips.CONFIGS[name](token))
    with pytest.raises(ConfigError) as caught:
        load(str(path), {}, SystemClock().now())
    assert found_in(token, str(caught.value) + repr(caught.value.faults)) is None


@pytest.mark.parametrize("name", slips.FILES)
def test_a_file_with_more_than_a_token_is_not_repeated(name: str, tmp_path: Path) -> None:
    token = make_token(Random(name))
    path = tmp_path / "token"
    path.write_bytes(slips.FILES[name](token.encode()))
    with pytest.raises(ConfigError) as caught:
        TokenSource(str(path), {}).read()
    assert found_in(token, str(caught.value)) is None


@pytest.mark.parametrize("name", slips.FORGIVEN)
def test_a_file_with_blanks_around_its_token_is_read(name: str, tmp_path: Path) -> None:
    token = make_token(Random(name))
    path = tmp_path / "token"
    path.write_bytes(slips.FORGIVEN[name](token.encode()))
    assert TokenSource(str(path), {}).read().value == token
