"""The model in force: what a score is made with, what travels over Kafka, what is stored. JSON, never code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import orjson

from features.catalogue import NAMES
from features.population import BINS, COMPONENTS, RFM_B, Counts, nobody
from features.portable_math import Array
from online_model.array_codec import pack, unpack
from online_model.mixture import PRIOR_MIDDLE, MixtureOfExperts
from online_model.parameters import Parameters
from online_model.readiness import Hold
from schemas.errors import Failure

FORMAT = 4
MODEL = "model"  # the contender that section [model] of the profile describes, and the first champion


class Reason(StrEnum):
    """How a version came to be the one that is served."""

    INITIAL = "initial"
    LEARNED = "learned"  # its parent and the labels of its instant
    ROLLBACK = "rollback"  # a command took its parent back
    RESTORED = "restored"  # its parent still is what was taken back
    PROMOTION = "promotion"  # a command put the learner's own in its place again, or a challenger in the champion's
    EARNED = "earned"  # a challenger was better for sure


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where the parameters of a version come from."""

    parent: int | None  # version; None: of the profile alone
    reason: Reason
    evidence: dict[str, Any] | None  # the command, where there was one; the challenger's verdict
    profile: str  # its version
    observed: tuple[int, int] | None  # us, of the first and last observation in it; None: of none


FIRST = Lineage(None, Reason.INITIAL, None, "", None)


@dataclass(frozen=True)
class Snapshot:
    """The model from a grid instant on.

    Until enough labels have matured (`learned`) the prior expert alone is served. model: the contender whose parameters
    are served. shadow: of those that learn without being served, once they have learned enough: the challengers and,
    where an earlier version is served, the champion. trials: how challengers stand, as of `trials.Verdict`.
    mean: (features,), scaled, of the active customers, against which reasons are given; population: (components, bins)
    of the customers of the instant.
    judged: by policy version, cases that were judged so far and how many of them were saved: for the stop-loss.
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
    lineage: Lineage = FIRST
    judged: dict[str, tuple[int, int]] = field(default_factory=dict)
    model: str = MODEL
    shadow: Mapping[str, Parameters] = field(default_factory=dict)
    trials: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether cases may be opened."""
        return self.hold == Hold.NOTHING

    @property
    def learning(self) -> dict[str, Parameters]:
        """What all contenders have come to that have learned enough, whatever is served; by name, in its order."""
        is_own = self.lineage.reason not in (Reason.ROLLBACK, Reason.RESTORED)
        served = {self.model: self.parameters} if is_own and self.learned else {}
        return dict(sorted({**self.shadow, **served}.items()))

    def dumps(self) -> bytes:
        """As JSON; `loads` gives back the same bits."""
        body = self.__dict__ | {
            "format": FORMAT,
            "features": list(NAMES),
            "ready": self.ready,
            "hold": self.hold.name,
            "parameters": self.parameters.packed(),
            "lineage": asdict(self.lineage),
            "shadow": {name: parameters.packed() for name, parameters in self.shadow.items()},
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
        body["lineage"] = _lineage(body["lineage"])
        body["shadow"] = {name: Parameters.unpacked(one, len(NAMES)) for name, one in body["shadow"].items()}
        body["population"] = unpack(body["population"]).reshape(len(COMPONENTS), BINS)
        body["judged"] = {version: (cases, saved) for version, (cases, saved) in body["judged"].items()}
        return Snapshot(**body)

    @staticmethod
    def initial(prior_probability: float) -> Snapshot:
        """What is in force before anything has been learned."""
        model = MixtureOfExperts(prior_probability=prior_probability)
        model.add_features(list(NAMES))
        return Snapshot(0, 0, Hold.LABELS, False, model.parameters(), initial_mean(), nobody(), 0, None, None, None)


def _lineage(body: dict[str, Any]) -> Lineage:
    first_and_last = body["observed"]
    observed = None if first_and_last is None else (first_and_last[0], first_and_last[1])
    return Lineage(body["parent"], Reason(body["reason"]), body["evidence"], body["profile"], observed)


def initial_mean() -> Array:
    """(features,): the average customer of whom nothing is known but that he stands in the middle."""
    mean = np.zeros(len(NAMES))
    mean[RFM_B] = PRIOR_MIDDLE
    return mean
