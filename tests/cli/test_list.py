"""`list`: what stands on the servers, and whose it is."""

from __future__ import annotations

from rotator.sandbox import Fault
from tests.cli.conftest import Ran, Stage, plant

KEYS = [
    *("id", "name", "state", "created_at", "reasons"),
    *("server_id", "server", "policy", "kind", "size_mb", "description"),
]

SERVERS = "servers:\n  - {id: 101, name: web-01, policies: [nightly], protect: [golden-*]}\n"


def test_every_snapshot_is_listed_with_its_kind_and_policy(stage: Stage) -> None:
    stage.config(servers=SERVERS)
    own, orphan = plant(stage.world, 101, "nightly", 1), plant(stage.world, 101, "daily", 2)
    stage.world.add_snapshot(101, "golden-1", description="Made by hand")
    stage.world.add_snapshot(102, "not-configured")
    ran = stage.rotator("list", "--json")
    assert ran.code == 0
    assert list(ran.document) == ["version", "ok", "snapshots"]
    rows = ran.document["snapshots"]
    assert [list(row) for row in rows] == [KEYS] * 3
    assert [(r["name"], r["kind"], r["policy"], r["reasons"]) for r in rows] == [
        ("golden-1", "foreign", None, ["protected"]),
        (own, "managed", "nightly", []),
        (orphan, "orphan", None, []),
    ]
    assert (rows[0]["server"], rows[0]["size_mb"], rows[0]["description"]) == ("web-01", 5120, "Made by hand")


def test_people_see_one_table_for_each_server(stage: Stage) -> None:
    own = plant(stage.world, 101, "nightly", 1)
    plant(stage.world, 102, "daily", 2)
    ran = stage.rotator("list")
    assert ran.code == 0
    (id_,) = (str(row.id) for row in stage.world.snapshots(101))
    assert [own, "managed", "nightly", own[-16:], "1d", "5120", "MB", "completed", id_] in [
        line.split() for line in ran.out.splitlines()
    ]
    assert "web-01  1 of 5 places taken\n" in ran.out
    assert 'adopt: ["daily-*"]' in ran.out
    assert "\x1b" not in ran.out


def test_quiet_leaves_what_somebody_has_to_look_at(stage: Stage) -> None:
    plant(stage.world, 101, "nightly", 1)
    stage.world.add_snapshot(101, "by-hand")
    assert stage.rotator("--quiet", "list") == Ran(0, "", "")
    failed = stage.world.add_snapshot(101, "broken", status="failed")
    orphan = plant(stage.world, 101, "daily", 2)
    odd, future = (
        stage.world.add_snapshot(101, "odd", status="frozen"),
        plant(stage.world, 101, "nightly", -2),
    )
    ran = stage.rotator("--quiet", "list")
    assert ran.code == 0
    head, _, *rows, advice = ran.out.splitlines()
    assert head == "web-01  6 of 5 places taken"
    assert {row.split()[0] for row in rows} == {"broken", "odd", orphan, future}
    assert {row.split()[-1] for row in rows} >= {str(failed), str(odd)}
    assert orphan in advice
    assert "db-01" not in ran.out


def test_one_server_can_be_asked_for(stage: Stage) -> None:
    for server_id in (101, 102):
        plant(stage.world, server_id, "nightly", 1)
    ran = stage.rotator("list", "--server", "102", "--json")
    assert [row["server_id"] for row in ran.document["snapshots"]] == [102]
    assert stage.rotator("list", "--server", "1").code == 2


def test_a_name_that_would_move_the_cursor_is_spelled_out(stage: Stage) -> None:
    stage.world.add_snapshot(101, "evil\x1b[2Jname")
    assert r"evil\x1b[2Jname" in stage.rotator("list").out


def test_a_list_that_cannot_be_trusted_is_an_error_of_its_server_alone(stage: Stage) -> None:
    own = plant(stage.world, 101, "nightly", 1)
    stage.world.add_snapshot(102, "x", size_mb=-1)
    ran = stage.rotator("list", "--json")
    assert (ran.code, ran.document["ok"]) == (1, False)
    assert [row["name"] for row in ran.document["snapshots"]] == [own]
    assert [error["code"] for error in ran.document["errors"]] == ["list_unsure"]
    assert "list_unsure" in stage.rotator("list").out


def test_a_refused_token_is_told_as_such(stage: Stage) -> None:
    ran = stage.rotator("list", "--json", VPS_API_TOKEN="vps_wrong")
    assert ran.code == 77
    assert ran.document["errors"][0]["code"] == "unauthorized"


def test_a_token_that_may_not_list_is_told_with_what_helps(stage: Stage) -> None:
    stage.world.faults.add(Fault(path="/snapshots/*", status=403))
    ran = stage.rotator("list")
    assert ran.code == 1
    assert "`rotator check --online` shows what it may" in ran.err.splitlines()[-1]
