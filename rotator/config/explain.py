"""pydantic's errors in plain words, each at its place in the file.

A missing key is reported at the mapping that lacks it, an unknown one at the key, everything
else at the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .findings import Findings
from .nodes import Part, Path, show
from .spelling import closest

KEEP_IT_OUT = (
    "a token does not belong in this file: put it into the environment variable VPS_API_TOKEN, into the file"
    " that api.token_file names, or into the file vps-api-token in $CREDENTIALS_DIRECTORY"
)

TOKEN_KEYS = frozenset({"token", "api_token", "api_key"})
"""Keys under which people write a token. None of them exists."""

_WORDS: Mapping[str, str] = {
    "string_type": "should be a text{but}",
    "string_too_short": "should not be empty",
    "string_too_long": "should have at most {max_length} characters",
    "int_type": "should be a whole number{but}",
    "int_from_float": "should be a whole number{but}",
    "float_type": "should be a number{but}",
    "finite_number": "should be a number with an end",
    "bool_type": "should be true or false{but}",
    "list_type": "should be a list{but}",
    "too_short": "should have at least one entry",
    "model_type": "should be a mapping of keys to values{but}",
    "greater_than_equal": "should be at least {ge:g}",
    "less_than_equal": "should be at most {le:g}",
    "literal_error": "should be {expected}{but}",
    "value_error": "{error}",
}

_KINDS: Mapping[type, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a mapping",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a part says itself, without defaults. `faulty` are its keys whose faults were noted."""

    values: Mapping[str, Any]
    faulty: frozenset[str] = frozenset()


def check(shape: type[BaseModel], part: Part, findings: Findings) -> Reading:
    """Read a part in that shape and note its faults. A part without a value has no keys.

    Keys that are right are read even if others are not, so that what they mean can be checked too.
    """
    value = {} if part.empty else part.value
    try:
        return Reading(_given(shape.model_validate(value)))
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    for detail in details:
        _note(shape, part, detail, findings)
    if not isinstance(value, dict) or not all(detail["loc"] for detail in details):
        return Reading({}, frozenset(shape.model_fields))
    return _sound(shape, value, frozenset(str(detail["loc"][0]) for detail in details))


def _sound(shape: type[BaseModel], value: Mapping[str, object], faulty: frozenset[str]) -> Reading:
    """What can be read without the faulty keys: nothing, if one of them is required."""
    try:
        rest = shape.model_validate({key: item for key, item in value.items() if key not in faulty})
    except ValidationError:
        return Reading({}, faulty | value.keys())
    return Reading(_given(rest), faulty)


def _given(shape: BaseModel) -> dict[str, Any]:
    return {name: _plain(getattr(shape, name)) for name in shape.model_fields_set}


def _plain(value: object) -> object:
    return _given(value) if isinstance(value, BaseModel) else value


def _note(shape: type[BaseModel], part: Part, detail: ErrorDetails, findings: Findings) -> None:
    loc: Path = detail["loc"]
    place = part.follow(loc)
    kind = detail["type"]
    if kind == "missing":
        findings.at(place.node.mark, (*part.path, *loc), "this key is required, but is not there")
    elif kind == "extra_forbidden":
        findings.fault_at_key(place, _unknown(str(loc[-1]), _keys(shape, loc[:-1])))
    else:
        findings.fault(place, _words(detail, place))


def _words(detail: ErrorDetails, place: Part) -> str:
    template = _WORDS.get(detail["type"])
    if template is None:
        return detail["msg"][:1].lower() + detail["msg"][1:]
    found = _KINDS.get(type(place.value))
    but = f", but is {found}" if found else ", but nothing stands there"
    return template.format(**{**detail.get("ctx", {}), "but": but if place.value != "" else ""})


def _unknown(key: str, known: list[str]) -> str:
    if key in TOKEN_KEYS:
        return KEEP_IT_OUT
    return f"there is no key {show(key)} here{closest(key, known)}"


def _keys(shape: type[BaseModel], loc: Path) -> list[str]:
    """The keys that may stand at that place within the shape."""
    for step in loc:
        field = shape.model_fields.get(str(step))
        inner = field.annotation if field is not None else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        shape = inner
    return list(shape.model_fields)
