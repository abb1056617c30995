"""What is served before anything has been learned: how long this customer's own rhythm lets one wait.

Events come at a rate of its own for each customer, drawn from a gamma distribution (shape 1) that gives a customer of
whom nothing is known the profile's prior probability of staying away for a horizon. After x further events in
T days the
probability of none in the next h is ((b + T) / (b + T + h)) ^ (1 + x): the gamma-Poisson model of Ehrenberg (1959,
10.2307/2985810). It needs no labels, and it ranks customers long before there are any.
"""

from __future__ import annotations

import numpy as np

from features.arithmetic import Array, exp, log
from features.catalogue import NAMES

COUNT, TENURE = NAMES.index("retained_count"), NAMES.index("tenure")
LEAST, MOST = 0.01, 0.99  # of the prior, so that the scale stays finite


def gamma_poisson(raw: Array, prior: float, horizon_days: float) -> Array:
    """raw: (features, n) in their units -> (n,) probability of no retention event within the horizon."""
    prior = min(max(prior, LEAST), MOST)
    known_days = horizon_days * prior / (1.0 - prior) + raw[TENURE]
    further = np.maximum(raw[COUNT] - 1.0, 0.0)
    return exp((1.0 + further) * log(known_days / (known_days + horizon_days)))
