"""The classifier: a mixture of experts, weighted by the log loss of their predictions.

| expert | what it is | when it is best |
|---|---|---|
| base   | the running base rate                              | when features do not predict             |
| prior  | RFM-B alone; not in the pool                       | before there are enough labels           |
| hinges | Bayesian logistic regression, two knots a feature  | where effects are smooth                 |
| steps  | a table a feature, boosted on a reservoir of examples | where effects begin at a date, after a change |
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from river import base

from features.portable_math import Array, log, sigmoid
from online_model.additive_functions import AdditiveFunctions, experts, on_grid, weighted_sum
from online_model.bins import HIGHEST, LOWEST, WIDTH
from online_model.boosted_steps import BoostedSteps
from online_model.estimator import LOGIT_LIMIT, LogisticRegression
from online_model.expert_weights import POOLED, ExpertWeights, mix
from online_model.parameters import KNOTS, Parameters
from online_model.reservoir import Reservoir
from online_model.treatment import weights_or_ones

PRIOR_SLOPE = -0.5  # of log-odds for each 25 points of RFM-B: best of 0 to 2 on two logs, 0 was on two others
PRIOR_MIDDLE = 2.0  # 50 points of 100, scaled
PRIOR_SURE = (
    0.3  # precision of its intercept: on a log whose first 11 labels were leavers it predicted 0.92 for 500 stayers
)
PRIOR_LABELS = 50.0  # 11 leavers among the first labels were no sign for the 500 stayers after them
MOST_EARLY = 0.5  # weight of the hinges just before there are enough labels: the prior is served until then
HINGED = 3.0  # times the precision of a weight: the same freedom a feature, spread over three weights


class MixtureOfExperts(base.MiniBatchClassifier):
    """P(True) of the experts' pooled log-odds.

    Parameters
    ----------
    prior_feature
        The one feature of the prior expert, in units of 25 points.
    prior_probability
        The probability of an average customer before there is any label.
    prior_precision
        Precision of a linear weight, for a feature of variance 1; each weight of the hinges has HINGED times as much.
    forget
        The share of their precision that the experts keep from batch to batch (1: all of it).
    worth
        How many independent observations an example counts as: labels with overlapping horizons share information.
    pooled
        The experts that may have a weight.
    """

    def __init__(
        self,
        prior_feature: str = "rfm_b",
        prior_probability: float = 0.5,
        prior_precision: float = 10.0,
        forget: float = 1.0,
        worth: float = 1.0,
        pooled: tuple[str, ...] = POOLED,
    ) -> None:
        self.prior_feature, self.prior_probability = prior_feature, prior_probability
        self.prior_precision, self.forget, self.worth = prior_precision, forget, worth
        self.pooled = pooled
        self.names: list[Hashable] = []
        self.labels, self.positives = 0.0, 0.0  # by weight
        self.low, self.high, self.knots = np.zeros(0), np.zeros(0), np.zeros((0, KNOTS))
        self.prior = LogisticRegression(10.0, forget, worth)
        self.hinges, self.steps = LogisticRegression(HINGED * prior_precision, forget, worth), BoostedSteps()
        self.memory = Reservoir()
        self.prior.add_features([prior_feature])
        self.prior.weights = np.array([self._intercept(0.0, 0.0), PRIOR_SLOPE])
        self.prior.precision[0, 0] = PRIOR_SURE
        self.pool = ExpertWeights(worth, pooled)
        self.shift = 0.0  # of the instant at which it is served

    def _unit_test_skips(self) -> set[str]:
        """Skips one check: a batch is learned at its own mode, not at the modes of its rows one after another."""
        return {"check_learn_many_matches_learn_one"}

    def learn_one(self, x: dict[Hashable, Any], y: base.typing.ClfTarget) -> None:
        """Learns one example."""
        self.learn_many(pd.DataFrame([x]), pd.Series([y]))

    def learn_many(self, X: pd.DataFrame, y: pd.Series) -> None:
        """Learns a batch whose labels have no delay: the experts are weighted by what they predict now."""
        self.add_features(
            sorted(X.columns, key=str)
        )  # steps are fitted in order: that of a caller's dict must not show
        x, labels = self._columns(X), y.to_numpy(np.float64)
        if self.labels:
            self.pool.update(self.expert_log_odds(x), labels)
        self.update(x, labels)

    def predict_proba_one(self, x: dict[Hashable, Any], **kwargs: Any) -> dict[base.typing.ClfTarget, float]:
        """Returns the probability of each class."""
        self.add_features([])
        known = np.nan_to_num(np.array([[float(x.get(name, 0.0))] for name in self.names]))
        p = float(self.probability(known)[0])
        return {False: 1.0 - p, True: p}

    def predict_proba_many(self, X: pd.DataFrame) -> pd.DataFrame:
        """Returns probabilities, a column for each class."""
        self.add_features([])
        p = self.probability(self._columns(X))
        return pd.DataFrame({False: 1.0 - p, True: p}, index=X.index)

    def probability(self, x: Array) -> Array:
        """x: (names, n) -> (n,)."""
        p = self.parameters()
        served = weighted_sum(experts(p), p.weights * p.slope, p.level + self.shift)
        return sigmoid(np.clip(served.log_odds(x), -LOGIT_LIMIT, LOGIT_LIMIT))

    def expert_log_odds(self, x: Array) -> Array:
        """x: (names, n) -> (experts + 2, n): log-odds of each expert, of their mix, and as served."""
        p = self.parameters()
        return expert_log_odds(experts(p), p, x)

    def add_features(self, names: list[Hashable]) -> None:
        """Adds features, and the prior's feature if it is missing; a new feature has no effect yet."""
        self.names += [name for name in dict.fromkeys([*names, self.prior_feature]) if name not in set(self.names)]
        more = len(self.names) - len(self.low)
        self.low = np.append(self.low, np.full(more, np.inf))
        self.high = np.append(self.high, np.full(more, -np.inf))
        self.knots = np.concatenate([self.knots, np.full((more, KNOTS), np.nan)])
        self.hinges.add_features([(name, k) for name in self.names for k in range(1 + KNOTS)])
        self.steps.add_features(len(self.names))
        self.memory.add_features(len(self.names))

    def update(self, x: Array, y: Array, weight: Array | None = None) -> None:
        """Stores a batch in the reservoir and learns it. x: (names, n); y: (n,) of 0 and 1; weight: (n,), above 0;
        None: 1 each.
        """
        weight = weights_or_ones(y, weight)
        self.memory.update(x, y, weight)
        self.learn(x, y, weight)

    def learn(self, x: Array, y: Array, weight: Array) -> None:
        """Learns a batch that is in the reservoir already: several models may share a reservoir."""
        x = np.clip(np.nan_to_num(x), LOWEST, HIGHEST)
        self.labels, self.positives = self.labels + float(weight.sum()), self.positives + float((weight * y).sum())
        self.low, self.high = np.minimum(self.low, x.min(axis=1)), np.maximum(self.high, x.max(axis=1))
        self.steps.fit(self.memory)
        if self.positives in (0.0, self.labels):
            self.prior.weights[0] = self._intercept(self.labels, self.positives)
        if len(y) > 1 and y.min() == y.max():
            return  # one class alone does not separate customers; only the level learns from it
        x = on_grid(x, self.low, self.high)
        self._set_knots(x)
        place = self.names.index(self.prior_feature)
        self.prior.update(x[place : place + 1].T, y, weight)
        self.hinges.update(_hinged(x, self.knots), y, weight)

    def early_parameters(self, log_odds: float, evidence: float, share_of_enough: float) -> Parameters:
        """Returns the parameters served until there are enough labels: the prior, and of the hinges a share that grows
        with the labels. log_odds, evidence: as for `_cold_prior`; share_of_enough: 0 to 1.
        """
        hinges = MOST_EARLY * share_of_enough if "hinges" in self.pooled else 0.0
        return replace(self.parameters().of_prior(hinges), prior=self._cold_prior(log_odds, evidence))

    def _cold_prior(self, log_odds: float, evidence: float) -> Array:
        """Returns the prior's weights, (2,), as served before the model has learned: the average customer leaves with
        these log-odds. evidence: 0 to 1; with none the labels so far count, and without labels all have even odds.
        """
        if not evidence and self.labels:
            return self.prior.weights.copy()
        slope = evidence * float(self.prior.weights[1])
        return np.array([evidence * log_odds - slope * PRIOR_MIDDLE, slope])

    def parameters(self) -> Parameters:
        """Returns the parameters of now."""
        return Parameters(
            base=_logit((self.positives + self.prior_probability) / (self.labels + 1.0)),
            prior=self.prior.weights.copy(),
            prior_place=self.names.index(self.prior_feature),
            hinges=self.hinges.weights.copy(),
            knots=self.knots.copy(),
            steps=np.append(self.steps.intercept, self.steps.tables),
            low=self.low,
            high=self.high,
            weights=self.pool.weights,
            slope=self.pool.slope,
            level=self.pool.level,
        )

    def _intercept(self, labels: float, positives: float) -> float:
        """The prior's intercept for these labels, all of one class: the probability of an average customer moves as if
        PRIOR_LABELS labels had gone before.
        """
        rate = (positives + PRIOR_LABELS * self.prior_probability) / (labels + PRIOR_LABELS)
        return _logit(rate) - PRIOR_SLOPE * PRIOR_MIDDLE

    def _columns(self, X: pd.DataFrame) -> Array:
        x = X.reindex(columns=self.names, fill_value=0.0).to_numpy(np.float64)
        return np.asarray(np.nan_to_num(np.ascontiguousarray(x.T)))

    def _set_knots(self, x: Array) -> None:
        """Sets a feature's knots at quantiles of the first batch in which it varies, on edges of the bins."""
        new = np.isnan(self.knots[:, 0]) & (x.max(axis=1) > x.min(axis=1))
        if new.any():
            ranks = [x.shape[1] * (k + 1) // (KNOTS + 1) for k in range(KNOTS)]
            self.knots[new] = np.rint(np.sort(x[new], axis=1)[:, ranks] / WIDTH) * WIDTH


def expert_log_odds(compiled: list[AdditiveFunctions], p: Parameters, x: Array) -> Array:
    """compiled: `experts(p)`; x: (features, n), scaled -> (experts + 2, n): log-odds of each, of the mix, as served."""
    rows = np.stack([one.log_odds(x) for one in compiled])
    mixed_rows = mix(rows, p.weights)
    return np.vstack([rows, mixed_rows, p.slope * mixed_rows + p.level])


def _hinged(x: Array, knots: Array) -> Array:
    """x: (features, n) -> (n, features * (1 + KNOTS)): each feature, then its excess over each of its knots."""
    out = np.empty((len(x), 1 + knots.shape[1], x.shape[1]))
    out[:, 0], beyond = x, out[:, 1:]
    np.subtract(x[:, None], np.where(np.isnan(knots), np.inf, knots)[:, :, None], out=beyond)
    np.maximum(beyond, 0.0, out=beyond)  # 0 for a knot that is not set
    return out.reshape(-1, x.shape[1]).T


def _logit(p: float) -> float:
    odds = np.array([p, 1.0 - p])
    return float(log(odds)[0] - log(odds)[1])
