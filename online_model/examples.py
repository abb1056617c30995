"""Labelled examples: matured observations, the learner's input."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.portable_math import Array
from online_model.parameters import SERVED
from online_model.treatment import NO_LABEL, Codes


@dataclass(frozen=True, slots=True)
class Examples:
    """Matured observations of n customers at an instant: predictions of the time, features and labels."""

    observed_us: int
    model_version: int
    customers: list[str]
    probability: Array  # (n,) as served
    said: dict[str, Array]  # model variant -> log-odds (`Scorer.expert_log_odds`); NaN: none of this customer
    features: Array  # (features, n) in their units
    label: NDArray[np.uint8]  # (n,) 1: left; NO_LABEL until `with_label`
    treatment: Codes  # (n,) of `Treatment`
    propensity: Array  # (n,) of being left alone: the holdout's share at the draw for those held out, else 1


def with_label(parts: list[Examples]) -> list[Examples]:
    """Returns the parts without customers whose horizon was cut, and without parts that are empty then."""
    kept = [subset(part, np.flatnonzero(part.label != NO_LABEL)) for part in parts]
    return [part for part in kept if part.customers]


def joined(parts: list[Examples]) -> Examples:
    """Joins examples of one instant, in order of customers."""
    customers = [customer for part in parts for customer in part.customers]
    whole = replace(
        parts[0],
        customers=customers,
        probability=np.concatenate([part.probability for part in parts]),
        said={name: _joined_log_odds(parts, name) for name in sorted({name for part in parts for name in part.said})},
        features=np.concatenate([part.features for part in parts], axis=1),
        label=np.concatenate([part.label for part in parts]),
        treatment=np.concatenate([part.treatment for part in parts]),
        propensity=np.concatenate([part.propensity for part in parts]),
    )
    return subset(whole, np.array(sorted(range(len(customers)), key=customers.__getitem__), np.intp))


def subset(one: Examples, places: NDArray[np.intp]) -> Examples:
    """Returns the customers at these indices, in their order."""
    return replace(
        one,
        customers=[one.customers[i] for i in places.tolist()],
        probability=one.probability[places],
        said={name: rows[:, places] for name, rows in one.said.items()},
        features=one.features[:, places],
        label=one.label[places],
        treatment=one.treatment[places],
        propensity=one.propensity[places],
    )


def _joined_log_odds(parts: list[Examples], variant: str) -> Array:
    """Joins a variant's log-odds; live, a partition may have a model before another has, so NaN fills the gaps."""
    silent = ((1 + SERVED, len(part.customers)) for part in parts)
    said = [part.said.get(variant, np.full(shape, np.nan)) for part, shape in zip(parts, silent, strict=True)]
    return np.concatenate(said, axis=1)
