"""The schema and the example file: both know every key, and agree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, cast

import jsonschema_rs
import pytest
from pydantic import BaseModel

from rotator.config import json_schema, load
from rotator.config.compose import compose
from rotator.config.findings import Findings
from rotator.config.nodes import value_of
from rotator.config.shape import ApiShape, LogShape, PolicyShape, WaitShape
from rotator.models import Policy, Wait
from rotator.settings import ApiSettings, LogSettings

from .reading import EXAMPLE, NOW, SMALL, faults


def plain(text: str) -> object:
    """The file's content as a validator sees it."""
    node, _ = compose(text, Findings("c.yaml"))
    return value_of(node)


def accepts(text: str) -> bool:
    """Whether the schema takes the file."""
    return bool(jsonschema_rs.validator_for(json_schema()).is_valid(plain(text)))


def uncommented(text: str) -> str:
    """The example with its unsupported and optional keys put in force."""
    return re.sub(r"(?m)^( *)# (?=(?: *|- )[a-z_]+:)", r"\1", text)


def keys(schema: Mapping[str, Any]) -> Iterator[str]:
    """Every key that stands anywhere in the schema."""
    for part in (schema, *schema["$defs"].values()):
        yield from part.get("properties", ())


def test_the_example_is_right_and_unwise_in_nothing() -> None:
    found = load(str(EXAMPLE), {}, NOW)

    assert [server.key for server in found.servers] == ["12345", "67890"]
    assert found.warnings == ()


def test_every_key_of_the_schema_stands_in_the_example() -> None:
    text = EXAMPLE.read_text()

    assert [key for key in keys(json_schema()) if not re.search(rf"\b{key}:", text)] == []


def test_the_schema_accepts_the_example() -> None:
    assert accepts(EXAMPLE.read_text())


def test_what_the_example_shows_in_comments_is_right_too() -> None:
    whole = uncommented(EXAMPLE.read_text())

    assert accepts(whole)
    assert faults(whole) == []


@pytest.mark.parametrize(
    "text",
    [
        SMALL + "serverz: []\n",
        SMALL.replace("last: 3", "last: -1"),
        SMALL.replace("last: 3", "within: 3"),
        SMALL.replace("id: 5, ", ""),
        SMALL.replace("[nightly]", "[]"),
        SMALL + "api: {timeout: 30}\n",
        SMALL + "api: {timeout: ''}\n",
        SMALL + "log: {level: loud}\n",
    ],
)
def test_the_schema_refuses_what_the_file_refuses_for_its_shape(text: str) -> None:
    assert faults(text)
    assert not accepts(text)


def test_every_key_has_a_description() -> None:
    schema = cast("dict[str, Any]", json_schema())
    missing = [
        key
        for part in (schema, *schema["$defs"].values())
        for key, value in part.get("properties", {}).items()
        if not value.get("description") and "$ref" not in value
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("shape", "model"),
    [(ApiShape, ApiSettings), (LogShape, LogSettings), (WaitShape, Wait), (PolicyShape, Policy)],
    ids=["api", "log", "wait", "policy"],
)
def test_the_defaults_that_the_schema_tells_are_those_in_force(
    shape: type[BaseModel], model: type[Any]
) -> None:
    renamed = {"name": "template"}
    in_force = {field.name: field.default for field in fields(model)}
    told = {name: field.default for name, field in shape.model_fields.items() if field.default is not None}

    for name, default in told.items():
        expected = in_force[renamed.get(name, name)]
        assert expected == default or (not expected and not default), name  # an empty list tells an empty set
