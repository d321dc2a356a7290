"""`demo --fast`: the whole way from a configuration to deleted snapshots, in a few seconds."""

from __future__ import annotations

from tests.cli.conftest import Stage


def test_the_demo_shows_what_it_promises_and_leaves_nothing_behind(stage: Stage) -> None:
    (stage.directory / "config.yaml").unlink()
    ran = stage.rotator("demo", "--fast", VPS_API_URL="http://127.0.0.1:9/api/v1", VPS_API_TOKEN="vps_mine")
    assert ran.code == 0
    assert "2 rotated, 1 cap_reached, 1 failed." in ran.out
    assert ran.out.endswith("everything went as it should, the failures too.\n")
    assert "Traceback" not in ran.err
    assert list(stage.directory.iterdir()) == []
    assert stage.world.requests == []
