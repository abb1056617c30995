"""The signals: which events, and which of their numbers, the features aggregate."""

from __future__ import annotations

from features.aggregates import ANY, RETENTION, Signal
from schemas.columns import ACTIVITY_TYPES, APP_ACTIVITY, CAUSES, OTHER_ACTIVITY, SERVICE_VISIT, SURVEY, SURVEY_TYPES


def activity(*types: str) -> Signal:
    """Returns the signal of app activity of these types, weighted by count."""
    return Signal(APP_ACTIVITY, "count", tuple(ACTIVITY_TYPES.index(t) for t in types))


KNOWN = Signal(ANY)  # events of every kind
RETAINED = Signal(RETENTION)  # retention events
VISITS = Signal(SERVICE_VISIT)
SPEND = Signal(SERVICE_VISIT, "amount")
PRICED = Signal(SERVICE_VISIT, having="amount")  # number of visits with an amount
ITEMS = Signal(SERVICE_VISIT, "items")
WAITS = Signal(SERVICE_VISIT, "wait_minutes")
WAITED = Signal(SERVICE_VISIT, having="wait_minutes")  # number of visits with a waiting time
ACTIVITY = Signal(APP_ACTIVITY, "count")
OTHER = Signal(APP_ACTIVITY, "count", (OTHER_ACTIVITY,))
DURATION = Signal(APP_ACTIVITY, "duration_seconds")
COMPLAINTS = activity("complaint_opened")
RESOLVED = activity("complaint_resolved")
SURVEYS = Signal(SURVEY)
LEVEL = Signal(SURVEY, "level")
NPS = Signal(SURVEY, "score", (SURVEY_TYPES.index("nps"),))
CSAT = Signal(SURVEY, "score", (SURVEY_TYPES.index("csat"),))
PURCHASES, REVIEWS, CAMPAIGNS = activity("purchase"), activity("review_posted"), activity("campaign_joined")


def naming(cause: str) -> Signal:
    """Returns the signal of surveys that name a cause."""
    return Signal(SURVEY, cause=CAUSES.index(cause))
