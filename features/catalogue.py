"""All features, one entry each. A new entry is enough: state, scoring, reports and schemas are derived from it.

Scale `log`: the model gets log(1 + value); `linear`: value / size. Both stay within -32 and 32, the estimator's limit.
The missing rule is the value of a customer without the events, so that a feature is never undefined. What an adviser
reads about a feature is in `features.claims`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.aggregates import Aggregate, Decayed, First, Greatest, Last, Latest, Total
from features.computed import (
    complaint_age_days,
    complaints_open,
    gap_days,
    named,
    overdue,
    regular,
    silence,
    survey_last,
    survey_level,
    survey_trend,
    within,
)
from features.facts import KEPT_FOR_FACTS
from features.feature import Feature, decayed, mean, since, total, trend
from features.regularity import WINDOWS
from features.signals import (
    ACTIVITY,
    COMPLAINTS,
    DURATION,
    ITEMS,
    KNOWN,
    LEVEL,
    NPS,
    OTHER,
    PRICED,
    RESOLVED,
    RETAINED,
    SPEND,
    SURVEYS,
    VISITS,
    WAITED,
    WAITS,
    activity,
)
from features.touch_signals import KEPT_FOR_TOUCHES
from schemas.columns import CAUSES

MIDDLE_RANK = 50.0


FEATURES: tuple[Feature, ...] = (
    # Recency: days since an event, also relative to the customer's own rhythm
    since("retained_recency", "recency", RETAINED),
    since("visit_recency", "recency", VISITS),
    since("silence", "recency", KNOWN),
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
        requires=Last(RETAINED),
        risk_direction=1,
    ),
    # Frequency
    Feature("tenure", "days", "frequency", "log", (First(KNOWN),), lambda v: v.tenure_days, "0"),
    Feature(
        "gap_mean",
        "days",
        "frequency",
        "log",
        (First(RETAINED), Last(RETAINED), Total(RETAINED), First(KNOWN)),
        gap_days,
        "days since the first event of any kind",
        requires=Last(RETAINED),
    ),
    Feature(
        "rfm_b",
        "points of 100",
        "frequency",
        "linear",
        (),
        lambda v: np.full(len(v.at_us), MIDDLE_RANK),
        "50: needs the whole population, so the scorer puts it in (features.population)",
        25.0,
        risk_direction=-1,
    ),
    total("retained_count", "events", "frequency", RETAINED),
    decayed("retained_7d", "events", "frequency", RETAINED, 7),
    decayed("retained_28d", "events", "frequency", RETAINED, 28),
    decayed("retained_112d", "events", "frequency", RETAINED, 112),
    trend("retained_trend", "frequency", RETAINED),
    total("visit_count", "visits", "frequency", VISITS),
    # Spending and service
    total("spend_total", "currency", "spend", SPEND),
    decayed("spend_28d", "currency", "spend", SPEND, 28),
    decayed("spend_112d", "currency", "spend", SPEND, 112),
    mean("spend_mean", "currency", "spend", Total(SPEND), Total(PRICED), 0.0, -1),
    Feature(
        "spend_last",
        "currency",
        "spend",
        "log",
        (Latest(SPEND), Last(SPEND)),
        lambda v: v.get(Latest(SPEND)),
        "0",
        requires=Last(SPEND),
        risk_direction=-1,
    ),
    Feature(
        "spend_greatest",
        "currency",
        "spend",
        "log",
        (Greatest(SPEND), Last(SPEND)),
        lambda v: v.get(Greatest(SPEND)),
        "0",
        requires=Last(SPEND),
        risk_direction=-1,
    ),
    decayed("items_112d", "items", "spend", ITEMS, 112),
    mean("wait_mean", "minutes", "service", Decayed(WAITS, 112), Decayed(WAITED, 112), 0.0, 1),
    # Activity in the app
    since("activity_recency", "activity", ACTIVITY),
    decayed("activity_7d", "actions", "activity", ACTIVITY, 7),
    decayed("activity_28d", "actions", "activity", ACTIVITY, 28),
    decayed("activity_112d", "actions", "activity", ACTIVITY, 112),
    trend("activity_trend", "activity", ACTIVITY),
    decayed("browse_28d", "actions", "activity", activity("app_open", "browse"), 28),
    decayed("cart_28d", "actions", "activity", activity("add_to_cart"), 28),
    decayed("purchase_28d", "actions", "activity", activity("purchase"), 28),
    since("purchase_recency", "activity", activity("purchase")),
    decayed("consult_28d", "actions", "activity", activity("consult"), 28),
    decayed("coupon_28d", "actions", "activity", activity("coupon_claimed"), 28),
    since("campaign_recency", "activity", activity("campaign_joined")),
    since("review_recency", "activity", activity("review_posted")),
    decayed("other_activity_28d", "actions", "activity", OTHER, 28),
    decayed("duration_28d", "seconds", "activity", DURATION, 28),
    # Complaints
    Feature(
        "complaints_open",
        "complaints",
        "complaint",
        "log",
        (Total(COMPLAINTS), Total(RESOLVED)),
        complaints_open,
        "0",
        risk_direction=1,
    ),
    Feature(
        "complaint_age",
        "days",
        "complaint",
        "log",
        (Total(COMPLAINTS), Total(RESOLVED), Last(COMPLAINTS), First(KNOWN)),
        complaint_age_days,
        "0",
        risk_direction=1,
    ),
    decayed("complaints_112d", "complaints", "complaint", COMPLAINTS, 112, risk_direction=1),
    # Surveys
    total("survey_count", "surveys", "survey", SURVEYS),
    Feature(
        "survey_level",
        "points of 100",
        "survey",
        "linear",
        (Decayed(LEVEL, 112), Decayed(SURVEYS, 112), Last(LEVEL)),
        survey_level,
        "60",
        25.0,
        requires=Last(LEVEL),
        risk_direction=-1,
    ),
    Feature(
        "survey_last",
        "points of 100",
        "survey",
        "linear",
        (Latest(LEVEL), Last(LEVEL)),
        survey_last,
        "60",
        25.0,
        requires=Last(LEVEL),
        risk_direction=-1,
    ),
    Feature(
        "survey_trend",
        "points of 100",
        "survey",
        "linear",
        (Latest(LEVEL), Total(LEVEL), Total(SURVEYS)),
        survey_trend,
        "0",
        25.0,
        requires=Last(LEVEL),
        risk_direction=-1,
    ),
    since("survey_age", "survey", SURVEYS),
    Feature(
        "nps_last",
        "points of 10",
        "survey",
        "linear",
        (Latest(NPS), Last(NPS)),
        lambda v: np.where(v.get(Last(NPS)) > -np.inf, v.get(Latest(NPS)), 7.0),
        "7",
        2.5,
        requires=Last(NPS),
        risk_direction=-1,
    ),
    *map(named, CAUSES),
    # The calendar
    Feature("season_winter", "phase", "calendar", "linear", (), lambda v: v.year_phase(0.0), "none"),
    Feature("season_spring", "phase", "calendar", "linear", (), lambda v: v.year_phase(0.25), "none"),
    # Regularity: the newest days with a retention event. New features stand last: `grown` reads what had none
    regular("gap_variation", "ratio", "frequency", lambda r: r.variation, "1", size=0.25),
    regular("gap_last", "days", "frequency", lambda r: r.last_gap, "0"),
    regular("gap_longest", "days", "frequency", lambda r: r.longest_gap, "0"),
    regular("beyond_longest_gap", "log ratio", "recency", lambda r: r.beyond_longest, "log(1 + silence)", 1.0, 1),
    regular("overdue_deviations", "deviations", "recency", lambda r: r.overdue, "0", 1.0, 1),
    *(regular(f"retained_days_{n}d", "days", "frequency", within(n), "0", None, -1) for n in WINDOWS),
    regular("weekday_share", "share", "frequency", lambda r: r.weekday_share, "1/7", size=0.125),
    Feature(
        "market_pressure",
        "level",
        "market",
        "log",
        (),
        lambda v: np.zeros(len(v.at_us)),
        "0: no market signal is in force at the customer's scope; the engine puts the level in",
        risk_direction=1,
    ),
)

NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
AGGREGATES: tuple[Aggregate, ...] = tuple(
    dict.fromkeys((*(a for f in FEATURES for a in f.uses), *KEPT_FOR_FACTS, *KEPT_FOR_TOUCHES))
)


def is_older(names: Sequence[str]) -> bool:
    """Whether these are the features of this release or of one before, to which features have been appended since."""
    return len(names) > 0 and tuple(names) == NAMES[: len(names)]
