"""What was refused of the rows of a file: counts by field and rule, each with its first line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_KEYS = 200  # a field may be any key of an object
OTHERS = "other fields"
Key = tuple[str, str]


@dataclass
class Refusals:
    """Rows refused for one field and rule; line and sentence of the first one."""

    line: int
    sentence: str
    count: int = 0


@dataclass
class Tally:
    """The rows of one file."""

    file: str
    rows: int = 0
    by_rule: dict[Key, Refusals] = field(default_factory=dict)

    @property
    def refused(self) -> int:
        """The number of refused rows."""
        return sum(one.count for one in self.by_rule.values())

    @property
    def share(self) -> float:
        """The share of rows that were refused, 0 to 1."""
        return self.refused / self.rows if self.rows else 0.0

    def add(self, rows: int, letters: Iterable[dict[str, Any]]) -> None:
        """Adds rows, marks left out, and the dead letters of those that were refused."""
        self.rows += rows
        for letter in letters:
            self.refuse(letter["field"], letter["rule"], letter["line"], letter["sentence"])

    def refuse(self, name: str, rule: str, line: int, sentence: str, count: int = 1) -> None:
        """Counts refused rows; of rows sorted by time the first one is the one with the lowest line."""
        key = (name, rule)
        if key not in self.by_rule and len(self.by_rule) >= MOST_KEYS:
            key = (OTHERS, rule[:64])
        found = self.by_rule.setdefault(key, Refusals(line, sentence))
        found.count += count
        if line < found.line:
            found.line, found.sentence = line, sentence

    def sentences(self, only: str | None = None) -> list[str]:
        """Returns a sentence for each field and rule, or for the rule `only`."""
        return [
            f"{self.file}: {one.count:,} of {self.rows:,} rows refused, the first in line {one.line:,}, "
            f"field {name}, rule {rule}: {one.sentence}"
            for (name, rule), one in self.by_rule.items()
            if only in (None, rule)
        ]


def excess(tallies: Sequence[Tally], allowed: float) -> str | None:
    """Returns a sentence about the file with the largest share of refused rows, None when no file has more than
    `allowed`."""
    worst = max(tallies, key=lambda tally: tally.share)
    if worst.share <= allowed:
        return None
    (name, rule), first = min(worst.by_rule.items(), key=lambda item: item[1].line)
    return (
        f"{worst.file}: {worst.refused:,} of {worst.rows:,} rows refused ({worst.share:.1%}; --allow-refused is "
        f"{allowed:.1%}); the first in line {first.line:,}, field {name}, rule {rule}: {first.sentence}"
    )
