"""zsh and fish take the script that `rotator completion` prints, and offer the configured servers.

bash is tried in tests/cli/test_completion.py, as it is everywhere.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import PATIENCE, environment
from tests.system.needing import need

CONFIG = """\
policies: {nightly: {schedule: "@daily", keep: {last: 3}}}
servers:
  - {id: 101, name: web-01, policies: [nightly]}
  - {id: 102, policies: [nightly]}
"""

PROGRAMS = {
    "fish": 'rotator completion fish | source; complete -C "rotator list --server 10"',
    "zsh": (
        'autoload -U compinit; compinit -u; eval "$(rotator completion zsh)"; print $_comps[rotator] >&2\n'
        '_describe() { print -rl -- "${(@P)3}" }; compadd() { print -rl -- "${(@P)5}" }\n'
        "words=(rotator list --server 10) CURRENT=4; _rotator_completion"
    ),
}
"""What is asked of each shell. zsh completes on a terminal only, so its own function prints its offers."""


@pytest.mark.parametrize("shell", PROGRAMS)
def test_a_shell_offers_the_servers_of_the_configuration(shell: str, tmp_path: Path) -> None:
    need(programs=(shell,))
    installed = tmp_path / "rotator"
    installed.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m rotator "$@"\n')
    installed.chmod(0o755)
    (tmp_path / "config.yaml").write_text(CONFIG)
    environ = environment(tmp_path)
    environ |= {"HOME": str(tmp_path), "PATH": f"{tmp_path}:{environ['PATH']}"}
    done = subprocess.run(
        [shell, "-c", PROGRAMS[shell]],
        cwd=tmp_path,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    offered = done.stdout.replace("\t", ":").split("\n")
    assert "101:web-01" in offered, done.stderr
    assert any(line.startswith("102") for line in offered), done.stderr
