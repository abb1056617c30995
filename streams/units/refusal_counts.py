"""Refused records by producer: for metrics, and to alert on producers whose records break the schema."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from schemas.alerts import Alert, AlertKind, Figures
from streams.inputs.names import short_name
from streams.profile.learning_sections import Drift
from streams.units.residence import RULE as PARTITION

TOO_LATE = "too_late"  # the rule of events that are behind by time.latest
MOST_PRODUCERS, OTHERS = 200, ("others", "others")  # a producer field with ever new names must not fill the memory


class RefusalCounts:
    """Counts of one partition, of this process alone: a refused record has no event time."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()  # (rule, producer) -> records, since this process began
        self._this_week: Counter[str] = Counter()  # producer -> records since the last grid instant
        self._late_this_week: Counter[str] = Counter()  # the same, of those that were too late

    def count(self, letter: Mapping[str, Any]) -> None:
        """Counts a dead letter."""
        key = str(letter["rule"]), short_name(str(letter["producer"] or "unknown"))
        key = key if key in self.counts or len(self.counts) < MOST_PRODUCERS else OTHERS
        self.counts[key] += 1
        (self._late_this_week if letter["rule"] == TOO_LATE else self._this_week)[key[1]] += 1

    def next_week(self) -> None:
        """Starts the counts of a new week, at a grid instant."""
        self._this_week.clear()
        self._late_this_week.clear()

    def alerts(self, drift: Drift, events: Mapping[str, int]) -> list[Alert]:
        """Returns alerts on producers with many refused records this week; events: accepted ones, by producer."""
        alerts = [
            _wrong_partition(producer, count)
            for (rule, producer), count in sorted(self.counts.items())
            if rule == PARTITION
        ]
        alerts += [
            _history(producer, count)
            for producer, count in sorted(self._late_this_week.items())
            if count >= drift.least_counted
        ]
        for producer, refused in sorted(self._this_week.items()):
            share = refused / (refused + events.get(producer, 0))
            if refused >= drift.least_counted and share > drift.missing_jump:
                text = (
                    f"producer {producer} has broken its schema: {share:.0%} of its records of this week were refused, "
                    f"most by rule {self._rule(producer)}; the dead letters say why"
                )
                figures: Figures = {"refused": refused, "share": share, "rule": self._rule(producer)}
                alerts.append(Alert(AlertKind.RECORDS_REFUSED, producer, text, figures))
        return alerts

    def _rule(self, producer: str) -> str:
        rules = {rule: n for (rule, name), n in list(self.counts.items()) if name == producer and rule != TOO_LATE}
        return max(rules, key=lambda rule: (rules[rule], rule))


def _wrong_partition(producer: str, refused: int) -> Alert:
    text = (
        f"producer {producer} sends records to other partitions than murmur2 of their key gives: set the partitioner "
        f"of its client (librdkafka: partitioner=murmur2_random); {refused} records were refused"
    )
    return Alert(AlertKind.WRONG_PARTITION, producer, text, {"refused": refused})


def _history(producer: str, refused: int) -> Alert:
    text = (
        f"producer {producer} sends history: {refused} of its events of this week were refused as {TOO_LATE}; "
        "publish it in time order, or into topics with another prefix"
    )
    return Alert(AlertKind.HISTORY, producer, text, {"refused": refused})
