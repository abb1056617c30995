"""The learner as a worker owns it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from online_model.drift import DriftRules
from online_model.learner import Learner, Rules
from online_model.readiness import Bar
from online_model.registry import Serving
from schemas.instants import DAY_US
from streams.engine.common import CommonUnit
from streams.engine.feeds import LABELLED, MODELS
from streams.engine.learner_feed import LearnerBatch, LearnerFeed
from streams.engine.units import Output
from streams.interventions.profile import Profile
from streams.interventions.stop_loss import Judged, added


class LearnerUnit(CommonUnit[LearnerBatch]):
    """The learner: one for all partitions."""

    sources = (LABELLED,)

    def __init__(self, profile: Profile, partitions: int) -> None:
        super().__init__("learner", partitions)
        self.profile = profile
        model, drift = profile.model, profile.drift
        bar = Bar(model.min_labels, model.min_labels_of_a_class, model.least_auc)
        drift_rules = DriftRules(
            drift.reference_weeks, drift.psi, drift.missing_jump, drift.least_counted, drift.loss_delta
        )
        rules = Rules(
            prior_probability=model.prior_probability,
            horizon_days=profile.label.horizon_us / DAY_US,
            prior_precision=model.prior_precision,
            forget_a_week=model.forget_a_week,
            bar=bar,
            drift=drift_rules,
            holdout_share=profile.gate.holdout_share if model.leave_out_treated else 0.0,
        )
        self.learner, self.serving = Learner(rules), Serving(rules, profile.version)
        self.judged: Judged = {}
        self.snapshots: list[bytes] = []

    @property
    def counts(self) -> dict[str, int]:
        """Nothing of its own: the engines count."""
        return {}

    @property
    def alerts(self) -> list[str]:
        """What has drifted, a sentence each."""
        return list(self.learner.drift.alerts)

    def open_feed(self) -> LearnerFeed:
        """A feed that goes on from where the state stands."""
        return LearnerFeed(self.position, self.partitions, self.profile.label.horizon_us, self.until_us)

    def outputs(self) -> list[Output]:
        """The models since the last call, a copy for each partition."""
        snapshots, self.snapshots = self.snapshots, []
        return [Output(MODELS, p, [(b"model", body) for body in snapshots]) for p in range(self.partitions)]

    def _apply(self, batch: LearnerBatch) -> None:
        own = self.learner.learn(batch.instant_us, batch.examples, batch.report.population)
        self.judged = added(self.judged, batch.report.judged)
        served = self.serving.serve(own, batch.examples, batch.commands)
        self.snapshots.append(replace(served, judged=self.judged).dumps())
        self.learner.drift.look(batch.instant_us, batch.report.histograms, batch.report.missing)

    def _state(self) -> dict[str, Any]:
        return {"learner": self.learner.dumps().decode(), "serving": self.serving.dumps(), "judged": self.judged}

    def _load(self, body: dict[str, Any]) -> None:
        self.learner.loads(body["learner"].encode())
        self.serving.loads(body["serving"])
        self.judged = added({}, body["judged"])
