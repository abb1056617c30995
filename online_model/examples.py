"""Matured observations, as the learner takes them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.arithmetic import Array
from online_model.parameters import SERVED
from online_model.treatment import Codes


@dataclass(frozen=True, slots=True)
class Examples:
    """Matured observations: what was said of n customers at an instant, and what became of them."""

    observed_us: int
    model_version: int
    customers: list[str]
    probability: Array  # (n,) as served
    said: dict[str, Array]  # of each contender that could say something, as of `Scorer.said`; NaN: not of this customer
    features: Array  # (features, n) in their units
    label: NDArray[np.uint8]  # (n,) 1: left
    treatment: Codes  # (n,) of `Treatment`


def joined(parts: list[Examples]) -> Examples:
    """Examples of one instant, in order of customers."""
    customers = [customer for part in parts for customer in part.customers]
    order = np.array(sorted(range(len(customers)), key=customers.__getitem__), np.intp)
    return replace(
        parts[0],
        customers=[customers[i] for i in order.tolist()],
        probability=np.concatenate([part.probability for part in parts])[order],
        said={name: _said(parts, name)[:, order] for name in sorted({name for part in parts for name in part.said})},
        features=np.concatenate([part.features for part in parts], axis=1)[:, order],
        label=np.concatenate([part.label for part in parts])[order],
        treatment=np.concatenate([part.treatment for part in parts])[order],
    )


def _said(parts: list[Examples], contender: str) -> Array:
    """Live, one partition may have a model before another has."""
    silent = ((1 + SERVED, len(part.customers)) for part in parts)
    said = [part.said.get(contender, np.full(shape, np.nan)) for part, shape in zip(parts, silent, strict=True)]
    return np.concatenate(said, axis=1)
