"""`run --once`: what is rotated, what is told, and how it ends."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest

from rotator.cli.complaints import ACCOUNT
from rotator.sandbox import Fault, Switches
from tests.cli.conftest import PATIENCE, POLICIES, SERVERS, Stage, names, plant_three, until

ROTATION_KEYS = (
    *("server_id", "server", "policy", "slot", "outcome", "mode", "created"),
    *("deleted", "kept", "deferred", "other", "foreign", "failed", "in_progress", "unknown", "quarantined"),
    *("cap", "free_before", "free_after", "error", "retry_at", "api_calls", "seconds"),
)


def test_every_enabled_pair_is_rotated_and_told_in_one_document(stage: Stage) -> None:
    oldest = plant_three(stage.world, 101)
    ran = stage.rotator("run", "--once", "--json")
    assert ran.code == 0
    assert list(ran.document) == ["version", "ok", "dry_run", "rotations"]
    assert (ran.document["version"], ran.document["ok"], ran.document["dry_run"]) == (1, True, False)
    web, db = ran.document["rotations"]
    assert tuple(web) == ROTATION_KEYS
    assert (web["server_id"], web["server"], web["policy"], web["outcome"]) == (
        101,
        "web-01",
        "nightly",
        "rotated",
    )
    assert [(s["name"], s["reasons"]) for s in web["deleted"]] == [(oldest, ["not_kept"])]
    assert (db["server"], db["outcome"], db["mode"]) == ("db-01", "rotated", "create_first")
    assert names(stage.world, 102) == {db["created"]["name"]}
    assert oldest not in names(stage.world, 101)


def test_the_result_for_people_names_every_snapshot_with_its_reasons(stage: Stage) -> None:
    oldest = plant_three(stage.world, 101)
    ran = stage.rotator("run", "--once", "--server", "101")
    assert ran.code == 0
    rows = [line.split() for line in ran.out.splitlines()]
    assert ["deleted", oldest, "3d", "ready", *["not_kept:", "no", "keep", "rule", "wants", "it"]] in rows
    assert ran.out.splitlines()[0].startswith("web-01  nightly  ")
    assert "\x1b" not in ran.out


@pytest.mark.parametrize(
    "arguments",
    [("--once", "--server", "101", "--json"), ("--quiet", "--once", "--server=101", "--json")],
    ids=["alone", "after a shared option"],
)
def test_once_needs_no_run_before_it(stage: Stage, arguments: tuple[str, ...]) -> None:
    ran = stage.rotator(*arguments)
    assert ran.code == 0
    assert [r["server_id"] for r in ran.document["rotations"]] == [101]


def test_shared_options_may_stand_after_the_command(stage: Stage) -> None:
    path = stage.config().rename(stage.directory / "other.yaml")
    ran = stage.rotator("run", "--once", "--json", "--config", str(path), "--log-level", "error")
    assert (ran.code, ran.err) == (0, "")


def test_due_rotates_the_missing_slot_under_its_own_name_and_only_once(stage: Stage) -> None:
    stage.config(policies=POLICIES.replace('"0 3 * * *"', '"@yearly", catch_up: 400d'))
    first = stage.rotator("run", "--once", "--due", "--json")
    assert [(r["outcome"], r["slot"][4:]) for r in first.document["rotations"]] == [
        ("rotated", "0101T000000Z")
    ] * 2
    again = stage.rotator("run", "--once", "--due", "--json")
    assert (again.code, [r["outcome"] for r in again.document["rotations"]]) == (0, ["unchanged"] * 2)


def test_a_dry_run_says_what_would_be_and_the_document_what_the_outcome_would_be(stage: Stage) -> None:
    block = [stage.world.add_snapshot(102, f"by-hand-{number}") for number in range(5)]
    ran = stage.rotator("run", "--once", "--dry-run")
    heads = re.findall(r"^(\S+)  nightly  \S+  (.*)$", ran.out, re.MULTILINE)
    assert heads == [("web-01", "would be rotated (create first)"), ("db-01", "would end cap_reached")]
    assert len(block) == 5
    document = stage.rotator("run", "--once", "--dry-run", "--json").document
    assert [rotation["outcome"] for rotation in document["rotations"]] == ["rotated", "cap_reached"]


def test_a_dry_run_changes_nothing(stage: Stage) -> None:
    ran = stage.rotator("run", "--once", "--dry-run", "--json")
    assert (ran.code, ran.document["dry_run"]) == (0, True)
    assert {r["created"]["id"] for r in ran.document["rotations"]} == {None}
    assert stage.world.history == []


def test_one_failure_stops_nobody_else_and_is_told_at_the_end(stage: Stage) -> None:
    stage.world.faults.add(Fault(method="POST", server_id=101, fate="fails"))
    ran = stage.rotator("run", "--once", "--json")
    assert (ran.code, ran.document["ok"]) == (1, False)
    web, db = ran.document["rotations"]
    assert (web["outcome"], web["error"]["code"]) == ("failed", "snapshot_failed")
    assert db["outcome"] == "rotated"


def test_quiet_leaves_only_what_is_wrong(stage: Stage) -> None:
    for days in range(5):
        stage.world.add_snapshot(101, f"by-hand-{days}")
    ran = stage.rotator("--quiet", "run", "--once")
    assert ran.code == 1
    assert "web-01" in ran.out
    assert "cap_reached" in ran.out
    assert "db-01" not in ran.out
    assert '"info"' not in ran.err


# --- the command line -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--server", "999"), "there is no server '999'. Known: 101, 102."),
        (("--server", "web-01"), "--server takes ids: web-01 is the name of the server 101."),
        (("--policy", "nigthly"), "there is no policy 'nigthly', did you mean nightly? Known: nightly, off."),
        (("--policy", "off"), "the policy off is disabled: set enabled: true to rotate it."),
        (("--watch",), "--watch is for the daemon, not for --once."),
    ],
    ids=["server", "label", "policy", "disabled", "watch"],
)
def test_a_wrong_selection_says_what_there_is(stage: Stage, arguments: tuple[str, ...], message: str) -> None:
    plain = stage.rotator("run", "--once", *arguments)
    assert (plain.code, plain.out) == (2, "")
    assert plain.err.endswith(f"Error: {message}\n")
    as_json = stage.rotator("run", "--once", "--json", *arguments)
    assert as_json.code == 2
    assert as_json.document == {"version": 1, "ok": False, "errors": [{"code": "config", "message": message}]}
    assert stage.world.history == []


@pytest.mark.parametrize("option", ["--due", "--dry-run", "--json"])
def test_what_belongs_to_once_is_refused_without_it(stage: Stage, option: str) -> None:
    assert stage.rotator("run", option).code == 2


# --- the configuration and the token --------------------------------------------------------------


def test_all_faults_of_a_configuration_are_told_with_their_places(stage: Stage) -> None:
    path = stage.config(policies='policies:\n  nightly: {schedule: "61 * * * *", keeep: {last: 3}}\n')
    plain = stage.rotator("run", "--once")
    assert (plain.code, plain.out) == (78, "")
    assert all(line.startswith(f"{path.name}:") for line in plain.err.splitlines())
    ran = stage.rotator("run", "--once", "--json")
    assert ran.code == 78
    assert ran.document["ok"] is False
    errors = ran.document["errors"]
    assert len(errors) == len(plain.err.splitlines()) > 1
    assert {tuple(error) for error in errors} == {("code", "message", "path", "line", "column")}
    assert {error["line"] for error in errors} >= {5}


def test_a_missing_configuration_and_a_missing_token_are_configuration_errors(stage: Stage) -> None:
    tokenless = stage.rotator("run", "--once", "--json", VPS_API_TOKEN="")
    assert tokenless.code == 78
    assert "VPS_API_TOKEN" in tokenless.document["errors"][0]["message"]
    absent = stage.rotator("--config", "absent.yaml", "run", "--once", "--json")
    assert absent.code == 78
    assert absent.document["errors"][0]["message"].startswith("absent.yaml: ")


def test_a_refused_token_ends_with_its_own_code_and_is_never_shown(stage: Stage) -> None:
    ran = stage.rotator("run", "--once", "--json", VPS_API_TOKEN="vps_wrong_and_secret")
    assert ran.code == 77
    assert {r["error"]["code"] for r in ran.document["rotations"]} == {"unauthorized"}
    assert "vps_wrong_and_secret" not in ran.out + ran.err


def test_a_token_file_that_others_can_read_is_warned_of_once(stage: Stage) -> None:
    token = stage.directory / "token"
    token.write_text("vps_sandbox\n")
    token.chmod(0o644)
    stage.config(api=f"  token_file: {token}\n")
    ran = stage.rotator("run", "--once", VPS_API_TOKEN="")
    assert ran.code == 0
    assert ran.err.count("chmod o-r") == 1


# --- signals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
)
def test_a_signal_ends_it_tidily_and_the_snapshot_is_left_to_the_next_run(
    stage: Stage, number: signal.Signals, code: int
) -> None:
    stage.world.switches = Switches(create_time=600)
    with stage.start("run", "--once", "--json", "--server", "101") as process:
        until(lambda: stage.world.snapshots(101))
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    assert json.loads(out) == {"version": 1, "ok": False, "errors": [], "dry_run": False, "rotations": []}
    assert "Traceback" not in err
    assert [change.kind for change in stage.world.history] == ["created"]


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "people"])
def test_a_signal_leaves_the_results_of_what_had_ended(stage: Stage, tmp_path: Path, as_json: bool) -> None:
    stage.config(policies=POLICIES.replace("timeout: 5s", "timeout: 5m"))
    stage.world.faults.add(Fault(method="POST", server_id=101, fate="hangs"))
    told = tmp_path / "stderr"
    with told.open("w") as log:
        stage.log = log
        with stage.start("run", "--once", *(["--json"] if as_json else [])) as process:
            until(lambda: "rotation.finished" in told.read_text() and stage.world.snapshots(101))
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    if as_json:
        document = json.loads(out)
        assert (document["ok"], document["errors"]) == (False, [])
        assert [(r["server"], r["outcome"]) for r in document["rotations"]] == [("db-01", "rotated")]
    else:
        assert out.startswith("db-01  nightly  ")
        assert "rotator: being made on web-01: nightly-" in told.read_text()
        assert "web-01" not in out
        assert "rotator: 1 rotation had not ended\n" in told.read_text()


# --- what the whole account met -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "outcome"),
    [
        pytest.param(("run", "--once"), "failed", id="run"),
        pytest.param(("plan",), "would end failed", id="plan"),
    ],
)
def test_a_refused_token_is_told_once_with_where_it_came_from(
    stage: Stage, command: tuple[str, ...], outcome: str
) -> None:
    ran = stage.rotator(*command, VPS_API_TOKEN="vps_revoked")
    assert ran.code == 77
    assert ran.out.count("unauthorized") == 1
    assert ran.out.startswith(f"2 rotations  {outcome}: web-01 nightly, db-01 nightly\n")
    assert ran.err.endswith(hint_of("unauthorized"))


def hint_of(code: str) -> str:
    """What is advised."""
    assert "VPS_API_TOKEN" in ACCOUNT[code]
    return ACCOUNT[code]


def test_of_many_that_met_the_same_three_are_named(stage: Stage) -> None:
    ids = range(201, 206)
    listed = "".join(f"  - {{id: {id_}, name: s{id_}, policies: [nightly]}}\n" for id_ in ids)
    stage.config(servers=f"servers:\n{listed}")
    ran = stage.rotator("--quiet", "plan", VPS_API_TOKEN="vps_revoked")
    assert ran.out.startswith(
        "5 rotations  would end failed: s201 nightly, s202 nightly, s203 nightly and 2 more\n"
    )


def test_servers_that_the_account_does_not_have_are_told_one_by_one(stage: Stage) -> None:
    stage.config(servers=SERVERS.replace("101", "901").replace("102", "902"))
    ran = stage.rotator("plan")
    assert ran.code == 1
    assert "the account has no server with the id 901" in ran.out
    assert "the account has no server with the id 902" in ran.out


def test_a_name_that_was_written_in_place_of_an_id_is_told_as_such(stage: Stage) -> None:
    stage.world.add_server(103, "web-03")
    stage.config(servers="servers:\n  - {id: web-03, policies: [nightly]}\n")
    for command in (("plan",), ("status",), ("list",)):
        ran = stage.rotator(*command)
        assert ran.code == 1
        assert "not_found" in ran.out
    ran = stage.rotator("run", "--once", "--json")
    assert [r["error"]["code"] for r in ran.document["rotations"]] == ["bad_request"]


def test_a_wrong_address_is_told_as_such(stage: Stage) -> None:
    ran = stage.rotator("status", VPS_API_URL=stage.base_url.removesuffix("/v1"))
    assert ran.code == 1
    assert "404 Not Found" in ran.err
    assert "is the address right? VPS_API_URL, else api.base_url" in ran.err


def test_a_refused_token_is_told_with_the_place_it_was_read_from(stage: Stage) -> None:
    token = stage.directory / "token"
    token.write_text("vps_revoked\n")
    token.chmod(0o600)
    stage.config(api="  token_file: token\n")
    assert "(the token was read from token)" in stage.rotator("list", VPS_API_TOKEN="").err
    assert "(the token was read from VPS_API_TOKEN)" in stage.rotator("list", VPS_API_TOKEN="vps_other").err
