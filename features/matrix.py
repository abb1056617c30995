"""Computes and scales the features of many customers: (features, customers), in the order of the catalogue."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from features.aggregates import Decayed, Layout
from features.catalogue import FEATURES
from features.portable_math import Array, in_cache, log
from features.program import program
from features.view import View

Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]
SIZES = np.array([[feature.size] for feature in FEATURES])
COMPUTED = [(i, feature) for i, feature in enumerate(FEATURES) if not feature.is_sum]
IS_LOG = np.array([feature.scale == "log" for feature in FEATURES])


def values(view: View) -> Array:
    """Returns the features of the view's customers in their units: (features, n), all finite."""
    compiled = program(view.layout)
    if compiled is not None and (found := compiled.run(view.block, view.at_us)) is not None:
        return found
    out = np.empty((len(FEATURES), len(view.at_us)))
    for i, column, is_decayed in _sums(view.layout):
        out[i] = (view.decayed if is_decayed else view.block)[column]
    for i, feature in COMPUTED:
        out[i] = feature.compute(view)
    return out


@cache
def _sums(layout: Layout) -> list[tuple[int, int, bool]]:
    """The features that are an aggregate as it is: their places, their columns, and whether these decay."""
    sums = [(i, one.uses[0]) for i, one in enumerate(FEATURES) if one.is_sum]
    return [(i, layout.column[uses], isinstance(uses, Decayed)) for i, uses in sums]


def known(view: View) -> Flags:
    """Returns (features, n): which values come from the customers' own events. Only their sentences may be used."""
    features, columns, initial = _requirements(view.layout)
    out = np.ones((len(FEATURES), len(view.at_us)), np.bool_)
    out[features] = view.block[columns] != initial
    return out


@cache
def _requirements(layout: Layout) -> tuple[list[int], list[int], Array]:
    """Indexes of the features that require an aggregate, their columns, and the initial values of these columns."""
    requirements = [(i, feature.requires) for i, feature in enumerate(FEATURES) if feature.requires is not None]
    columns = [layout.column[requires] for _, requires in requirements]
    return [i for i, _ in requirements], columns, layout.empty[columns][:, None]


def scaled(raw: Array) -> Array:
    """Returns the input of the models: log(1 + value) or value / size; a new array of the same shape."""
    out = np.empty(raw.shape)
    for rows in in_cache(by_scale(np.arange(len(FEATURES))), raw.shape[1]):
        out[rows] = scaled_rows(raw, rows)
    return out


def by_scale(rows: Rows) -> Rows:
    """Returns features in an order in which those of a scale stand together: all of a part are scaled at once."""
    return rows[np.argsort(~IS_LOG[rows], kind="stable")]


def scaled_rows(raw: Array, rows: Rows) -> Array:
    """Returns the input of the models for some features: (rows, n)."""
    out, is_log = raw[rows], IS_LOG[rows]
    if is_log.all():
        out += 1.0
        return log(out)
    out[is_log] = log(out[is_log] + 1.0)
    out[~is_log] /= SIZES[rows[~is_log]]
    return out
