"""The bounded share of the second part: redirects, proxies, certificates, addresses."""

from __future__ import annotations

from random import Random

import pytest

from campaigns import addresses, seeds, transport
from campaigns.secrets_hunt import play

SCENARIOS = transport.scenarios()

ALWAYS = (
    "proxy: http to 127.0.0.2",  # it went through HTTP_PROXY once, with the token
    "TLS: a certificate good",
    "TLS: a certificate for another name",
    "TLS: unknown to the system",
    "proxy: https",
    "modes",
)

REDIRECTS = [name for name in SCENARIOS if name.startswith("redirect")]
CERTIFICATES = [name for name in SCENARIOS if name.startswith("TLS") and name not in ALWAYS]


def drawn() -> list[str]:
    """What the fresh seed chooses: a redirect and a certificate."""
    random = Random(seeds.fresh())
    return [random.choice(REDIRECTS), random.choice(CERTIFICATES)]


@pytest.mark.parametrize("name", ALWAYS)
def test_the_token_goes_to_its_api_alone(name: str) -> None:
    assert play(name, SCENARIOS[name], 1).findings == []


@pytest.mark.parametrize("number", range(2))
def test_a_drawn_way_shows_the_token_to_nobody(number: int) -> None:
    name = drawn()[number]
    assert play(name, SCENARIOS[name], seeds.fresh()).findings == [], f"seed {seeds.fresh()}, {name}"


@pytest.mark.parametrize("text", addresses.ELSEWHERE)
def test_an_address_that_is_not_this_machine_or_no_address_is_refused(text: str) -> None:
    assert not addresses.taken(text)


@pytest.mark.parametrize("text", addresses.HERE)
def test_an_address_of_this_machine_is_taken(text: str) -> None:
    assert addresses.taken(text)
    assert addresses.stays_here(text)


@pytest.mark.parametrize("seed", [*seeds.FIXED, seeds.fresh()])
def test_no_drawn_address_leads_away_from_this_machine(seed: int) -> None:
    assert addresses.astray(Random(seed), 3000)[:3] == []
