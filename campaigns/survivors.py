"""The mutants that may survive: each with the reason why it changes nothing of account (mutants.toml).

They are known by the text of the changed lines, not by line numbers: an entry stays true wherever its line
moves, and once the line is written otherwise the entry is idle and has to go.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from campaigns.mutations import Mutant

LIST = Path(__file__).with_name("mutants.toml")


@dataclass(frozen=True, slots=True)
class Justified:
    """Survivors that change nothing of account: one line, and the changes to it (none given: every one)."""

    module: str
    function: str
    before: str
    after: tuple[str, ...]
    why: str

    def covers(self, mutant: Mutant) -> bool:
        """Whether this speaks of the mutant."""
        same = (mutant.module, mutant.function, mutant.before) == (self.module, self.function, self.before)
        return same and (not self.after or mutant.after in self.after)


def justified(path: Path = LIST) -> list[Justified]:
    """The entries of the list. ValueError if one gives no reason, KeyError if one lacks another key."""
    entries = [
        Justified(row["module"], row["function"], row["before"], tuple(row.get("after", ())), row["why"])
        for row in tomllib.loads(path.read_text())["survivor"]
    ]
    bare = [entry.before for entry in entries if not entry.why.strip()]
    if bare:
        raise ValueError(f"a survivor needs a reason: {bare[0]}")
    return entries
