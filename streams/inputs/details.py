"""What belongs to a row and has no column, kept while the row waits in the merge: details of outcomes and customer
profiles, and the dead letters of events that may be too late."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.columns import Details, Rows

MOST = int(np.iinfo(np.int32).max)  # numbers wrap around here: far more than can wait at once


class WaitingDetails:
    """Details by number. As many wait as there are rows with details in the merge."""

    def __init__(self, column: str = "details") -> None:
        """column: of the rows, with the number of their details; 0: none."""
        self._column = column
        self._waiting: dict[int, Details] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def keep(self, rows: Rows, details: Sequence[Details]) -> None:
        """Keeps details and renumbers their rows: `details[i - 1]` belongs to rows whose number is i."""
        if not details:
            return
        numbers = (self._last + np.arange(len(details))) % MOST + 1
        self._last = int(numbers[-1])
        self._waiting.update(zip(numbers.tolist(), details, strict=True))
        rows[self._column] = np.append(0, numbers)[rows[self._column]]

    def take(self, rows: Rows) -> dict[int, Details]:
        """Removes and returns the details of these rows."""
        numbers = rows[self._column]
        return {number: self._waiting.pop(number) for number in numbers[numbers > 0].tolist()}
