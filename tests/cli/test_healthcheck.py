"""`healthcheck`: the running daemon's own answer, as an exit code."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.conftest import PATIENCE, Stage, until
from tests.web.conftest import free_port


@contextmanager
def daemon(stage: Stage, listen: str) -> Iterator[subprocess.Popen[str]]:
    """A daemon that listens there and is well."""
    stage.config(servers=f"{SERVERS}http: {{listen: '{listen}'}}\n")
    with stage.start("run", "--log-format", "json") as process:
        until(lambda: stage.world.requests)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.communicate(timeout=PATIENCE)


SERVERS = "servers: [{id: 101, policies: [nightly]}]\n"


@pytest.mark.parametrize("kind", ["port", "every address", "socket"])
def test_a_daemon_that_is_well_is_zero_wherever_it_listens(stage: Stage, kind: str) -> None:
    port = free_port()
    where = {"port": f"127.0.0.1:{port}", "every address": f"0.0.0.0:{port}", "socket": "unix:http.sock"}[
        kind
    ]
    with daemon(stage, where):
        ran = stage.rotator("healthcheck")
    assert (ran.code, ran.out, ran.err) == (0, "healthy\n", "")


def test_a_process_that_is_stopped_in_its_tracks_is_ill_within_seconds(stage: Stage) -> None:
    with daemon(stage, f"127.0.0.1:{free_port()}") as process:
        process.send_signal(signal.SIGSTOP)
        ran = stage.rotator("healthcheck", "--json")
    assert ran.code == 1
    assert ran.document["ok"] is False
    assert "nothing within 3 s" in ran.document["reasons"][0]


def test_where_nobody_listens_the_address_is_named(stage: Stage) -> None:
    port = free_port()
    stage.config(servers=f"{SERVERS}http: {{listen: '127.0.0.1:{port}'}}\n")
    ran = stage.rotator("healthcheck")
    assert (ran.code, ran.out) == (1, f"unhealthy: no answer from 127.0.0.1:{port}: Connection refused\n")


def test_who_answers_but_is_not_rotator_is_ill(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        stage.config(servers=f"{SERVERS}http: {{listen: '127.0.0.1:{other.getsockname()[1]}'}}\n")
        with stage.start("healthcheck") as process:
            connection, _ = other.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "not as rotator does" in out


def test_a_configuration_without_a_listener_is_wrong(stage: Stage) -> None:
    ran = stage.rotator("healthcheck")
    assert (ran.code, ran.out) == (78, "")
    assert "http: {listen: 127.0.0.1:9187}" in ran.err


def test_a_change_that_is_not_right_yet_makes_no_healthy_daemon_ill(stage: Stage) -> None:
    port = free_port()
    with daemon(stage, f"127.0.0.1:{port}"):
        stage.config(servers=f"servers: [nonsense]\nhttp: {{listen: '127.0.0.1:{port}'}}\n")
        assert stage.rotator("healthcheck", "--quiet").code == 0


def test_a_busy_port_ends_the_daemon_at_the_start_and_is_named(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        stage.config(servers=f"{SERVERS}http: {{listen: '127.0.0.1:{port}'}}\n")
        ran = stage.rotator("run")
    assert ran.code == 1
    assert f"http.listen: cannot listen on 127.0.0.1:{port}: Address already in use" in ran.err
    assert stage.world.requests == []


def test_a_reload_moves_the_listener_and_keeps_the_signals(stage: Stage) -> None:
    with daemon(stage, f"127.0.0.1:{free_port()}") as process:
        until(lambda: stage.rotator("healthcheck").code == 0)
        stage.config(servers=f"{SERVERS}http: {{listen: 'unix:moved.sock'}}\n")
        process.send_signal(signal.SIGHUP)
        until(lambda: os.path.exists(stage.directory / "moved.sock"))
        assert stage.rotator("healthcheck").code == 0
        process.terminate()
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "daemon.stopped" in err.splitlines()[-1]
