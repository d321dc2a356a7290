"""What is wrong with a file, in plain words, each fault at its place."""

from __future__ import annotations

import pytest

from .reading import SMALL, api, faults, policy, server

DURATION = "should be a duration such as 90s, 15m, 1h30m or 7d"
TOKEN = (
    "a token does not belong in this file: put it into the environment variable VPS_API_TOKEN, into the file"
    " that api.token_file names, or into the file vps-api-token in $CREDENTIALS_DIRECTORY"
)

SHAPE = {
    "unknown key": (
        api("timeuot: 30s"),
        "5:7: api.timeuot: there is no key 'timeuot' here, did you mean timeout?",
    ),
    "unknown section": (
        SMALL + "serverz: 1\n",
        "5:1: serverz: there is no key 'serverz' here, did you mean servers?",
    ),
    "unknown keep rule": (
        policy("keep: {dayly: 3}"),
        "2:34: policies.p.keep.dayly: there is no key 'dayly' here, did you mean daily?",
    ),
    "no duration": (api("timeout: 30"), f"5:16: api.timeout: {DURATION}"),
    "no time at all": (api("timeout: 0s"), "5:16: api.timeout: should be at least 0.001s"),
    "endless": (api("timeout: 99999999w"), "5:16: api.timeout: should be at most 3660d"),
    "text for number": (
        api("concurrency: '8'"),
        "5:20: api.concurrency: should be a whole number, but is a text",
    ),
    "true for number": (
        api("concurrency: true"),
        "5:20: api.concurrency: should be a whole number, but is true or false",
    ),
    "null": (
        api("snapshot_limit: null"),
        "5:23: api.snapshot_limit: should be a whole number, but nothing stands there",
    ),
    "too few": (api("snapshot_limit: 0"), "5:23: api.snapshot_limit: should be at least 1"),
    "too many": (api("concurrency: 1001"), "5:20: api.concurrency: should be at most 1000"),
    "negative rate": (api("rate_limit: -1"), "5:19: api.rate_limit: should be at least 0"),
    "no end": (api("rate_limit: .inf"), "5:19: api.rate_limit: should be a number with an end"),
    "no number": (api("rate_limit: .nan"), "5:19: api.rate_limit: should be a number with an end"),
    "a good state": (
        api("failed_states: [broken, completed]"),
        "5:31: api.failed_states[1]: completed is not a failure: it would cost good snapshots",
    ),
    "list as section": (
        SMALL + "api: []\n",
        "5:6: api: should be a mapping of keys to values, but is a list",
    ),
    "log level": (
        SMALL + "log: {level: loud}\n",
        "5:14: log.level: should be 'debug', 'info', 'warning' or 'error', but is a text",
    ),
    "no floor below 0": (policy("min_ready: -1"), "2:38: policies.p.min_ready: should be at least 0"),
    "no deletes": (policy("max_deletes: 0"), "2:40: policies.p.max_deletes: should be at least 1"),
    "enabled by yaml 1.1": (
        policy("enabled: yes"),
        "2:36: policies.p.enabled: should be true or false, but is a text",
    ),
    "negative count": (
        policy("keep: {last: -1}"),
        "2:40: policies.p.keep.last: should be a whole number from 0 to 1000000, or the word unlimited",
    ),
    "span with minutes": (
        policy("keep: {within: 90s}"),
        "2:42: policies.p.keep.within: should be a span such as 7d, 6m or 1y2m3d4h, where m is months",
    ),
    "globs without a list": (
        policy("adopt: 'x-*'"),
        "2:34: policies.p.adopt: should be a list, but is a text",
    ),
    "empty glob": (policy("adopt: ['']"), "2:35: policies.p.adopt[0]: should not be empty"),
    "busy loop": (
        policy("wait: {interval: 0s}"),
        "2:44: policies.p.wait.interval: should be at least 0.001s",
    ),
    "escape sequence": (
        server('id: 5, policies: [p], name: "a\\e[31m"'),
        "4:40: servers[0].name: should be a single line without control characters",
    ),
    "id with a fraction": (
        server("id: 1.5, policies: [p]"),
        "4:16: servers[0].id: should be a server's id as the API gives it, a number or a text in quotes",
    ),
    "id of two words": (
        server("id: a b, policies: [p]"),
        "4:16: servers[0].id: a server's id is one word of at most 128 characters, without spaces and /",
    ),
    "server without policies": (
        server("id: 5"),
        "4:11: servers[0].policies: this key is required, but is not there",
    ),
    "server without id": (
        server("policies: [p]"),
        "4:11: servers[0].id: this key is required, but is not there; or write match,"
        " a glob of servers' names,"
        ' in its place: match: "web-*"',
    ),
    "server that is a number": (
        "policies: {p: {schedule: '@daily'}}\nservers: [5]\n",
        "2:11: servers[0]: should be a mapping of keys to values, but is a whole number",
    ),
}

MEANING = {
    "hour": (
        policy("enabled: false").replace("@daily", "0 25 * * *"),
        "2:17: policies.p.schedule: hour: 25 is not between 0 and 23",
    ),
    "day that never comes": (
        policy("enabled: false").replace('"@daily"', '["@daily", "0 0 31 2 *"]'),
        "2:28: policies.p.schedule[1]: '0 0 31 2 *' never fires: no such month has such a day",
    ),
    "schedule missing": (
        SMALL.replace('schedule: "0 3 * * *", ', ""),
        "2:12: policies.nightly.schedule: this key is required, but is not there",
    ),
    "no schedules": (
        SMALL.replace('"0 3 * * *"', "[]"),
        "2:23: policies.nightly.schedule: should have at least one entry",
    ),
    "time zone": (
        policy("timezone: europe/berlim"),
        "2:37: policies.p.timezone: there is no time zone 'europe/berlim', did you mean Europe/Berlin?",
    ),
    "wait": (
        policy("wait: {first: 1h}"),
        "2:33: policies.p.wait: first (1h) should be shorter than timeout (45m)",
    ),
    "splay": (
        policy("splay: 24h"),
        "2:34: policies.p.splay: 1d is not shorter than the narrowest gap of the schedule, 1d:"
        " one slot would run into the next",
    ),
    "policy name": (
        SMALL.replace("nightly", "night ly"),
        "2:3: policies['night ly']: a policy's name is made of letters, digits, - and _",
    ),
    "unknown policy": (
        SMALL.replace("[nightly]", "[nightyl]"),
        "4:24: servers[0].policies[0]: there is no policy 'nightyl', did you mean nightly?",
    ),
    "policy by number": (
        server("id: 5, policies: [p, 7]"),
        "4:33: servers[0].policies[1]: should be the name of a policy, or a policy written out as a mapping",
    ),
    "policy twice": (
        server("id: 5, policies: [p, p]"),
        "4:33: servers[0].policies[1]: the policy 'p' stands twice on this server",
    ),
    "inline with a global name": (
        server("id: 5, policies: [{name: q, schedule: '@daily'}]"),
        "4:37: servers[0].policies[0].name: the name 'q' belongs to a policy under `policies` already",
    ),
    "inline without name": (
        server("id: 5, policies: [{schedule: '@daily'}]"),
        "4:30: servers[0].policies[0].name: this key is required, but is not there",
    ),
    "server twice, by its text": (
        SMALL + '  - {id: "5", policies: [nightly]}\n',
        "5:10: servers[1].id: this server stands here twice, first as servers[0], line 4",
    ),
    "no policies on a server": (
        server("id: 5, policies: []"),
        "4:29: servers[0].policies: there are no policies: write a list of their names",
    ),
    "no servers": (
        "policies: {p: {schedule: '@daily'}}\nservers: []\n",
        "2:10: servers: there are no servers: write a list of them, each with id and policies",
    ),
    "servers missing": (
        "policies: {p: {schedule: '@daily'}}\n",
        "1:1: servers: this key is required, but is not there",
    ),
    "template without a slot": (
        policy("name: x"),
        "2:33: policies.p.name: 'x' has to contain {slot} exactly once: it tells the snapshots apart",
    ),
}


@pytest.mark.parametrize(("text", "line"), [*SHAPE.values(), *MEANING.values()], ids=[*SHAPE, *MEANING])
def test_a_fault_says_where_and_what(text: str, line: str) -> None:
    assert faults(text) == [f"c.yaml:{line}"]


def test_a_file_without_any_policy_says_so_beside_the_rest() -> None:
    assert faults("policies: {}\nservers: [{id: 5, policies: [p]}]\n") == [
        "c.yaml:1:11: policies: there are no policies: write at least one, with a schedule",
        "c.yaml:2:30: servers[0].policies[0]: there is no policy 'p'",
    ]


@pytest.mark.parametrize("text", ["[]", "7", "on", "null", "- a\n- b\n", "{}"])
def test_a_file_that_is_no_mapping_or_lacks_everything_is_refused(text: str) -> None:
    assert faults(text)


@pytest.mark.parametrize(
    "zone",
    [
        "/etc/localtime",
        "../UTC",
        "America",
        "localtime",
        "posixrules",
        "right/UTC",
        "utc",
        "Europe/",
        "'a\\0b'",
        "''",
        "Z" * 300,
        "EST5EDT,M3.2.0",
        "UTC+1",
        "leapseconds",
        "tzdata.zi",
        "5",
        "'Europe/Berlin '",
    ],
)
def test_what_is_no_iana_zone_is_refused(zone: str) -> None:
    assert len(faults(policy(f"timezone: {zone}"))) == 1


@pytest.mark.parametrize(
    "zone", ["UTC", "Etc/GMT+5", "America/Argentina/Buenos_Aires", "EST5EDT", "Africa/Nairobi"]
)
def test_iana_zones_are_taken(zone: str) -> None:
    assert faults(policy(f"timezone: {zone}")) == []


@pytest.mark.parametrize(
    ("hooks", "message"),
    [
        ("{before: sync}", "before: should be a list of words"),
        ("{before: []}", "before: should have at least one command"),
        ("{before: [[]]}", "before: command 1: a command has 1 to 1000 words"),
        ("{before: [[a], sync]}", "before: the words of a command are texts"),
        ("{before: [sleep, 5]}", "before: the words of a command are texts: put '5' in quotes"),
        ("{before: ['']}", "before: a command begins with a program"),
        ("{before: {timeout: 5m}}", "before: the key command is required, but is not there"),
        ("{before: {comand: [a]}}", "before: there is no key 'comand' here, did you mean command?"),
        ("{before: {command: [a], timeout: 5}}", "before: timeout should be a duration such as 90s"),
        ("{before: {command: [a], timeout: 0s}}", "before: timeout should be longer than nothing"),
        ("{after: [[a], {command: b}]}", "after: command 2: should be a list of words"),
        ("{befor: [a]}", "befor: there is no key 'befor' here, did you mean before?"),
        ("[sync]", "hooks: should be a mapping of keys to values, but is a list"),
    ],
)
def test_hooks_that_cannot_be_meant_are_refused_where_they_stand(hooks: str, message: str) -> None:
    [fault] = faults(policy(f"hooks: {hooks}"))
    place, _, rest = fault.partition(": ")
    assert place.startswith("c.yaml:2:")
    assert rest.removeprefix("policies.p.").removeprefix("hooks.").startswith(message)


@pytest.mark.parametrize(
    ("section", "fault"),
    [
        ("notify:", "5:8: notify.urls_file: this key is required"),
        ("notify: {urls_file: a, on: [x]}", "5:29: notify.on[0]: should be 'failure' or 'recovery'"),
        ("notify: {urls_file: a, to: b}", "5:24: notify.to: there is no key 'to' here"),
    ],
)
def test_what_notify_cannot_say_is_refused_where_it_stands(section: str, fault: str) -> None:
    [found] = faults(f"{SMALL}{section}\n")
    assert found.startswith(f"c.yaml:{fault}")


MATCH = "policies:\n  p: {schedule: '@daily', keep: {last: 2}%s}\nservers:\n  - {%s}\n"


@pytest.mark.parametrize(
    ("policy", "entry", "fault"),
    [
        (
            "",
            "match: 'w*', id: 5, policies: [p]",
            "4:19: servers[0].id: an entry is for",
        ),
        (
            "",
            "match: 'w*', name: w, policies: [p]",
            "4:19: servers[0].name: a server found by",
        ),
        ("", "id: 5, exclude: [a], policies: [p]", "4:13: servers[0].exclude: exclude goes with match"),
        ("", "match: '', policies: [p]", "4:13: servers[0].match: should not be empty"),
        ("", "match: [a], policies: [p]", "4:13: servers[0].match: should be a text, but is a list"),
        ("", "match: 'w*', exclude: a, policies: [p]", "4:28: servers[0].exclude: should be a list"),
        ("", "match: 'w*', policies: [q]", "4:30: servers[0].policies[0]: there is no policy 'q'"),
        ("", "match: 'w*'", "4:5: servers[0].policies: this key is required"),
        (
            ", name: '{server}-{slot}'",
            "match: 'w*', policies: [p]",
            "4:30: servers[0].policies[0]: the na",
        ),
        (
            "",
            "match: 'w*', snapshot_limit: 1, policies: [p]",
            "4:48: servers[0].policies: the policies",
        ),
    ],
)
def test_match_entries_that_cannot_be_meant_are_refused_where_they_stand(
    policy: str, entry: str, fault: str
) -> None:
    [found] = faults(MATCH % (policy, entry))
    assert found.startswith(f"c.yaml:{fault}")


def test_names_of_servers_found_by_match_may_not_hold_what_the_panel_can_change() -> None:
    [fault] = faults(MATCH % (", name: '{server}-{slot}'", "match: 'w*', policies: [p]"))
    assert "renamed there, it would leave its snapshots behind as orphans. Leave {server} out" in fault
    assert faults(MATCH % (", description: 'of {server}'", "match: 'w*', policies: [p]")) == []


# --- all at once ------------------------------------------------------------------------------------


def test_faults_of_shape_and_of_meaning_are_told_at_once_in_the_order_of_the_file() -> None:
    text = """\
api: {timeout: 5, concurency: 1}
policies:
  a: {schedule: "@daily", keep: 3, splay: 2d}
  b: {schedule: "61 * * * *", max_deletes: 0}
servers:
  - {id: 1, policies: [a, c]}
  - {id: 1, name: "", policies: [b, {name: i, schedule: "@daily", keep: {last: 6}}]}
"""
    assert faults(text) == [
        f"c.yaml:1:16: api.timeout: {DURATION}",
        "c.yaml:1:19: api.concurency: there is no key 'concurency' here, did you mean concurrency?",
        "c.yaml:3:33: policies.a.keep: should be a mapping of keys to values, but is a whole number",
        "c.yaml:3:43: policies.a.splay: 2d is not shorter than the narrowest gap of the schedule, 1d:"
        " one slot would run into the next",
        "c.yaml:4:17: policies.b.schedule: minute: 61 is not between 0 and 59",
        "c.yaml:4:44: policies.b.max_deletes: should be at least 1",
        "c.yaml:6:27: servers[0].policies[1]: there is no policy 'c'",
        "c.yaml:7:10: servers[1].id: this server stands here twice, first as servers[0], line 6",
        "c.yaml:7:19: servers[1].name: should not be empty",
        "c.yaml:7:33: servers[1].policies: the policies of this server need 7 places (b 1 + i 6), but it has"
        " 5: keep fewer, or use fewer policies here",
    ]


def test_a_fault_that_is_inherited_is_told_once_and_in_the_defaults() -> None:
    text = """\
defaults: {splay: 2d, min_ready: x}
policies: {a: {schedule: "@daily"}, b: {schedule: "@daily"}}
servers: [{id: 5, policies: [a, b]}]
"""
    assert faults(text) == [
        "c.yaml:1:19: defaults.splay: 2d is not shorter than the narrowest gap of the schedule, 1d:"
        " one slot would run into the next",
        "c.yaml:1:34: defaults.min_ready: should be a whole number, but is a text",
    ]


# --- names ------------------------------------------------------------------------------------------


def test_policies_whose_names_could_be_mixed_up_are_refused_on_their_server() -> None:
    text = """\
defaults: {name: "x-{slot}"}
policies:
  a: {schedule: "@daily", keep: {last: 1}}
  b: {schedule: "@daily", keep: {last: 1}}
servers:
  - {id: 1, policies: [a, b]}
  - {id: 2, policies: [a]}
"""
    assert faults(text) == [
        "c.yaml:6:27: servers[0].policies[1]: names of b could be taken for names of a:"
        " change one of the templates"
    ]


def test_a_label_that_spoils_the_names_is_reported_on_its_server_alone() -> None:
    text = """\
policies: {a: {schedule: "@daily", keep: {last: 1}, name: "{server}-{slot}"}}
servers:
  - {id: 1, name: web, policies: [a]}
  - {id: 2, name: web.example.org, policies: [a]}
"""
    (line,) = faults(text)

    assert line.startswith("c.yaml:4:47: servers[1].policies[0]: 'web.example.org-")


def test_a_policy_that_no_server_uses_is_checked_all_the_same() -> None:
    (line,) = faults(SMALL.replace("servers:", f"  {'x' * 60}: {{schedule: '@daily'}}\nservers:"))

    assert "77 characters long" in line


# --- secrets ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (api("token: hunter2secret"), "5:7: api.token"),
        (api("token: vps_hunter2secret"), "5:7: api.token"),
        (api("token_file: vps_hunter2secret"), "5:19: api.token_file"),
        (server("id: 5, policies: [p], name: Bearer vps_hunter2secret"), "4:40: servers[0].name"),
        (SMALL.replace("nightly]", "vps_hunter2secret]"), "4:24: servers[0].policies[0]"),
        (SMALL + "vps_hunter2secret: 1\n", "5:1"),
        (SMALL.replace("nightly", "vps_hunter2secret"), "2:3: policies"),
        (api("failed_states: [vps_hunter2secret]"), "5:23: api.failed_states[0]"),
        (SMALL + "x: {y: [{z: vps_hunter2secret}]}\n", "5:13: x.y[0].z"),
    ],
)
def test_a_token_in_the_file_is_refused_with_a_pointer_and_never_repeated(text: str, place: str) -> None:
    lines = faults(text)

    assert f"c.yaml:{place}: {TOKEN}" in lines
    assert "hunter2secret" not in "".join(lines)


def test_a_file_named_like_a_token_is_none() -> None:
    assert faults(api("token_file: /etc/rotator/vps_token")) == []


# --- the address --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://admin.vps.org/api/v1/",
        "http://localhost:8080",
        "http://127.3.2.1/api",
        "http://[::1]:80/",
        "HTTPS://x",
    ],
)
def test_https_anywhere_and_http_on_this_machine_are_addresses(url: str) -> None:
    assert faults(api(f"base_url: '{url}'")) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
        "ftp://x",
        "x",
        "https://",
        "https://u@x",
        "https://u:p@x",
        "https://x?y=1",
        "https://x#y",
        "https://x:99999",
        "https://[::1",
        "//x",
        " ",
        "https://a b",
        "https://ä.example",
        "http://10.0.0.1",
        "http://[::2]",
        "http://0.0.0.0",
        "5",
        "null",
    ],
)
def test_addresses_that_a_token_must_not_be_sent_to_are_refused(url: str) -> None:
    assert len(faults(api(f"base_url: {url if url == 'null' else repr(url)}"))) == 1
