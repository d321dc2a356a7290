"""A daemon whose HTTP port is besieged while it works: the rotations go on, and it ends in time."""

from __future__ import annotations

import json
import resource
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rotator.naming import slot_text
from tests.cli.conftest import PATIENCE, Stage, names, until
from tests.web.conftest import free_port

MANY = 2000

POLICIES = """\
defaults: {wait: {first: 0.1s, interval: 0.1s, timeout: 20s}, catch_up: 2h}
policies: {daily: {schedule: "%d %d * * *", keep: {last: 3}}}
"""


def connected(port: int) -> socket.socket | None:
    """A connection; None while nobody listens."""
    with suppress(OSError):
        return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    return None


def flood(port: int, stop: threading.Event) -> None:
    """Thousands of connections that say nothing, nonsense, or half of something, and stay."""
    said = (
        b"",
        b"GET / HT",
        b"\x16\x03\x01 nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x00" * 70_000,
    )
    with ExitStack() as held:
        for count in range(MANY):
            if stop.is_set():
                return
            wire = connected(port)
            if wire is not None:
                held.enter_context(wire)
                with suppress(OSError):
                    wire.sendall(said[count % len(said)])
        stop.wait(PATIENCE)


@contextmanager
def besieged(port: int) -> Iterator[None]:
    """For the length of the block."""
    stop = threading.Event()
    siege = threading.Thread(target=flood, args=(port, stop))
    siege.start()
    try:
        yield
    finally:
        stop.set()
        siege.join(PATIENCE)


def get(port: int, path: str) -> bytes:
    """What a healthy client gets."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
        body: bytes = answer.read()
        return body


def test_rotations_go_on_while_thousands_of_clients_misbehave(stage: Stage) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, MANY + 1000), hard))
    port = free_port()
    slot = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
    before = slot - timedelta(days=1)
    stage.world.add_snapshot(101, f"daily-{slot_text(before)}", created_at=before)
    stage.world.switches = replace(stage.world.switches, create_time=3)
    listening = f"http: {{listen: '127.0.0.1:{port}'}}\n"
    stage.config(
        f"servers: [{{id: 101, policies: [daily]}}]\n{listening}", POLICIES % (slot.minute, slot.hour)
    )
    try:
        with stage.start("run", "--log-format", "json") as process, besieged(port):
            until(lambda: stage.rotator("healthcheck").code == 0)
            until(lambda: f"daily-{slot_text(slot)}" in names(stage.world, 101))
            until(lambda: b'rotator_rotations_total{outcome="rotated"} 1' in get(port, "/metrics"))
            assert json.loads(get(port, "/healthz"))["ok"] is True
            process.terminate()
            _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    lines = [json.loads(line) for line in err.splitlines()]
    assert {line["event"].partition(".")[0] for line in lines} <= {
        *("daemon", "config", "schedule", "rotation", "snapshot")
    }
