"""Reasons in words: what each code of the contract means for a person, with the policy's own numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from rotator.models import UNLIMITED, Keep, Policy, Span

_PERIODS: Mapping[str, str] = {
    "hourly": "hour",
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "yearly": "year",
}

_OTHERS: Mapping[str, Callable[[Policy], str]] = {
    "no_rule": lambda _: "there is no keep rule: all stay",
    "floor": lambda policy: f"min_ready: never below {policy.min_ready}",
    "protected": lambda _: "protected by the configuration",
    "adopted": lambda _: "taken over by adopt",
    "not_kept": lambda _: "no keep rule wants it",
    "cap": lambda _: "the server is full: makes room",
    "failed": lambda _: "no restore point came of it",
    "stuck": lambda _: "still being made after wait.timeout",
    "deferred": lambda _: "left to a later rotation",
    "suspicious": lambda _: "the new one is oddly small",
    "list_unsure": lambda _: "the list cannot be trusted",
    "clock_skewed": lambda _: "the clocks disagree",
    "future": lambda _: "dated in the future",
}


def in_words(reason: str, policy: Policy) -> str:
    """What one reason means; one that is not in the contract's list is given back as it is."""
    if reason in _OTHERS:
        return _OTHERS[reason](policy)
    name = reason.removeprefix("oldest_")
    if name not in Keep.__dataclass_fields__:
        return reason
    if name != reason:
        return f"the oldest there is, and {name} has room"
    return _rule_in_words(name, getattr(policy.keep, name))


def all_in_words(reasons: Iterable[str], policy: Policy) -> str:
    """Several reasons, one after the other."""
    return ", ".join(in_words(reason, policy) for reason in reasons)


def how_long(time: timedelta) -> str:
    """A time in its two largest units: `4 d 3 h`, `1 d`, `45 min`; nothing is `0 h`."""
    minutes = time // timedelta(minutes=1)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    units = ((days, "d"), (hours, "h"), (minutes, "min"))
    first = next((i for i, (number, _) in enumerate(units) if number), None)
    if first is None:
        return "0 h"
    return " ".join(f"{number} {unit}" for number, unit in units[first : first + 2] if number)


def _rule_in_words(rule: str, limit: float | Span | None) -> str:
    """`last`, `daily`, `within`, `within_daily` and their like."""
    if not limit:
        return f"kept by the rule {rule}"
    period = _PERIODS.get(rule.removeprefix("within_"))
    if isinstance(limit, Span):
        what = f"newest of its {period}, within" if period else "within"
        return f"{what} {_span_text(limit)} of the newest"
    if period is None:
        return "every one is kept" if limit == UNLIMITED else f"one of the newest {limit:g}"
    return f"newest of its {period}" + ("" if limit == UNLIMITED else f" ({limit:g} kept)")


def _span_text(span: Span) -> str:
    parts = ((span.years, "y"), (span.months, "m"), (span.days, "d"), (span.hours, "h"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)
