"""An alert names a producer with many refused records; a few refused records raise none."""

from __future__ import annotations

import pytest

from streams.profile.loading import load_profile
from streams.units.refusal_counts import MOST_PRODUCERS, OTHERS, RefusalCounts

DRIFT = load_profile("after-sales").drift


def refusals(producer: str, n: int) -> RefusalCounts:
    made = RefusalCounts()
    for _ in range(n):
        made.count({"rule": "missing", "producer": producer})
    return made


def test_a_producer_of_whom_most_is_refused_is_named_with_the_rule() -> None:
    (alert,) = refusals("pos", 300).alerts(DRIFT, {"pos": 100})
    assert alert.text.startswith("producer pos has broken its schema: 75% of its records of this week were refused")
    assert "most by rule missing" in alert.text


@pytest.mark.parametrize(("refused", "good"), [(DRIFT.least_counted - 1, 0), (300, 10_000)])
def test_a_few_bad_records_are_nobodys_schema(refused: int, good: int) -> None:
    assert refusals("pos", refused).alerts(DRIFT, {"pos": good}) == []


def test_a_new_week_begins_anew() -> None:
    made = refusals("pos", 300)
    made.next_week()
    assert made.alerts(DRIFT, {}) == []
    assert made.counts["missing", "pos"] == 300


def test_producers_that_are_made_up_are_counted_as_one() -> None:
    made = RefusalCounts()
    for i in range(MOST_PRODUCERS + 300):
        made.count({"rule": "missing", "producer": f"p{i}"})
    assert made.counts[OTHERS] == 300
    (alert,) = made.alerts(DRIFT, {})
    assert alert.text.startswith("producer others")


def test_a_producer_that_sends_history_has_not_broken_its_schema() -> None:
    made = RefusalCounts()
    for _ in range(DRIFT.least_counted):
        made.count({"rule": "too_late", "producer": "pos"})
    (alert,) = made.alerts(DRIFT, {"pos": 100})
    assert alert.text.startswith("producer pos sends history: 200 of its events of this week were refused as too_late")
    made.next_week()
    assert made.alerts(DRIFT, {}) == []
