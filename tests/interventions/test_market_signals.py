"""Market signals: when one is in force, what replaces it, and that later knowledge changes nothing before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.instants import DAY_US, format_instant
from streams.interventions import market_signals
from streams.interventions.customer_attributes import AttributesTable, CustomerAttributes
from streams.interventions.market_signals import MarketSignals

ALL_US = 20_000 * DAY_US
Sent = tuple[int, int, dict[str, Any]]  # known, event time, fields


def signal(name: str, level: float, days: tuple[int, int | None], scope: str | None = None) -> dict[str, Any]:
    begin, end = days
    fields = {"name": name, "level": level, "from": format_instant(ALL_US + begin * DAY_US)}
    fields |= {} if end is None else {"until": format_instant(ALL_US + end * DAY_US)}
    return fields | ({} if scope is None else {"scope": scope})


def added(signals: MarketSignals, fields: dict[str, Any], known: int, event: int | None = None) -> str:
    return signals.add(fields, ALL_US + (known if event is None else event) * DAY_US, ALL_US + known * DAY_US)


def levels(signals: MarketSignals, scope: str | None, days: Sequence[int]) -> list[float]:
    attributes = AttributesTable()
    number = attributes.number(CustomerAttributes(scope=scope)) if scope else 0
    at_us = ALL_US + np.array(days, np.float64) * DAY_US
    found = signals.levels(attributes, np.full(len(days), float(number)), at_us)
    said = [signals.in_force(scope, us) for us in at_us.tolist()]
    assert [max((one.level for one in of), default=0.0) for of in said] == found.tolist()
    return found.tolist()


def test_a_signal_is_in_force_from_its_begin_until_before_its_end() -> None:
    signals = MarketSignals()
    added(signals, signal("strike", 2.0, (3, 5)), known=1)
    assert levels(signals, None, range(7)) == [0, 0, 0, 2, 2, 0, 0]


def test_one_that_is_known_late_is_in_force_from_then_on() -> None:
    signals = MarketSignals()
    added(signals, signal("strike", 2.0, (0, 5)), known=3)
    assert levels(signals, None, range(7)) == [0, 0, 0, 2, 2, 0, 0]


def test_one_without_an_end_stays_and_the_highest_counts() -> None:
    signals = MarketSignals()
    added(signals, signal("tariff", 1.0, (0, None)), known=0)
    added(signals, signal("strike", 3.0, (2, 4)), known=0)
    added(signals, signal("campaign", 2.0, (3, 6)), known=0)
    assert levels(signals, None, range(8)) == [1, 1, 3, 3, 2, 2, 1, 1]


def test_the_signal_of_a_scope_presses_on_its_customers_alone_and_one_of_all_on_everybody() -> None:
    signals = MarketSignals()
    added(signals, signal("strike", 2.0, (0, None), "north"), known=0)
    added(signals, signal("tariff", 1.0, (0, None), "all"), known=0)
    assert [levels(signals, scope, [1]) for scope in ("north", "south", None)] == [[2], [1], [1]]


def test_a_correction_holds_from_when_it_is_known() -> None:
    signals = MarketSignals()
    added(signals, signal("strike", 2.0, (0, 9)), known=0)
    before = levels(signals, None, range(4))
    added(signals, signal("strike", 5.0, (0, 6)), known=4)
    assert levels(signals, None, range(8)) == [*before, 5, 5, 0, 0]


def test_what_is_withdrawn_ends_then_and_may_be_sent_again() -> None:
    signals = MarketSignals()
    added(signals, signal("strike", 2.0, (0, 9)), known=0)
    signals.withdraw("strike", ALL_US + 3 * DAY_US)
    signals.withdraw("nobody's", ALL_US + 3 * DAY_US)
    assert added(signals, signal("strike", 2.0, (0, 9)), known=6, event=0) == "applied"
    assert levels(signals, None, range(8)) == [2, 2, 2, 0, 0, 0, 2, 2]


def test_an_older_signal_that_comes_later_replaces_nothing() -> None:
    signals = MarketSignals()
    added(signals, signal("strike", 2.0, (0, 9)), known=2, event=2)
    added(signals, signal("strike", 5.0, (0, 9)), known=4, event=1)
    assert levels(signals, None, [3, 5]) == [2, 2]


def test_the_same_signal_twice_is_a_duplicate() -> None:
    signals = MarketSignals()
    assert [added(signals, signal("strike", 2.0, (0, 9)), known=day, event=0) for day in (0, 1)] == [
        "applied",
        "duplicate",
    ]


def test_too_many_are_refused_and_room_comes_back_with_those_that_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_signals, "MOST", 3)
    signals = MarketSignals()
    outcomes = [added(signals, signal(f"s{i}", 1.0, (0, 9)), known=0) for i in range(5)]
    assert outcomes == ["applied"] * 3 + ["rejected"] * 2
    assert added(signals, signal("s0", 4.0, (0, 9)), known=1) == "applied"  # a correction needs no room
    assert added(signals, signal("s9", 1.0, (0, 99)), known=80) == "applied"


SENT = st.lists(
    st.tuples(
        st.integers(0, 12),
        st.integers(-4, 0),
        st.sampled_from(["strike", "tariff"]),
        st.sampled_from([None, "north"]),
        st.sampled_from([0.0, 1.0, 2.0]),
        st.tuples(st.integers(-3, 12), st.one_of(st.none(), st.integers(1, 9))),
        st.booleans(),
    ),
    max_size=12,
)


def sent_to(signals: MarketSignals, known: int, one: Any) -> None:
    day, earlier, name, scope, level, (begin, length), withdrawn = one
    if withdrawn:
        signals.withdraw(market_signals.signal_key(scope, name), ALL_US + known * DAY_US)
    else:
        end = None if length is None else begin + length
        added(signals, signal(name, level, (begin, end), scope), known, day + earlier)


@given(SENT, st.integers(0, 12))
def test_what_comes_later_changes_no_level_before_it_and_a_restart_changes_nothing(sent: list[Any], cut: int) -> None:
    ordered = sorted(sent, key=lambda one: one[0])
    whole, some = MarketSignals(), MarketSignals()
    rows: dict[bytes | None, bytes | None] = {}
    for one in ordered:
        sent_to(whole, one[0], one)
        if one[0] <= cut:
            sent_to(some, one[0], one)
        rows |= dict(some.take_changes(b"s"))
        restored = MarketSignals()
        restored.load([row for _, row in sorted(rows.items(), key=lambda pair: pair[0] or b"") if row is not None])
        assert restored.rows == some.rows
        some = restored
    days = range(cut + 1)
    assert [levels(whole, scope, days) for scope in (None, "north")] == [
        levels(some, scope, days) for scope in (None, "north")
    ]


def test_ten_thousand_signals_are_kept_in_rows_of_a_bounded_size_and_read_back() -> None:
    signals = MarketSignals()
    for i in range(market_signals.MOST):
        added(signals, signal(f"s{i}", float(i % 7), (i % 5, 9)), known=0)
    assert levels(signals, None, range(10)) == [*[6] * 9, 0]
    rows = [row for _, row in signals.take_changes(b"s") if row is not None]
    assert max(map(len, rows)) < 1 << 20
    restored = MarketSignals()
    restored.load(rows)
    assert levels(restored, None, range(10)) == levels(signals, None, range(10))
    assert len(market_signals.signals_said(signals.in_force(None, ALL_US))) == market_signals.MOST_SAID
    for i in range(market_signals.MOST):
        signals.withdraw(f"s{i}", ALL_US + 9 * DAY_US)
    added(signals, signal("last", 1.0, (100, None)), known=100)
    gone = dict(signals.take_changes(b"s"))
    assert len(gone) == len(rows)
    assert sum(row is not None for row in gone.values()) == 1
