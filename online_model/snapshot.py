"""The model in force: what a score is made with, what travels over Kafka, what is stored. JSON, never code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from features.arithmetic import Array
from features.catalogue import NAMES
from features.population import BINS, COMPONENTS, RFM_B, Counts, nobody
from online_model.mixture import PRIOR_MIDDLE, MixtureOfExperts
from online_model.packing import pack, unpack
from online_model.parameters import Parameters
from online_model.readiness import Hold
from schemas.errors import Failure

FORMAT = 2


@dataclass(frozen=True)
class Snapshot:
    """The model from a grid instant on.

    Until enough labels have matured (`learned`) the prior expert alone is served. mean: (features,), scaled, of the
    active customers, against which reasons are given; population: (components, bins) of the customers of the instant.
    """

    instant_us: int
    version: int
    hold: Hold  # why no case may be opened; NOTHING: it may
    learned: bool
    parameters: Parameters
    mean: Array
    population: Counts
    labels: int
    auc: float | None  # of what was served, since the beginning
    log_loss: float | None
    least_auc: float | None  # lower bound on recent labels

    @property
    def ready(self) -> bool:
        """Whether cases may be opened."""
        return self.hold == Hold.NOTHING

    def dumps(self) -> bytes:
        """As JSON; `loads` gives back the same bits."""
        body = self.__dict__ | {
            "format": FORMAT,
            "features": list(NAMES),
            "ready": self.ready,
            "hold": self.hold.name,
            "parameters": self.parameters.packed(),
            "mean": pack(self.mean),
            "population": pack(self.population),
        }
        return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)

    @staticmethod
    def loads(data: bytes) -> Snapshot:
        """Raises Failure for another format or another catalogue of features."""
        body: dict[str, Any] = orjson.loads(data)
        form, names = body.pop("format", None), body.pop("features", None)
        if form != FORMAT:
            raise Failure(f"model snapshot of format {form}, expected {FORMAT}: run the release that wrote it")
        if names != list(NAMES):
            raise Failure(f"model snapshot of another feature catalogue ({len(names)} features, expected {len(NAMES)})")
        body["hold"] = Hold[body["hold"]]
        del body["ready"]
        body["parameters"] = Parameters.unpacked(body["parameters"], len(NAMES))
        body["mean"] = unpack(body["mean"])
        body["population"] = unpack(body["population"]).reshape(len(COMPONENTS), BINS)
        return Snapshot(**body)

    @staticmethod
    def initial(prior_probability: float) -> Snapshot:
        """What is in force before anything has been learned."""
        model = MixtureOfExperts(prior_probability=prior_probability)
        model.meet(list(NAMES))
        return Snapshot(0, 0, Hold.LABELS, False, model.parameters(), middle(), nobody(), 0, None, None, None)


def middle() -> Array:
    """(features,): the average customer of whom nothing is known but that he stands in the middle."""
    mean = np.zeros(len(NAMES))
    mean[RFM_B] = PRIOR_MIDDLE
    return mean
