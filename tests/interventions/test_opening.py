"""The tables of opening, row by row: one customer, scored on given days."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.instants import DAY_US
from streams.interventions.opening import CaseColumns, Withheld, decide
from streams.profile.loading import load_profile

RULES = load_profile("after-sales").case
Hold = bool | Withheld  # whether the model is ready, or why nothing may open
Score = tuple[float, float] | tuple[float, float, Hold]  # day, probability


def hold_of(holds: list[Hold]) -> Withheld:
    if not holds or holds[0] is True:
        return Withheld.NOTHING
    return holds[0] or Withheld.MODEL_NOT_READY


def never(n: int = 1) -> CaseColumns:
    """Customers who have never been scored."""
    return CaseColumns(np.full(n, np.nan), np.ones(n), *(np.full(n, -np.inf) for _ in range(3)), np.full(n, np.inf))


def story(*scores: Score, first_seen_day: float = -1000) -> list[str]:
    """What happened at each score: `open D` with the day it crossed, a reason, or nothing."""
    columns, results = never(), []
    for day, p, *ready in scores:
        at_us, seen_us = np.array([day * DAY_US]), np.array([first_seen_day * DAY_US])
        decision = decide(RULES, columns, np.array([p]), seen_us, at_us, hold_of(ready))
        columns = decision.columns
        why = Withheld(decision.withheld[0])
        assert not (decision.opened[0] and why)
        opened = f"open {decision.crossed_at_us[0] / DAY_US:g}"
        results.append(opened if decision.opened[0] else why.name.lower() if why else "")
    return results


def test_rising_above_the_threshold_opens_a_case() -> None:
    assert story((0, 0.4), (1, 0.6)) == ["", "open 1"]


def test_reaching_the_threshold_opens_nothing() -> None:
    assert story((0, 0.4), (1, 0.5)) == ["", ""]


def test_rising_from_the_threshold_opens_a_case() -> None:
    assert story((0, 0.5), (1, 0.51)) == ["", "open 1"]


def test_staying_above_opens_nothing_more() -> None:
    assert story((0, 0.4), (1, 0.6), (60, 0.9)) == ["", "open 1", ""]


def test_a_crossing_without_having_fallen_below_the_margin_is_of_the_open_case() -> None:
    assert story((0, 0.4), (1, 0.6), (2, 0.47), (60, 0.6)) == ["", "open 1", "", "open_case"]


def test_falling_to_the_margin_is_not_below_it() -> None:
    assert story((0, 0.4), (1, 0.6), (2, RULES.threshold - RULES.margin), (60, 0.6))[-1] == "open_case"


def test_a_crossing_within_the_window_is_of_the_open_case() -> None:
    assert story((0, 0.4), (1, 0.6), (2, 0.4), (8, 0.6))[-1] == "open_case"


def test_a_crossing_after_the_window_is_withheld_until_the_cool_down_ends() -> None:
    assert story((0, 0.4), (1, 0.6), (2, 0.4), (9, 0.6))[-1] == "cool_down"


def test_after_the_cool_down_a_crossing_opens_the_next_case() -> None:
    assert story((0, 0.4), (1, 0.6), (2, 0.4), (31, 0.6))[-1] == "open 31"


def test_a_crossing_withheld_in_the_cool_down_is_not_sent_when_it_ends() -> None:
    assert story((0, 0.4), (1, 0.6), (2, 0.4), (9, 0.6), (31, 0.7))[-1] == ""


def test_having_fallen_during_the_cool_down_is_remembered() -> None:
    assert story((0, 0.4), (1, 0.6), (2, 0.4), (9, 0.48), (40, 0.6))[-1] == "open 40"


def test_without_a_cool_down_the_window_keeps_a_second_case_from_opening() -> None:
    rules = load_profile("after-sales", ["case.cool_down=0d"]).case
    columns = never()._replace(last_probability=np.array([0.4]), case_opened_us=np.array([0.0]))
    seen_us, at_us = np.array([-1e15]), np.array([7.0 * DAY_US])
    assert decide(rules, columns, np.array([0.6]), seen_us, at_us, Withheld.NOTHING).withheld == [Withheld.OPEN_CASE]


def test_a_high_first_score_of_an_old_customer_opens_a_case() -> None:
    assert story((0, 0.6)) == ["open 0"]


def test_a_high_first_score_opens_a_case_at_exactly_the_least_tenure() -> None:
    assert story((30, 0.6), first_seen_day=0) == ["open 30"]


def test_a_high_first_score_of_a_new_customer_is_withheld_once() -> None:
    assert story((1, 0.6), (20, 0.8), (31, 0.7), first_seen_day=0) == ["tenure", "", ""]


def test_a_new_customer_who_falls_before_the_tenure_has_passed_crosses_when_rising_again() -> None:
    assert story((1, 0.6), (2, 0.5), (3, 0.6), first_seen_day=0) == ["tenure", "", "open 3"]


def test_a_low_first_score_of_a_new_customer_lets_a_crossing_open() -> None:
    assert story((1, 0.2), (2, 0.6), first_seen_day=0) == ["", "open 2"]


def test_a_crossing_before_the_model_is_ready_is_sent_when_it_is() -> None:
    assert story((0, 0.4, False), (1, 0.6, False), (8, 0.7)) == ["", "model_not_ready", "open 1"]


def test_a_crossing_waits_over_several_scorings_for_the_model() -> None:
    results = story((0, 0.4, False), (1, 0.6, False), (2, 0.6, False), (3, 0.6))
    assert results == ["", "model_not_ready", "", "open 1"]


def test_a_crossing_is_still_sent_in_its_last_window() -> None:
    assert story((0, 0.4, False), (1, 0.6, False), (31, 0.7)) == ["", "model_not_ready", "open 1"]


@pytest.mark.parametrize("ready", [True, False])
def test_a_crossing_whose_last_window_is_over_is_missed_once(ready: bool) -> None:
    results = story((0, 0.4, False), (1, 0.6, False), (31.1, 0.7, ready), (31.2, 0.7))
    assert results == ["", "model_not_ready", "missed", ""]


def test_a_crossing_that_was_missed_is_told_with_the_day_it_crossed() -> None:
    waits = pending(crossed_day=1)
    decision = decide(RULES, waits, np.array([0.6]), SEEN_US, np.array([32.0 * DAY_US]), Withheld.NOTHING)
    assert (Withheld(decision.withheld[0]), decision.crossed_at_us[0]) == (Withheld.MISSED, DAY_US)


SEEN_US = np.array([-1000.0 * DAY_US])


def pending(crossed_day: float, retry_day: float = -np.inf) -> CaseColumns:
    """A customer above the threshold whose crossing was refused until a day."""
    day = np.array([DAY_US])
    return never()._replace(
        last_probability=np.array([0.6]), pending_crossed_us=crossed_day * day, retry_us=retry_day * day
    )


@pytest.mark.parametrize(("day", "opens"), [(4.9, False), (5.0, True), (6.0, True)])
def test_a_refused_crossing_waits_for_the_instant_at_which_it_may_be_tried(day: float, opens: bool) -> None:
    at_us = np.array([day * DAY_US])
    decision = decide(RULES, pending(1, retry_day=5), np.array([0.6]), SEEN_US, at_us, Withheld.NOTHING)
    assert decision.opened[0] == opens
    assert decision.withheld[0] == Withheld.NOTHING
    assert (decision.columns.pending_crossed_us[0], decision.columns.retry_us[0]) == (
        (-np.inf, -np.inf) if opens else (DAY_US, 5 * DAY_US)
    )


def test_a_refused_crossing_that_fell_back_waits_no_longer() -> None:
    at_us = np.array([6.0 * DAY_US])
    columns = decide(RULES, pending(1, 5), np.array([0.4]), SEEN_US, at_us, Withheld.NOTHING).columns
    assert (columns.pending_crossed_us[0], columns.retry_us[0]) == (-np.inf, -np.inf)


def test_a_crossing_that_waits_beyond_its_last_window_is_missed_before_it_may_be_tried() -> None:
    at_us = np.array([32.0 * DAY_US])
    decision = decide(RULES, pending(1, 40), np.array([0.6]), SEEN_US, at_us, Withheld.NOTHING)
    assert decision.withheld[0] == Withheld.MISSED


def test_a_crossing_that_fell_back_before_the_model_is_ready_is_not_sent() -> None:
    results = story((0, 0.4, False), (1, 0.6, False), (2, 0.5, False), (3, 0.5))
    assert results == ["", "model_not_ready", "", ""]


def test_a_crossing_is_withheld_once_however_long_the_model_is_not_ready() -> None:
    assert story((0, 0.6, False), (1, 0.6, False), (2, 0.6, False)) == ["model_not_ready", "", ""]


def test_a_crossing_while_a_source_is_quiet_waits_until_its_events_come_again() -> None:
    behind = Withheld.CATCHING_UP
    assert story((0, 0.4, behind), (1, 0.6, behind), (2, 0.6, behind), (3, 0.6)) == ["", "catching_up", "", "open 1"]


def turn(
    p: float = 0.6, now: float = 100, *, at: float = 100, seen: float = 0, hold: Hold = True, **columns: float
) -> str:
    """What happens to a customer who was above the threshold before, and has a turn in the backlog on day `at`."""
    days = {name: np.array([value * DAY_US]) for name, value in columns.items() if name.endswith("_us")}
    others = {name: np.array([value]) for name, value in columns.items() if not name.endswith("_us")}
    before = never()._replace(last_probability=np.array([0.6]), retry_us=np.array([at * DAY_US]), **days, **others)
    seen_us, at_us = np.array([seen * DAY_US]), np.array([now * DAY_US])
    decision = decide(RULES, before, np.array([p]), seen_us, at_us, hold_of([hold]))
    assert decision.from_backlog[0] == decision.opened[0]
    assert not decision.withheld[0], "nothing has crossed"
    waits = "waits" if decision.columns.retry_us[0] > -np.inf else ""
    return f"open {decision.crossed_at_us[0] / DAY_US:g}" if decision.opened[0] else waits


def test_of_the_backlog_a_case_opens_when_the_turn_has_come_as_if_the_customer_crossed_then() -> None:
    assert [turn(now=99.9), turn(now=100), turn(now=103)] == ["waits", "open 100", "open 103"]


def test_whoever_is_at_risk_no_more_loses_the_turn() -> None:
    assert turn(p=0.5, now=99) == ""


@pytest.mark.parametrize(
    ("seen", "columns"),
    [
        (71, {}),  # too new
        (0, {"case_opened_us": 71, "armed": 1}),  # in the cool-down
        (0, {"case_opened_us": 10, "armed": 0}),  # has had the case of this crossing
        (0, {"case_opened_us": 10, "armed": 0, "upgrade_above": 0.7}),  # and is not above its tier
    ],
)
def test_of_the_backlog_no_case_opens_before_one_may(seen: float, columns: dict[str, float]) -> None:
    assert turn(seen=seen, **columns) == ""


def test_above_the_tier_of_the_last_case_the_next_one_opens_without_a_fall() -> None:
    assert turn(p=0.71, case_opened_us=70, armed=0, upgrade_above=0.7) == "open 100"


def test_under_a_hold_a_turn_is_lost_and_nothing_is_recorded() -> None:
    assert turn(hold=Withheld.STOP_LOSS) == ""


def test_a_crossing_that_waits_for_its_turn_keeps_the_day_it_crossed() -> None:
    decision = decide(RULES, pending(1), np.array([0.6]), SEEN_US, np.array([6.0 * DAY_US]), Withheld.BACKLOG)
    assert (decision.opened[0], decision.columns.pending_crossed_us[0]) == (False, DAY_US)
    decision = decide(RULES, pending(1, 6), np.array([0.6]), SEEN_US, np.array([6.0 * DAY_US]), Withheld.NOTHING)
    assert (decision.opened[0], decision.crossed_at_us[0], decision.from_backlog[0]) == (True, DAY_US, False)


def found_meanwhile(day: float, now: float, hold: Withheld = Withheld.NOTHING) -> tuple[str, float]:
    """What happens now to a customer who was found above the threshold on a day, and the crossing that waits."""
    columns = never()._replace(last_probability=np.array([0.4]), pending_crossed_us=np.array([day * DAY_US]))
    decision = decide(RULES, columns, np.array([0.6]), np.zeros(1), np.array([now * DAY_US]), hold)
    what = "open" if decision.opened[0] else Withheld(decision.withheld[0]).name.lower()
    assert not decision.opened[0] or decision.crossed_at_us[0] == day * DAY_US
    return what, float(decision.columns.pending_crossed_us[0] / DAY_US)


def test_a_crossing_that_was_found_while_a_producer_was_not_heard_is_of_that_day() -> None:
    assert found_meanwhile(100, 112) == ("open", -np.inf)
    assert found_meanwhile(100, 130) == ("open", -np.inf)
    assert found_meanwhile(100, 112, Withheld.BACKLOG) == ("backlog", 100)


def test_after_the_last_window_it_is_missed() -> None:
    assert found_meanwhile(100, 130.01) == ("missed", -np.inf)
    assert found_meanwhile(100, 130.01, Withheld.CATCHING_UP) == ("missed", -np.inf)


def test_each_customer_may_have_a_hold_of_its_own() -> None:
    holds = np.array([Withheld.BACKLOG, Withheld.NOTHING], np.int8)
    decision = decide(RULES, never(2), np.full(2, 0.9), np.zeros(2), np.full(2, 1e15), holds)
    assert decision.opened.tolist() == [False, True]
    assert decision.withheld.tolist() == [Withheld.BACKLOG, Withheld.NOTHING]


def test_an_open_case_is_the_reason_before_the_model() -> None:
    assert story((0, 0.6), (1, 0.4), (2, 0.6, False), (3, 0.6)) == ["open 0", "", "open_case", ""]


def test_the_cool_down_counts_from_the_opening_not_from_the_crossing() -> None:
    assert story((0, 0.6, False), (5, 0.6), (6, 0.4), (34, 0.6))[-1] == "cool_down"


def test_what_was_decided_leaves_the_columns_that_came_in_as_they_were() -> None:
    columns = never(2)
    decide(RULES, columns, np.array([0.9, 0.1]), np.zeros(2), np.full(2, 1e15), Withheld.NOTHING)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(columns, never(2), strict=True))


def test_columns_stay_float64() -> None:
    decision = decide(RULES, never(2), np.array([0.9, 0.1]), np.zeros(2), np.full(2, 1e15), Withheld.NOTHING)
    assert {column.dtype for column in decision.columns} == {np.dtype(np.float64)}


def test_nobody_is_nothing() -> None:
    empty = np.zeros(0)
    assert len(decide(RULES, never(0), empty, empty, empty, Withheld.NOTHING).opened) == 0


@pytest.mark.parametrize("why", [why for why in Withheld if why])
def test_every_reason_occurs(why: Withheld) -> None:
    a = story((0, 0.4), (1, 0.6), (2, 0.4), (3, 0.6), (4, 0.4), (10, 0.6), (11, 0.4), (41, 0.6, False))
    a += story((0, 0.4), (1, 0.6, Withheld.CATCHING_UP), (32, 0.6)) + story((0, 0.6, Withheld.STOP_LOSS))
    a += story((0, 0.4), (1, 0.6, Withheld.BACKLOG)) + story((0, 0.4), (1, 0.6, Withheld.HISTORY))
    assert why.name.lower() in a + story((0, 0.6), first_seen_day=0)
