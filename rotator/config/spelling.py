"""What a misspelt word was meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def closest(word: str, known: Iterable[str]) -> str:
    """`, did you mean …?` for the most similar known word, or nothing."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    found = get_close_matches(word.lower()[:100], by_lower, n=1)
    return f", did you mean {by_lower[found[0]]}?" if found else ""
