"""The whole file: its sections read one by one, put together as `models.Settings`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from importlib.util import find_spec
from typing import Any

from rotator.models import Server, Wait
from rotator.settings import ApiSettings, HttpSettings, LogSettings, Match, NotifySettings, Settings

from . import listening, policies
from .explain import Reading, check
from .fields import base_url
from .findings import Findings
from .nodes import Map, Node, Part
from .policies import Book
from .servers import Servers
from .shape import ApiShape, FileShape, HttpShape, LogShape, NotifyShape

URL_VARIABLE = "VPS_API_URL"
"""The variable that overrides `api.base_url`; the provider's own clients read the same one."""


def read(root: Node, variant: int, environ: Mapping[str, str], now: datetime, findings: Findings) -> Settings:
    """One variant of the file (see `nodes`). Whatever is wrong with it stands in the findings afterwards."""
    part = Part(root, key=root.mark, variant=variant)
    check(FileShape, part, findings)
    api = _section(part, "api", ApiShape, findings)
    log = _section(part, "log", LogShape, findings)
    book = policies.read(part, now, findings)
    provider = _api(api, environ, findings)
    cap = None if "snapshot_limit" in api.faulty else provider.snapshot_limit
    servers, matches = Servers(book, _names(root), cap, findings).read(part.child("servers"))
    _check_any_policy(part, book, (*servers, *matches), findings)
    return Settings(
        path=findings.file,
        api=provider,
        servers=servers,
        log=LogSettings(**log.values),
        http=http(root, variant, findings),
        wait=Wait(**book.defaults.values.get("wait", {})),
        warnings=tuple(sorted(findings.warnings)),
        policies=tuple(entry.policy for entry in book.by_name.values()),
        matches=matches,
        notify=_notify(part, findings),
    )


def _notify(root: Part, findings: Findings) -> NotifySettings | None:
    """The section `notify`; a fault at its key where what sends messages is not installed."""
    reading, part = _section(root, "notify", NotifyShape, findings), root.child("notify")
    if part is None:
        return None
    if find_spec("apprise") is None:
        message = "messages need the extra notify, which is not installed: see Notifications in docs/hooks.md"
        findings.fault_at_key(part, message)
    if "urls_file" not in reading.values:
        return None
    path = os.path.join(os.path.dirname(findings.file), reading.values["urls_file"])
    return NotifySettings(path, frozenset(reading.values.get("on", ("failure", "recovery"))))


def http(root: Node, variant: int, findings: Findings) -> HttpSettings | None:
    """The section `http` alone."""
    part = Part(root, key=root.mark, variant=variant)
    return listening.settings(_section(part, "http", HttpShape, findings), part.child("http"), findings)


def _section(
    root: Part, key: str, shape: type[ApiShape | LogShape | HttpShape | NotifyShape], findings: Findings
) -> Reading:
    part = root.child(key)
    return check(shape, part, findings) if part is not None else Reading({})


def _api(reading: Reading, environ: Mapping[str, str], findings: Findings) -> ApiSettings:
    """The section's settings. A relative path starts where the file lies, for cron starts elsewhere."""
    values: dict[str, Any] = dict(reading.values)
    if "failed_states" in values:
        values["failed_states"] = frozenset(values["failed_states"])
    for key in ("token_file", "ca_file"):
        if values.get(key) is not None:
            values[key] = os.path.join(os.path.dirname(findings.file), values[key])
    if "base_url" in values:
        values["base_url_source"] = "config"
    override = environ.get(URL_VARIABLE, "").strip()
    if override:
        try:
            values |= {"base_url": base_url(override), "base_url_source": URL_VARIABLE}
        except ValueError as error:
            findings.outside(URL_VARIABLE, str(error))
    return ApiSettings(**values)


def _names(root: Node) -> frozenset[str]:
    """The names of all policies, in every value of a key that occurs twice."""
    written = root.entries.get("policies", []) if isinstance(root, Map) else []
    return frozenset(name for _, node in written if isinstance(node, Map) for name in node.entries)


def _check_any_policy(
    root: Part, book: Book, entries: tuple[Server | Match, ...], findings: Findings
) -> None:
    if not book.by_name and root.is_map and not any(entry.policies for entry in entries):
        place = root.child("policies") or root
        path = (*root.path, "policies")
        findings.at(place.node.mark, path, "there are no policies: write at least one, with a schedule")
