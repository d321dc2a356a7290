"""Prometheus itself reads the rules, finds nothing wrong with the metrics, and scrapes a running daemon."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import PATIENCE, Stage, plant, sandboxes, stage, until
from tests.system.needing import need
from tests.test_deploy_prometheus import DEPLOY, dashboard_expressions
from tests.test_metrics import full
from tests.web.conftest import free_port

__all__ = ["sandboxes", "stage"]  # fixtures

TOKEN = "a-long-made-up-token"


@pytest.fixture(autouse=True)
def prometheus_is_here() -> None:
    """Debian's package has both programs."""
    need(programs=("prometheus", "promtool"))


def promtool(*arguments: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run it where the rules lie."""
    return subprocess.run(
        ["promtool", *arguments], cwd=DEPLOY, input=given, capture_output=True, timeout=PATIENCE, check=False
    )


def test_it_finds_nothing_wrong_with_the_metrics() -> None:
    from rotator.metrics import render

    ran = promtool("check", "metrics", given=render(full()))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")


def test_the_rules_are_right_and_pass_their_unit_tests() -> None:
    assert promtool("check", "rules", "rotator.rules.yml").returncode == 0
    ran = promtool("test", "rules", "rotator.rules.test.yml")
    assert ran.returncode == 0, ran.stdout.decode()


def test_what_the_dashboard_asks_can_be_evaluated(tmp_path: Path) -> None:
    asked = [
        text.replace("$__rate_interval", "5m")
        for text in dashboard_expressions()
        if "label_values" not in text
    ]
    rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(asked)]
    path = tmp_path / "dashboard.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    ran = promtool("check", "rules", str(path))
    assert ran.returncode == 0, ran.stderr.decode()


CONFIG = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: rotator
    authorization: {{credentials_file: http-token}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@contextmanager
def prometheus(directory: Path, port: int) -> Iterator[None]:
    """A server that scrapes what prometheus.yml in that directory says."""
    process = subprocess.Popen(
        [
            "prometheus",
            f"--web.listen-address=127.0.0.1:{port}",
            f"--config.file={directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={directory / 'tsdb'}",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def query(port: int, expression: str) -> list[Any]:
    """What that server knows; nothing while it is not up yet."""
    url = f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    with suppress(OSError), urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        found: list[Any] = json.load(answer)["data"]["result"]
        return found
    return []


def test_a_daemon_with_a_token_is_scraped_and_its_alerts_are_evaluated(stage: Stage) -> None:
    here, there = free_port(), free_port()
    (stage.directory / "http-token").write_text(TOKEN)
    plant(stage.world, 101, "nightly", 30)
    stage.config(
        "servers: [{id: 101, policies: [nightly]}]\n"
        f"http: {{listen: '127.0.0.1:{there}', token_file: http-token}}\n",
        'policies: {nightly: {schedule: "0 3 * * *", keep: {last: 3}, catch_up: 0s}}\n',
    )
    rules = DEPLOY / "rotator.rules.yml"
    (stage.directory / "prometheus.yml").write_text(CONFIG.format(rules=rules, port=there))
    with stage.start("run") as daemon, prometheus(stage.directory, here):
        try:
            until(lambda: query(here, 'up{job="rotator"} == 1'))
            until(lambda: query(here, 'rotator_stale{server_id="101"} == 1'))
            until(lambda: query(here, 'ALERTS{alertname="RotatorStale", policy="nightly"}'))
        finally:
            daemon.terminate()
            _, err = daemon.communicate(timeout=PATIENCE)
    assert TOKEN not in err
