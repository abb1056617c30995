"""Drift detection, with its cause: a producer's schema, the customers, or the model.

Every grid instant is compared with the instants just before it, not with the first ones: the model keeps learning, and
the customers of a young log only grow older. There are three signals: the population stability index (PSI) of features
and scores, the share of missing values by producer, and ADWIN (Bifet and Gavalda 2007, 10.1137/1.9781611972771.42) on
the log loss of served probabilities. A feature that drifts together with a field that a producer no longer fills is
attributed to the producer; any other drift of features is attributed to the customers. Scores are the last published
before the instant: the scores of the instant itself come from the model of this comparison.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features import histograms
from features.aggregates import Signal
from features.catalogue import FEATURES
from features.histograms import SCORE, Histograms, psi
from features.portable_math import Array, log
from online_model.adwin import Adwin
from online_model.array_codec import pack, unpack
from schemas.alerts import Alert, AlertKind
from schemas.columns import KINDS
from schemas.instants import format_instant

Missing = dict[str, dict[str, tuple[int, int]]]  # producer -> `kind.field` -> (events, events without it)
MOST_LOSS = 4.0  # nats: a served probability of 0.02 for what happened. A greater loss counts as this
MOST_PRODUCERS = 200  # with counts of their own: a report has to fit into a message
OTHERS = "others"
NAMED = 3  # features named in an alert; the rest are counted


@dataclass(frozen=True, slots=True)
class DriftRules:
    """The thresholds of drift."""

    reference_weeks: int
    psi: float
    missing_jump: float
    least_counted: int
    loss_delta: float


@dataclass(frozen=True, slots=True)
class BrokenField:
    """A field that a producer no longer fills."""

    producer: str
    field: str  # `kind.field`
    now: float
    before: float


class Drift:
    """Compares an instant with the reference, then adds it to the reference. `alerts`: for on-call."""

    def __init__(self, rules: DriftRules) -> None:
        self.rules = rules
        self.weeks: list[Histograms] = []
        self.missing: list[Missing] = []
        self.adwin = Adwin(rules.loss_delta)
        self.worse: tuple[int, float, float] | None = None  # instants since log loss rose, loss before, loss after
        self.alerts: list[Alert] = []

    def update_loss(self, probability: Array, label: NDArray[np.uint8], new_share: float) -> None:
        """Adds the losses of an instant's matured examples, as served. new_share: the share of their horizon that is
        independent of the instant before.
        """
        if not len(label):
            return
        of_truth = np.where(label == 1, probability, 1.0 - probability)
        change = self.adwin.update(np.minimum(-log(np.maximum(of_truth, 1e-15)), MOST_LOSS) / MOST_LOSS, new_share)
        if change is not None:
            before, after = (MOST_LOSS * loss for loss in change)
            self.worse = (0, before, after) if after > before else None

    def compare(self, instant_us: int, now: Histograms, missing: Missing) -> None:
        """Compares the customers of an instant, and the events since the instant before, with the reference."""
        rules = self.rules
        if self.worse is not None:
            since, *losses = self.worse
            self.worse = (since + 1, losses[0], losses[1]) if since < rules.reference_weeks else None
        broken = self._broken(missing)
        self.alerts = self._alerts(format_instant(instant_us)[:10], broken, self._drifted(now))
        self.weeks = [*self.weeks, now][-rules.reference_weeks :]
        self.missing = [*self.missing, _as_missing(largest(missing))][-rules.reference_weeks :]

    def state(self) -> dict[str, Any]:
        """Returns the state for `load`, which restores every bit."""
        return {
            "weeks": [pack(week) for week in self.weeks],
            "missing": self.missing,
            "adwin": self.adwin.state(),
            "worse": self.worse,
            "alerts": [alert.as_json() for alert in self.alerts],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Restores what `state` returned."""
        shape = (len(histograms.NAMES), histograms.BINS)
        self.weeks = [unpack(week).reshape(shape) for week in state["weeks"]]
        self.missing = [_as_missing(week) for week in state["missing"]]
        self.adwin.load(state["adwin"])
        self.worse = None if state["worse"] is None else tuple(state["worse"])
        # the release before stored sentences alone: they come again at the next grid instant
        self.alerts = [Alert.of(alert) for alert in state["alerts"] if not isinstance(alert, str)]

    def _drifted(self, now: Histograms) -> dict[str, float]:
        """Returns PSI by name, greatest first; empty until the reference is complete."""
        least = self.rules.least_counted
        if len(self.weeks) < self.rules.reference_weeks:
            return {}
        reference = np.sum(self.weeks, axis=0)
        if min(int(now[0].sum()), int(reference[0].sum())) < least:
            return {}
        found = zip(psi(now, reference).tolist(), histograms.NAMES, strict=True)
        return {
            name: value for value, name in sorted(found, key=lambda one: (-one[0], one[1])) if value > self.rules.psi
        }

    def _broken(self, missing: Missing) -> list[BrokenField]:
        rules, found = self.rules, []
        for producer, fields in sorted(missing.items()):
            for field, now in sorted(fields.items()):
                before = np.sum([week.get(producer, {}).get(field, (0, 0)) for week in self.missing] + [(0, 0)], axis=0)
                if min(now[0], int(before[0])) < rules.least_counted:
                    continue
                shares = now[1] / now[0], int(before[1]) / int(before[0])
                if shares[0] - shares[1] > rules.missing_jump:
                    found.append(BrokenField(producer, field, *shares))
        return found

    def _alerts(self, day: str, broken: list[BrokenField], drifted: dict[str, float]) -> list[Alert]:
        of = {one: [name for name in drifted if name in features_using(one.field) | {SCORE}] for one in broken}
        found = [_missing(one, day, {name: drifted[name] for name in names}) for one, names in of.items()]
        theirs = {name for names in of.values() for name in names}
        others = {name: value for name, value in drifted.items() if name not in theirs}
        if others.keys() == {SCORE}:
            text = (
                f"scores have moved (PSI {others[SCORE]:.2f}) in the week to {day} while no feature has: the model has "
                "changed, not the customers"
            )
            found.append(Alert(AlertKind.SCORES_MOVED, "scores", text, {"psi": others[SCORE]}))
        elif others:
            text = (
                f"customers have changed{_suspects(broken)}: in the week to {day} {_named(others)} against the "
                f"{self.rules.reference_weeks} weeks before (more than {self.rules.psi:g} is a shift)"
            )
            figures = {"features": len(others), "psi": max(others.values())}
            found.append(Alert(AlertKind.CUSTOMERS_CHANGED, "features", text, figures))
        if self.worse is not None:
            _, before, after = self.worse
            text = (
                f"log loss of what was served rose from {before:.3f} to {after:.3f} (ADWIN){_suspects(broken)}: "
                "the labels that matured now no longer follow what was learned"
            )
            found.append(Alert(AlertKind.LOSS_RISEN, "log loss", text, {"before": before, "after": after}))
        return found


def largest(missing: Missing) -> Missing:
    """Returns the counts of the MOST_PRODUCERS with the most events, by name where equal; all others are summed up."""
    named = missing.keys() - {OTHERS}
    if len(named) <= MOST_PRODUCERS:
        return missing
    ranked = sorted(named, key=lambda name: (-max(events for events, _ in missing[name].values()), name))
    rest = dict(missing.get(OTHERS, {}))
    for name in ranked[MOST_PRODUCERS:]:
        for field, (events, lack) in missing[name].items():
            before = rest.get(field, (0, 0))
            rest[field] = before[0] + events, before[1] + lack
    return {name: missing[name] for name in ranked[:MOST_PRODUCERS]} | {OTHERS: rest}


def features_using(field: str) -> set[str]:
    """Returns the features that use a field (`kind.field`) of events."""
    kind, name = field.split(".")
    return {
        feature.name
        for feature in FEATURES
        for aggregate in feature.uses
        if _uses(aggregate.signal, KINDS.index(kind), name)
    }


def _uses(signal: Signal, kind: int, field: str) -> bool:
    if signal.kind != kind:
        return False
    if field == "activity_type":
        return signal.codes is not None
    return signal.cause is not None if field == "causes" else field in (signal.weight, signal.having)


def _named(drifted: Mapping[str, float]) -> str:
    """`feature a has PSI 0.50, b 0.30 and 4 more`."""
    worst = [f"{name} {value:.2f}" for name, value in list(drifted.items())[:NAMED]]
    more = f" and {len(drifted) - NAMED} more" if len(drifted) > NAMED else ""
    return f"the distribution has moved (PSI) of {', '.join(worst)}{more}"


def _missing(one: BrokenField, day: str, moved: Mapping[str, float]) -> Alert:
    """moved: the features that have drifted with the field."""
    kind, field = one.field.split(".")
    lacks = "of a type not known" if field == "activity_type" else f"without `{field}`"
    text = (
        f"producer {one.producer} has changed its schema: {one.now:.0%} of its {kind} events of the week to {day} came "
        f"{lacks}, {one.before:.0%} before; "
        + (f"with it {_named(moved)}" if moved else "no feature has moved with it yet")
    )
    figures = {"missing": one.now, "missing_before": one.before}
    return Alert(AlertKind.FIELD_MISSING, f"{one.producer} {one.field}", text, figures)


def _suspects(broken: Iterable[BrokenField]) -> str:
    names = sorted({one.producer for one in broken})
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f" (but see producer {', '.join(names[:NAMED])}{more})" if names else ", no producer's data has"


def _as_missing(week: Mapping[str, Mapping[str, Any]]) -> Missing:
    """Returns the week in order of names, so that the order of reports does not show."""
    return {producer: {f: (n, lack) for f, (n, lack) in sorted(of.items())} for producer, of in sorted(week.items())}
