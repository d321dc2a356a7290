"""The section `http`: addresses, the token's file, and what is unwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from rotator.config import load_http
from rotator.errors import ConfigError
from rotator.settings import Address, HttpSettings, Settings
from tests.config.reading import NOW, faults

SMALL = """\
policies: {nightly: {schedule: "0 3 * * *", keep: {last: 3}}}
servers: [{id: 5, policies: [nightly]}]
"""


def read(section: str) -> Settings:
    """The settings of a configuration with that section."""
    from rotator.config import parse

    return parse(f"{SMALL}http: {section}\n", "/etc/rotator/c.yaml", {}, NOW)


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:9187", Address("127.0.0.1", 9187)),
        ("localhost:80", Address("127.0.0.1", 80)),
        ("[::1]:9187", Address("::1", 9187)),
        ("[::]:65535", Address("::", 65535)),
        ("0.0.0.0:1", Address("0.0.0.0", 1)),
        ("unix:/run/rotator/http.sock", Address(path="/run/rotator/http.sock")),
        ("unix:http.sock", Address(path="/etc/rotator/http.sock")),
    ],
)
def test_an_address_is_a_port_or_a_path(listen: str, address: Address) -> None:
    found = read(f"{{listen: '{listen}'}}").http
    assert found == HttpSettings(address)


@pytest.mark.parametrize(
    "listen",
    ["127.0.0.1", ":9187", "9187", "example.org:80", "http://127.0.0.1:80", "::1:80", "", "unix", "a b:1"],
)
def test_what_nobody_can_listen_on_is_refused(listen: str) -> None:
    (fault,) = faults(f"{SMALL}http: {{listen: '{listen}'}}\n")
    assert fault.startswith("c.yaml:3:16: http.listen: should be an IP address and a port, such as 127.0.0.1")


@pytest.mark.parametrize(
    ("listen", "message"),
    [
        ("127.0.0.1:0", "a port is a number from 1 to 65535"),
        ("127.0.0.1:65536", "a port is a number from 1 to 65535"),
        ("1.2.3:80", "1.2.3 is no IP address"),
        ("unix:", "should name a socket's file, such as unix:/run/rotator/http.sock"),
        ("unix:/run/rotator/", "should name a socket's file, such as unix:/run/rotator/http.sock"),
        (f"unix:/{'x' * 107}", "a socket's path has at most 107 bytes, the directory's included"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(listen: str, message: str) -> None:
    assert faults(f"{SMALL}http: {{listen: '{listen}'}}\n") == [f"c.yaml:3:16: http.listen: {message}"]


def test_an_empty_section_lacks_its_address() -> None:
    assert faults(f"{SMALL}http:\n") == ["c.yaml:3:6: http.listen: this key is required, but is not there"]


def test_without_the_section_there_is_no_listener() -> None:
    from rotator.config import parse

    assert parse(SMALL, "c.yaml", {}, NOW).http is None


def test_a_relative_token_file_starts_where_the_configuration_lies() -> None:
    found = read("{listen: '127.0.0.1:1', token_file: http-token}").http
    assert found is not None
    assert found.token_file == "/etc/rotator/http-token"


@pytest.mark.parametrize("listen", ["0.0.0.0:9187", "[::]:9187", "10.0.0.1:9187"])
def test_an_address_that_others_reach_is_a_warning_unless_there_is_a_token(listen: str) -> None:
    open_to_all = read(f"{{listen: '{listen}'}}").warnings
    assert [(w.code, w.path) for w in open_to_all] == [("http_open", "http.listen")]
    assert listen in open_to_all[0].message
    assert read(f"{{listen: '{listen}', token_file: x}}").warnings == ()


@pytest.mark.parametrize("listen", ["127.0.0.1:9187", "127.1.2.3:9187", "[::1]:9187", "unix:/run/x.sock"])
def test_an_address_of_this_machine_alone_is_no_warning(listen: str) -> None:
    assert read(f"{{listen: '{listen}'}}").warnings == ()


def test_who_asks_the_daemon_reads_this_section_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("http: {listen: '127.0.0.1:9187'}\nservers: nonsense\nservers: again\nhttps: x\n")
    assert load_http(str(path)) == HttpSettings(Address("127.0.0.1", 9187))


@pytest.mark.parametrize("text", ["http: {listen: 5}\n", "http: [\n", "http: {lisssten: x}\n"])
def test_who_asks_the_daemon_hears_what_is_wrong_with_this_section(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"config\.yaml:"):
        load_http(str(path))
