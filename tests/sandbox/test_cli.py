"""`rotator sandbox` as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

COMMAND = [sys.executable, "-c", "from rotator.cli.sandbox import sandbox; sandbox()"]


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """The process, and a client that was made from nothing but the hint that it prints."""
    command = [*COMMAND, "--listen", "127.0.0.1:0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            hint = dict(_exports(process))
            headers = {"Authorization": f"Bearer {hint['VPS_API_TOKEN']}"}
            with httpx.Client(base_url=hint["VPS_API_URL"], headers=headers) as client:
                yield process, client
        finally:
            process.kill()


def _exports(process: subprocess.Popen[str]) -> Iterator[tuple[str, str]]:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.fullmatch(r"export (\w+)=(\S+)\n", line):
            yield found[1], found[2]
            if found[1] == "VPS_API_TOKEN":
                return
    raise AssertionError(process.stderr.read() if process.stderr else "nothing was printed")


def refused(*arguments: str) -> tuple[int, str]:
    """The exit code and the complaint of a process that does not start."""
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_what_its_hint_says_and_ends_cleanly(number: signal.Signals) -> None:
    arguments = ("--servers", "5", "--switch", "cap=4", "--fault", '{"method": "DELETE", "status": 503}')
    with running(*arguments) as (process, api):
        servers = api.get("/servers/").json()["results"]
        rows = api.get("/snapshots/").json()["results"]
        deletes = [api.delete(f"/snapshots/{rows[0]['id']}/").status_code for _ in range(2)]
        switches = api.get(str(api.base_url.copy_with(path="/sandbox/"))).json()["switches"]
        os.kill(process.pid, number)
        _, complaints = process.communicate(timeout=20)

    assert [row["name"] for row in servers][:2] == ["web-server-01", "web-server-02"]
    assert (len(servers), len(rows), deletes) == (5, 6, [503, 204])
    assert (switches["cap"], switches["create_time"]) == (4, 20)
    assert (process.returncode, complaints) == (0, "")


def test_a_busy_port_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, complaint = refused("--listen", f"127.0.0.1:{port}")

    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in complaint
    assert "--listen" in complaint


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(["--switch", "caps=3"], "max_name_length, create_time", id="unknown switch"),
        pytest.param(["--switch", "cap=many"], "cap: ", id="wrong value"),
        pytest.param(["--switch", "paging"], "should be NAME=VALUE", id="no value"),
        pytest.param(["--fault", "{"], "--fault", id="no JSON"),
        pytest.param(["--fault", '{"verb": 1}'], "unknown key of a fault: verb", id="unknown key"),
        pytest.param(["--listen", "8765"], "is not an address and a port", id="no host"),
        pytest.param(["--create-time", "soon"], "should be a duration", id="no duration"),
        pytest.param(["--servers", "-1"], "-1 is not in the range", id="fewer than none"),
    ],
)
def test_a_wrong_option_is_explained(arguments: list[str], complaint: str) -> None:
    code, said = refused(*arguments)

    assert code == 2
    assert complaint in " ".join(said.split())
