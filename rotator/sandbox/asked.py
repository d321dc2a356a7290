"""What people ask for: switches and faults from a command line or from JSON, checked and explained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

from pydantic import TypeAdapter, ValidationError

from rotator.sandbox.faults import Fault
from rotator.sandbox.switches import Switches

SWITCH_NAMES = tuple(field.name for field in fields(Switches))
FAULT_NAMES = tuple(field.name for field in fields(Fault))

_SWITCHES = TypeAdapter(Switches)
_FAULT = TypeAdapter(Fault)


def switched(current: Switches, asked: Mapping[str, object]) -> Switches:
    """The switches with those that were asked for changed; text like "5" or "true" is read as its type.

    Raises ValueError, which says what is wrong, and names the possible switches if one is unknown.
    """
    _known("switch", asked, SWITCH_NAMES)
    try:
        checked = _SWITCHES.validate_python(asked)
    except ValidationError as error:
        raise ValueError(_explained(error)) from None
    values = _SWITCHES.dump_python(checked)
    return replace(current, **{name: values[name] for name in asked})


def fault_of(asked: object) -> Fault:
    """A fault from a JSON object. Raises ValueError, which says what is wrong."""
    if not isinstance(asked, Mapping):
        raise ValueError('a fault is a JSON object such as {"method": "POST", "status": 502}')
    _known("key of a fault", asked, FAULT_NAMES)
    try:
        return _FAULT.validate_python(asked)
    except ValidationError as error:
        raise ValueError(_explained(error)) from None


def _known(what: str, asked: Mapping[str, object], names: tuple[str, ...]) -> None:
    unknown = sorted(str(name) for name in asked if name not in names)
    if unknown:
        raise ValueError(f"unknown {what}: {', '.join(unknown)}. Possible: {', '.join(names)}")


def _explained(error: ValidationError) -> str:
    return "; ".join(
        ": ".join([*(str(part) for part in fault["loc"]), fault["msg"].removeprefix("Value error, ")])
        for fault in error.errors(include_url=False)
    )
