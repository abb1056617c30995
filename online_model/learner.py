"""Learns an instant's labelled examples, in canonical order, and says which model is in force from then on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from features.arithmetic import Array
from features.catalogue import NAMES, scaled
from features.population import BINS, COMPONENTS, Counts, nobody
from online_model.drift import Drift, DriftRules
from online_model.estimator import LogisticRegression
from online_model.judge import Judge
from online_model.mixture import MixtureOfExperts
from online_model.packing import pack, unpack
from online_model.parameters import EXPERTS, KNOTS
from online_model.readiness import Bar, Recent
from online_model.snapshot import Snapshot, middle
from online_model.treatment import NO_LABEL, Codes, Treatment
from online_model.treatment import weights as weights_of
from schemas.errors import Failure

FORMAT = 3
WEEK_DAYS = 7.0
ACTING_US = 13 * 7 * 86_400_000_000  # a CRM that has reported no contact for a quarter is gone


@dataclass(frozen=True, slots=True)
class Examples:
    """Matured observations: what was said of n customers at an instant, and what became of them."""

    observed_us: int
    model_version: int
    customers: list[str]
    probability: Array  # (n,) as served
    said: Array  # (experts + 1, n) log-odds as of `Scorer.said`; (0, n), or NaN for a customer, where there was none
    features: Array  # (features, n) in their units
    label: NDArray[np.uint8]  # (n,) 1: left; on their way to the learner some have NO_LABEL
    treatment: Codes  # (n,) of `Treatment`


@dataclass(frozen=True, slots=True)
class Rules:
    """What the learner starts from, and what it has to pass before cases are opened."""

    prior_probability: float
    horizon_days: float
    prior_precision: float
    forget_a_week: float
    bar: Bar
    drift: DriftRules
    holdout_share: float = 0.0  # of those who crossed; 0: all examples count alike, whatever was done

    @property
    def fresh(self) -> float:
        """The share of an observation's horizon that the week before had not covered."""
        return min(WEEK_DAYS / self.horizon_days, 1.0)


class Learner:
    """Judges, then learns. The state is parameters and sums; `dumps` and `loads` keep every bit."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.judge, self.recent, self.drift = Judge(), Recent(), Drift(rules.drift)
        self.model = MixtureOfExperts(
            prior_probability=rules.prior_probability,
            prior_precision=rules.prior_precision,
            forget=rules.forget_a_week,
            worth=rules.fresh,
        )
        self.model.meet(list(NAMES))
        self.version = 0
        self.mean, self.population = middle(), nobody()
        self.contacted_us: int | None = None  # the newest observation with a contact in its horizon

    def learn(self, instant_us: int, examples: list[Examples], population: Counts | None = None) -> Snapshot:
        """The examples of all partitions that matured by a grid instant, in any order, and its customers counted
        (features.population) -> the model from then on.
        """
        for observed_us in sorted({e.observed_us for e in examples}):
            self._learn(self.assess([e for e in examples if e.observed_us == observed_us]))
        if population is not None:
            self.population = population
        self.version += 1
        return self.snapshot(instant_us)

    def assess(self, examples: list[Examples]) -> Examples:
        """Judges examples of an instant, in any order, by what was served; gives them as one, in order of customers."""
        whole = joined(examples)
        self.judge.update(whole.probability, whole.label)
        return whole

    def snapshot(self, instant_us: int) -> Snapshot:
        """The model as it is now."""
        verdict, rules = self.judge.get(), self.rules
        return Snapshot(
            instant_us=instant_us,
            version=self.version,
            hold=self.recent.hold(rules.bar, verdict.labels, verdict.positives, rules.fresh),
            learned=rules.bar.enough(verdict.labels, verdict.positives),
            parameters=self.model.parameters(),
            mean=self.mean,
            population=self.population,
            labels=verdict.labels,
            auc=verdict.auc,
            log_loss=verdict.log_loss,
            least_auc=self.recent.least_auc(rules.fresh),
        )

    def dumps(self) -> bytes:
        """The whole state as JSON."""
        m = self.model
        body = {
            "format": FORMAT,
            "features": list(NAMES),
            "version": self.version,
            "contacted_us": self.contacted_us,
            "mean": pack(self.mean),
            "population": pack(self.population),
            "labels": [m.labels, m.positives],
            "range": [pack(part) for part in (m.low, m.high, m.knots)],
            "regressions": [[pack(one.weights), pack(one.precision)] for one in self._regressions()],
            "steps": [m.steps.intercept, m.steps.intercept_precision, pack(m.steps.tables), pack(m.steps.precision)],
            "pool": [pack(m.pool.weights), pack(m.pool.costs)],
            "recent": asdict(self.recent),
            "drift": self.drift.state(),
            "judged": pack(self.judge.counts),
            "loss": self.judge.loss,
            "squared_error": self.judge.squared_error,
        }
        return orjson.dumps(body)

    def loads(self, data: bytes) -> None:
        """Raises Failure for another format or catalogue."""
        body: dict[str, Any] = orjson.loads(data)
        if body["format"] != FORMAT or body["features"] != list(NAMES):
            raise Failure("learner state of another format or feature catalogue: run the release that wrote it")
        self.version, m = body["version"], self.model
        self.contacted_us = body["contacted_us"]
        self.mean, self.population = unpack(body["mean"]), unpack(body["population"]).reshape(len(COMPONENTS), BINS)
        m.labels, m.positives = body["labels"]
        m.low, m.high, knots = map(unpack, body["range"])
        m.knots = knots.reshape(-1, KNOTS)
        for one, (weights, precision) in zip(self._regressions(), body["regressions"], strict=True):
            one.weights = unpack(weights)
            one.precision = unpack(precision).reshape(len(one.weights), len(one.weights))
        m.steps.intercept, m.steps.intercept_precision, tables, precision = body["steps"]
        m.steps.tables, m.steps.precision = (unpack(part).reshape(len(NAMES), -1) for part in (tables, precision))
        m.pool.weights, m.pool.costs = map(unpack, body["pool"])
        self.recent = Recent(**body["recent"])
        self.drift.load(body["drift"])
        self.judge.counts = unpack(body["judged"]).reshape(self.judge.counts.shape)
        self.judge.loss, self.judge.squared_error = body["loss"], body["squared_error"]

    def _learn(self, examples: Examples) -> None:
        x, y = scaled(examples.features), examples.label.astype(np.float64)
        self.drift.judge(examples.probability, examples.label, self.rules.fresh)
        self.mean = np.cumsum(x, axis=1)[:, -1] / len(y)
        weight = self._weights(examples)
        left = weight > 0.0
        if not left.any():
            return
        x, y, weight = np.ascontiguousarray(x[:, left]), y[left], weight[left]
        if self.model.labels:
            now = self.model.said(x)
            self.recent.update(now[-1] * self.model.pool.slope, now[EXPERTS.index("prior")], y, weight)
        said = examples.said[:, left]
        if len(said) and (spoke := ~np.isnan(said[0])).any():
            self.model.pool.update(said[:, spoke], y[spoke], weight[spoke])
        self.model.update(x, y, weight)

    def _weights(self, examples: Examples) -> Array:
        """(n,): those who were left alone count for all, where there is a CRM that acts; else all count alike: a case
        that nobody heard of (a log, say) changes nothing.
        """
        if (examples.treatment == Treatment.CONTACTED).any():
            self.contacted_us = examples.observed_us
        acts = self.contacted_us is not None and examples.observed_us - self.contacted_us <= ACTING_US
        if not (acts and self.rules.holdout_share):
            return np.ones(len(examples.label))
        return weights_of(examples.treatment, self.rules.holdout_share)

    def _regressions(self) -> tuple[LogisticRegression, ...]:
        return self.model.prior, self.model.linear, self.model.hinges


def with_label(parts: list[Examples]) -> list[Examples]:
    """Without the customers whose horizon was cut; parts of which nobody is left are left out."""
    kept = [_taken(part, np.flatnonzero(part.label != NO_LABEL)) for part in parts]
    return [part for part in kept if part.customers]


def joined(parts: list[Examples]) -> Examples:
    """Examples of one instant, in order of customers."""
    customers = [customer for part in parts for customer in part.customers]
    order = np.array(sorted(range(len(customers)), key=customers.__getitem__), np.intp)
    experts = max(len(part.said) for part in parts)  # live, one partition may have a model before another has
    said = [part.said if len(part.said) else np.full((experts, part.said.shape[1]), np.nan) for part in parts]
    whole = replace(
        parts[0],
        customers=customers,
        probability=np.concatenate([part.probability for part in parts]),
        said=np.concatenate(said, axis=1),
        features=np.concatenate([part.features for part in parts], axis=1),
        label=np.concatenate([part.label for part in parts]),
        treatment=np.concatenate([part.treatment for part in parts]),
    )
    return _taken(whole, order)


def _taken(one: Examples, places: NDArray[np.intp]) -> Examples:
    """The customers at these places, in their order."""
    return replace(
        one,
        customers=[one.customers[i] for i in places.tolist()],
        probability=one.probability[places],
        said=one.said[:, places],
        features=one.features[:, places],
        label=one.label[places],
        treatment=one.treatment[places],
    )
