"""What lies under deploy/ is what the program takes, and is as careful as the manual says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from rotator import __version__
from rotator.config import parse

DEPLOY = Path(__file__).parents[1] / "deploy"

NOW = datetime(2027, 3, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "listens", "warnings"),
    [
        ("rotator/config.yaml", "127.0.0.1:9187", 0),
        ("trial/config.yaml", "127.0.0.1:9187", 0),
        ("kubernetes/settings/config.yaml", "0.0.0.0:9187", 1),  # whoever reaches it can read it
    ],
)
def test_each_configuration_is_right_and_can_be_asked_for_its_health(
    name: str, listens: str, warnings: int
) -> None:
    path = DEPLOY / name
    settings = parse(path.read_text(), str(path), {}, NOW)
    assert settings.http is not None
    assert (str(settings.http.listen), len(settings.warnings)) == (listens, warnings)


def services() -> dict[str, dict[str, Any]]:
    """compose.yaml's services, the merge keys resolved."""
    found = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", ["rotator", "sandbox", "trial"])
def test_every_container_of_ours_is_hardened(name: str) -> None:
    service = services()[name]
    assert service["image"] == f"rotator:{__version__}"
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_token_comes_as_a_file_and_only_the_sandboxs_stands_in_the_environment() -> None:
    assert services()["rotator"]["secrets"] == ["vps-api-token"]
    assert "environment" not in services()["rotator"]
    assert services()["trial"]["environment"]["VPS_API_TOKEN"] == "vps_sandbox"


def test_what_starts_without_a_profile_is_the_application_and_its_sidecar() -> None:
    assert [name for name, service in services().items() if "profiles" not in service] == ["app", "rotator"]
