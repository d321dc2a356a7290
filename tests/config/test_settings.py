"""What a right file means: defaults, inheritance, ids, the API's address; and which file it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from rotator.config import find, load, parse
from rotator.errors import ConfigError
from rotator.models import Command, Hooks, Keep, Policy, Server, Wait
from rotator.settings import ApiSettings, LogSettings, Match

from .reading import NOW, SMALL, api, faults, settings


def only_policy(rules: str, defaults: str = "") -> Policy:
    """The policy `p` of a file with these rules and defaults."""
    text = f"defaults: {{{defaults}}}\npolicies:\n  p: {{{rules}}}\nservers: [{{id: 5, policies: [p]}}]\n"
    return settings(text).servers[0].policies[0]


# --- defaults and inheritance -----------------------------------------------------------------------


def test_the_smallest_file_has_every_default() -> None:
    found = settings(SMALL)
    policy = found.servers[0].policies[0]

    assert found.api == ApiSettings()
    assert found.log == LogSettings()
    assert found.servers == (Server(id=5, policies=(policy,)),)
    assert policy.zone.key == "UTC"
    assert policy == Policy(
        name="nightly",
        schedule=("0 3 * * *",),
        zone=policy.zone,
        catch_up=timedelta(hours=6),
        keep=Keep(last=3),
    )


def test_catch_up_is_a_quarter_of_the_widest_gap_unless_somebody_says_otherwise() -> None:
    assert only_policy('schedule: "@weekly"').catch_up == timedelta(hours=42)
    assert only_policy('schedule: "@weekly", catch_up: 0s').catch_up == timedelta(0)
    assert only_policy('schedule: "@weekly"', "catch_up: 1h").catch_up == timedelta(hours=1)


def test_a_default_is_replaced_whole_but_wait_key_by_key() -> None:
    policy = only_policy(
        'schedule: "@daily", keep: {last: 2}, wait: {interval: 5s}, adopt: [b]',
        "keep: {daily: 3}, wait: {interval: 9s, timeout: 20m}, adopt: [a], max_deletes: 3",
    )

    assert policy.keep == Keep(last=2)
    assert policy.wait == Wait(interval=timedelta(seconds=5), timeout=timedelta(minutes=20))
    assert policy.adopt == ("b",)
    assert policy.max_deletes == 3


def test_hooks_are_one_command_or_several_each_with_a_timeout() -> None:
    policy = only_policy(
        'schedule: "@daily", hooks: {before: [a, b], created: [[c], {command: [d], timeout: 5m}],'
        " after: {command: [e], timeout: 1.5s}}",
    )
    assert policy.hooks == Hooks(
        before=(Command(("a", "b"), timedelta(minutes=1)),),
        created=(Command(("c",)), Command(("d",), timedelta(minutes=5))),
        after=(Command(("e",), timedelta(seconds=1.5)),),
    )


def test_hooks_replace_those_of_the_defaults_whole() -> None:
    policy = only_policy('schedule: "@daily", hooks: {after: [b]}', "hooks: {before: [a]}")
    assert policy.hooks == Hooks(after=(Command(("b",)),))


def test_a_match_entry_stands_beside_the_servers_with_all_that_it_says() -> None:
    text = (
        SMALL
        + "  - {match: 'web-*', exclude: [web-9], protect: ['g*'], snapshot_limit: 4, policies: [nightly]}\n"
    )
    found = settings(text)
    [nightly] = found.servers[0].policies
    assert [server.key for server in found.servers] == ["5"]
    assert found.matches == (
        Match("web-*", (nightly,), ("web-9",), ("g*",), 4, path="servers[1].match", line=5, column=13),
    )


def test_a_configuration_may_consist_of_matches_alone() -> None:
    found = settings(SMALL.replace("id: 5", "match: '*'"))
    assert (found.servers, found.pairs, len(found.matches)) == ((), (), 1)


def test_a_program_and_a_ping_file_with_a_relative_path_start_where_the_file_lies(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    text = """\
policies: {p: {schedule: "@daily", hooks: {before: [bin/a, x/y], after: [b]}, ping_url_file: p.ping}}
servers: [{id: 5, policies: [p]}]
"""
    [policy] = parse(text, str(path), {}, NOW).servers[0].policies
    assert policy.hooks.before[0].argv == (f"{tmp_path}/bin/a", "x/y")
    assert policy.hooks.after[0].argv == ("b",)
    assert policy.ping_url_file == f"{tmp_path}/p.ping"


def test_a_policy_may_take_everything_from_the_defaults() -> None:
    text = """\
defaults: {schedule: "@daily", keep: {last: 1}}
policies: {p: }
servers: [{id: 5, policies: [p]}]
"""
    assert settings(text).servers[0].policies[0].schedule == ("0 0 * * *",)


def test_an_inline_policy_inherits_too_and_its_name_is_no_template() -> None:
    text = """\
defaults: {name: "x-{policy}-{slot}", keep: {last: 1}}
servers:
  - {id: 5, policies: [{name: one, schedule: "@daily"}]}
  - {id: 6, policies: [{name: one, schedule: "@weekly"}]}
"""
    first, second = (server.policies[0] for server in settings(text).servers)

    assert (first.name, first.template, first.keep) == ("one", "x-{policy}-{slot}", Keep(last=1))
    assert second.schedule == ("0 0 * * 0",)


def test_a_list_of_schedules_is_their_union_without_repetitions() -> None:
    policy = only_policy('schedule: ["@daily", "0 0 * * *", "0 12 * * *"], splay: 11h')

    assert policy.schedule == ("0 0 * * *", "0 12 * * *")


def test_sections_without_a_value_are_sections_without_keys() -> None:
    assert settings(SMALL + "api:\ndefaults:\nlog:\n") == settings(SMALL)


# --- ids ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("12345", 12345),
        ("'12345'", 12345),
        ("'0123'", "0123"),
        ("0123", "0123"),
        ("0x1F", "0x1F"),
        ("6f1c9a52-0d0e-4a43-9f6e-7a5c2f0c1a11", "6f1c9a52-0d0e-4a43-9f6e-7a5c2f0c1a11"),
        ("on", "on"),
    ],
)
def test_an_id_keeps_its_text_and_a_text_of_digits_is_sent_as_a_number(written: str, sent: object) -> None:
    server = settings(SMALL.replace("id: 5", f"id: {written}")).servers[0]

    assert server.id == sent
    assert type(server.id) is type(sent)


def test_the_same_policy_on_many_servers_is_one_value() -> None:
    many = "".join(f"  - {{id: {number}, policies: [nightly]}}\n" for number in range(100, 200))

    assert len({id(server.policies[0]) for server in settings(SMALL + many).servers}) == 1


# --- the address --------------------------------------------------------------------------------------


def test_the_address_in_force_says_where_it_came_from() -> None:
    written = api("base_url: https://example.org/v1/")
    override = {"VPS_API_URL": "http://127.0.0.1:8080/"}

    assert settings(SMALL).api.base_url_source == "default"
    assert settings(SMALL, {"VPS_API_URL": " "}).api.base_url_source == "default"
    assert (settings(written).api.base_url, settings(written).api.base_url_source) == (
        "https://example.org/v1",
        "config",
    )
    assert (settings(written, override).api.base_url, settings(written, override).api.base_url_source) == (
        "http://127.0.0.1:8080",
        "VPS_API_URL",
    )


def test_a_bad_override_is_a_fault_beside_those_of_the_file() -> None:
    assert faults(api("timeout: 5"), {"VPS_API_URL": "http://vps_secret@example.org"}) == [
        "VPS_API_URL: no user name or password may stand in the address",
        "c.yaml:5:16: api.timeout: should be a duration such as 90s, 15m, 1h30m or 7d",
    ]


# --- which file ---------------------------------------------------------------------------------------


def test_the_option_goes_before_the_variable_and_both_before_the_usual_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(SMALL)

    assert find("a.yaml", {"ROTATOR_CONFIG": "b.yaml"}) == "a.yaml"
    assert find(None, {"ROTATOR_CONFIG": "b.yaml"}) == "b.yaml"
    assert find(None, {"ROTATOR_CONFIG": ""}) == "config.yaml"


@pytest.mark.skipif(Path("/etc/rotator/config.yaml").exists(), reason="this machine has a configuration")
def test_without_any_file_the_error_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError) as caught:
        find(None, {})

    assert str(caught.value) == (
        "no configuration was found; looked at --config and $ROTATOR_CONFIG (not given), ./config.yaml"
        " and /etc/rotator/config.yaml (not there). `rotator init` writes one to begin with"
    )


def test_a_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    def message(path: str) -> str:
        with pytest.raises(ConfigError) as caught:
            load(path, {}, NOW)
        return str(caught.value)

    missing = str(tmp_path / "missing.yaml")
    assert message(missing) == (
        f"{missing}: the file cannot be read: No such file or directory. `rotator init` with the same"
        " --config writes a first one"
    )
    assert message(str(tmp_path)) == f"{tmp_path}: the file cannot be read: Is a directory"
    assert message("/dev/zero") == "/dev/zero: this is not a regular file"
    assert message("a\0b").endswith("this cannot be the name of a file")


def test_a_file_of_absurd_size_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(17 * 1024 * 1024)

    with pytest.raises(ConfigError, match="larger than 4 MiB"):
        load(str(path), {}, NOW)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("token", "/etc/rotator/token"),
        ("../keys/token", "/etc/rotator/../keys/token"),
        ("/run/token", "/run/token"),
    ],
)
def test_a_relative_path_starts_where_the_file_lies(written: str, found: str) -> None:
    text = (
        f"api: {{token_file: {written}}}\n"
        'policies: {nightly: {schedule: "@daily", keep: {last: 2}}}\n'
        "servers: [{id: 1, policies: [nightly]}]\n"
    )
    assert parse(text, "/etc/rotator/config.yaml", {}, NOW).api.token_file == found
