"""`init`: a first configuration that is right as it stands, and never one in the place of another."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotator.cli.starter import Found, Origin, text
from rotator.config import parse
from rotator.sandbox import Fault
from rotator.settings import Settings
from tests.cli.conftest import Ran, Stage, plant

NOW = datetime(2027, 3, 14, tzinfo=UTC)

FOUND = st.builds(
    Found,
    st.integers(0, 10**12) | st.uuids().map(str),
    st.none() | st.text(max_size=40) | st.sampled_from(["null", "TRUE", "on", "1", "a: b", "- x", "#", '"']),
    st.integers(0, 6),
)


def read(content: str) -> Settings:
    """The configuration that the text is."""
    return parse(content, "config.yaml", {}, NOW)


def init(stage: Stage, *arguments: str, **environ: str) -> tuple[Ran, str]:
    """Run it where no configuration is; returns what it wrote too."""
    path = stage.directory / "config.yaml"
    path.unlink(missing_ok=True)
    ran = stage.rotator("init", *arguments, **{"VPS_API_URL": stage.base_url, **environ})
    return ran, path.read_text() if path.exists() else ""


def test_it_writes_the_servers_of_the_account_and_what_it_wrote_rotates_them(stage: Stage) -> None:
    stage.world.add_snapshot(102, "by-hand")
    plant(stage.world, 101, "nightly", 1)
    plant(stage.world, 101, "nightly", 2)
    ran, content = init(stage, CREDENTIALS_DIRECTORY="/nowhere")
    assert (ran.code, ran.err) == (0, "")
    assert "adopt:" not in content  # those with a slot in their names are rotator's own
    assert "# The token comes from the environment variable VPS_API_TOKEN." in content
    assert ran.out.startswith("Wrote config.yaml with the 2 servers of the account.")
    assert "\n  - id: 101\n    name: web-01\n    policies: [nightly, weekly]\n" in content
    remark = "# 1 of 5 places hold snapshots of others, so not weekly too"
    assert f"\n  - id: 102\n    name: db-01\n    policies: [nightly]   {remark}\n" in content
    ran = stage.rotator("check", "--online", "--json", VPS_API_URL="")
    assert (ran.code, ran.document["warnings"]) == (0, [])
    assert {turn["mode"] for server in ran.document["servers"] for turn in server["turns"]} == {
        "create_first"
    }


def test_it_never_overwrites(stage: Stage) -> None:
    path = stage.directory / "config.yaml"
    path.write_text("mine")
    ran = stage.rotator("init")
    assert (ran.code, path.read_text(), stage.world.requests) == (1, "mine", [])
    assert "config.yaml is there already, and is never overwritten" in ran.err
    dangling = stage.directory / "link.yaml"
    dangling.symlink_to("nowhere")
    assert stage.rotator("--config", "link.yaml", "init").code == 1
    assert not (stage.directory / "nowhere").exists()


def test_without_a_token_it_writes_a_template_and_says_what_to_do(stage: Stage) -> None:
    ran, content = init(stage, VPS_API_TOKEN="", CREDENTIALS_DIRECTORY="/nowhere")
    assert (ran.code, stage.world.requests) == (0, [])
    assert read(content).api.token_file == "token"
    assert "Make a token in the account's developer" in ran.out
    assert [server.key for server in read(content).servers] == ["12345"]
    assert stage.rotator("check", VPS_API_TOKEN="").code == 0


def test_the_token_beside_the_file_is_used_and_named_in_it(stage: Stage) -> None:
    (stage.directory / "token").write_text("vps_sandbox\n")
    (stage.directory / "token").chmod(0o600)
    ran, content = init(stage, VPS_API_TOKEN="")
    assert (ran.code, read(content).api.token_file) == (0, "token")
    assert [server.key for server in read(content).servers] == ["101", "102"]


def test_offline_asks_nobody(stage: Stage) -> None:
    ran, content = init(stage, "--offline")
    assert (ran.code, stage.world.requests) == (0, [])
    assert "id: 12345" in content


def test_where_the_api_is_out_of_order_it_says_how_to_go_on_without(stage: Stage) -> None:
    stage.world.faults.add(Fault(status=503, headers={"Retry-After": "60"}, times=None))
    ran, content = init(stage)
    assert (ran.code, content) == (1, "")
    assert "`rotator init --offline` asks nobody" in ran.err


@pytest.mark.parametrize("foreign", [2, 3])
def test_what_others_made_is_told_with_what_it_costs(foreign: int) -> None:
    content = text(Origin(), (Found(101, "web-01", foreign),))
    cost = {2: ", so not weekly too\n", 3: ", so not weekly too, and nightly keeps 2 at most\n"}
    assert f"# {foreign} of 5 places hold snapshots of others{cost[foreign]}" in content


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({"VPS_API_TOKEN": "vps_wrong"}, 77),
        ({"VPS_API_URL": "x"}, 78),
    ],
    ids=["a refused token", "no address"],
)
def test_an_account_that_cannot_be_asked_leaves_no_file(
    stage: Stage, environ: dict[str, str], code: int
) -> None:
    ran, content = init(stage, **environ)
    assert (ran.code, content) == (code, "")
    assert "VPS_API_" in ran.err.splitlines()[-1]


def test_an_account_that_does_not_list_servers_is_known_by_its_snapshots(stage: Stage) -> None:
    stage.world.faults.add(Fault(path="/servers/*", status=404))
    stage.world.add_snapshot(102, "by-hand-2026-11-01")
    stage.world.add_snapshot(102, "by-hand-2026-11-08")
    ran, content = init(stage)
    assert ran.code == 0
    assert [(server.key, server.name) for server in read(content).servers] == [("102", "db-01")]
    assert '\n    # adopt: ["by-hand-*"]\n' in content
    assert read(re.sub("# (adopt:)", r"\1", content)).servers[0].policies[0].adopt == ("by-hand-*",)


def test_a_directory_that_is_not_there_is_told(stage: Stage) -> None:
    ran = stage.rotator("--config", "none/config.yaml", "init", "--offline")
    assert ran.code == 1
    assert "none/config.yaml cannot be written: No such file or directory" in ran.err


@given(st.lists(FOUND, max_size=5, unique_by=lambda found: str(found.id)))
def test_whatever_the_account_calls_its_servers_the_file_is_right(servers: list[Found]) -> None:
    settings = read(text(Origin(), servers))
    assert [server.id for server in settings.servers] == ([found.id for found in servers] or [12345])
    assert settings.warnings == ()
