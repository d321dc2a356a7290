"""Hooks as the file writes them: an argv list, a mapping with a timeout of its own, or a list of these.

A plain text is refused: whoever writes one expects a shell, and there is none.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from rotator.models import Command

from . import units
from .nodes import show
from .spelling import closest

MAX_COMMANDS = 20
"""Commands of one phase: they run one after the other, each with a timeout of its own."""

MAX_WORDS = 1000
"""Words of one command."""

MAX_WORD = 10_000
"""Characters of one word: a small script fits, and a hundred thousand of them still fit into a process."""

_KEYS = ("command", "timeout")

_NO_SHELL = 'should be a list of words, ["program", "argument"]: there is no shell to split a text'


def commands(value: object) -> tuple[Command, ...]:
    """The commands of one phase, in their order. ValueError, in plain words, if they cannot be meant."""
    if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, str) for item in value)):
        return (_one(value),)
    if not isinstance(value, list):
        raise ValueError(_NO_SHELL)
    if not value:
        raise ValueError("should have at least one command")
    if len(value) > MAX_COMMANDS:
        raise ValueError(f"should have at most {MAX_COMMANDS} commands")
    return tuple(_numbered(number, item) for number, item in enumerate(value, 1))


def _numbered(number: int, value: object) -> Command:
    try:
        return _one(value)
    except ValueError as error:
        raise ValueError(f"command {number}: {error}") from None


def _one(value: object) -> Command:
    if not isinstance(value, dict):
        return Command(_argv(value))
    for key in value:
        if key not in _KEYS:
            raise ValueError(f"there is no key {show(key)} here{closest(str(key), _KEYS)}")
    if "command" not in value:
        raise ValueError("the key command is required, but is not there")
    argv = _argv(value["command"])
    return Command(argv, _timeout(value["timeout"])) if "timeout" in value else Command(argv)


def _timeout(value: object) -> Any:
    try:
        timeout = units.duration(value)
    except ValueError as error:
        raise ValueError(f"timeout {error}") from None
    if not timeout:
        raise ValueError("timeout should be longer than nothing")
    return timeout


def _argv(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(_NO_SHELL)
    if not value or len(value) > MAX_WORDS:
        raise ValueError(f"a command has 1 to {MAX_WORDS} words")
    for word in value:
        if not isinstance(word, str):
            raise ValueError(f"the words of a command are texts: put {show(word)} in quotes")
        if len(word) > MAX_WORD:
            raise ValueError(f"a word of a command has at most {MAX_WORD} characters")
    if not value[0].strip():
        raise ValueError("a command begins with a program")
    return tuple(value)


_WORDS_SCHEMA = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_WORDS}
_ONE_SCHEMA = {
    "anyOf": [
        _WORDS_SCHEMA,
        {
            "type": "object",
            "properties": {
                "command": {**_WORDS_SCHEMA, "description": "Program and arguments, without a shell."},
                "timeout": {
                    "type": "string",
                    "pattern": units.DURATION,
                    "default": "1m",
                    "description": "How long it may take.",
                },
            },
            "required": ["command"],
            "additionalProperties": False,
        },
    ]
}
_SEVERAL_SCHEMA = {"type": "array", "items": _ONE_SCHEMA, "minItems": 1, "maxItems": MAX_COMMANDS}

Commands = Annotated[
    tuple[Command, ...],
    PlainValidator(commands),
    WithJsonSchema({"anyOf": [*_ONE_SCHEMA["anyOf"], _SEVERAL_SCHEMA]}),
]
