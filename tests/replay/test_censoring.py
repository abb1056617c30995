"""Observations whose horizon is cut, by the end of the data, by erasure or by withdrawal, are no labels."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.instants import DAY_US, format_instant, parse_instant
from tests.replay.runs import SHORT, Event, Run, replay, write_jsonl

MONDAY_US = parse_instant("2024-01-01T00:00:00Z")
DAYS, HORIZON, CUT = 120, 14, 45  # CUT: the day of erasure and withdrawal
ALL = dict.fromkeys(("app", "sms", "wechat", "mail", "phone", "visit"), True)
NONE = dict.fromkeys(ALL, False)


def event(day: float, kind: str, customer: str, **fields: Any) -> Event:
    at = format_instant(MONDAY_US + int(day * DAY_US))
    common = {"schema_version": 1, "producer": "test", "customer_id": customer}
    return {"event_id": f"{kind} {customer} {day}", "kind": kind, "event_time": at} | common | fields


def visits(customer: str, until: float, since: float = 0.5) -> list[Event]:
    days = [0.5 + 3 * i for i in range(DAYS // 3)]
    return [event(day, "service_visit", customer) for day in days if since <= day < until]


def profile(customer: str, day: float, **fields: Any) -> Event:
    return event(day, "customer_profile", customer, **fields)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("censoring")
    names = ("stays", "erased", "returns", "withdraws", "refuses-one", "always-refused")
    events = [profile(name, 0.25, consent=NONE if name == "always-refused" else ALL) for name in names]
    for name in ("stays", "withdraws", "refuses-one", "always-refused"):
        events += visits(name, DAYS)
    events += visits("erased", CUT) + visits("returns", CUT) + visits("returns", DAYS, since=CUT + 20)
    events += [profile(name, CUT) for name in ("erased", "returns")]  # nothing in it: it was erased
    events += [profile("withdraws", CUT, consent=NONE), profile("refuses-one", CUT, consent=ALL | {"phone": False})]
    path = write_jsonl(folder / "events.jsonl", sorted(events, key=lambda one: str(one["event_time"])))
    return replay(folder / "out", [path], SHORT)


def days(run: Run, customer: str, labelled: bool) -> list[int]:
    """On which days the customer was observed with a label, or without."""
    found = run.examples[run.examples["customer_id"] == customer]
    found = found[found["label"].notna() == labelled]
    return sorted((at.value // 1000 - MONDAY_US) // DAY_US for at in found["observed_at"])


def mondays(since: float, until: float) -> list[int]:
    return [day for day in range(7, DAYS, 7) if since <= day <= until]


def test_the_end_of_the_data_cuts_horizons(run: Run) -> None:
    last = DAYS - 3 + 0.5
    assert days(run, "stays", labelled=True) == mondays(0, last - HORIZON)
    assert days(run, "stays", labelled=False) == mondays(last - HORIZON + 0.1, last)


def test_withdrawal_cuts_the_horizons_that_it_lies_in(run: Run) -> None:
    assert days(run, "withdraws", labelled=False)[:2] == mondays(CUT - HORIZON, CUT - 1)
    assert set(days(run, "stays", True)) - set(days(run, "withdraws", True)) == set(mondays(CUT - HORIZON, CUT - 1))


@pytest.mark.parametrize("customer", ["refuses-one", "always-refused"])
def test_a_customer_with_a_channel_left_or_with_none_before_has_not_withdrawn(run: Run, customer: str) -> None:
    assert days(run, customer, labelled=True) == days(run, "stays", labelled=True)


def test_erasure_cuts_the_horizons_that_it_lies_in_and_nobody_observes_the_customer_after_it(run: Run) -> None:
    assert days(run, "erased", labelled=True) == mondays(0, CUT - HORIZON - 1)
    assert days(run, "erased", labelled=False) == mondays(CUT - HORIZON, CUT - 1)


def test_a_customer_with_events_after_an_erasure_has_labels_again(run: Run) -> None:
    again = mondays(CUT + 21, DAYS - 3 + 0.5 - HORIZON)
    assert set(days(run, "returns", labelled=True)) >= set(again)
    assert not set(days(run, "returns", labelled=True)) & set(mondays(CUT - HORIZON, CUT + 20))


def test_what_is_no_label_is_neither_judged_nor_learned(run: Run) -> None:
    labels = run.examples["label"].dropna()
    assert set(labels) <= {0, 1}
    assert run.summary["labelled"] == len(labels)
    assert run.summary["base_rate"] == pytest.approx(labels.mean())
