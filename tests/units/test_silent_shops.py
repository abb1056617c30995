"""Live, a customer's silence is believed only as far as those who speak for the customer have been heard."""

from __future__ import annotations

import pytest

from schemas.instants import DAY_US, HOUR_US
from tests.units.shops import (
    START_US,
    STEP_US,
    SWEEP_US,
    VISITS,
    Message,
    Partition,
    Shop,
    Town,
    Visit,
    event,
    heartbeat,
    left,
    wrong,
)

DAYS = 90
END_US = START_US + DAYS * DAY_US
PROMISED_US = SWEEP_US + 2 * STEP_US


def names(first: int, count: int = 20) -> list[str]:
    return [f"c{number}" for number in range(first, first + count)]


def worked(town: Town, *settings: str) -> Partition:
    partition = Partition(*settings)
    partition.run(town.messages(), START_US, END_US)
    return partition


def test_while_all_shops_are_heard_everybody_who_leaves_gets_a_case_and_nobody_else() -> None:
    town = Town([Shop("east", names(0)), Shop("west", names(100))], DAYS)
    partition = worked(town)
    assert wrong(town, partition.cases) == []
    assert {case.customer for case in partition.cases} >= left(town, END_US - PROMISED_US)


@pytest.mark.parametrize("heartbeats", [True, False])
@pytest.mark.parametrize("down", [(40.0, 54.0), (41.3, 43.9), (30.0, 75.0)])
def test_a_shop_that_is_down_makes_none_of_its_customers_look_silent(
    down: tuple[float, float], heartbeats: bool
) -> None:
    shops = [Shop("east", names(0), heartbeats=heartbeats), Shop("west", names(100), down=down, heartbeats=heartbeats)]
    town = Town(shops, DAYS)
    partition = worked(town, "time.producer_patience=60d")
    assert wrong(town, partition.cases) == []
    assert {case.customer for case in partition.cases} >= left(town, END_US - PROMISED_US)


def test_of_three_shops_two_may_be_down_at_different_times() -> None:
    shops = [
        Shop("north", names(0), down=(35.0, 50.0)),
        Shop("east", names(100), down=(45.0, 60.0)),
        Shop("south", names(200)),
    ]
    town = Town(shops, DAYS)
    partition = worked(town)
    assert wrong(town, partition.cases) == []
    assert {case.customer for case in partition.cases} >= left(town, END_US - PROMISED_US)


def test_customers_of_a_shop_that_is_heard_are_decided_about_while_another_is_down() -> None:
    shops = [Shop("east", names(0, 40)), Shop("west", names(100), down=(30.0, 80.0))]
    partition = worked(Town(shops, DAYS), "time.producer_patience=60d")
    meanwhile = {
        case.customer for case in partition.cases if START_US + 42 * DAY_US < case.sent_us < START_US + 79 * DAY_US
    }
    assert meanwhile
    assert meanwhile <= set(names(0, 40))


def test_on_call_hears_who_is_silent_and_how_many_decisions_wait() -> None:
    shops = [Shop("east", names(0)), Shop("west", names(100), down=(30.0, 200.0), comes_back=False)]
    partition = Partition()
    partition.run(Town(shops, DAYS).messages(), START_US, START_US + 45 * DAY_US)
    (alert,) = [one.text for one in partition.unit.alerts if "west" in one.subject]
    assert "nothing has come from west on service_visit since" in alert
    assert " 0 decisions" not in alert


def test_a_shop_that_closes_says_so_and_holds_nothing() -> None:
    town = Town([Shop("east", names(0)), Shop("west", names(100), down=(30.0, 200.0), comes_back=False)], DAYS)
    closed = Message(START_US + 31 * DAY_US, heartbeat("west", START_US + 30 * DAY_US, final=True), None)
    partition = Partition()
    partition.run(sorted([*town.messages(), closed], key=lambda one: one.sent_us), START_US, START_US + 50 * DAY_US)
    assert any(case.customer in names(100) for case in partition.cases if case.sent_us > START_US + 33 * DAY_US)
    assert partition.unit.alerts == []


def test_a_shop_that_comes_back_with_heartbeats_alone_is_believed() -> None:
    shops = [Shop("east", names(0)), Shop("west", names(100), down=(30.0, 50.0), comes_back=False)]
    partition = worked(Town(shops, DAYS))
    assert [case for case in partition.cases if case.customer in names(100) and case.sent_us >= START_US + 50 * DAY_US]


def test_while_keepline_itself_is_away_nobody_gets_a_case_from_an_intermediate_picture() -> None:
    town = Town([Shop("east", names(0)), Shop("west", names(100))], DAYS)
    partition = Partition()
    down = (START_US + 40 * DAY_US, START_US + 54 * DAY_US)
    partition.run(town.messages(), START_US, END_US, down=down)
    assert wrong(town, partition.cases) == []
    assert {case.customer for case in partition.cases} >= left(town, END_US - PROMISED_US)


def test_a_backlog_makes_heartbeats_look_no_rarer_and_no_event_late() -> None:
    town = Town([Shop("east", names(0)), Shop("west", names(100), down=(60.0, 200.0), comes_back=False)], DAYS)
    partition = Partition()
    down = (START_US + 40 * DAY_US, START_US + 54 * DAY_US)
    partition.run(town.messages(), START_US, START_US + 65 * DAY_US, down=down)
    (alert,) = [one.text for one in partition.unit.alerts if "west" in one.subject]
    assert "(usual: every 1h)" in alert
    assert partition.unit.counts.get("late", 0) == 0


def test_what_a_slow_shop_sends_in_order_is_not_late() -> None:
    partition, now_us = Partition(), START_US + 30 * DAY_US
    partition.run(Town([Shop("east", names(0))], DAYS).messages(), START_US, now_us)

    def visit(hours: int) -> Message:
        return Message(now_us, event(10_000 - hours, Visit(now_us - hours * HOUR_US, "slow", "s", now_us)), "s")

    partition.take([visit(8)], now_us, caught_up=True)
    partition.take([], now_us + HOUR_US, caught_up=True)
    beat = Message(now_us, heartbeat("slow", now_us - 5 * HOUR_US), None)
    partition.feed.caught_up(VISITS, now_us + 2 * HOUR_US)  # before the others: the visit is due after them
    partition.take([visit(6), beat], now_us + 2 * HOUR_US, caught_up=False)
    partition.take([], now_us + 3 * HOUR_US, caught_up=True)
    assert partition.unit.counts.get("late", 0) == 0


@pytest.mark.parametrize("by", ["west", "east"])
def test_who_came_and_left_again_while_a_shop_was_down_gets_a_second_case(by: str) -> None:
    west = Shop("west", names(100), down=(36.0, 60.0))
    town = Town([Shop("east", names(0)), west], DAYS)
    days = [("east", 1.0), ("west", 5.0), ("east", 10.0), ("west", 15.0), ("east", 20.0), (by, 40.0)]
    for shop, day in days:
        at_us = START_US + int(day * DAY_US)
        town.visits.append(Visit(at_us, shop, "twin", town.sent_us(west, at_us) if shop == "west" else at_us))
    partition = worked(town, "case.cool_down=1d")
    first, second = [(case.sent_us - START_US) / DAY_US for case in partition.cases if case.customer == "twin"]
    assert 30 < first < 31
    assert 60 <= second < 61
    assert wrong(town, partition.cases) == []


def test_a_crossing_that_ends_before_its_retry_is_recorded_once() -> None:
    town = Town([Shop("east", names(0, 60))], DAYS, every_days=(8, 12), leave_share=0.0, seed=3)
    ended = [
        (record["intervention_id"], record["decided_at"])
        for record in worked(town).withheld
        if record["withheld_reason"] == "no_longer_at_risk"
    ]
    assert ended
    assert len(ended) == len(set(ended))
