"""The rules and the dashboard speak of metrics that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.test_metrics import CONTRACT

DEPLOY = Path(__file__).parents[1] / "deploy" / "prometheus"
RULES = yaml.safe_load((DEPLOY / "rotator.rules.yml").read_text())
DASHBOARD = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
METRIC = re.compile(r"\brotator_[a-z_]+\b")


def rules() -> list[dict[str, Any]]:
    """Every alert."""
    return [rule for group in RULES["groups"] for rule in group["rules"]]


def dashboard_expressions() -> Iterator[str]:
    """Everything that the dashboard asks Prometheus for."""
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (v["query"]["query"] for v in DASHBOARD["templating"]["list"] if v["type"] == "query")


@pytest.mark.parametrize("expression", [*(rule["expr"] for rule in rules()), *dashboard_expressions()])
def test_an_expression_names_only_metrics_that_there_are(expression: str) -> None:
    assert set(METRIC.findall(expression)) <= CONTRACT.keys()
    assert METRIC.findall(expression) or "up{" in expression


def test_each_alert_is_told_with_its_severity_and_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]


def test_every_metric_that_an_operator_acts_on_is_on_the_dashboard() -> None:
    shown = {name for expression in dashboard_expressions() for name in METRIC.findall(expression)}
    assert CONTRACT.keys() - shown == {"rotator_api_request_seconds_count", "rotator_api_request_seconds_sum"}


def test_the_panels_of_the_dashboard_do_not_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + i, at["y"] + j) for i in range(at["w"]) for j in range(at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
