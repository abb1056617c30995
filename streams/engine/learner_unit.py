"""The learner as a worker owns it: one for all partitions, all of its state in one row of its changelog."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from online_model.drift import DriftRules
from online_model.learner import Learner, Rules, with_label
from online_model.readiness import Bar
from online_model.registry import Serving
from schemas.instants import DAY_US, format_instant
from streams.engine.feeds import LABELLED, MODELS, Record
from streams.engine.learner_feed import LearnerBatch, LearnerFeed
from streams.engine.merge import Hole
from streams.engine.units import POSITION, Output, Pair
from streams.interventions.profile import Profile

LEARNER_STATE = "learner-state"


class LearnerUnit:
    """The learner: one for all partitions."""

    sources = (LABELLED,)

    def __init__(self, profile: Profile, partitions: int) -> None:
        self.profile, self.partitions, self.partition = profile, partitions, 0
        self.name, self.changelog = "learner", (LEARNER_STATE, 0)
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
        self.position: dict[str, int] = {}
        self.learned_us = 0
        self.steps, self.done, self.waiting = 0, False, False
        self.snapshots: list[bytes] = []

    @property
    def frontier(self) -> str | None:
        """The last instant that was learned, as text."""
        return format_instant(self.learned_us) if self.learned_us else None

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
        return LearnerFeed(self.position, self.partitions, self.profile.label.horizon_us, self.learned_us)

    def apply(self, batch: LearnerBatch) -> bool:
        """Learns an instant; everybody waits for the model."""
        if batch.base != self.position:
            raise Hole(f"learner: a batch from {batch.base} came, the state stands at {self.position}")
        if not batch.ended:
            examples = with_label(batch.examples)
            own = self.learner.learn(batch.instant_us, examples, batch.report.population)
            self.snapshots.append(self.serving.serve(own, examples, batch.commands).dumps())
            self.learner.drift.look(batch.instant_us, batch.report.histograms, batch.report.missing)
            self.learned_us = batch.instant_us
        self.position, self.steps, self.done = batch.position, self.steps + 1, batch.ended
        return True

    def load(self, records: Iterable[Record]) -> None:
        """Rows of the changelog: the last one is the state."""
        for record in records:
            if record.key == POSITION and record.value is not None:
                body = orjson.loads(record.value)
                self.position, self.done, self.learned_us = body["position"], body["done"], body["learned_us"]
                self.learner.loads(body["learner"].encode())
                self.serving.loads(body["serving"])

    def loaded(self) -> None:
        """Nothing is left to do."""

    def take(self) -> list[Output]:
        """The state and the models that came since the last call, a copy for each partition."""
        body = {
            "position": self.position,
            "done": self.done,
            "learned_us": self.learned_us,
            "learner": self.learner.dumps().decode(),
            "serving": self.serving.dumps(),
        }
        state: list[Pair] = [(POSITION, orjson.dumps(body))]
        return [Output(LEARNER_STATE, 0, state), *self.outputs()]

    def outputs(self) -> list[Output]:
        """The models alone."""
        snapshots, self.snapshots = self.snapshots, []
        return [Output(MODELS, p, [(b"model", body) for body in snapshots]) for p in range(self.partitions)]
