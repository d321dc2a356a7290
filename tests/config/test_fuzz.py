"""Whatever stands in a file, and in the environment: settings or a ConfigError, nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rotator.config import load, parse
from rotator.errors import ConfigError
from rotator.settings import Settings

from .reading import EXAMPLE, NOW, SMALL

ORIGINAL = EXAMPLE.read_text()
LINES = ORIGINAL.splitlines(keepends=True)
WORDS = sorted({word.strip("\"'{}[],:") for word in ORIGINAL.split()} - {""})
ODD = [
    "",
    "~",
    "@daily",
    "* * * * *",
    "*a",
    "&a x",
    "<<",
    "!!int x",
    "9" * 500,
    "1e999",
    ".nan",
    "{",
    "]",
    "\t",
    "-",
]
ODD += [
    "9" * 400 + "d",
    "99999y",
    "{slot}{slot}",
    "{",
    "vps_x",
    "\x00",
    "\ufeff",
    "\ud800",
    "\u2028",
    "\x85",
    "'",
    '"',
]

KEYS = [
    "api",
    "defaults",
    "policies",
    "servers",
    "notify",
    "http",
    "log",
    "base_url",
    "timeout",
    "concurrency",
    "rate_limit",
    "snapshot_limit",
    "failed_states",
    "schedule",
    "timezone",
    "splay",
    "keep",
    "name",
    "description",
    "catch_up",
    "min_ready",
    "max_deletes",
    "wait",
    "adopt",
    "enabled",
    "hooks",
    "last",
    "daily",
    "within",
    "first",
    "interval",
    "id",
    "match",
    "exclude",
    "protect",
    "level",
    "format",
    "nightly",
]


def ends_well(text: str, environ: dict[str, str] | None = None) -> None:
    """The invariant."""
    found = outcome(lambda: parse(text, "c.yaml", environ or {}, NOW))

    if isinstance(found, ConfigError):
        assert found.faults
        assert found.faults == tuple(sorted(set(found.faults)))
    else:
        assert found.servers or found.matches


def outcome(reading: Callable[[], Settings]) -> Settings | ConfigError:
    """What came of it; any other exception is a failure of the test."""
    try:
        return reading()
    except ConfigError as error:
        return error


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """The example file after a few accidents."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        place = draw(st.integers(0, len(lines[at])))
        junk = draw(st.sampled_from(ODD) | st.sampled_from(WORDS) | st.text(max_size=5))
        lines[at] = draw(
            st.sampled_from(
                [
                    lines[at][:place] + junk + lines[at][place:],
                    lines[at][:place] + lines[at][place + len(junk) :],
                    lines[at].partition(":")[0] + f": {junk}\n",
                    lines[at] + lines[at],
                    "",
                    " " + lines[at],
                    lines[draw(st.integers(0, len(lines) - 1))],
                ]
            )
        )
    return "".join(lines)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(WORDS)
    | st.sampled_from(ODD)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=5)
    ),
    max_leaves=15,
)
policies = st.dictionaries(st.sampled_from(KEYS), values, max_size=5).map(
    lambda keys: {"schedule": "@daily"} | keys
)
servers = st.fixed_dictionaries(
    {"id": st.integers(0, 3) | values, "policies": st.lists(st.just("a") | policies | values, max_size=3)},
    optional={"name": values, "protect": values, "snapshot_limit": values, "match": values, "x": values},
)
files = st.fixed_dictionaries(
    {
        "policies": st.fixed_dictionaries({"a": policies}) | values,
        "servers": st.lists(servers, max_size=3) | values,
    },
    optional=dict.fromkeys(("api", "defaults", "log", "http", "notify", "x"), values),
)


@given(mutations())
@settings(max_examples=400, deadline=None)
def test_an_example_file_with_accidents_ends_well(text: str) -> None:
    ends_well(text)


@given(values | files)
@settings(max_examples=400, deadline=None)
def test_any_structure_ends_well(value: object) -> None:
    ends_well(json.dumps(value, ensure_ascii=False))


@given(st.text())
@example("a: &a [*a]")
@example("? {a: 1}\n: 2")
@example("<<: {<<: x}")
@example("&a a: *a")
@example("*")
@settings(deadline=None)
def test_any_text_ends_well(text: str) -> None:
    ends_well(text)


@given(st.text())
@settings(deadline=None)
def test_any_address_in_the_environment_ends_well(url: str) -> None:
    ends_well(SMALL, {"VPS_API_URL": url})


@given(data=st.binary())
@settings(deadline=None, max_examples=50)
def test_any_bytes_end_well(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(data)

    assert isinstance(outcome(lambda: load(str(path), {}, NOW)), ConfigError)
