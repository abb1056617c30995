"""The details whose rows wait in the merge: what an outcome or a profile says beside its columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.columns import Details, Rows

MOST = int(np.iinfo(np.int32).max)  # more details than can wait; then their numbers begin anew


class WaitingDetails:
    """Fields by a number that means nothing else. What waits is as much as there are rows of details in the merge."""

    def __init__(self) -> None:
        self._waiting: dict[int, Details] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def keep(self, rows: Rows, details: Sequence[Details]) -> None:
        """`details[i - 1]` belong to the rows whose `details` is i; from here on they carry another number, 0 none."""
        if not details:
            return
        numbers = (self._last + np.arange(len(details))) % MOST + 1
        self._last = int(numbers[-1])
        self._waiting.update(zip(numbers.tolist(), details, strict=True))
        rows["details"] = np.append(0, numbers)[rows["details"]]

    def take(self, rows: Rows) -> dict[int, Details]:
        """The details of these rows, which wait no longer."""
        numbers = rows["details"]
        return {number: self._waiting.pop(number) for number in numbers[numbers > 0].tolist()}
