"""The commands of the pages that tests/docs/test_commands.py does not run, each with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.docs.reading import named

ALL = ""
"""Every command of the page that is not named by itself."""

MACHINE = "needs systemd and root: tests/system/test_systemd_docs.py runs the page in a machine that it boots"

ENGINE = "needs a container engine: the tests in tests/system/test_container_*.py do the same with podman"

HOURS = "minutes to hours long: tests/campaigns/ runs a bounded share; test_excused.py tries its options"

BENCH = "a measurement, up to half an hour long: test_excused.py tries its options"

EXCUSED: Mapping[str, Mapping[str, str]] = {
    "README.md": {
        "make demo": "installs from the network; tests/cli/test_demo.py runs the demo itself",
        "make test": "runs this very test; .ci/run calls it",
    },
    "docs/install-container.md": {ALL: ENGINE},
    "docs/install-kubernetes.md": {
        ALL: "needs a cluster: tests/system/test_kubernetes.py checks the manifests"
    },
    "docs/install-systemd.md": {
        ALL: MACHINE,
        "sudo apt-get install --no-install-recommends debhelper": "tests/system/debian.py installs its like",
        "make deb": "needs debhelper and a Debian release: tests/system/debian.py runs it",
        "sudo PIPX_HOME": "nobody runs it: needs pipx, root and the network",
        "sudo UV_TOOL_DIR": "nobody runs it: needs uv, root and the network",
    },
    "docs/migrating.md": {
        "crontab": "edits the crontab of whoever runs it",
    },
    "docs/performance.md": {
        ALL: BENCH,
        "make .venv/.system": "installs from the network; .ci/run calls it",
    },
    "docs/reliability.md": {
        ALL: HOURS,
        "make test": "runs this very test; .ci/run calls it",
        "ROTATOR_SEED=12345 make test": "likewise; tests/conftest.py reads the variable",
    },
    "docs/upgrading.md": {
        "sudo systemctl restart rotator": "needs a service: tests/system/test_systemd_docs.py has one",
    },
}
"""Page -> how a command begins -> why it is not run. The longest beginning that fits counts."""

COMMENTS: Mapping[str, str] = {
    "deploy/compose.yaml": ENGINE,
    "deploy/prometheus/rotator.rules.test.yml": "tests/system/test_prometheus.py runs it",
    "deploy/prometheus/rotator.rules.yml": "tests/system/test_prometheus.py runs it",
    "systemd/rotator.service.d/notify-reload.conf": "tests/system/test_systemd_service.py reloads",
}
"""Files under deploy/ and systemd/ whose comments name commands, and why these are not run here."""


def excuse(page: Path, command: str) -> str | None:
    """Why that command of the page is not run; None if it is to be run."""
    fitting = [begin for begin in EXCUSED.get(named(page), {}) if command.startswith(begin)]
    return EXCUSED[named(page)][max(fitting, key=len)] if fitting else None
