"""What versions have learned: how much each expert counts, and what a feature adds over the range of its values."""

from __future__ import annotations

import numpy as np

from features.catalogue import NAMES
from features.portable_math import Array
from online_model.additive_functions import EDGES
from online_model.parameters import EXPERTS
from online_model.scorer import Scorer
from online_model.snapshot import Snapshot


def weights(version: Snapshot) -> dict[str, float]:
    """Of the experts, as served: the prior alone until enough was learned."""
    p = version.parameters
    served = p.weights if version.learned else np.array([float(name == "prior") for name in EXPERTS])
    return dict(zip(EXPERTS, served.tolist(), strict=True))


def changes(a: Snapshot, b: Snapshot) -> list[tuple[str, float]]:
    """(feature, greatest change of what it adds to the log-odds at any value), the greatest first; the same: none."""
    most = np.abs(_added(b) - _added(a)).max(axis=1)
    order = sorted(np.flatnonzero(most).tolist(), key=lambda i: (-most[i], NAMES[i]))
    return [(NAMES[i], float(most[i])) for i in order]


def _added(version: Snapshot) -> Array:
    """(features, bins): in log-odds against the average active customer, at the left end of each bin."""
    return Scorer(version).contributions(np.tile(EDGES, (len(NAMES), 1)))
