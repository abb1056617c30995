"""Reasons are stable: a small change of a feature makes a small change of the reasons."""

from __future__ import annotations

from functools import cache

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import NAMES
from features.claims import Said
from features.matrix import scaled
from features.portable_math import Array
from online_model.additive_functions import EDGES, VALUE_STEP, experts, on_grid, weighted_sum
from online_model.reasons import LEAST, MOST_AGAINST, MOST_FOR, TOPIC_INDEX, TOPICS, Topics, reasons, topics_of
from online_model.scorer import Scorer
from tests.online_model.worlds import features, learner

LEARNED = learner(weeks=5).snapshot(0)
SCORER = Scorer(LEARNED)
KNOWN = np.ones(len(NAMES), np.bool_)

places = st.integers(0, len(NAMES) - 1)
customers = st.integers(0, 199)
moves = st.floats(-0.6, 0.6)  # crosses up to three edges of bins, which are 0.25 wide
shares = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), min_size=len(NAMES), max_size=len(NAMES))
flags = st.lists(st.booleans(), min_size=len(NAMES), max_size=len(NAMES))


def say(feature: str, raises: bool) -> Said | None:
    """Something of each feature but the market's: no signal is in force."""
    return None if feature == "market_pressure" else Said(feature, feature, ())


@cache
def rows() -> Array:
    """(features, 200), scaled."""
    return scaled(features(np.random.default_rng(7), 200))


def moved(customer: int, place: int, move: float) -> tuple[Array, Array]:
    """Returns a customer's (features,) before and after one feature moved."""
    before = rows()[:, customer]
    return before, before + move * (np.arange(len(NAMES)) == place)


def most_it_may_change(place: int, before: float, after: float) -> float:
    """Returns the bound from the feature's function, which is linear between edges: steepest slope plus jumps."""
    p = LEARNED.parameters
    served = weighted_sum(experts(p), p.weights * p.slope, p.level)
    height, rise = served.height[place], served.rise[place]
    jumps = np.abs(height[1:] + rise[1:] * EDGES[1:] - height[:-1] - rise[:-1] * EDGES[1:])
    ends = np.array([[min(before, after)], [max(before, after)]]).T
    (least, greatest) = on_grid(ends, served.low[place : place + 1], served.high[place : place + 1])[0]
    crossed = (least < EDGES[1:]) & (EDGES[1:] <= greatest)
    return float(np.abs(rise).max() * (abs(after - before) + 2 * VALUE_STEP) + jumps[crossed].sum()) + 1e-9


def contributions(x: Array) -> Array:
    return SCORER.contributions(x[:, None])[:, 0]


def topics(x: Array) -> Topics:
    return topics_of(contributions(x), x > LEARNED.mean, KNOWN)


def shown(x: Array) -> set[int]:
    found = reasons(x, contributions(x), x > LEARNED.mean, KNOWN, say)
    return {TOPICS.index(reason.topic) for reason in found}


def test_the_model_under_test_has_slopes_and_jumps() -> None:
    p = LEARNED.parameters
    served = weighted_sum(experts(p), p.weights * p.slope, p.level)
    assert np.abs(served.rise).max() > 0.1
    assert max(most_it_may_change(place, 1.9, 2.0) for place in range(len(NAMES))) > 0.02
    assert any(len(shown(rows()[:, customer])) > max(MOST_FOR, MOST_AGAINST) for customer in range(200))


@given(customers, places, moves)
def test_a_feature_moves_only_its_own_contribution_by_at_most_slope_and_jumps(
    customer: int, place: int, move: float
) -> None:
    before, after = moved(customer, place, move)
    change = contributions(after) - contributions(before)
    assert abs(change[place]) <= most_it_may_change(place, before[place], after[place])
    assert np.flatnonzero(change).tolist() in ([], [place])


@given(customers, places, moves)
def test_a_feature_moves_only_its_own_topic_and_no_further(customer: int, place: int, move: float) -> None:
    before, after = moved(customer, place, move)
    most, own = most_it_may_change(place, before[place], after[place]), np.arange(len(TOPICS)) == TOPIC_INDEX[place]
    for name in ("net", "strength"):
        change = getattr(topics(after), name) - getattr(topics(before), name)
        assert np.abs(change).max() <= most
        assert not change[~own].any()


@given(customers, places, moves)
def test_a_reason_that_appears_or_disappears_is_weak_or_as_strong_as_the_one_it_replaces(
    customer: int, place: int, move: float
) -> None:
    before, after = moved(customer, place, move)
    most = most_it_may_change(place, before[place], after[place])
    for one, other in ((before, after), (after, before)):
        strength, gone, come = topics(one).strength, shown(one) - shown(other), shown(other) - shown(one)
        for t in gone:
            assert strength[t] <= LEAST + most or any(abs(strength[u] - strength[t]) <= 2 * most for u in come)


@given(shares, flags, flags)
def test_a_topic_whose_features_cancel_out_is_not_strong(
    share: list[float], above: list[bool], known: list[bool]
) -> None:
    found = topics_of(np.array(share), np.array(above), np.array(known))
    assert (found.strength <= np.abs(found.net)).all()


@given(shares, flags, flags)
def test_ties_go_by_the_order_of_the_catalogue(share: list[float], above: list[bool], known: list[bool]) -> None:
    found = reasons(np.zeros(len(NAMES)), np.array(share), np.array(above), np.array(known), say)
    strength = topics_of(np.array(share), np.array(above), np.array(known)).strength
    places = [TOPICS.index(reason.topic) for reason in found]
    order = [(-r.contribution, -strength[t], t) for r, t in zip(found, places, strict=True) if strength[t]]
    assert order == sorted(order)
