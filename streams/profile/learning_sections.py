"""The sections of a profile about labels, instants and the model.

Durations are kept as microseconds: the key `label.horizon` is the attribute `label.horizon_us`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from online_model.river_estimators import estimator
from streams.profile.section import Count, Positive, Section
from streams.profile.values import (
    Duration,
    Inside,
    Name,
    Period,
    RetentionEvents,
    Share,
    TimeZone,
)

ExpertName = Literal["base", "hinges", "steps"]


POOLED: tuple[ExpertName, ...] = ("base", "hinges", "steps")


class Label(Section):
    """The label of an observation at t: 1 when there is no retention event in (t, t + horizon].

    grace: so long after their own due date customers count as gone where warnings are measured
    (evaluation/due_dates.py); the label does not depend on it.
    """

    horizon_us: Period
    lapsed_after_us: Period
    forgotten_after_us: Period
    grace_us: Period
    retention_events: RetentionEvents


class Time(Section):
    """Ticks, sweeps, time zone. tick None: the clock's default. `zone`: of customers whose profile names none."""

    tick_us: Period | None = None
    sweep_every_us: Period
    observe: Literal["weekly"]
    max_skew_us: Duration
    latest_us: Period
    quiet_factor: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    producer_patience_us: Period
    zone: TimeZone


class Model(Section):
    """The learner: its prior, and when its model may open cases."""

    prior_probability: Inside
    min_labels: Count
    min_labels_of_a_class: Count
    least_auc: Share
    prior_precision: Positive
    forget_a_week: Annotated[float, Field(gt=0, le=1)]
    leave_out_treated: bool


def _river(text: str) -> str:
    estimator(text)
    return text


class Challenger(Section):
    """A challenger: its hyperparameters where they differ from [model], or a classifier of River
    (online_model/river_estimators.py). With other ones, give it another name.
    """

    name: Name
    prior_precision: Positive | None = None
    forget_a_week: Annotated[float, Field(gt=0, le=1)] | None = None
    experts: Annotated[tuple[ExpertName, ...], Field(strict=False, min_length=1)] = POOLED
    river: Annotated[str, AfterValidator(_river)] | None = None


class Promotion(Section):
    """When a challenger takes the champion's place. Gains are in nats of log loss."""

    alpha: Inside
    least_gain: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    most_a_week: Positive


class Drift(Section):
    """Thresholds of drift: features, scores, missing values, log loss."""

    reference_weeks: Count
    psi: Positive
    missing_jump: Share
    least_counted: Count
    loss_delta: Inside


class Scores(Section):
    """Which scores are published."""

    min_change: Share
