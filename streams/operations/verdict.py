"""The first line of `keepline status`: is it late, stopped or dropping, since when, and how many decisions wait?

stopped   no worker runs, a unit was given up, has never saved, or does not get on while records wait
dropping  a producer's records are refused
late      the oldest record that waits is older than LATE_S
on time   nothing of these
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from schemas.alerts import AlertKind
from schemas.instants import SECOND_US, format_instant
from streams.kafka.status import STUCK_S, Place, Status

LATE_S = 300.0
WHYS = {
    "no_worker": "no worker runs in group {about}",
    "given_up": "{about} cannot go on",
    "stuck": "{about} gets on no further, and records wait",
    "refused": "records of {about} are refused",
    "waits": "{about} is the oldest record that waits",
}
DROPPING = (AlertKind.RECORDS_REFUSED, AlertKind.HISTORY, AlertKind.WRONG_PARTITION)


@dataclass(frozen=True, slots=True)
class Verdict:
    """state: one of the words above; why: a sentence of WHYS, whose name and subject are cause and about; since: an
    instant, None where it is not known; decisions: how many wait: those that are held, and of the records that wait as
    many as records have brought so far.
    """

    state: str
    why: str
    since: str | None
    decisions: int
    cause: str
    about: str

    def __str__(self) -> str:
        since = f" since {self.since}" if self.since else ""
        return f"{self.state}{since}: {self.why}; {self.decisions:,} decisions wait"


def verdict_of(status: Status, now_s: float | None = None) -> Verdict:
    """Returns the verdict on a group. now_s: the time, in seconds since 1970."""
    now_s = time.time() if now_s is None else now_s
    for judge in (_stopped, _dropping, _late):
        if found := judge(status, now_s):
            return _verdict(status, *found)
    return _verdict(status, "on time", "waits", _age(worst(status)), None)


def _verdict(status: Status, state: str, cause: str, about: str, since: str | None) -> Verdict:
    return Verdict(state, WHYS[cause].format(about=about), since, at_risk(status), cause, about)


def at_risk(status: Status) -> int:
    """How many decisions wait."""
    counts = status.counts
    decided = counts.get("interventions", 0) + counts.get("interventions_withheld", 0)
    applied = counts.get("applied", 0) + counts.get("late", 0)
    lag = sum(place.lag_records for place in status.places if place.unit.startswith("engine-"))
    return counts.get("decisions_wait", 0) + round(lag * decided / max(applied, 1))


def worst(status: Status) -> Place | None:
    """The partition whose oldest waiting record is the oldest; None: nothing waits whose age is known."""
    return max((one for one in status.places if one.lag_seconds), key=lambda one: one.lag_seconds or 0.0, default=None)


Found = tuple[str, str, str, str | None] | None  # state, cause, about, since


def _stopped(status: Status, now_s: float) -> Found:
    ends = {unit.unit: _instant(now_s - unit.seconds_since_checkpoint) for unit in status.units}
    given_up = [unit for unit in status.units if unit.given_up]
    stuck = [unit for unit in status.units if unit.lag_records and unit.seconds_since_checkpoint > STUCK_S]
    at_end = bool(status.units) and all(unit.done for unit in status.units)
    if not status.members and not at_end:
        return "stopped", "no_worker", status.group, max(ends.values(), default=None)
    for units, cause in ((given_up, "given_up"), (stuck, "stuck")):
        if units:
            names = ", ".join(unit.unit for unit in units)
            return "stopped", cause, names, min(ends[unit.unit] for unit in units)
    return None


def _dropping(status: Status, now_s: float) -> Found:
    del now_s
    found = [alert for alert in status.alerts if alert["kind"] in DROPPING]
    if not found:
        return None
    producers = ", ".join(sorted({alert["subject"] for alert in found}))
    return "dropping", "refused", producers, min(alert["since"] for alert in found)


def _late(status: Status, now_s: float) -> Found:
    place = worst(status)
    if place is None or (place.lag_seconds or 0.0) <= LATE_S:
        return None
    return "late", "waits", _age(place), _instant(now_s - (place.lag_seconds or 0.0))


def _age(place: Place | None) -> str:
    if place is None:
        return "0 s"
    return f"{place.lag_seconds:,.0f} s ({place.topic}/{place.partition})"


def _instant(seconds: float) -> str:
    return format_instant(int(seconds) * SECOND_US)
