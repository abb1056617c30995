"""Customer ids that a tool has changed on the way: `17850.0` and ` 17850` are read as `17850`, and reported."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from schemas.refusals import excerpt
from streams.files.derived_ids import EXACT

FRACTION = re.compile(r"(-?\d{1,15})\.0*", re.ASCII)  # up to 15 digits a float keeps every one of them
DOUBTFUL = (".0", ".\n", "\n ", " \n", "\t")  # in ids of one line each: faster than a look at every id


class IdCells:
    """The ids of one file."""

    def __init__(self, file: str) -> None:
        self.file, self.changed = file, 0
        self.first: tuple[str, str] | None = None

    def column(self, cells: Sequence[Any]) -> Sequence[Any]:
        """Returns the ids as text, None where there is none; what is neither text nor a whole number is kept."""
        if set(map(type, cells)) <= {str}:
            lines = "\n".join(("", *cells, ""))
            if not any(mark in lines for mark in DOUBTFUL):
                return cells
        return [cell if cell is None else self._id(cell) for cell in cells]

    def remarks(self) -> list[str]:
        """Returns a sentence about the ids that were changed, if there are any."""
        if self.first is None:
            return []
        written, read = map(excerpt, self.first)
        return [
            f"{self.file}: customer_id {written} is read as {read}, and {self.changed:,} ids in all like it (blanks "
            "around them, or a fraction of zero); export the column as text"
        ]

    def _id(self, cell: Any) -> Any:
        if isinstance(cell, float) and cell.is_integer() and abs(cell) <= EXACT:
            return self._change(str(cell), str(int(cell)))
        if type(cell) is int:
            return str(cell)
        if not isinstance(cell, str):
            return cell
        plain = cell.strip()
        found = FRACTION.fullmatch(plain)
        read = found[1] if found else plain
        return cell if read == cell else self._change(cell, read) or None

    def _change(self, written: str, read: str) -> str:
        self.changed += 1
        self.first = self.first or (written, read)
        return read
