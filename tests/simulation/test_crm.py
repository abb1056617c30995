"""The simulated CRM: it calls customers with an open case, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from schemas.events import InterventionOutcome
from schemas.instants import DAY_US, format_instant, parse_instant
from streams.simulation.contacts import Reaction
from streams.simulation.crm import Crm, Message
from streams.simulation.customers import Ints

START_US = parse_instant("2024-01-01T00:00:00Z")
DAYS = 40
CASES = 300


def day(number: float) -> str:
    return format_instant(START_US + int(number * DAY_US))


def case(number: int, decided: int = 0) -> Message:
    return {
        "intervention_id": f"i{number}",
        "customer_id": f"c{number:07d}",
        "crossed_at": day(decided),
        "decided_at": day(decided),
        "action": {"channel": "phone"},
        "budget": {"amount": 300.0, "currency": "CNY"},
        "agent_id": "adviser-01-2",
    }


def update(number: int, status: str, at: int, **more: Any) -> Message:
    return {"intervention_id": f"i{number}", "updated_at": day(at), "status": status, "state": "open"} | more


class Town:
    """Customers who all react alike, and a record of the calls."""

    def __init__(self, *, leaving: bool = True, saved: bool = False, sold: bool = False) -> None:
        self.calls: list[tuple[int, int]] = []
        self._mood = (leaving, saved, sold)

    def contact(self, who: Ints, crossed_us: Ints, contacted_us: Ints, strategies: Sequence[str]) -> Reaction:
        self.calls += zip(who.tolist(), contacted_us.tolist(), strict=True)
        return Reaction(*(np.full(len(who), felt) for felt in self._mood))


def worked(crm: Crm, town: Town, first: int = 0, last: int = DAYS) -> list[Message]:
    return [out for at in range(first, last) for out in crm.work(START_US + at * DAY_US, town.contact)]


def outcomes(updates: list[Message], town: Town, heard_on: int = 1, cases: int = CASES) -> list[Message]:
    """Returns the outcomes of a CRM with many cases that gets updates on a day."""
    crm = Crm(seed=1)
    crm.take([case(n) for n in range(cases)], [])
    before = worked(crm, town, 0, heard_on)
    crm.take([], updates)
    return before + worked(crm, town, heard_on)


def test_some_are_called_in_each_window_and_some_never() -> None:
    town = Town()
    outcomes([], town)
    days = np.array([(us - START_US) / DAY_US for _, us in town.calls])
    counts, _ = np.histogram(days, [0, 7, 14, 21, 30])
    assert (counts > CASES // 12).all()
    assert len({who for who, _ in town.calls}) < CASES * 0.95


def test_each_is_called_once_at_most() -> None:
    town = Town()
    outcomes([], town)
    assert len({who for who, _ in town.calls}) == len(town.calls)


@pytest.mark.parametrize("status", ["withdrawn", "closed", "expired"])
def test_what_is_over_is_not_called_any_more(status: str) -> None:
    town = Town()
    outcomes([update(n, status, 1) for n in range(CASES)], town)
    assert not [us for _, us in town.calls if us >= START_US + DAY_US]


def test_a_customer_without_a_case_is_not_called() -> None:
    crm, town = Crm(seed=1), Town()
    crm.take([], [update(n, "escalated", 0, why="not_contacted") for n in range(50)])
    assert not worked(crm, town)
    assert not town.calls


def test_an_escalated_case_is_called_sooner() -> None:
    ordinary, urged = Town(), Town()
    outcomes([], ordinary, heard_on=3)
    outcomes([update(n, "escalated", 3, why="not_contacted") for n in range(CASES)], urged, heard_on=3)
    in_time_us = START_US + 5 * DAY_US
    assert sum(us < in_time_us for _, us in urged.calls) > 1.3 * sum(us < in_time_us for _, us in ordinary.calls)


def test_a_call_uses_the_rerouted_channel() -> None:
    said = outcomes([update(n, "rerouted", 1, channel="visit") for n in range(CASES)], Town())
    after = {out["channel"] for out in said if out["status"] == "contacted" and out["event_time"] >= day(1)}
    assert after == {"visit"}


def test_every_outcome_is_an_event_of_the_contract() -> None:
    for outcome in outcomes([], Town(sold=True)):
        InterventionOutcome.model_validate(outcome)


def test_outcomes_are_in_event_time_order_and_not_before_the_decision() -> None:
    times = [outcome["event_time"] for outcome in outcomes([], Town())]
    assert times == sorted(times)
    assert times[0] > day(0)


def test_event_ids_are_unique() -> None:
    ids = [outcome["event_id"] for outcome in outcomes([], Town())]
    assert len(set(ids)) == len(ids)


def test_a_customer_who_sold_the_vehicle_reports_it() -> None:
    said = [outcome for outcome in outcomes([], Town(leaving=False, sold=True)) if outcome["status"] == "declined"]
    assert len(said) > CASES // 2
    assert all(outcome["causes"] == ["vehicle_sold"] for outcome in said)


def test_most_saved_customers_respond() -> None:
    said = outcomes([], Town(saved=True))
    assert sum(out["status"] == "responded" for out in said) > 0.8 * sum(out["status"] == "contacted" for out in said)


def test_what_is_done_with_a_case_does_not_depend_on_other_cases() -> None:
    def of_one(cases: int) -> list[Message]:
        return [out for out in outcomes([], Town(), cases=cases) if out["intervention_id"] == "i7"]

    assert of_one(8) == of_one(CASES) != []


def test_a_message_that_comes_again_changes_nothing() -> None:
    once, twice = Crm(seed=1), Crm(seed=1)
    cases = [case(n) for n in range(CASES)]
    once.take(cases, [])
    twice.take(cases + cases, [])
    assert worked(once, Town()) == worked(twice, Town())
