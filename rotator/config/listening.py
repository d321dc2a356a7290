"""The section `http`: where the daemon listens, and who may read what it shows there.

Its law: an address is known before anything is started, so names that have to be looked up are none.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from rotator.settings import Address, HttpSettings

from .explain import Reading
from .findings import Findings, Unwise
from .nodes import Part

UNIX = "unix:"

LONGEST_PATH = 107
"""Bytes of a unix socket's path: what the kernel's sockaddr_un holds."""

_FORM = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9.]+|localhost):([0-9]{1,5})")


def address(value: object) -> Address:
    """What `listen` means. ValueError in plain words for what nobody can listen on."""
    if not isinstance(value, str):
        raise ValueError("should be a text such as 127.0.0.1:9187 or unix:/run/rotator/http.sock")
    if value.startswith(UNIX):
        return Address(path=_path(value.removeprefix(UNIX)))
    found = _FORM.fullmatch(value)
    if found is None:
        raise ValueError(
            "should be an IP address and a port, such as 127.0.0.1:9187 or [::1]:9187,"
            " or unix:/run/rotator/http.sock; 0.0.0.0:9187 is every address of this machine"
        )
    host, port = found[1].strip("[]"), int(found[2])
    if not 1 <= port <= 65535:
        raise ValueError("a port is a number from 1 to 65535")
    return Address(_host(host), port)


def _host(text: str) -> str:
    try:
        return str(ipaddress.ip_address("127.0.0.1" if text == "localhost" else text))
    except ValueError:
        raise ValueError(f"{text} is no IP address") from None


def _path(path: str) -> str:
    if not path.strip() or not path.isprintable() or path.endswith("/"):
        raise ValueError("should name a socket's file, such as unix:/run/rotator/http.sock")
    return path


Listen = Annotated[
    Address,
    PlainValidator(address),
    WithJsonSchema({"type": "string", "pattern": f"^({UNIX}.+|{_FORM.pattern})$"}),
]


def settings(reading: Reading, part: Part | None, findings: Findings) -> HttpSettings | None:
    """The section's settings, None where it is absent or faulty. Relative paths start where the file lies."""
    values: Mapping[str, object] = reading.values
    listen, token_file = values.get("listen"), values.get("token_file")
    if part is None or not isinstance(listen, Address):
        return None
    directory = os.path.dirname(findings.file)
    token_file = os.path.join(directory, token_file) if isinstance(token_file, str) else None
    if listen.path is not None:
        listen = replace(listen, path=os.path.join(directory, listen.path))
    place = part.child("listen") or part
    _check_length(listen, place, findings)
    if token_file is None and "token_file" not in reading.faulty and not _private(listen):
        findings.warn(place, Unwise.HTTP_OPEN, _open_to_all(listen))
    return HttpSettings(listen, token_file)


def _check_length(listen: Address, place: Part, findings: Findings) -> None:
    if listen.path is not None and len(os.fsencode(listen.path)) > LONGEST_PATH:
        findings.fault(place, f"a socket's path has at most {LONGEST_PATH} bytes, the directory's included")


def _private(listen: Address) -> bool:
    return listen.path is not None or ipaddress.ip_address(listen.host).is_loopback


def _open_to_all(listen: Address) -> str:
    return (
        f"whoever reaches {listen} can read which servers and snapshots there are:"
        " set http.token_file, or listen on 127.0.0.1"
    )
