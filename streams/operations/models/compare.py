"""What versions have learned: the weight of each expert, and each feature's contribution over its range."""

from __future__ import annotations

import numpy as np

from features.catalogue import NAMES
from features.portable_math import Array
from online_model.additive_functions import EDGES
from online_model.parameters import EXPERTS
from online_model.scorer import Scorer
from online_model.snapshot import Snapshot


def weights(version: Snapshot) -> dict[str, float]:
    """Returns the served weights of the experts."""
    return dict(zip(EXPERTS, version.parameters.weights.tolist(), strict=True))


def changes(a: Snapshot, b: Snapshot) -> list[tuple[str, float]]:
    """Returns (feature, greatest change of its contribution in log-odds), greatest first, without equal features."""
    most = np.abs(_added(b) - _added(a)).max(axis=1)
    order = sorted(np.flatnonzero(most).tolist(), key=lambda i: (-most[i], NAMES[i]))
    return [(NAMES[i], float(most[i])) for i in order]


def _added(version: Snapshot) -> Array:
    """Returns log-odds against the average active customer at each bin's left end, (features, bins)."""
    return Scorer(version).contributions(np.tile(EDGES, (len(NAMES), 1)))
