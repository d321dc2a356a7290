"""The search finds what it is there to find: each form is planted once."""

from __future__ import annotations

import base64
import html
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from urllib.parse import quote

import pytest

from campaigns.secrecy import PIECE, found_in, found_in_process, found_under, make_token, traces

TOKEN = make_token(Random(1))
ODD = make_token(Random(2), odd=True)


def test_a_token_is_new_each_time_and_the_same_for_the_same_seed() -> None:
    random = Random(1)
    assert len({make_token(random) for _ in range(100)}) == 100
    assert make_token(Random(7)) == make_token(Random(7))
    assert TOKEN.startswith("vps_")
    assert TOKEN.isascii()
    assert {"%", "\\", '"', "<"} <= set(ODD)


@pytest.mark.parametrize("token", [TOKEN, ODD], ids=["plain", "odd"])
@pytest.mark.parametrize(
    "write",
    [
        str,
        repr,
        json.dumps,
        lambda token: json.dumps(json.dumps({"authorization": f"Bearer {token}"})),
        quote,
        lambda token: quote(token, safe=""),
        html.escape,
        lambda token: token.encode().hex(),
        lambda token: token.encode().hex().upper(),
        lambda token: f"Bearer {token[: PIECE + 3]}...",
        lambda token: f"...{token[-PIECE:]}",
        lambda token: token[9 : 9 + PIECE],
        *(
            lambda token, before=before: base64.b64encode(before + token.encode() + b"!").decode()
            for before in (b"", b"a", b"ab", b"abc")
        ),
        lambda token: base64.urlsafe_b64encode(b"u:" + token.encode()).decode(),
    ],
)
def test_every_form_is_found(token: str, write: Callable[[str], str]) -> None:
    planted = f"some words before {write(token)} and after"
    assert found_in(token, planted) is not None
    assert found_in(token, planted.encode()) is not None
    assert found_in(make_token(Random(3)), planted) is None


def test_what_is_no_leak_is_not_found() -> None:
    for data in ("", "vps_", "Bearer [redacted]", TOKEN[: PIECE - 1], TOKEN[::-1], b"\xff\x00"):
        assert found_in(TOKEN, data) is None


def test_a_finding_does_not_repeat_the_token() -> None:
    found = found_in(TOKEN, TOKEN)
    assert found is not None
    assert found_in(TOKEN, found) is None


def test_the_longest_form_is_looked_for_first() -> None:
    lengths = [len(trace) for trace in traces(TOKEN)]
    assert lengths == sorted(lengths, reverse=True)
    assert min(lengths) == PIECE


def test_contents_names_and_links_are_found_below_a_directory(tmp_path: Path) -> None:
    own = tmp_path / "token"
    own.write_text(TOKEN)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "log").write_bytes(b"\xff\xfe" + TOKEN.encode())
    (tmp_path / f"{TOKEN}.lock").touch()
    (tmp_path / "link").symlink_to(f"/nowhere/{TOKEN}")
    (tmp_path / "harmless").write_text("nothing")

    findings = found_under(TOKEN, tmp_path, but=[own])

    assert [finding.split(":")[0].replace(TOKEN, "TOKEN") for finding in sorted(findings)] == [
        "the content of deep/er/log",
        "the name of TOKEN.lock",
        "the target of link",
    ]
    assert found_under(TOKEN, tmp_path / "deep" / "er", but=[tmp_path / "deep" / "er" / "log"]) == []


def test_command_lines_and_environments_of_processes_are_searched() -> None:
    sleeper = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    cases: tuple[tuple[list[str], dict[str, str], list[str]], ...] = (
        ([*sleeper, TOKEN], {}, ["cmdline"]),
        (sleeper, {"SECRET": TOKEN}, ["environ"]),
        (sleeper, {}, []),
    )
    for command, environ, expected in cases:
        with subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            process.stdout.readline()  # it runs: its command line is its own
            found = found_in_process(TOKEN, process.pid)
            assert [finding.split(":")[0].split("/")[-1] for finding in found] == expected
            if expected == ["environ"]:
                assert found_in_process(TOKEN, process.pid, given_by_environment=True) == []
            process.stdin.close()
