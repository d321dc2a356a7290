"""Which servers `match` entries stand for."""

from __future__ import annotations

from dataclasses import replace

from rotator.matching import IDLE, resolved
from rotator.models import Id, ServerInfo
from rotator.settings import ApiSettings, Match, Settings
from tests.staging import policy, server

NIGHTLY, WEEKLY = policy("nightly"), policy("weekly")
UUID = "0b9ac2f0-6d0e-4c5a-9f39-0a2f4f0e7d11"


def found(settings: Settings, **shown: Id) -> dict[str, list[str]]:
    """Ids and policies of the servers, when the account shows these names with these ids."""
    account = [ServerInfo(id_, name.replace("_", "-")) for name, id_ in shown.items()]
    return {each.key: [p.name for p in each.policies] for each in resolved(settings, account).servers}


def settings(*matches: Match, servers: tuple[int, ...] = ()) -> Settings:
    written = tuple(server(WEEKLY, id=id_, name=f"own-{id_}") for id_ in servers)
    return Settings("c.yaml", ApiSettings(), written, matches=matches)


def test_every_server_whose_name_fits_is_found_with_what_the_entry_says() -> None:
    match = Match("web-*", (NIGHTLY,), protect=("golden-*",), cap=3)
    account = [ServerInfo(1, "web-1"), ServerInfo(UUID, "web-2"), ServerInfo(3, "Web-3"), ServerInfo(4, "db")]
    servers = resolved(settings(match), account).servers
    assert [(s.id, s.label, s.policies, s.protect, s.cap) for s in servers] == [
        (1, "web-1", (NIGHTLY,), ("golden-*",), 3),
        (UUID, "web-2", (NIGHTLY,), ("golden-*",), 3),
    ]


def test_what_exclude_names_is_left_out() -> None:
    match = Match("web-*", (NIGHTLY,), exclude=("web-test-*", "web-9"))
    assert found(settings(match), web_1=1, web_test_1=2, web_9=9) == {"1": ["nightly"]}


def test_an_entry_with_an_id_wins_over_a_match() -> None:
    assert found(settings(Match("*", (NIGHTLY,)), servers=(1,)), web_1=1, web_2=2) == {
        "1": ["weekly"],
        "2": ["nightly"],
    }


def test_of_two_matches_the_first_wins_also_where_it_excludes_nothing_of_the_second() -> None:
    both = settings(Match("web-*", (NIGHTLY,), exclude=("web-2",)), Match("*", (WEEKLY,)))
    assert found(both, web_1=1, web_2=2, db=3) == {"1": ["nightly"], "2": ["weekly"], "3": ["weekly"]}


def test_a_server_that_is_shown_by_its_other_kind_of_id_is_known_by_its_name() -> None:
    assert found(settings(Match("*", (NIGHTLY,)), servers=(1,)), own_1=UUID) == {"1": ["weekly"]}
    assert found(settings(Match("*", (NIGHTLY,)), servers=(1,)), own_1=2) == {
        "1": ["weekly"],
        "2": ["nightly"],
    }


def test_a_server_without_a_name_is_called_by_its_id() -> None:
    [only] = resolved(settings(Match("*", (NIGHTLY,))), [ServerInfo(7, "")]).servers
    assert only.label == "7"


def test_settings_without_matches_stay_as_they_are() -> None:
    plain = settings(servers=(1,))
    assert resolved(plain, [ServerInfo(2, "web")]) == plain
    assert resolved(replace(plain, matches=(Match("*", (NIGHTLY,)),)), []).servers == plain.servers


def test_a_match_that_fits_nobody_is_warned_of_and_one_whose_servers_have_entries_is_not() -> None:
    slip = Match("wbe-*", (NIGHTLY,), path="servers[1].match", line=7, column=5)
    both = settings(slip, Match("own-*", (NIGHTLY,)), servers=(1,))
    [warning] = resolved(both, [ServerInfo(1, "own-1")]).warnings
    assert (warning.line, warning.column, warning.path, warning.code) == (7, 5, "servers[1].match", IDLE)
    assert resolved(both, []).warnings == ()
