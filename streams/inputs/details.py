"""Details: fields of outcomes and customer profiles that have no column, kept while their rows wait in the merge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.columns import Details, Rows

MOST = int(np.iinfo(np.int32).max)  # numbers wrap around here: far more than can wait at once


class WaitingDetails:
    """Details by number. As many wait as there are rows with details in the merge."""

    def __init__(self) -> None:
        self._waiting: dict[int, Details] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def keep(self, rows: Rows, details: Sequence[Details]) -> None:
        """Keeps details and renumbers their rows: `details[i - 1]` belongs to rows whose `details` is i; 0 is none."""
        if not details:
            return
        numbers = (self._last + np.arange(len(details))) % MOST + 1
        self._last = int(numbers[-1])
        self._waiting.update(zip(numbers.tolist(), details, strict=True))
        rows["details"] = np.append(0, numbers)[rows["details"]]

    def take(self, rows: Rows) -> dict[int, Details]:
        """Removes and returns the details of these rows."""
        numbers = rows["details"]
        return {number: self._waiting.pop(number) for number in numbers[numbers > 0].tolist()}
