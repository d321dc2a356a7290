"""What the service tells systemd, heard at the other end of a real socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rotator.systemd import Notifier


class FixedClock:
    def now(self) -> datetime:
        return datetime(2027, 3, 14, 7, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        return 1234.5

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("telling never waits")


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.settimeout(5)
        yield bound


def notifier_for(listening: socket.socket, **environ: str) -> Notifier:
    return Notifier({"NOTIFY_SOCKET": listening.getsockname(), **environ}, FixedClock())


def test_each_message_is_one_datagram(ear: socket.socket) -> None:
    notifier = notifier_for(ear)
    notifier.ready("2 servers")
    notifier.reloading()
    notifier.status("3 rotations under way")
    notifier.watchdog()
    notifier.extend(20)
    notifier.stopping()
    assert [ear.recv(4096) for _ in range(6)] == [
        b"READY=1\nSTATUS=2 servers",
        b"RELOADING=1\nMONOTONIC_USEC=1234500000",
        b"STATUS=3 rotations under way",
        b"WATCHDOG=1",
        b"EXTEND_TIMEOUT_USEC=20000000",
        b"STOPPING=1\nEXTEND_TIMEOUT_USEC=10000000",
    ]


def test_a_text_cannot_smuggle_in_another_field(ear: socket.socket) -> None:
    notifier_for(ear).status("first\nMAINPID=1\r\nlast \ud800")
    assert ear.recv(4096) == b"STATUS=first MAINPID=1 last ?"


def test_an_abstract_socket_is_reached(tmp_path: Path) -> None:
    name = f"rotator-test-{os.getpid()}-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind("\0" + name)
        bound.settimeout(5)
        Notifier({"NOTIFY_SOCKET": "@" + name}).watchdog()
        assert bound.recv(4096) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("", id="empty"),
        pytest.param("/nonexistent/notify", id="nobody there"),
        pytest.param("/" + "x" * 500, id="longer than an address can be"),
        pytest.param("vsock:2:1234", id="another family"),
        pytest.param("relative", id="no address"),
    ],
)
def test_telling_never_fails_when_nobody_listens(address: str) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})
    notifier.ready("all well")
    notifier.stopping()


def test_a_listener_that_does_not_read_never_blocks(ear: socket.socket) -> None:
    notifier = notifier_for(ear)
    for _ in range(1000):  # far more than a socket's queue holds
        notifier.watchdog()
    assert ear.recv(4096) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        pytest.param({}, None, id="not asked for"),
        pytest.param({"WATCHDOG_USEC": "60000000"}, 30.0, id="half of what is allowed"),
        pytest.param(
            {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 30.0, id="meant for us"
        ),
        pytest.param(
            {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None, id="meant for another process"
        ),
        pytest.param({"WATCHDOG_USEC": "0"}, None, id="nothing allowed"),
        pytest.param({"WATCHDOG_USEC": "soon"}, None, id="not a number"),
    ],
)
def test_the_watchdog_is_fed_as_often_as_systemd_asks(environ: dict[str, str], seconds: float | None) -> None:
    assert Notifier(environ).watchdog_interval == seconds
