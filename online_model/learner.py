"""The learner: learns an instant's labelled examples, in canonical order, and returns the next snapshot.

All model variants learn from the same examples. One of them, the champion, is served.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import orjson

from features.catalogue import NAMES, is_older
from features.matrix import scaled
from features.population import BINS, COMPONENTS, Counts, zero_counts
from features.portable_math import Array
from online_model.array_codec import grown, pack, unpack
from online_model.drift import Drift, DriftRules
from online_model.early_returns import EarlyReturns, Returns
from online_model.examples import Examples, joined
from online_model.mixture import MixtureOfExperts
from online_model.parameters import SERVED
from online_model.prequential import PrequentialMetrics
from online_model.promotion import ChampionChallenger, Promotion, winner
from online_model.readiness import Hold, ReadinessRules, RecentMetrics
from online_model.reservoir import Reservoir
from online_model.river_challengers import RiverChallengers
from online_model.snapshot import MODEL, Lineage, Reason, Snapshot, initial_mean
from online_model.treatment import ReportedContacts
from online_model.treatment import weights as weights_of
from online_model.variant import Hyperparameters, ModelVariant
from schemas.errors import Failure

FORMAT = 6
READ = (5, FORMAT)  # 5 has no cohorts
WEEK_DAYS = 7.0
MEMORY = ":memory"  # cannot be the name of a model variant
LEARNED = Lineage(None, Reason.LEARNED, None, "", None)


@dataclass(frozen=True, slots=True)
class Rules:
    """The parameters of the learner, from the policy profile."""

    prior_probability: float
    horizon_days: float
    prior_precision: float
    forget_a_week: float
    readiness: ReadinessRules
    drift: DriftRules
    leaves_out_treated: bool = False  # while a CRM contacts customers; else all examples have equal weight
    challengers: Mapping[str, Hyperparameters] = field(default_factory=dict)
    promotion: Promotion = field(default_factory=Promotion)
    river: Mapping[str, str] = field(default_factory=dict)  # challengers of River (`river_estimators`)

    @property
    def new_share(self) -> float:
        """The share of an observation's horizon that the observation a week before does not cover."""
        return min(WEEK_DAYS / self.horizon_days, 1.0)

    @property
    def hyperparameters(self) -> dict[str, Hyperparameters]:
        """Of all model variants; the first champion comes first."""
        return {MODEL: Hyperparameters(self.prior_precision, self.forget_a_week), **self.challengers}


class Learner:
    """Updates metrics, then learns. The state is parameters and sums; `dumps` and `loads` keep every bit."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.metrics, self.drift = PrequentialMetrics(), Drift(rules.drift)
        self.memory = Reservoir()
        self.memory.add_features(len(NAMES))
        self.variants = {
            name: ModelVariant(hyperparameters, rules.prior_probability, rules.new_share, self.memory)
            for name, hyperparameters in rules.hyperparameters.items()
        }
        self.champion, self.lineage = MODEL, LEARNED
        self.trials = ChampionChallenger(
            rules.promotion, math.ceil(rules.horizon_days / WEEK_DAYS), len(rules.challengers)
        )
        self.version, self.learned_us = 0, 0
        self.mean, self.population = initial_mean(), zero_counts()
        self.contacts, self.early = ReportedContacts(), EarlyReturns(rules.horizon_days)
        self.shift, self.outlook = 0.0, (0.0, 0.0)  # of the last instant
        self.river = RiverChallengers(rules.river, self.early.horizon_us)

    @property
    def model(self) -> MixtureOfExperts:
        """The champion's model."""
        return self.variants[self.champion].model

    @property
    def recent(self) -> RecentMetrics:
        """The champion's recent metrics, for readiness."""
        return self.variants[self.champion].recent

    @property
    def challengers(self) -> list[str]:
        """The names of the other variants, in their order."""
        return [name for name in self.variants if name != self.champion]

    def learn(
        self,
        instant_us: int,
        examples: list[Examples],
        population: Counts | None = None,
        returns: Returns | None = None,
        *,
        may_promote: bool = True,
    ) -> Snapshot:
        """Learns the examples of all partitions that matured by a grid instant, in any order; returns the model from
        then on. population: the customers of the instant (features.population); returns: of the cohorts by then.
        """
        if returns is not None:
            self.early.report(instant_us, returns)
        for observed_us in sorted({e.observed_us for e in examples}):
            self._learn(self.assess([e for e in examples if e.observed_us == observed_us]))
        if population is not None:
            self.population = population
        if returns is not None:
            self.shift = self.early.shift(instant_us)
            self.outlook = self.early.outlook(instant_us, int(self.population[0].sum()))
        self.version, self.learned_us = self.version + 1, instant_us
        self.lineage = self._promote() if may_promote else LEARNED
        return self.snapshot(instant_us)

    def promote(self, challenger: str, instant_us: int) -> None:
        """Makes a challenger the champion, for any state of the comparison, if it exists and has enough labels."""
        if challenger in self.challengers and self._has_enough_labels(challenger):
            self.champion = challenger
            self.trials.start(instant_us)

    def assess(self, examples: list[Examples]) -> Examples:
        """Adds an instant's examples, in any order, to the metrics; returns them joined, in order of customers."""
        whole = joined(examples)
        self.metrics.update(whole.probability, whole.label)
        return whole

    def snapshot(self, instant_us: int) -> Snapshot:
        """Returns the champion as a snapshot."""
        metrics, rules = self.metrics.get(), self.rules
        learned = rules.readiness.enough(metrics.labels, metrics.positives)
        enough = rules.readiness.share_of_enough(metrics.labels, metrics.positives)
        parameters = self.model.parameters() if learned else self.model.early_parameters(*self.outlook, enough)
        return Snapshot(
            instant_us=instant_us,
            version=self.version,
            hold=self._hold(metrics.labels, metrics.positives),
            learned=learned,
            parameters=parameters,
            shift=self.shift if learned else 0.0,
            mean=self.mean,
            population=self.population,
            labels=metrics.labels,
            auc=metrics.auc,
            log_loss=metrics.log_loss,
            least_auc=self.recent.least_auc(rules.new_share),
            lineage=self.lineage,
            model=self.champion,
            shadow={
                name: self.variants[name].model.parameters()
                for name in self.challengers
                if learned and self._has_enough_labels(name)
            },
            trials={name: asdict(self.trials.comparison(name)) for name in self.challengers}
            | {name: asdict(self.trials.comparison(name)) | {"needed": None} for name in self.rules.river},
        )

    def _hold(self, labels: int, positives: int) -> Hold:
        hold = self.recent.hold(self.rules.readiness, labels, positives, self.rules.new_share)
        return Hold.AUC_OF_FEW if hold == Hold.AUC and self._leaves_out_treated else hold

    def dumps(self) -> dict[str, bytes]:
        """Returns the state as JSON: variants by name, the shared state under "", the reservoir under MEMORY, and the
        examples kept for challengers of River.
        """
        body = {
            "format": FORMAT,
            "features": list(NAMES),
            "contenders": list(self.variants),
            "champion": self.champion,
            "trials": self.trials.state(),
            "version": self.version,
            "learned_us": self.learned_us,
            "contacts": self.contacts.state(),
            "early": self.early.state(),
            "shift": self.shift,
            "outlook": self.outlook,
            "mean": pack(self.mean),
            "population": pack(self.population),
            "drift": self.drift.state(),
            "judged": pack(self.metrics.counts),
            "loss": self.metrics.loss,
            "squared_error": self.metrics.squared_error,
        }
        common = {"": orjson.dumps(body), MEMORY: orjson.dumps(self.memory.packed())}
        return common | self.river.dumps() | {name: one.dumps() for name, one in self.variants.items()}

    def loads(self, rows: Mapping[str, bytes]) -> None:
        """Restores what `dumps` returned. A new variant starts empty, and a removed one is dropped. Raises Failure for
        another format or catalogue.
        """
        body: dict[str, Any] = orjson.loads(rows.get("", b"{}"))
        if body.get("format") not in READ or not is_older(body["features"]):
            raise Failure(
                f"learner state of format {body.get('format')} or of another feature catalogue, expected format "
                f"{FORMAT} and this release's {len(NAMES)} features: run the release that wrote it"
            )
        self.version, self.learned_us = body["version"], body["learned_us"]
        before = body.get("contacted_us")  # of releases that kept the newest contact alone
        self.contacts.load(body.get("contacts", [(before, 1, 1)] if before else []))
        if "early" in body:
            self.early.load(body["early"])
            self.shift, self.outlook = body["shift"], (body["outlook"][0], body["outlook"][1])
        self.mean, self.population = (
            grown(unpack(body["mean"]), len(NAMES)),
            unpack(body["population"]).reshape(len(COMPONENTS), BINS),
        )
        for name in body["contenders"]:
            if name in self.variants:
                self.variants[name].loads(rows[name])
        self.trials.load(body["trials"])
        self._restore_champion(body["champion"])
        self.drift.load(body["drift"])
        self.memory.load(orjson.loads(rows[MEMORY]), len(body["features"]))
        self.memory.add_features(len(NAMES))
        self.metrics.counts = unpack(body["judged"]).reshape(self.metrics.counts.shape)
        self.metrics.loss, self.metrics.squared_error = body["loss"], body["squared_error"]
        self.river.loads(rows)

    def _restore_champion(self, champion: str) -> None:
        """Restores the champion, if the profile still has it; else the comparison starts again."""
        if champion in self.variants:
            self.champion = champion
        else:
            self.trials.start(self.learned_us)

    def _learn(self, examples: Examples) -> None:
        x, y = scaled(examples.features), examples.label.astype(np.float64)
        self.drift.update_loss(examples.probability, examples.label, self.rules.new_share)
        self.mean = np.cumsum(x, axis=1)[:, -1] / len(y)
        weight = self._weights(examples)
        left = weight > 0.0
        if not left.any():
            return
        x, y, weight = np.ascontiguousarray(x[:, left]), y[left], weight[left]
        said = {name: rows[:, left] for name, rows in examples.said.items() if name in self.variants}
        if self.rules.river:
            customers = [name for name, is_left in zip(examples.customers, left.tolist(), strict=True) if is_left]
            said |= self.river.judge(examples.observed_us, customers, x, y)
        self.trials.update(examples.observed_us, self.champion, said, y, weight)
        champion = said.get(self.champion)
        self.early.learn(examples.observed_us, None if champion is None else champion[SERVED], y, weight)
        self.memory.update(x, y, weight)
        for name, variant in self.variants.items():
            variant.learn(x, y, weight, said.get(name))

    @property
    def _leaves_out_treated(self) -> bool:
        return self.rules.leaves_out_treated and self.contacts.matter

    def _promote(self) -> Lineage:
        """Promotes a challenger by the rule; returns the lineage, without the fields that the registry sets."""
        comparisons = {name: self.trials.comparison(name) for name in self.challengers}
        if (name := winner(comparisons)) is None:
            return LEARNED
        evidence = self.trials.evidence(self.champion, name)
        self.promote(name, self.learned_us)
        return replace(LEARNED, reason=Reason.EARNED, evidence=evidence)

    def _has_enough_labels(self, name: str) -> bool:
        """Whether the variant has enough labels to be served."""
        model = self.variants[name].model
        return self.rules.readiness.enough(int(model.labels), int(model.positives))

    def _weights(self, examples: Examples) -> Array:
        """(n,): while a CRM contacts many of the customers with a case, those left alone stand for all; else all have
        weight 1: a case that reached no CRM (a replayed log, say) changes no label.
        """
        self.contacts.update(examples.observed_us, examples.treatment)
        if not self._leaves_out_treated:
            return np.ones(len(examples.label))
        return weights_of(examples.treatment, examples.propensity)
