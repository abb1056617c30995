"""Challengers that are classifiers of River: they learn one by one, predict one by one, and are judged like the others.

They are judged, not served: an engine scores by tables that a few kilobytes describe, and a forest has none.

A week has at most MOST of its examples for them, drawn by a hash of customer and instant. When the labels of an instant
are known, a classifier first learns the examples whose labels were known at that instant, and then says what it would
have said: so nobody looks ahead, and one state is enough. The drawn examples are kept; after a restart the classifier
learns all of them again, in the same order. Nothing of River is ever stored.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import xxhash
from numpy.typing import NDArray
from river import base

from features.catalogue import NAMES
from features.portable_math import Array, log
from online_model.array_codec import grown, pack_array, unpack_array
from online_model.bins import HIGHEST, LOWEST
from online_model.parameters import SERVED
from online_model.river_estimators import estimator

LOG = logging.getLogger(__name__)
MOST = 500  # examples of an instant; a forest takes about a millisecond each
STEP = 2.0**-10  # of a kept feature, which fits 16 bits so
LEAST = 1e-4  # probability that is believed, and 1 - LEAST the most: a tree of one example is sure of everything
KEPT = ":kept:"  # prefix of the rows with the examples; cannot begin the name of a model variant


@dataclass(frozen=True, slots=True)
class Kept:
    """The examples of an instant that were drawn. values: (features, n) in STEPs; label: (n,)."""

    values: NDArray[np.int16]
    label: NDArray[np.uint8]

    def dumps(self) -> bytes:
        """Returns them as JSON."""
        features = len(self.values)
        body = {"features": features, "values": pack_array(self.values), "label": pack_array(self.label)}
        return orjson.dumps(body)

    @staticmethod
    def loads(data: bytes) -> Kept:
        """Returns what `dumps` wrote; features that came later count as 0."""
        body: dict[str, Any] = orjson.loads(data)
        values = unpack_array(body["values"], "i2").reshape(body["features"], -1)
        return Kept(grown(values, len(NAMES)), unpack_array(body["label"], "u1"))

    def rows(self) -> list[dict[Hashable, float]]:
        """Returns the examples as River has them."""
        names: Sequence[Hashable] = NAMES
        return [dict(zip(names, row, strict=True)) for row in (self.values.T * STEP).tolist()]


class RiverChallengers:
    """All of them. seconds: processor time by name, since the process began. One that fails is asked no more: with the
    same examples it fails again after a restart.
    """

    def __init__(self, estimators: Mapping[str, str], horizon_us: int) -> None:
        """estimators: name -> text of `river_estimators.estimator`."""
        self.horizon_us = horizon_us
        self.models = {name: estimator(text) for name, text in estimators.items()}
        self.seconds = dict.fromkeys(self.models, 0.0)
        self._classes = dict.fromkeys(self.models, frozenset[int]())  # that it has seen
        self._kept: dict[int, Kept] = {}
        self._to_learn: list[int] = []  # instants whose examples no classifier has learned yet

    def judge(self, observed_us: int, customers: Sequence[str], x: Array, y: Array) -> dict[str, Array]:
        """Returns what each says of an instant whose labels are known now, from the labels known at the instant, like
        `MixtureOfExperts.expert_log_odds`: NaN where a customer was not drawn. The examples are kept for later
        instants. x: (features, n), scaled; y: (n,).
        """
        places = _drawn(observed_us, customers)
        values = np.rint(np.clip(np.nan_to_num(x[:, places]), LOWEST, HIGHEST) / STEP).astype(np.int16)
        mine = Kept(values, y[places].astype(np.uint8))
        due = [us for us in self._to_learn if us + self.horizon_us <= observed_us]
        self._to_learn = [us for us in self._to_learn if us + self.horizon_us > observed_us]
        said = {}
        for name, model in list(self.models.items()):
            began = time.process_time()
            try:
                for us in due:
                    self._learn(name, model, self._kept[us])
                if len(self._classes[name]) > 1:
                    said[name] = np.full((1 + SERVED, len(customers)), np.nan)
                    said[name][SERVED, places] = _log_odds(model, mine)
            except Exception as error:  # whatever River raises: what is only judged must not stop the learner
                del self.models[name]
                said.pop(name, None)
                LOG.warning("challenger %s is asked no more: it failed (%s: %s)", name, type(error).__name__, error)
            self.seconds[name] += time.process_time() - began
        self._kept[observed_us] = mine
        self._to_learn.append(observed_us)
        return said

    def dumps(self) -> dict[str, bytes]:
        """Returns a row an instant, which never changes."""
        return {f"{KEPT}{us}": one.dumps() for us, one in self._kept.items()}

    def loads(self, rows: Mapping[str, bytes]) -> None:
        """Restores what `dumps` returned; the classifiers learn it again before the next instant is judged."""
        if self.models:
            found = {int(name.removeprefix(KEPT)): row for name, row in rows.items() if name.startswith(KEPT)}
            self._kept = {us: Kept.loads(row) for us, row in sorted(found.items())}
            self._to_learn = list(self._kept)

    def _learn(self, name: str, model: base.Classifier, kept: Kept) -> None:
        for row, label in zip(kept.rows(), kept.label.tolist(), strict=True):
            model.learn_one(row, bool(label))
        self._classes[name] |= set(kept.label.tolist())


def _drawn(observed_us: int, customers: Sequence[str]) -> NDArray[np.intp]:
    """Returns the places of the examples to keep, in a random order that depends on customers and instant alone."""
    numbers = [xxhash.xxh3_64_intdigest(name.encode(), seed=observed_us % (1 << 64)) for name in customers]
    return np.argsort(np.array(numbers, np.uint64), kind="stable")[:MOST]


def _log_odds(model: base.Classifier, kept: Kept) -> Array:
    """(n,)."""
    said = [model.predict_proba_one(row).get(True, 0.0) for row in kept.rows()]
    p = np.clip(np.array(said, np.float64), LEAST, 1.0 - LEAST)
    return log(p) - log(1.0 - p)
