"""The bins of the experts `steps` and `hinges`: 0.25 wide on the scaled axis, the same for all features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.portable_math import Array

WIDTH = 0.25  # of a scaled value
LOWEST, HIGHEST = -8.0, 24.0  # of a scaled value; log(1 + value) reaches 24 at 26 thousand million
BINS = 128

Bins = NDArray[np.intp]


def bins_of(x: Array) -> Bins:
    """Returns the bin of each value; any shape."""
    return np.clip((x - LOWEST) / WIDTH, 0.0, BINS - 1.0).astype(np.intp)
