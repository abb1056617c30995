"""The learner as a worker owns it: one for all partitions, its state in a few rows of its changelog."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from online_model.contender import Knobs
from online_model.drift import DriftRules
from online_model.learner import Learner, Rules
from online_model.readiness import Bar
from online_model.registry import Serving
from online_model.snapshot import Snapshot
from online_model.trials import Promotion
from schemas.instants import DAY_US, format_instant
from streams.engine.feeds import LABELLED, MODELS, Record
from streams.engine.learner_feed import LearnerBatch, LearnerFeed
from streams.engine.merge import Hole
from streams.engine.units import POSITION, Output, Pair
from streams.interventions.profile import Profile

LEARNER_STATE = "learner-state"
LEARNER = b"\0learner:"  # keys of its rows: what contenders have in common, then one each


class LearnerUnit:
    """The learner: one for all partitions."""

    sources = (LABELLED,)

    def __init__(self, profile: Profile, partitions: int) -> None:
        self.profile, self.partitions, self.partition = profile, partitions, 0
        self.name, self.changelog = "learner", (LEARNER_STATE, 0)
        rules = rules_of(profile)
        self.learner, self.serving = Learner(rules), Serving(rules, profile.version)
        self.position: dict[str, int] = {}
        self.learned_us = 0
        self.steps, self.done, self.waiting = 0, False, False
        self.snapshots: list[bytes] = []
        self._rows: dict[str, bytes] = {}
        self._is_saved = False  # what was learned

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
            self.snapshots.append(self._learn(batch).dumps())
            self._is_saved = False
            self.learner.drift.look(batch.instant_us, batch.report.histograms, batch.report.missing)
            self.learned_us = batch.instant_us
        self.position, self.steps, self.done = batch.position, self.steps + 1, batch.ended
        return True

    def load(self, records: Iterable[Record]) -> None:
        """Rows of the changelog: the last one of a key is the state."""
        for record in records:
            key, value = record.key or b"", record.value
            if value is None:
                continue
            if key == POSITION:
                body = orjson.loads(value)
                self.position, self.done, self.learned_us = body["position"], body["done"], body["learned_us"]
                self.serving.loads(body["serving"])
            elif key.startswith(LEARNER):
                self._rows[key.removeprefix(LEARNER).decode()] = value

    def loaded(self) -> None:
        """The changelog has been read to its end. Raises Failure for the state of another release."""
        if self.position:
            self.learner.loads(self._rows)
            self._is_saved = True
        self._rows = {}

    def take(self) -> list[Output]:
        """The state and the models that came since the last call, a copy for each partition."""
        body = {
            "position": self.position,
            "done": self.done,
            "learned_us": self.learned_us,
            "serving": self.serving.dumps(),
        }
        learned = {} if self._is_saved else self.learner.dumps()
        state: list[Pair] = [(LEARNER + name.encode(), row) for name, row in learned.items()]
        state.append((POSITION, orjson.dumps(body)))
        self._is_saved = True
        return [Output(LEARNER_STATE, 0, state), *self.outputs()]

    def outputs(self) -> list[Output]:
        """The models alone."""
        snapshots, self.snapshots = self.snapshots, []
        return [Output(MODELS, p, [(b"model", body) for body in snapshots]) for p in range(self.partitions)]

    def _learn(self, batch: LearnerBatch) -> Snapshot:
        """The rule promotes nobody while somebody else has chosen what is served."""
        command = self.serving.hear(batch.examples, batch.commands)
        if command is not None and command.challenger is not None:
            self.learner.crown(command.challenger, batch.instant_us)
        chosen = command is not None or self.serving.restored is not None
        own = self.learner.learn(batch.instant_us, batch.examples, batch.report.population, may_promote=not chosen)
        return self.serving.serve(own, command)


def rules_of(profile: Profile) -> Rules:
    """What a profile says of learning."""
    model, drift, promotion = profile.model, profile.drift, profile.promotion
    return Rules(
        prior_probability=model.prior_probability,
        horizon_days=profile.label.horizon_us / DAY_US,
        prior_precision=model.prior_precision,
        forget_a_week=model.forget_a_week,
        bar=Bar(model.min_labels, model.min_labels_of_a_class, model.least_auc),
        drift=DriftRules(drift.reference_weeks, drift.psi, drift.missing_jump, drift.least_counted, drift.loss_delta),
        holdout_share=profile.gate.holdout_share if model.leave_out_treated else 0.0,
        challengers={
            one.name: Knobs(
                model.prior_precision if one.prior_precision is None else one.prior_precision,
                model.forget_a_week if one.forget_a_week is None else one.forget_a_week,
                one.experts,
            )
            for one in profile.challengers
        },
        promotion=Promotion(promotion.alpha, promotion.least_gain, promotion.most_a_week),
    )
