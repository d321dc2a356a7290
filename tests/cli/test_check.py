"""`check`: what the configuration means, and what the account says to it."""

from __future__ import annotations

import pytest

from rotator.cli.checked import Checked, lines
from rotator.cli.inspection import Inspection
from rotator.models import AccountInfo
from rotator.sandbox import Fault, Switches
from rotator.settings import ApiSettings, Settings
from tests.cli.conftest import POLICIES, Stage, plant

AT = "2027-03-14T07:00:00Z"

PAIR_KEYS = ["server_id", "policy", "next", "widest_gap_seconds", "most_kept"]

SERVER_KEYS = [
    *("server_id", "server", "reachable", "places", "managed", "foreign", "orphans", "blocked"),
    *("legacy", "short_by", "turns"),
]


def test_the_next_slots_of_each_pair_are_listed_strictly_after_the_time(stage: Stage) -> None:
    ran = stage.rotator("check", "--at", "2027-03-14T03:00:00Z", "--next", "2", "--json", VPS_API_TOKEN="")
    assert ran.code == 0
    assert list(ran.document) == ["version", "ok", "pairs", "warnings"]
    web, db = ran.document["pairs"]
    assert list(web) == PAIR_KEYS
    assert web == {
        "server_id": 101,
        "policy": "nightly",
        "next": ["2027-03-15T03:00:00Z", "2027-03-16T03:00:00Z"],
        "widest_gap_seconds": 86400,
        "most_kept": 3,
    }
    assert db["server_id"] == 102
    assert stage.world.requests == []


def test_people_see_the_slots_in_the_zone_of_the_policy_and_in_utc(stage: Stage) -> None:
    stage.config(policies=POLICIES.replace("defaults: {", "defaults: {timezone: Africa/Nairobi, "))
    ran = stage.rotator("check", "--at", AT, "--next", "1")
    assert ran.code == 0
    assert "  Mon 2027-03-15 03:00 EAT  2027-03-15T00:00:00Z\n" in ran.out
    assert "keeps at most 3, needs 3 of 5 places" in ran.out


def test_the_busiest_minute_is_reckoned_at_the_rate_limit(stage: Stage) -> None:
    path = stage.config()
    path.write_text(path.read_text().replace("rate_limit: 0", "rate_limit: 0.5"))
    ran = stage.rotator("check", "--at", AT)
    assert (
        "Busiest minute: 2027-03-15T03:00:00Z, 2 rotations, 6 requests: about 12 s at 0.5 a second."
        in ran.out
    )


def test_what_is_unwise_is_a_warning_with_its_place(stage: Stage) -> None:
    stage.config(policies=POLICIES.replace("{last: 3}", "{last: 5}"))
    ran = stage.rotator("check", "--json")
    assert ran.code == 0
    (warning,) = ran.document["warnings"]
    assert list(warning) == ["code", "message", "path", "line", "column"]
    assert (warning["code"], warning["path"]) == ("delete_first", "servers[0].policies")
    plain = stage.rotator("--quiet", "check")
    assert plain.out.startswith(
        f"config.yaml:{warning['line']}:{warning['column']}: servers[0].policies: warning: "
    )
    assert len(plain.out.splitlines()) == 1


def test_a_wrong_configuration_is_told_fault_by_fault(stage: Stage) -> None:
    stage.config(servers="servers: [{id: 1, policies: [absent]}, {id: 1, policies: [nightly]}]\n")
    ran = stage.rotator("check", "--json")
    assert ran.code == 78
    assert len(ran.document["errors"]) >= 2


# --- online ---------------------------------------------------------------------------------------


def test_each_server_is_counted(stage: Stage) -> None:
    plant(stage.world, 101, "nightly", 1)
    orphan = plant(stage.world, 101, "daily", 2)
    stage.world.add_snapshot(101, "by-hand")
    ran = stage.rotator("check", "--online", "--json", "--next", "0")
    assert ran.code == 0
    web, db = ran.document["servers"]
    assert list(web) == SERVER_KEYS
    assert (web["server_id"], web["server"], web["reachable"]) == (101, "web-01", True)
    assert web["places"] == {"cap": 5, "used": 3, "free": 2}
    assert (web["managed"], web["foreign"], web["blocked"]) == (1, 2, [])
    assert [(o["name"], o["adopt"]) for o in web["orphans"]] == [(orphan, 'adopt: ["daily-*"]')]
    assert (db["places"]["free"], db["orphans"]) == (5, [])


@pytest.mark.parametrize("foreign", [4, 5], ids=["it will block", "it is blocked"])
def test_foreign_snapshots_that_leave_no_room_are_told(stage: Stage, foreign: int) -> None:
    for number in range(foreign):
        stage.world.add_snapshot(102, f"by-hand-{number}")
    ran = stage.rotator("check", "--online", "--json")
    assert (ran.code, ran.document["ok"]) == (1, False)
    web, db = ran.document["servers"]
    assert web["blocked"] == []
    assert [(block["policy"], "foreign" in block["reason"]) for block in db["blocked"]] == [("nightly", True)]
    later = " later" if foreign == 4 else ""
    assert f"will block nightly{later}: " in stage.rotator("check", "--online").out


def test_foreign_snapshots_that_leave_room_to_work_in_block_nothing(stage: Stage) -> None:
    for number in range(3):
        stage.world.add_snapshot(102, f"by-hand-{number}")
    ran = stage.rotator("check", "--online")
    assert ran.code == 0
    warning = "foreign snapshots leave 2 places: 1 restore point fewer will be kept than the keep rules say"
    assert f"\n  warning: {warning}\n" in ran.out
    assert [s["short_by"] for s in stage.rotator("check", "--online", "--json").document["servers"]] == [0, 1]


def test_a_server_that_the_account_does_not_have_is_not_reachable(stage: Stage) -> None:
    stage.world.remove_server(102)
    ran = stage.rotator("check", "--online", "--json")
    assert ran.code == 1
    assert [(s["reachable"], s["places"] is None) for s in ran.document["servers"]] == [
        (True, False),
        (False, True),
    ]


def test_a_server_whose_list_is_broken_is_not_reachable(stage: Stage) -> None:
    stage.world.add_snapshot(102, "x", size_mb=-1)
    ran = stage.rotator("check", "--online", "--json")
    assert ran.code == 1
    assert [s["reachable"] for s in ran.document["servers"]] == [True, False]


def test_an_account_that_does_not_tell_who_asks_is_judged_by_its_list(stage: Stage) -> None:
    stage.world.faults.add(Fault(path="/account/me/", status=404), Fault(path="/servers/*", status=403))
    assert stage.rotator("check", "--online").code == 0


def test_what_the_token_may_do_is_told_where_the_account_tells_it(stage: Stage) -> None:
    may = "servers:read, servers:write, snapshots:read, snapshots:write"
    assert f"The token is accepted (sandbox) and may: {may}." in stage.rotator("check", "--online").out
    stage.world.faults.add(Fault(path="/account/me/", status=404))
    untold = stage.rotator("check", "--online")
    assert (untold.code, "what it may do the API does not tell" in untold.out) == (0, True)


@pytest.mark.parametrize(
    ("permissions", "reads"),
    [
        ((), False),
        (("servers:*",), False),
        (("snapshots:read", "snapshots:write"), False),
        (("snapshots:read",), True),
    ],
)
def test_a_token_is_only_taken_for_a_reading_one_if_all_of_its_permissions_say_so(
    permissions: tuple[str, ...], reads: bool
) -> None:
    found = Checked(
        Settings("c.yaml", ApiSettings(), ()), (), None, Inspection(AccountInfo(permissions=permissions), ())
    )
    assert any("this token may only read" in line for line in lines(found, quiet=True)) is reads


def test_a_server_with_room_is_rotated_create_first_and_a_full_one_delete_first(stage: Stage) -> None:
    for day in (5, 4, 3, 2, 1):
        plant(stage.world, 102, "nightly", day)
    ran = stage.rotator("check", "--online", "--json")
    web, db = ran.document["servers"]
    (oldest, *_) = sorted(row.name for row in stage.world.snapshots(102))
    assert web["turns"] == [{"policy": "nightly", "mode": "create_first", "deletes": []}]
    assert db["turns"] == [{"policy": "nightly", "mode": "delete_first", "deletes": [oldest]}]
    assert ran.document["token"]["name"] == "sandbox"
    plain = stage.rotator("check", "--online").out
    assert "  nightly: the next rotation creates first, there is a free place\n" in plain
    assert f"  nightly: the next rotation has to delete before it creates: {oldest}\n" in plain


def test_what_an_older_script_left_is_shown_once_with_the_line_that_takes_it_over(stage: Stage) -> None:
    for id_ in (101, 102):
        for day in ("08", "15"):
            stage.world.add_snapshot(id_, f"weekly-snapshot-2025-01-{day}")
    plain = stage.rotator("check", "--online").out
    assert plain.count("These look like an older script's: ") == 1
    assert plain.endswith(
        'If so, a policy takes them over, and may then delete them, with  adopt: ["weekly-snapshot-*"]\n'
    )
    stage.config(
        policies=POLICIES.replace("keep: {last: 3}", 'keep: {last: 3}, adopt: ["weekly-snapshot-*"]')
    )
    web, _ = stage.rotator("check", "--online", "--json").document["servers"]
    assert (web["managed"], web["legacy"]) == (2, [])


def test_a_refused_token_is_told_as_such(stage: Stage) -> None:
    ran = stage.rotator("check", "--online", "--json", VPS_API_TOKEN="vps_wrong")
    assert ran.code == 77
    assert [error["code"] for error in ran.document["errors"]] == ["unauthorized"]
    assert "vps_wrong" not in ran.out + ran.err


def test_ids_are_told_as_the_api_gives_them(stage: Stage) -> None:
    stage.world.switches = Switches(create_time=0.1, ids="text")
    plant(stage.world, 101, "nightly", 1)
    ran = stage.rotator("check", "--online", "--json")
    assert [s["server_id"] for s in ran.document["servers"]] == ["101", 102]


def test_a_server_that_is_being_restored_is_told_as_blocked_for_now(stage: Stage) -> None:
    id_ = stage.world.add_snapshot(102, "before")
    stage.world.switches = Switches(create_time=0.1, restore_time=600)
    stage.world.restore(id_)
    _, db = stage.rotator("check", "--online", "--json").document["servers"]
    assert [(block["policy"], block["reason"].split(":")[0]) for block in db["blocked"]] == [
        ("nightly", "the server is being restored")
    ]
    assert db["turns"] == []
