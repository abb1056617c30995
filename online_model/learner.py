"""Learns an instant's labelled examples, in canonical order, and says which model is in force from then on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from features.arithmetic import Array
from features.catalogue import NAMES, scaled
from online_model.estimator import LogisticRegression
from online_model.judge import Judge
from online_model.snapshot import Snapshot, pack_array, unpack_array
from schemas.errors import Failure

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Examples:
    """Matured observations: what was served for n customers at an instant, and what became of them."""

    observed_us: int
    model_version: int
    customers: list[str]
    probability: Array  # (n,) as served
    features: Array  # (features, n) in their units
    label: NDArray[np.uint8]  # (n,) 1: left


@dataclass(frozen=True, slots=True)
class Readiness:
    """When a model has seen enough to be served, and what is served before."""

    prior_probability: float
    horizon_days: float
    min_labels: int
    min_labels_of_a_class: int


class Learner:
    """Judges, then learns. The state is parameters and sums; `dumps` and `loads` keep every bit."""

    def __init__(self, readiness: Readiness, prior_precision: float, forget: float) -> None:
        self.readiness = readiness
        self.judge = Judge()
        self.estimator = LogisticRegression(prior_precision, forget)
        self.estimator.names = list(NAMES)
        self.estimator.weights = np.zeros(len(NAMES) + 1)
        self.estimator.precision = np.zeros((len(NAMES) + 1, len(NAMES) + 1))
        self.version = 0
        self.mean = np.zeros(len(NAMES))

    def learn(self, instant_us: int, examples: list[Examples]) -> Snapshot:
        """The examples of all partitions that matured by a grid instant, in any order -> the model from then on."""
        if examples:
            features, label = self.assess(examples)
            x = np.ascontiguousarray(scaled(features).T)
            self.estimator.update(x, label.astype(np.float64))
            self.mean = np.cumsum(x, axis=0)[-1] / len(x)
        self.version += 1
        return self.snapshot(instant_us)

    def assess(self, examples: list[Examples]) -> tuple[Array, NDArray[np.uint8]]:
        """Judges examples, in any order, by what was served; gives their features (features, n) and labels (n,) in
        canonical order: by instant, then customer.
        """
        customers = [(e.observed_us, customer) for e in examples for customer in e.customers]
        order = np.array(sorted(range(len(customers)), key=customers.__getitem__), np.intp)
        features = np.concatenate([e.features for e in examples], axis=1)[:, order]
        label = np.concatenate([e.label for e in examples])[order]
        self.judge.update(np.concatenate([e.probability for e in examples])[order], label)
        return features, label

    def snapshot(self, instant_us: int) -> Snapshot:
        """The parameters as they are now."""
        verdict, weights = self.judge.get(), self.estimator.weights
        return Snapshot(
            instant_us=instant_us,
            version=self.version,
            ready=self._ready(verdict.labels, verdict.positives),
            prior=self.readiness.prior_probability,
            horizon_days=self.readiness.horizon_days,
            intercept=float(weights[0]),
            weights=weights[1:].copy(),
            mean=self.mean.copy(),
            labels=verdict.labels,
            auc=verdict.auc,
            log_loss=verdict.log_loss,
        )

    def dumps(self) -> bytes:
        """The whole state as JSON."""
        return orjson.dumps(
            {
                "format": FORMAT,
                "features": list(NAMES),
                "version": self.version,
                "weights": pack_array(self.estimator.weights),
                "precision": pack_array(self.estimator.precision),
                "mean": pack_array(self.mean),
                "judged": _pack_counts(self.judge.counts),
                "loss": self.judge.loss,
                "squared_error": self.judge.squared_error,
            }
        )

    def loads(self, data: bytes) -> None:
        """Raises Failure for another format or catalogue."""
        body: dict[str, Any] = orjson.loads(data)
        if body["format"] != FORMAT or body["features"] != list(NAMES):
            raise Failure("learner state of another format or feature catalogue: run the release that wrote it")
        n = len(NAMES) + 1
        self.version = body["version"]
        self.estimator.weights = unpack_array(body["weights"], "f8")
        self.estimator.precision = unpack_array(body["precision"], "f8").reshape(n, n)
        self.mean = unpack_array(body["mean"], "f8")
        self.judge.counts = _unpack_counts(body["judged"], self.judge.counts.shape)
        self.judge.loss, self.judge.squared_error = body["loss"], body["squared_error"]

    def _ready(self, labels: int, positives: int) -> bool:
        least = self.readiness.min_labels_of_a_class
        return labels >= self.readiness.min_labels and least <= positives <= labels - least


def _pack_counts(counts: NDArray[np.int64]) -> dict[str, str]:
    """Only the bins that are not empty: most of the many are."""
    (places,) = np.nonzero(counts.ravel())
    return {"places": pack_array(places.astype(np.int32)), "counts": pack_array(counts.ravel()[places])}


def _unpack_counts(packed: dict[str, str], shape: tuple[int, ...]) -> NDArray[np.int64]:
    counts = np.zeros(shape, np.int64).ravel()
    counts[unpack_array(packed["places"], "i4")] = unpack_array(packed["counts"], "i8")
    return counts.reshape(shape)
