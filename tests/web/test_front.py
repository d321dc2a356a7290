"""The front: which addresses it can have, and what a change of them does."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from rotator.errors import CannotListen, ConfigError
from rotator.settings import Address, HttpSettings
from tests.web.conftest import free_port, served


async def test_it_answers_on_a_port_of_the_loopback_interface() -> None:
    async with served() as web:
        assert (await web.get("/healthz")).status == 200


async def test_it_answers_on_a_unix_socket_that_its_owner_and_group_may_use(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    async with served(HttpSettings(Address(path=str(path)))) as web:
        assert (await web.get("/healthz")).status == 200
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    assert not path.exists()


async def test_a_port_that_somebody_else_has_is_an_error_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"127\.0\.0\.1:{port}: Address already in use"):
            async with served(HttpSettings(Address(port=port))):
                pass


async def test_a_socket_that_a_killed_process_left_behind_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "http.sock")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    async with served(HttpSettings(Address(path=path))) as web:
        assert (await web.get("/healthz")).status == 200


@pytest.mark.parametrize("kind", ["served", "file"])
async def test_a_socket_in_use_and_a_file_that_is_none_are_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "http.sock"
    other = socket.socket(socket.AF_UNIX)
    if kind == "file":
        path.write_text("precious")
    else:
        other.bind(str(path))
        other.listen()
    with other, pytest.raises(CannotListen, match=r"http\.sock"):
        async with served(HttpSettings(Address(path=str(path)))):
            pass
    assert path.exists()


async def test_another_address_is_moved_to_and_the_old_one_given_up() -> None:
    async with served() as web:
        old, web.http = web.http, HttpSettings(Address(port=free_port()))
        await web.front.open(web.http)
        assert (await web.get("/healthz")).status == 200
        web.http = old
        with pytest.raises(ConnectionRefusedError):
            await web.get("/healthz")


async def test_an_address_that_overlaps_the_old_one_is_moved_to() -> None:
    async with served() as web:
        web.http = HttpSettings(Address("0.0.0.0", web.http.listen.port))
        await web.front.open(web.http)
        assert (await web.get("/healthz")).status == 200


async def test_an_address_that_cannot_be_had_leaves_the_old_one_in_force() -> None:
    async with served() as web:
        with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(CannotListen):
            await web.front.open(HttpSettings(Address(port=other.getsockname()[1])))
        assert (await web.get("/healthz")).status == 200


async def test_a_token_file_that_cannot_be_read_leaves_all_as_it_was(tmp_path: Path) -> None:
    async with served() as web:
        with pytest.raises(ConfigError, match="cannot be read"):
            await web.front.open(HttpSettings(Address(port=free_port()), str(tmp_path / "none")))
        assert (await web.get("/readyz")).status == 503


async def test_without_the_section_nothing_listens_any_more() -> None:
    async with served() as web:
        await web.front.open(None)
        with pytest.raises(ConnectionRefusedError):
            await web.get("/healthz")


async def test_closing_does_not_wait_for_a_client_that_says_nothing() -> None:
    async with served() as web:
        reader, writer = await web.connect()
    assert await reader.read() == b""
    writer.close()
