"""Customers about whom nothing is decided now: a producer of their events is silent, which proves nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.portable_math import Array
from streams.cases.columns import ATTRIBUTES, SPEAKERS


@dataclass(frozen=True, slots=True)
class Unheard:
    """Producers that are not heard: their bits, and the numbers of the customer attributes of scopes they speak for."""

    bits: int = 0
    attributes: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.bits or self.attributes)

    def of(self, cases: Array) -> NDArray[np.bool_]:
        """cases: (WIDTH, n), the columns of cases of some customers -> (n,): for whom one of them speaks."""
        found: NDArray[np.bool_] = cases[SPEAKERS].astype(np.int64) & self.bits != 0
        return found | np.isin(cases[ATTRIBUTES], self.attributes) if self.attributes else found
