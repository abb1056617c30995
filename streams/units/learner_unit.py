"""The learner as a unit: one for all partitions, its state in a few rows of its changelog."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from online_model.drift import DriftRules
from online_model.examples import with_label
from online_model.learner import MEMORY, Learner, Rules
from online_model.promotion import Promotion
from online_model.readiness import ReadinessRules
from online_model.registry import Serving
from online_model.river_challengers import KEPT
from online_model.variant import Hyperparameters
from schemas.alerts import Alert, AlertKind
from schemas.instants import DAY_US
from streams.engine.backlog import last_ranks
from streams.interventions.stop_loss import Judged, added
from streams.interventions.strategy_memory import StrategyMemory
from streams.profile.profile import Profile
from streams.units.global_unit import GlobalUnit
from streams.units.learner_feed import LearnerBatch, LearnerFeed
from streams.units.seal import sealed
from streams.units.sources import LABELLED, MODELS
from streams.units.unit import POSITION, Clock, Output

LEARNER = b"\0learner:"  # prefix of its rows: one that all model variants share, and one for each
KEPT_ROWS = LEARNER + KEPT.encode()  # they never change, so each is written once


class LearnerUnit(GlobalUnit[LearnerBatch]):
    """The learner: one for all partitions."""

    sources = (LABELLED,)

    def __init__(self, profile: Profile, partitions: int, clock: Clock) -> None:
        super().__init__("learner", partitions)
        self.profile, self.clock = profile, clock
        rules = rules_of(profile)
        self.learner, self.serving = Learner(rules), Serving(rules, profile.version)
        self.judged: Judged = {}
        self.strategies = StrategyMemory(profile)
        self.published: dict[str, int] = {}
        self.snapshots: list[bytes] = []
        self.refused: list[str] = []  # commands of the last batch
        self._is_saved = False  # what was learned

    @property
    def counts(self) -> dict[str, int]:
        """None: the engines count."""
        return {}

    @property
    def unknown_fields(self) -> dict[str, int]:
        """None: the engines count."""
        return {}

    @property
    def precision(self) -> float | None:
        """Of the labelled predictions above the threshold, the share whose customer has left; None: there are none."""
        return self.learner.metrics.precision(self.profile.case.threshold)

    @property
    def alerts(self) -> list[Alert]:
        """What has drifted, strategies that tired, commands that were not obeyed, and records that are not ours."""
        tired = self.strategies.alerts(self.until_us)
        return [*self.learner.drift.alerts, *tired, *self._refused(), *self.strays.alerts]

    def open_feed(self) -> LearnerFeed:
        """Returns a feed that starts at the position of the state."""
        horizon_us = self.profile.label.horizon_us
        return LearnerFeed(self.position, self.partitions, self.clock, horizon_us, self.until_us, self.strays)

    def outputs(self) -> list[Output]:
        """Returns the models since the last call, a copy for each partition."""
        snapshots, self.snapshots = self.snapshots, []
        return [sealed(Output(MODELS, p, [(b"model", body) for body in snapshots])) for p in range(self.partitions)]

    def _apply(self, batch: LearnerBatch) -> None:
        """Learns and serves. There is no promotion by rule while a command has chosen the served model."""
        self.refused = batch.refused
        examples, at_us, report = with_label(batch.examples), batch.instant_us, batch.report
        command = self.serving.update(examples, batch.commands)
        if report is None and command is None:
            return  # the command was obeyed before
        if command is not None and command.challenger is not None:
            self.learner.promote(command.challenger, at_us)
        chosen = command is not None or self.serving.restored is not None
        population = report.population if report else None
        returns = report.returns if report else None
        own = self.learner.learn(at_us, examples, population, returns, may_promote=not chosen)
        self._is_saved = False
        self.judged = added(self.judged, report.judged if report else {})
        self.strategies.learn(report.closed if report else {}, at_us)
        for kind in sorted(report.seen if report else ()):
            self.published.setdefault(kind, at_us)
        backlog = last_ranks(report.backlog if report else (), self.profile.case.backlog_a_day)
        served = replace(
            self.serving.serve(own, command),
            judged=self.judged,
            backlog=backlog,
            published=dict(self.published),
            strategy_weights=self.strategies.weights(),
            strategies_restarted=self.strategies.restarted,
        )
        self.snapshots.append(served.dumps())
        if report:
            self.learner.drift.compare(at_us, report.histograms, report.missing)

    def _refused(self) -> list[Alert]:
        if not self.refused:
            return []
        more = f" (and {len(self.refused) - 1} more)" if len(self.refused) > 1 else ""
        figures = {"commands": len(self.refused)}
        return [Alert(AlertKind.COMMAND_REFUSED, LABELLED, f"{self.refused[0]}{more}", figures)]

    def _state(self) -> tuple[dict[str, Any], dict[bytes, bytes]]:
        learned = {} if self._is_saved else self.learner.dumps()
        rows = {LEARNER + name.encode(): row for name, row in learned.items()}
        rows = {key: row for key, row in rows.items() if key not in self._keys or not key.startswith(KEPT_ROWS)}
        self._is_saved = True
        own = {"judged": self.judged, "published": self.published, "strategies": self.strategies.state()}
        return {"serving": self.serving.dumps()} | own, rows

    def _load(self, body: dict[str, Any], rows: dict[bytes, bytes]) -> None:
        learned = {key.removeprefix(LEARNER).decode(): row for key, row in rows.items() if key.startswith(LEARNER)}
        self.learner.loads(learned)
        self.serving.loads(body["serving"])
        self.judged, self.published = added({}, body["judged"]), body.get("published", {})
        self.strategies.load(body.get("strategies", {}))
        self._is_saved = True

    def _row_of_the_release_before(self, key: bytes, value: bytes) -> None:
        body = orjson.loads(value)
        if key == POSITION:
            Serving(self.learner.rules, self.profile.version).loads(body["serving"])
            wanted = {"position", "done", "until_us", "serving", "judged"}
        elif key == LEARNER:
            wanted = {"format", "features", "contenders", "champion", "version"}
        elif key == LEARNER + MEMORY.encode():
            wanted = {"seen", "bins", "label", "weight"}
        else:
            wanted = {"labels", "range", "regressions", "steps", "pool", "recent"}
        if not key.startswith((POSITION, LEARNER)) or not wanted <= body.keys():
            raise ValueError("no row of the release before")


def rules_of(profile: Profile) -> Rules:
    """Returns the learner's rules of a profile."""
    model, drift, promotion = profile.model, profile.drift, profile.promotion
    return Rules(
        prior_probability=model.prior_probability,
        horizon_days=profile.label.horizon_us / DAY_US,
        prior_precision=model.prior_precision,
        forget_a_week=model.forget_a_week,
        readiness=ReadinessRules(model.min_labels, model.min_labels_of_a_class, model.least_auc),
        drift=DriftRules(drift.reference_weeks, drift.psi, drift.missing_jump, drift.least_counted, drift.loss_delta),
        leaves_out_treated=model.leave_out_treated and profile.gate.holdout_share > 0.0,
        challengers={
            challenger.name: Hyperparameters(
                model.prior_precision if challenger.prior_precision is None else challenger.prior_precision,
                model.forget_a_week if challenger.forget_a_week is None else challenger.forget_a_week,
                challenger.experts,
            )
            for challenger in profile.challengers
            if challenger.river is None
        },
        promotion=Promotion(promotion.alpha, promotion.least_gain, promotion.most_a_week),
        river={one.name: one.river for one in profile.challengers if one.river is not None},
    )
