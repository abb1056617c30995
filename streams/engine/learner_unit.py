"""The learner as a worker owns it: one for all partitions, all of its state in one row of its changelog."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from online_model.learner import Learner, Rules
from online_model.readiness import Bar
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
        model = profile.model
        bar = Bar(model.min_labels, model.min_labels_of_a_class, model.least_auc)
        horizon_days = profile.label.horizon_us / DAY_US
        holdout_share = profile.gate.holdout_share if model.leave_out_treated else 0.0
        self.learner = Learner(
            Rules(model.prior_probability, horizon_days, model.prior_precision, model.forget_a_week, bar, holdout_share)
        )
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
        """Nothing yet."""
        return []

    def open_feed(self) -> LearnerFeed:
        """A feed that goes on from where the state stands."""
        return LearnerFeed(self.position, self.partitions, self.profile.label.horizon_us, self.learned_us)

    def apply(self, batch: LearnerBatch) -> bool:
        """Learns an instant; everybody waits for the model."""
        if batch.base != self.position:
            raise Hole(f"learner: a batch from {batch.base} came, the state stands at {self.position}")
        if not batch.ended:
            self.snapshots.append(self.learner.learn(batch.instant_us, batch.examples, batch.population).dumps())
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

    def loaded(self) -> None:
        """Nothing is left to do."""

    def take(self) -> list[Output]:
        """The state and the models that came since the last call, a copy for each partition."""
        body = {
            "position": self.position,
            "done": self.done,
            "learned_us": self.learned_us,
            "learner": self.learner.dumps().decode(),
        }
        state: list[Pair] = [(POSITION, orjson.dumps(body))]
        return [Output(LEARNER_STATE, 0, state), *self.outputs()]

    def outputs(self) -> list[Output]:
        """The models alone."""
        snapshots, self.snapshots = self.snapshots, []
        return [Output(MODELS, p, [(b"model", body) for body in snapshots]) for p in range(self.partitions)]
