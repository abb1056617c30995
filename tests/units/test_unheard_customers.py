"""Live, while a producer is silent nothing is learned of its customers, and no case of theirs ends by silence."""

from __future__ import annotations

import json

import pytest

from online_model.array_codec import unpack_array
from online_model.treatment import NO_LABEL
from schemas.instants import DAY_US, HOUR_US, parse_instant
from tests.units.shops import START_US, Partition, Shop, Town, Visit

DAYS = 120
WEST = [f"w{number}" for number in range(20)]
EAST = [f"e{number}" for number in range(20)]
DOWN = (50.0, 64.0)
BACK_US = START_US + int(DOWN[1] * DAY_US)


def town(*, down: tuple[float, float] = DOWN, heartbeats: bool = True) -> Town:
    return Town([Shop("east", EAST), Shop("west", WEST, down=down, heartbeats=heartbeats)], DAYS, leave_share=0.5)


def worked(shops: Town, *settings: str) -> Partition:
    partition = Partition("label.horizon=14d", *settings)
    partition.run(shops.messages(), START_US, START_US + DAYS * DAY_US)
    return partition


def is_down(at_us: int, after_days: float) -> bool:
    return START_US + int((DOWN[0] + after_days) * DAY_US) < at_us <= BACK_US


@pytest.mark.parametrize(("heartbeats", "noticed_after_days"), [(True, 0.2), (False, 4.0)])
def test_customers_of_a_silent_shop_are_not_observed_and_all_others_are(
    heartbeats: bool, noticed_after_days: float
) -> None:
    partition = worked(town(heartbeats=heartbeats))
    blocks = [block for value in partition.observed if (block := json.loads(value))["kind"] == "observations"]
    silent = [block for block in blocks if is_down(parse_instant(block["observed_at"]), noticed_after_days)]
    assert silent
    assert {name for block in silent for name in block["customers"]} & set(WEST) == set()
    assert all({"e0", "e1"} <= set(block["customers"]) for block in silent)
    assert all(
        set(WEST) & set(block["customers"]) for block in blocks if not is_down(parse_instant(block["observed_at"]), 0.0)
    )


def test_every_label_is_what_the_visits_say_or_there_is_none() -> None:
    shops = town()
    wrong, labels, without = [], 0, 0
    for block in worked(shops).labelled:
        if block["kind"] != "labelled_examples":
            continue
        observed_us = parse_instant(block["observed_at"])
        for customer, label in zip(block["customers"], unpack_array(block["label"], "u1").tolist(), strict=True):
            until_us = observed_us + 14 * DAY_US
            came = any(visit.customer == customer and observed_us < visit.at_us <= until_us for visit in shops.visits)
            labels, without = labels + 1, without + (label == NO_LABEL)
            if label not in (NO_LABEL, not came):
                wrong.append((customer, block["observed_at"], label))
    assert wrong == []
    assert 0 < without < labels / 4


def test_no_case_of_a_customer_of_a_silent_shop_ends_by_silence() -> None:
    shops = town(down=(58.0, 110.0))
    returns = {f"w{number}": START_US + 60 * DAY_US + number * HOUR_US for number in range(20)}
    shops.visits += [Visit(us, "west", name, shops.sent_us(shops.shops[1], us)) for name, us in returns.items()]
    shops.visits.sort()
    partition = worked(shops, "case.save_horizon=5d", "time.producer_patience=90d")
    customers = {str(case.body["intervention_id"]): case.customer for case in partition.cases}
    measured = [update for update in partition.updates if update["status"] == "measured"]
    wrong = []
    for update in measured:
        customer, crossed_us = customers[str(update["intervention_id"])], parse_instant(str(update["crossed_at"]))
        came = any(
            visit.customer == customer and crossed_us < visit.at_us <= crossed_us + 35 * DAY_US
            for visit in shops.visits
        )
        wrong += [(customer, update)] if came != update["returned"] else []
    assert {customers[str(update["intervention_id"])] for update in measured} & set(WEST)
    assert wrong == []
