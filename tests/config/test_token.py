"""Where the token comes from, on real files with real modes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rotator.config import Token, TokenSource
from rotator.errors import ConfigError

VALUE = "vps_0123456789abcdef"


def written(path: Path, content: bytes | str = VALUE + "\n", mode: int = 0o600) -> str:
    """A file with that content and mode."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return str(path)


@contextmanager
def nobody() -> Iterator[None]:
    """Without root's rights for the length of the block, for root reads everything."""
    own = os.geteuid()
    if own == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(own)


def refusal(token_file: str | None, environ: dict[str, str]) -> str:
    """The error's words."""
    with pytest.raises(ConfigError) as caught:
        TokenSource(token_file, environ).read()
    return str(caught.value)


def test_the_environment_goes_before_the_file_and_the_file_before_the_credential(tmp_path: Path) -> None:
    file = written(tmp_path / "token", "vps_file")
    credential = written(tmp_path / "vps-api-token", "vps_credential")
    directory = {"CREDENTIALS_DIRECTORY": str(tmp_path)}

    assert TokenSource(file, directory | {"VPS_API_TOKEN": "vps_env"}).read() == Token(
        "vps_env", "VPS_API_TOKEN"
    )
    assert TokenSource(file, directory).read() == Token("vps_file", file)
    assert TokenSource(None, directory).read() == Token("vps_credential", credential)


@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_a_blank_variable_is_no_token(tmp_path: Path, blank: str) -> None:
    file = written(tmp_path / "token")

    assert TokenSource(file, {"VPS_API_TOKEN": blank}).read().source == file


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    file = written(tmp_path / "token", "vps_old")
    source = TokenSource(file, {})

    assert source.read().value == "vps_old"
    written(tmp_path / "token", "vps_new")
    assert source.read().value == "vps_new"


def test_without_any_token_the_error_names_the_three_places(tmp_path: Path) -> None:
    for environ in ({}, {"CREDENTIALS_DIRECTORY": str(tmp_path)}):
        words = refusal(None, environ)

        assert words.startswith("there is no token")
        for place in ("VPS_API_TOKEN", "api.token_file", "vps-api-token in $CREDENTIALS_DIRECTORY"):
            assert place in words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("vps_hunter 2", "one word of ASCII"),
        ("Bearer vps_hunter2", "one word of ASCII"),
        ("vps_hunter2\nvps_hunter3\n", "one word of ASCII"),
        ("vps_hünter2", "one word of ASCII"),
        (b"vps_hunter2\xff", "one word of ASCII"),
        ("vps_hunter2\x00", "one word of ASCII"),
        ("x" * 5000, "too large"),
    ],
)
def test_a_file_that_holds_no_token_is_refused_by_name_and_never_repeated(
    tmp_path: Path, content: str | bytes, words: str
) -> None:
    file = written(tmp_path / "token", content)
    found = refusal(file, {})

    assert found.startswith(f"{file}: ")
    assert words in found
    assert "hunter" not in found


def test_a_variable_that_holds_no_token_is_refused_too() -> None:
    assert refusal(None, {"VPS_API_TOKEN": "a b"}).startswith("VPS_API_TOKEN: the token should be one word")


def test_a_named_file_that_is_not_there_is_an_error_whatever_comes_after(tmp_path: Path) -> None:
    written(tmp_path / "vps-api-token")
    missing = str(tmp_path / "token")

    found = refusal(missing, {"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert found == (
        f"{missing}: the token's file cannot be read: No such file or directory. Write the token into it"
        " (chmod 600), or name another one in api.token_file"
    )
    assert "Is a directory" in refusal(str(tmp_path), {})
    assert "cannot be the name of a file" in refusal("a\0b", {})


def test_a_file_that_may_not_be_read_is_an_error(tmp_path: Path) -> None:
    file = written(tmp_path / "token", mode=0)
    with nobody():
        assert "Permission denied" in refusal(file, {})


@pytest.mark.parametrize(
    ("mode", "warned"), [(0o600, False), (0o400, False), (0o640, False), (0o644, True), (0o604, True)]
)
def test_a_file_that_others_can_read_is_a_warning(tmp_path: Path, mode: int, warned: bool) -> None:
    file = written(tmp_path / "token", mode=mode)
    warning = TokenSource(file, {}).read().warning

    assert (warning is not None) == warned
    assert warning is None or file in warning


def test_a_token_never_shows_itself() -> None:
    assert VALUE not in repr(TokenSource(None, {"VPS_API_TOKEN": VALUE}).read())
    assert VALUE not in repr(TokenSource(None, {"VPS_API_TOKEN": VALUE}))
