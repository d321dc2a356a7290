"""The reference of all keys, as Markdown: made from the shape, so that it cannot say anything else.

One section for each mapping of the file; a key whose value is another mapping leads to its section.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from .schema import json_schema

HEAD = """\
# Configuration: every key

<!-- Written by `make reference` from rotator/config/shape.py; a test keeps it current. -->

One YAML file: `--config`, else `$ROTATOR_CONFIG`, else `./config.yaml`, else `/etc/rotator/config.yaml`.
[`config.example.yaml`](../config.example.yaml) shows every key in its place, with comments. `rotator init`
writes a short one to begin with, `rotator check` proves that a file is right, and `rotator schema --markdown`
prints this page for the version that is installed.

* **Durations**: `90s`, `15m`, `6h`, `7d`, `1w`, with decimals (`0.2s`) or combined (`1h30m`). The `within`
  rules of `keep` take restic's spans instead: `1y2m3d4h`, where m is months.
* **Schedules, globs and names with braces** want quotes.
* **Relative paths** start where the file lies.
* It is **YAML 1.2**: `on`, `no`, `22:22` and dates are texts. Anchors and merge keys work. Unknown keys
  and duplicate ones are errors.

An editor with a YAML language server completes and explains the keys: `rotator schema > rotator.schema.json`,
and `# yaml-language-server: $schema=rotator.schema.json` as the first line of the configuration.
"""

SECTIONS: Mapping[str, str] = {
    "FileShape": "The file",
    "ApiShape": "`api`",
    "PolicyShape": "`defaults` and `policies.NAME`",
    "InlinePolicyShape": "A policy written out in a server's `policies`",
    "KeepShape": "`keep`",
    "WaitShape": "`wait`",
    "HooksShape": "`hooks`",
    "ServerShape": "`servers[]`",
    "NotifyShape": "`notify`",
    "HttpShape": "`http`",
    "LogShape": "`log`",
}
"""Headings by shape, in the order of the page; a shape that has none stands at the end under its own name."""

SAME_AS = {"InlinePolicyShape": "PolicyShape"}
"""A section that would only repeat another one: what differs is told."""


def markdown() -> str:
    """The whole page."""
    schema = cast("dict[str, Any]", json_schema())
    written_out = {_name(part): part for key in ("properties", "$defs") for part in _mappings(schema[key])}
    shapes = {"FileShape": schema, **written_out, **schema["$defs"]}
    order = [*(name for name in SECTIONS if name in shapes), *(n for n in shapes if n not in SECTIONS)]
    return "\n".join([HEAD, *(line for name in order for line in _section(name, shapes))])


def _mappings(part: object) -> Iterator[Mapping[str, Any]]:
    """Every mapping with known keys, wherever it is written out."""
    if isinstance(part, Mapping):
        if "properties" in part and "type" in part:
            yield part
        yield from (found for value in part.values() for found in _mappings(value))
    elif isinstance(part, list):
        yield from (found for value in part for found in _mappings(value))


def _name(mapping: Mapping[str, Any]) -> str:
    """Its title; without one its keys have to serve."""
    return str(mapping.get("title") or ", ".join(f"`{key}`" for key in mapping["properties"]))


def _section(name: str, shapes: Mapping[str, Any]) -> Iterator[str]:
    shape = shapes[name]
    known = set(shapes[SAME_AS[name]]["properties"]) if name in SAME_AS else set()
    yield f"## {_heading(name)}"
    yield ""
    if text := shape.get("description"):
        yield f"{' '.join(text.split())}{' All other keys are those of a policy.' if known else ''}"
        yield ""
    yield "| key | value | default | meaning |"
    yield "| --- | --- | --- | --- |"
    required = set(shape.get("required", ()))
    for key, value in shape["properties"].items():
        if key not in known or key in required:
            meaning = _meaning(value) or _meaning(shapes.get(_target(value), {}))
            yield f"| `{key}` | {_kind(value)} | {_default(key, value, required)} | {meaning} |"
    yield ""


def _heading(name: str) -> str:
    return SECTIONS.get(name) or f"A mapping of {name.removesuffix('Shape')}"


def _default(key: str, value: Mapping[str, Any], required: set[str]) -> str:
    if key in required:
        return "required"
    return f"`{json.dumps(value['default'])}`" if "default" in value else ""


def _meaning(value: Mapping[str, Any]) -> str:
    return " ".join(str(value.get("description", "")).split()).replace("|", "\\|")


def _kind(value: Mapping[str, Any]) -> str:
    """What may be written there, in a few words."""
    if target := _target(value):
        return _link(target)
    if "const" in value:
        return f"`{value['const']}`"
    if choices := value.get("enum"):
        return ", ".join(f"`{choice}`" for choice in choices)
    for union in ("anyOf", "oneOf", "allOf"):
        if union in value:
            kinds = [_kind(part) for part in value[union] if part.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    return _plain(value)


def _target(value: Mapping[str, Any]) -> str:
    """The shape whose section tells what the value holds; empty if it is no mapping with known keys."""
    return str(value.get("$ref", "")).rpartition("/")[2] or (_name(value) if "properties" in value else "")


def _plain(value: Mapping[str, Any]) -> str:
    kind: str | list[str] = value.get("type", "")
    if kind == "array":
        return f"list of {_kind(value.get('items', {}))}"
    if kind == "object":
        return f"mapping of names to {', '.join(map(_kind, value.get('patternProperties', {}).values()))}"
    if isinstance(kind, list):
        return " or ".join(_WORDS.get(one, one) for one in kind if one != "null")
    bounds = [f"{value[key]:,}" for key in ("minimum", "maximum") if key in value]
    return _WORDS.get(kind, kind) + (f" {' to '.join(bounds)}" if len(bounds) == 2 else "")


def _link(name: str) -> str:
    anchor = "".join(c for c in _heading(name).lower().replace(" ", "-") if c.isalnum() or c in "-_")
    return f"[{_heading(name)}](#{anchor})"


_WORDS = {"string": "text", "integer": "number", "number": "number", "boolean": "`true`, `false`"}
