"""The model in force, as it is scored with, sent over Kafka and stored. JSON, never code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import orjson

from features.catalogue import NAMES, is_older
from features.population import BINS, COMPONENTS, RFM_B, Counts, zero_counts
from features.portable_math import Array
from online_model.array_codec import grown, pack, unpack
from online_model.mixture import PRIOR_MIDDLE, MixtureOfExperts
from online_model.parameters import Parameters
from online_model.readiness import Hold
from schemas.errors import Failure

FORMAT = 7
READ = (4, 5, 6, FORMAT)  # 6 serves the prior alone until it has learned, 5 has no `shift`, 4 also no `published`
MODEL = "model"  # the variant of the profile's section [model], which is the first champion


class Reason(StrEnum):
    """Why a version is served."""

    INITIAL = "initial"
    LEARNED = "learned"  # its parent learned the labels of its instant
    ROLLBACK = "rollback"  # a command restored its parent
    RESTORED = "restored"  # the rollback to its parent is still in force
    PROMOTION = "promotion"  # a command ended a rollback, or promoted a challenger
    EARNED = "earned"  # the rule promoted a challenger


@dataclass(frozen=True, slots=True)
class Lineage:
    """The origin of a version's parameters."""

    parent: int | None  # version; None: the profile alone
    reason: Reason
    evidence: dict[str, Any] | None  # the command, or the comparison of the promoted challenger
    profile: str  # version of the policy profile
    observed: tuple[int, int] | None  # us, of the first and last learned observation; None: none


FIRST = Lineage(None, Reason.INITIAL, None, "", None)


@dataclass(frozen=True)
class Snapshot:
    """The model from a grid instant on.

    Until enough labels have matured (`learned`) the prior is served, with a growing share of the hinges. model: the
    variant whose parameters are served. shadow: variants that learn without being served, once they have enough
    labels: the challengers and, after a rollback, the champion. trials: challenger -> fields of `promotion.Comparison`.
    mean: (features,), scaled, of the active customers: the reference of reasons. population: (components, bins), the
    customers of the instant. judged: policy version -> cases judged so far, and how many of them were saved; for the
    stop-loss.
    published: activity type that touch points rest on -> the grid instant at which some partition first reported one.
    backlog: the last rank in the backlog of each full day from the instant on (streams/engine/backlog.py).
    strategy_weights: tier -> strategy -> share of the cases, where the profile is adaptive (streams/experiments).
    strategies_restarted: tier -> strategy -> instant since which its memory counts, of those that lost their lift.
    """

    instant_us: int
    version: int
    hold: Hold  # why no case may be opened; NOTHING: cases may be opened
    learned: bool
    parameters: Parameters
    shift: float  # added to the log-odds at this instant (`early_returns`)
    mean: Array
    population: Counts
    labels: int
    auc: float | None  # of served probabilities, since the beginning
    log_loss: float | None
    least_auc: float | None  # lower bound on recent labels
    lineage: Lineage = FIRST
    judged: dict[str, tuple[int, int]] = field(default_factory=dict)
    published: dict[str, int] = field(default_factory=dict)
    model: str = MODEL
    shadow: Mapping[str, Parameters] = field(default_factory=dict)
    trials: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    backlog: Sequence[tuple[float, int]] = ()
    strategy_weights: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    strategies_restarted: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def customers(self) -> int:
        """The active customers of all partitions at its instant; 0: nobody has counted them."""
        return int(self.population[0].sum())

    @property
    def ready(self) -> bool:
        """Whether cases may be opened."""
        return self.hold == Hold.NOTHING

    @property
    def learning(self) -> dict[str, Parameters]:
        """The parameters of all variants with enough labels, served or not; sorted by name."""
        is_own = self.lineage.reason not in (Reason.ROLLBACK, Reason.RESTORED)
        served = {self.model: self.parameters} if is_own and self.learned else {}
        return dict(sorted({**self.shadow, **served}.items()))

    def dumps(self) -> bytes:
        """Returns the snapshot as JSON; `loads` restores every bit."""
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
        """Returns the snapshot that `dumps` wrote. Raises Failure for another format or catalogue of features."""
        body: dict[str, Any] = orjson.loads(data)
        body.pop("seal", None)  # of the record in the topic
        form, names = body.pop("format", None), body.pop("features", None)
        if form not in READ:
            raise Failure(f"model snapshot of format {form}, expected {FORMAT}: run the release that wrote it")
        if not is_older(names or ()):
            raise Failure(f"model snapshot of another feature catalogue ({len(names)} features, expected {len(NAMES)})")
        body.setdefault("shift", 0.0)
        body["hold"] = Hold[body["hold"]]
        del body["ready"]
        body["parameters"] = _parameters(body["parameters"], names)
        if form < FORMAT and not body["learned"]:
            body["parameters"] = body["parameters"].of_prior()
        body["mean"] = grown(unpack(body["mean"]), len(NAMES))
        body["lineage"] = _lineage(body["lineage"])
        body["shadow"] = {name: _parameters(one, names) for name, one in body["shadow"].items()}
        body["population"] = unpack(body["population"]).reshape(len(COMPONENTS), BINS)
        body["judged"] = {version: (cases, saved) for version, (cases, saved) in body["judged"].items()}
        body["backlog"] = tuple((value, digest) for value, digest in body.get("backlog", ()))
        return Snapshot(**body)

    @staticmethod
    def initial(prior_probability: float) -> Snapshot:
        """Returns the snapshot in force before anything is learned."""
        model = MixtureOfExperts(prior_probability=prior_probability)
        model.add_features(list(NAMES))
        parameters = model.parameters().of_prior()
        return Snapshot(0, 0, Hold.LABELS, False, parameters, 0.0, initial_mean(), zero_counts(), 0, None, None, None)


def _parameters(body: dict[str, Any], names: Sequence[str]) -> Parameters:
    return Parameters.unpacked(body, len(names)).grown(len(NAMES))


def _lineage(body: dict[str, Any]) -> Lineage:
    first_and_last = body["observed"]
    observed = None if first_and_last is None else (first_and_last[0], first_and_last[1])
    return Lineage(body["parent"], Reason(body["reason"]), body["evidence"], body["profile"], observed)


def initial_mean() -> Array:
    """(features,): the average customer before any is counted: RFM-B in the middle, every other feature 0."""
    mean = np.zeros(len(NAMES))
    mean[RFM_B] = PRIOR_MIDDLE
    return mean
