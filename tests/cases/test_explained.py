"""The reasons of a message add up to its score, exactly."""

from __future__ import annotations

import json
from functools import cache
from itertools import permutations

import numpy as np
import pytest

from features.catalogue import FEATURES
from features.portable_math import sigmoid
from online_model.estimator import LOGIT_LIMIT
from tests.cases import shops
from tests.cases.promises import Body
from tests.cases.shops import Policy
from tests.cases.test_cases_partitions import run
from tests.units import topics as logs

TOPICS = ("interventions", "interventions-withheld", "intervention-updates")
ORDERS = 120  # of the up to seven numbers that are added


@cache
def explained() -> list[Body]:
    """Every message that gives reasons."""
    shop = run(Policy("6h", "6h", "6h", limited=False, seed=1), tuple(shops.events(1)), 2).topics
    bodies = [json.loads(value or b"") for one in (logs.calm(2), shop) for name in TOPICS for value in one.values(name)]
    return [body for body in bodies if "reasons" in body]


def parts(body: Body) -> list[float]:
    shares = [reason["contribution"] for reason in body["reasons"] + body["reasons_against"]]
    return [body["average_log_odds"], body["other_contributions"], *shares]


def test_the_messages_are_of_all_sorts() -> None:
    assert {"withheld_reason" in body for body in explained()} == {True, False}
    assert "upgraded" in {body.get("status") for body in explained()}
    assert len({body["log_odds"] for body in explained()}) > 50
    assert any(min(parts(body)) < 0.0 < max(parts(body)) and body["other_contributions"] for body in explained())


def test_what_is_withheld_while_the_model_is_not_ready_has_no_reasons() -> None:
    held = [body for body in explained() if body.get("withheld_reason") == "model_not_ready"]
    assert held
    assert not any(body["reasons"] or body["reasons_against"] for body in held)
    others = [body for body in explained() if body.get("withheld_reason", "model_not_ready") != "model_not_ready"]
    assert any(body["reasons"] for body in others)


def test_average_reasons_and_the_rest_add_up_to_the_score_to_the_bit_in_any_order() -> None:
    for body in explained():
        orders = list(permutations(parts(body)))
        sums = {sum(order) for order in orders[:: max(len(orders) // ORDERS, 1)]}
        assert sums == {body["log_odds"]}, body


def test_the_score_is_the_probability() -> None:
    log_odds = np.array([body["log_odds"] for body in explained()])
    served = sigmoid(np.clip(log_odds, -LOGIT_LIMIT, LOGIT_LIMIT)).tolist()
    assert served == [body["probability"] for body in explained()]


def test_a_reason_names_a_feature_of_its_topic() -> None:
    features = {feature.name: feature for feature in FEATURES}
    for body in explained():
        for reason in body["reasons"] + body["reasons_against"]:
            assert (reason["topic"], reason["unit"]) == (
                features[reason["feature"]].topic,
                features[reason["feature"]].unit,
            )


@pytest.mark.parametrize("name", ["topic", "sentence_zh"])
def test_no_message_says_the_same_twice(name: str) -> None:
    for body in explained():
        reasons = body["reasons"] + body["reasons_against"]
        assert len({reason[name] for reason in reasons}) == len(reasons)
