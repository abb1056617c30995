"""Every feature, one entry each. To add a feature, add an entry: state, scoring, reports and schemas follow.

`log` scale: the model sees log(1 + value); `linear`: value / size. Both stay within -32 and 32, the estimator's limit.
A missing rule says what stands where nothing is known, so that no feature is ever undefined. The sentence is what an
adviser reads; {value} is the value in its unit.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from features.aggregates import RETENTION, Aggregate, Decayed, First, Greatest, Last, Latest, Layout, Signal, Total
from features.arithmetic import Array, log
from features.feature import KNOWN, Feature, decayed, mean, since, total, trend
from features.view import View, ratio
from schemas.columns import ACTIVITY_TYPES, APP_ACTIVITY, CAUSES, OTHER_ACTIVITY, SERVICE_VISIT, SURVEY, SURVEY_TYPES

Flags = NDArray[np.bool_]


def activity(*types: str) -> Signal:
    """App activity of these types."""
    return Signal(APP_ACTIVITY, "count", tuple(ACTIVITY_TYPES.index(t) for t in types))


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
SEASON = "At this time of the year more customers stay away"
MIDDLE_RANK = 50.0
NEUTRAL_LEVEL = 60.0  # of 100: what stands where nobody was asked


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
        worse=1,
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
    return decayed(f"cause_{cause}", "surveys", "cause", signal, 112, f"surveys that name '{words}'", worse=1)


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
        worse=1,
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
    Feature(
        "rfm_b",
        "points of 100",
        "frequency",
        "linear",
        (),
        lambda v: np.full(len(v.at_us), MIDDLE_RANK),
        "50: needs the whole population, so the scorer puts it in (features.population)",
        "Stands at {value:.0f} of 100 among all customers by recency, frequency, money and behaviour",
        25.0,
        worse=-1,
    ),
    total("retained_count", "events", "frequency", RETAINED, "Visits or purchases in all: {value:.0f}"),
    decayed("retained_7d", "events", "frequency", RETAINED, 7, "visits or purchases"),
    decayed("retained_28d", "events", "frequency", RETAINED, 28, "visits or purchases"),
    decayed("retained_112d", "events", "frequency", RETAINED, 112, "visits or purchases"),
    trend("retained_trend", "frequency", RETAINED, "Comes at {value:.1f} times the pace of the last months"),
    total("visit_count", "visits", "frequency", VISITS, "Visits in all: {value:.0f}"),
    # What was spent, and what it was like
    total("spend_total", "currency", "spend", SPEND, "Has spent {value:.0f} in all"),
    decayed("spend_28d", "currency", "spend", SPEND, 28, "spending"),
    decayed("spend_112d", "currency", "spend", SPEND, 112, "spending"),
    mean("spend_mean", "currency", "spend", Total(SPEND), Total(PRICED), 0.0, "Spends {value:.0f} a visit", -1),
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
        worse=-1,
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
        worse=-1,
    ),
    decayed("items_112d", "items", "spend", ITEMS, 112, "items bought"),
    mean(
        "wait_mean",
        "minutes",
        "service",
        Decayed(WAITS, 112),
        Decayed(WAITED, 112),
        0.0,
        "Waited {value:.0f} minutes on recent visits",
        1,
    ),
    # The app
    since("activity_recency", "activity", ACTIVITY, "Has not used the app for {value:.0f} days"),
    decayed("activity_7d", "actions", "activity", ACTIVITY, 7, "app actions"),
    decayed("activity_28d", "actions", "activity", ACTIVITY, 28, "app actions"),
    decayed("activity_112d", "actions", "activity", ACTIVITY, 112, "app actions"),
    trend("activity_trend", "activity", ACTIVITY, "Uses the app at {value:.1f} times the pace of the last months"),
    decayed(
        "browse_28d",
        "actions",
        "activity",
        activity("app_open", "browse"),
        28,
        "visits to the app",
    ),
    decayed(
        "cart_28d",
        "actions",
        "activity",
        activity("add_to_cart"),
        28,
        "things put into the cart",
    ),
    decayed(
        "purchase_28d",
        "actions",
        "activity",
        activity("purchase"),
        28,
        "purchases in the app",
    ),
    since("purchase_recency", "activity", activity("purchase"), "No purchase in the app for {value:.0f} days"),
    decayed(
        "consult_28d",
        "actions",
        "activity",
        activity("consult"),
        28,
        "requests for advice",
    ),
    decayed(
        "coupon_28d",
        "actions",
        "activity",
        activity("coupon_claimed"),
        28,
        "coupons claimed",
    ),
    since("campaign_recency", "activity", activity("campaign_joined"), "Joined no campaign for {value:.0f} days"),
    since("review_recency", "activity", activity("review_posted"), "Posted no review for {value:.0f} days"),
    decayed("other_activity_28d", "actions", "activity", OTHER, 28, "other app actions"),
    decayed("duration_28d", "seconds", "activity", DURATION, 28, "seconds in the app"),
    # Complaints
    Feature(
        "complaints_open",
        "complaints",
        "complaint",
        "log",
        (Total(COMPLAINTS), Total(RESOLVED)),
        complaints_open,
        "0",
        "Complaints that are open: {value:.0f}",
        worse=1,
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
        worse=1,
    ),
    decayed(
        "complaints_112d",
        "complaints",
        "complaint",
        COMPLAINTS,
        112,
        "complaints",
        worse=1,
    ),
    # Surveys
    total("survey_count", "surveys", "survey", SURVEYS, "Surveys answered: {value:.0f}"),
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
        worse=-1,
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
        worse=-1,
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
        worse=-1,
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
        worse=-1,
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
        SEASON,
    ),
    Feature(
        "season_spring",
        "phase",
        "calendar",
        "linear",
        (),
        lambda v: v.year_phase(0.25),
        "none",
        SEASON,
    ),
)

NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
AGGREGATES: tuple[Aggregate, ...] = tuple(dict.fromkeys(a for feature in FEATURES for a in feature.uses))
SIZES = np.array([[feature.size] for feature in FEATURES])
LOG_SCALED = np.array([i for i, feature in enumerate(FEATURES) if feature.scale == "log"])
CACHED = 8192  # numbers that stay in the processor's first cache from one step of a logarithm to the next


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
    some = max(CACHED // max(raw.shape[1], 1), 1)
    for start in range(0, len(LOG_SCALED), some):
        rows = LOG_SCALED[start : start + some]
        out[rows] = log(raw[rows] + 1.0)
    return out
