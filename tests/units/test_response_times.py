"""From the signal to the message: what is measured, and when on-call hears of it."""

from __future__ import annotations

from schemas.alerts import AlertKind
from schemas.instants import HOUR_US, SECOND_US
from streams.cases.outbox import Facts
from streams.units.response_times import ResponseTimes

NOW_US = 20_000 * 24 * HOUR_US
LATEST_US = 7 * 24 * HOUR_US


def answered(*seconds: float, at_us: int = NOW_US, found: ResponseTimes | None = None) -> ResponseTimes:
    """A unit whose messages took so long, all committed at one instant."""
    responses = found or ResponseTimes(10 * SECOND_US, LATEST_US)
    facts = [(at_us - round(one * SECOND_US), "c1", b"") for one in seconds]
    responses.take(Facts(interventions=facts[::3], touches=facts[1::3], tasks=facts[2::3]))
    responses.committed(at_us)
    return responses


def test_interventions_touches_and_tasks_are_measured_from_decision_to_commit() -> None:
    found = answered(0.2, 1.0, 7.0, 10.0, 11.0, 9000.0)
    assert found.histogram.buckets() == [
        ("0.25", 1), ("0.5", 1), ("1.0", 2), ("2.0", 2), ("5.0", 2), ("10.0", 4), ("30.0", 5), ("60.0", 5),
        ("300.0", 5), ("3600.0", 5), ("+Inf", 6),
    ]  # fmt: skip
    assert found.histogram.sum_s == 0.2 + 1 + 7 + 10 + 11 + 9000


def test_what_is_not_committed_is_not_counted() -> None:
    responses = ResponseTimes(10 * SECOND_US, LATEST_US)
    responses.take(Facts(touches=[(NOW_US, "c1", b"")]))
    assert responses.histogram.buckets()[-1] == ("+Inf", 0)


def test_one_late_message_in_twenty_is_no_alert_and_two_are() -> None:
    assert answered(*19 * [1.0], 11.0).alerts(NOW_US) == []
    (alert,) = answered(*18 * [1.0], 11.0, 70.0).alerts(NOW_US)
    assert alert.kind == AlertKind.RESPONSE_SLOW
    assert "2 of 20 messages" in alert.text
    assert alert.figures == {"late": 2, "of": 20, "slowest_s": 70.0}


def test_an_answer_at_exactly_the_goal_is_in_time() -> None:
    assert answered(10.0).alerts(NOW_US) == []


def test_the_alert_ends_when_the_late_ones_are_an_hour_old() -> None:
    found = answered(60.0)
    assert found.alerts(NOW_US + HOUR_US - 1)
    assert found.alerts(NOW_US + HOUR_US) == []


def test_what_history_that_is_sent_now_decides_is_not_counted() -> None:
    found = answered(1.0, LATEST_US / SECOND_US, LATEST_US / SECOND_US + 1)
    assert found.histogram.buckets()[-1] == ("+Inf", 2)
