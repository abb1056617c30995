"""Every feature, one entry each. To add a feature, add an entry: state, scoring, reports and schemas follow.

`log` scale: the model sees log(1 + value); `linear`: value / size. Both stay within -32 and 32, the
estimator's limit. A missing rule says what stands where nothing
is known, so that no feature is ever undefined. The sentence is what an adviser reads; {value} is the value in its unit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from features.aggregates import (
    ANY,
    RETENTION,
    Aggregate,
    Decayed,
    First,
    Greatest,
    Last,
    Latest,
    Layout,
    Signal,
    Total,
)
from features.arithmetic import Array, log
from features.view import View, ratio
from schemas.columns import ACTIVITY_TYPES, APP_ACTIVITY, CAUSES, OTHER_ACTIVITY, SERVICE_VISIT, SURVEY, SURVEY_TYPES

Topic = Literal["recency", "frequency", "spend", "service", "activity", "complaint", "survey", "cause", "calendar"]

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Feature:
    """One number about a customer, and how to say it."""

    name: str
    unit: str
    topic: Topic
    scale: Literal["log", "linear"]
    uses: tuple[Aggregate, ...]
    compute: Callable[[View], Array]
    missing: str
    sentence: str
    size: float = 1.0  # what counts as a large step of a linear feature, in its unit
    basis: Aggregate | None = None  # without an event in it the value is the missing rule's; None: it is always known

    @property
    def aggregate(self) -> str:
        """The aggregates that it is computed from, as text."""
        return ", ".join(map(repr, self.uses))

    def say(self, value: float) -> str:
        """The sentence an adviser reads."""
        return self.sentence.format(value=value)


def activity(*types: str) -> Signal:
    """App activity of these types."""
    return Signal(APP_ACTIVITY, "count", tuple(ACTIVITY_TYPES.index(t) for t in types))


KNOWN = Signal(ANY)
RETAINED = Signal(RETENTION)
VISITS = Signal(SERVICE_VISIT)
SPEND = Signal(SERVICE_VISIT, "amount")
PRICED = Signal(SERVICE_VISIT, having="amount")
ITEMS = Signal(SERVICE_VISIT, "items")
WAITS = Signal(SERVICE_VISIT, "wait_minutes")
WAITED = Signal(SERVICE_VISIT, having="wait_minutes")
ACTIVITY = Signal(APP_ACTIVITY, "count")
OTHER = Signal(APP_ACTIVITY, "count", (OTHER_ACTIVITY,))
DURATION = Signal(APP_ACTIVITY, "duration_seconds")
COMPLAINTS = activity("complaint_opened")
RESOLVED = activity("complaint_resolved")
SURVEYS = Signal(SURVEY)
LEVEL = Signal(SURVEY, "level")
NPS = Signal(SURVEY, "score", (SURVEY_TYPES.index("nps"),))
NEUTRAL_LEVEL = 60.0  # of 100: what stands where nobody was asked
TREND_FLOOR = 0.05  # events in the long window below which a trend says nothing


def total(name: str, unit: str, topic: Topic, signal: Signal, sentence: str) -> Feature:
    """Sum since the first event; 0 when there is none."""
    uses = Total(signal)
    return Feature(name, unit, topic, "log", (uses,), lambda v: v.get(uses), "0", sentence)


def decayed(name: str, unit: str, topic: Topic, signal: Signal, days: int, sentence: str) -> Feature:
    """Sum of which an event's share halves every `days` days; 0 when there is none."""
    uses = Decayed(signal, days)
    return Feature(name, unit, topic, "log", (uses,), lambda v: v.get(uses), "0", sentence)


def since(name: str, topic: Topic, signal: Signal, sentence: str) -> Feature:
    """Days since the last such event."""
    uses = (Last(signal), First(KNOWN))
    missing = "days since the first event of any kind"
    return Feature(name, "days", topic, "log", uses, lambda v: v.days_since(signal), missing, sentence, basis=uses[0])


def mean(name: str, unit: str, topic: Topic, part: Aggregate, whole: Aggregate, missing: float, say: str) -> Feature:
    """part / whole of two sums of equal decay."""
    return Feature(
        name,
        unit,
        topic,
        "log",
        (part, whole),
        lambda v: ratio(v.get(part), v.get(whole), missing),
        str(missing),
        say,
        basis=whole,
    )


def trend(name: str, topic: Topic, signal: Signal, sentence: str) -> Feature:
    """Events of the last weeks against what the last months promise: 1 is steady, 0 has stopped, 4 has just begun."""
    short, long = Decayed(signal, 28), Decayed(signal, 112)

    def compute(v: View) -> Array:
        known = v.get(long)
        return ratio(4.0 * v.get(short), np.where(known > TREND_FLOOR, known, 0.0), 0.0)

    return Feature(name, "ratio", topic, "linear", (short, long), compute, "0", sentence, basis=long)


def silence(pseudo_days: int) -> Feature:
    """Evidence of the customer's own rhythm against 'still here'; see View.silence_evidence."""
    count = Total(RETAINED)
    return Feature(
        f"silence_evidence_{pseudo_days}d",
        "log odds",
        "recency",
        "log",
        (count, First(RETAINED), Last(RETAINED)),
        lambda v: v.silence_evidence(v.get(count), RETAINED, pseudo_days),
        "0",
        "Silent for longer than this customer's own rhythm explains (evidence {value:.1f})",
        basis=Last(RETAINED),
    )


def gap_days(v: View) -> Array:
    """Mean days between retention events; the tenure where there are fewer than two."""
    return ratio(v.days_between(RETAINED), v.get(Total(RETAINED)) - 1.0, v.tenure_days)


def overdue(v: View) -> Array:
    """Days since the last retention event over the customer's own mean gap (a week is added to both)."""
    return (v.days_since(RETAINED) + 7.0) / (gap_days(v) + 7.0)


def complaints_open(v: View) -> Array:
    """Complaints opened less those resolved."""
    return np.maximum(v.get(Total(COMPLAINTS)) - v.get(Total(RESOLVED)), 0.0)


def complaint_age_days(v: View) -> Array:
    """Days since the last complaint was opened, 0 unless one is open."""
    return np.where(complaints_open(v) > 0, v.days_since(COMPLAINTS), 0.0)


def survey_level(v: View) -> Array:
    """Mean survey level, recent ones first."""
    return ratio(v.get(Decayed(LEVEL, 112)), v.get(Decayed(SURVEYS, 112)), NEUTRAL_LEVEL)


def survey_last(v: View) -> Array:
    """Level of the last survey."""
    return np.where(v.get(Last(LEVEL)) > -np.inf, v.get(Latest(LEVEL)), NEUTRAL_LEVEL)


def survey_trend(v: View) -> Array:
    """Level of the last survey less the customer's mean of all."""
    return survey_last(v) - ratio(v.get(Total(LEVEL)), v.get(Total(SURVEYS)), NEUTRAL_LEVEL)


def named(cause: str) -> Feature:
    """How often surveys named a cause, recent ones first."""
    signal = Signal(SURVEY, cause=CAUSES.index(cause))
    words = cause.replace("_", " ")
    return decayed(
        f"cause_{cause}", "surveys", "cause", signal, 112, f"Named '{words}' in {{value:.1f}} recent surveys"
    )


FEATURES: tuple[Feature, ...] = (
    # How long since, and how that compares with the customer's own rhythm
    since("retained_recency", "recency", RETAINED, "No purchase or visit for {value:.0f} days"),
    since("visit_recency", "recency", VISITS, "Last came in {value:.0f} days ago"),
    since("silence", "recency", KNOWN, "Nothing heard for {value:.0f} days"),
    silence(7),
    silence(30),
    silence(90),
    Feature(
        "overdue",
        "ratio",
        "recency",
        "log",
        (First(RETAINED), Last(RETAINED), Total(RETAINED), First(KNOWN)),
        overdue,
        "1",
        "{value:.1f} times the customer's own usual gap has passed",
        basis=Last(RETAINED),
    ),
    # How often
    Feature(
        "tenure",
        "days",
        "frequency",
        "log",
        (First(KNOWN),),
        lambda v: v.tenure_days,
        "0",
        "A customer for {value:.0f} days",
    ),
    Feature(
        "gap_mean",
        "days",
        "frequency",
        "log",
        (First(RETAINED), Last(RETAINED), Total(RETAINED), First(KNOWN)),
        gap_days,
        "days since the first event of any kind",
        "Usually comes every {value:.0f} days",
        basis=Last(RETAINED),
    ),
    total("retained_count", "events", "frequency", RETAINED, "Has come {value:.0f} times in all"),
    decayed("retained_7d", "events", "frequency", RETAINED, 7, "Came {value:.1f} times in about the last week"),
    decayed("retained_28d", "events", "frequency", RETAINED, 28, "Came {value:.1f} times in about the last month"),
    decayed(
        "retained_112d", "events", "frequency", RETAINED, 112, "Came {value:.1f} times in about the last four months"
    ),
    trend("retained_trend", "frequency", RETAINED, "Comes at {value:.1f} times the pace of the last months"),
    total("visit_count", "visits", "frequency", VISITS, "Has visited {value:.0f} times"),
    # What was spent, and what it was like
    total("spend_total", "currency", "spend", SPEND, "Has spent {value:.0f} in all"),
    decayed("spend_28d", "currency", "spend", SPEND, 28, "Spent {value:.0f} in about the last month"),
    decayed("spend_112d", "currency", "spend", SPEND, 112, "Spent {value:.0f} in about the last four months"),
    mean("spend_mean", "currency", "spend", Total(SPEND), Total(PRICED), 0.0, "Spends {value:.0f} a visit"),
    Feature(
        "spend_last",
        "currency",
        "spend",
        "log",
        (Latest(SPEND), Last(SPEND)),
        lambda v: v.get(Latest(SPEND)),
        "0",
        "Spent {value:.0f} the last time",
        basis=Last(SPEND),
    ),
    Feature(
        "spend_greatest",
        "currency",
        "spend",
        "log",
        (Greatest(SPEND), Last(SPEND)),
        lambda v: v.get(Greatest(SPEND)),
        "0",
        "Spent up to {value:.0f} at once",
        basis=Last(SPEND),
    ),
    decayed("items_112d", "items", "spend", ITEMS, 112, "Bought {value:.0f} items in about the last four months"),
    mean(
        "wait_mean",
        "minutes",
        "service",
        Decayed(WAITS, 112),
        Decayed(WAITED, 112),
        0.0,
        "Waited {value:.0f} minutes on recent visits",
    ),
    # The app
    since("activity_recency", "activity", ACTIVITY, "Has not used the app for {value:.0f} days"),
    decayed("activity_7d", "actions", "activity", ACTIVITY, 7, "{value:.0f} app actions in about the last week"),
    decayed("activity_28d", "actions", "activity", ACTIVITY, 28, "{value:.0f} app actions in about the last month"),
    decayed(
        "activity_112d", "actions", "activity", ACTIVITY, 112, "{value:.0f} app actions in about the last four months"
    ),
    trend("activity_trend", "activity", ACTIVITY, "Uses the app at {value:.1f} times the pace of the last months"),
    decayed(
        "browse_28d",
        "actions",
        "activity",
        activity("app_open", "browse"),
        28,
        "Opened or browsed {value:.0f} times in about the last month",
    ),
    decayed(
        "cart_28d",
        "actions",
        "activity",
        activity("add_to_cart"),
        28,
        "Put {value:.1f} things into the cart in about the last month",
    ),
    decayed(
        "purchase_28d",
        "actions",
        "activity",
        activity("purchase"),
        28,
        "Bought {value:.1f} times in the app in about the last month",
    ),
    since("purchase_recency", "activity", activity("purchase"), "No purchase in the app for {value:.0f} days"),
    decayed(
        "consult_28d",
        "actions",
        "activity",
        activity("consult"),
        28,
        "Asked for advice {value:.1f} times in about the last month",
    ),
    decayed(
        "coupon_28d",
        "actions",
        "activity",
        activity("coupon_claimed"),
        28,
        "Claimed {value:.1f} coupons in about the last month",
    ),
    since("campaign_recency", "activity", activity("campaign_joined"), "Joined no campaign for {value:.0f} days"),
    since("review_recency", "activity", activity("review_posted"), "Posted no review for {value:.0f} days"),
    decayed(
        "other_activity_28d", "actions", "activity", OTHER, 28, "{value:.0f} other app actions in about the last month"
    ),
    decayed(
        "duration_28d", "seconds", "activity", DURATION, 28, "{value:.0f} seconds in the app in about the last month"
    ),
    # Complaints
    Feature(
        "complaints_open",
        "complaints",
        "complaint",
        "log",
        (Total(COMPLAINTS), Total(RESOLVED)),
        complaints_open,
        "0",
        "{value:.0f} complaints are open",
    ),
    Feature(
        "complaint_age",
        "days",
        "complaint",
        "log",
        (Total(COMPLAINTS), Total(RESOLVED), Last(COMPLAINTS), First(KNOWN)),
        complaint_age_days,
        "0",
        "A complaint has been open for {value:.0f} days",
    ),
    decayed(
        "complaints_112d",
        "complaints",
        "complaint",
        COMPLAINTS,
        112,
        "Complained {value:.1f} times in about the last four months",
    ),
    # Surveys
    total("survey_count", "surveys", "survey", SURVEYS, "Has answered {value:.0f} surveys"),
    Feature(
        "survey_level",
        "points of 100",
        "survey",
        "linear",
        (Decayed(LEVEL, 112), Decayed(SURVEYS, 112), Last(LEVEL)),
        survey_level,
        "60",
        "Rates us {value:.0f} of 100",
        25.0,
        basis=Last(LEVEL),
    ),
    Feature(
        "survey_last",
        "points of 100",
        "survey",
        "linear",
        (Latest(LEVEL), Last(LEVEL)),
        survey_last,
        "60",
        "Rated us {value:.0f} of 100 the last time",
        25.0,
        basis=Last(LEVEL),
    ),
    Feature(
        "survey_trend",
        "points of 100",
        "survey",
        "linear",
        (Latest(LEVEL), Total(LEVEL), Total(SURVEYS)),
        survey_trend,
        "0",
        "The last rating differs by {value:+.0f} points from the customer's own mean",
        25.0,
        basis=Last(LEVEL),
    ),
    since("survey_age", "survey", SURVEYS, "Last answered a survey {value:.0f} days ago"),
    Feature(
        "nps_last",
        "points of 10",
        "survey",
        "linear",
        (Latest(NPS), Last(NPS)),
        lambda v: np.where(v.get(Last(NPS)) > -np.inf, v.get(Latest(NPS)), 7.0),
        "7",
        "Would recommend us with {value:.0f} of 10",
        2.5,
        basis=Last(NPS),
    ),
    *map(named, CAUSES),
    # The calendar
    Feature(
        "season_winter",
        "phase",
        "calendar",
        "linear",
        (),
        lambda v: v.year_phase(0.0),
        "none",
        "Season: winter {value:+.1f}",
    ),
    Feature(
        "season_spring",
        "phase",
        "calendar",
        "linear",
        (),
        lambda v: v.year_phase(0.25),
        "none",
        "Season: spring {value:+.1f}",
    ),
)

NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
AGGREGATES: tuple[Aggregate, ...] = tuple(dict.fromkeys(a for feature in FEATURES for a in feature.uses))
SIZES = np.array([[feature.size] for feature in FEATURES])
LOG_SCALED = tuple(i for i, feature in enumerate(FEATURES) if feature.scale == "log")


def values(view: View) -> Array:
    """Every feature of the view's customers in its unit: (features, n), in the order of FEATURES, all finite."""
    out = np.empty((len(FEATURES), len(view.at_us)))
    for i, feature in enumerate(FEATURES):
        out[i] = feature.compute(view)
    return out


def known(view: View) -> Flags:
    """(features, n): which values are of the customers' own events, so that their sentences may be said."""
    features, columns, nothing = _bases(view.layout)
    out = np.ones((len(FEATURES), len(view.at_us)), np.bool_)
    out[features] = view.block[columns] != nothing
    return out


@cache
def _bases(layout: Layout) -> tuple[list[int], list[int], Array]:
    """Features with a basis, its columns, and what those hold before the first event."""
    bases = [(i, feature.basis) for i, feature in enumerate(FEATURES) if feature.basis is not None]
    columns = [layout.column[basis] for _, basis in bases]
    return [i for i, _ in bases], columns, layout.empty[columns][:, None]


def scaled(raw: Array) -> Array:
    """What a model sees of `values`: log(1 + value), or value / size; same shape, a new array."""
    out: Array = raw / SIZES
    for row in LOG_SCALED:  # one at a time: a row stays in the processor's first cache
        out[row] = log(raw[row] + 1.0)
    return out
