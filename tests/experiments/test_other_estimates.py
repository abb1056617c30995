"""Leaks, the value of a policy that was not run, and the credit of advisers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.experiments.credit import credits
from streams.experiments.leaks import corrected
from streams.experiments.policy_value import PolicyValue


def test_a_leak_dilutes_the_lift_and_the_correction_restores_it() -> None:
    effect, contacted, leaked = 0.12, 0.9, 0.3
    as_assigned = effect * (contacted - leaked)
    found = corrected((as_assigned, as_assigned - 0.02, as_assigned + 0.02), contacted, leaked)
    assert found.value == pytest.approx(effect * contacted)
    assert (found.low, found.high) == (pytest.approx(0.078), pytest.approx(0.138))


def test_where_as_many_of_the_holdout_were_contacted_nothing_can_be_said() -> None:
    assert corrected((0.1, 0.0, 0.2), 0.5, 0.5).value is None


def test_the_value_of_a_policy_that_was_not_run_is_inside_its_interval() -> None:
    rng, inside = np.random.default_rng(5), 0
    for _ in range(50):
        value = PolicyValue(3, 20_000, 0.1)
        for _ in range(20):
            x, propensity = rng.uniform(0.5, 1.0, 500), np.array([0.1, 0.3, 0.6])
            arm = rng.choice(3, 500, p=propensity)
            outcome = (rng.random(500) < 1.0 - x + np.array([0.0, 0.1, 0.2])[arm]).astype(np.float64)
            sure = np.stack([np.zeros(500), (x > 0.75).astype(np.float64), (x <= 0.75).astype(np.float64)])
            value.add(x, outcome, arm, propensity[arm], sure)
        middle, low, high = value.estimate()
        inside += low < 0.25 + 0.15 < high
        assert middle == pytest.approx(0.40, abs=0.05)
    assert inside >= 48


def test_the_value_of_the_policy_that_was_run_is_the_share_that_returned() -> None:
    rng, value = np.random.default_rng(6), PolicyValue(2, 1000, 0.5)
    arm, half = rng.integers(0, 2, 1000), np.full((2, 1000), 0.5)
    outcome = (rng.random(1000) < 0.4).astype(np.float64)
    value.add(np.full(1000, 0.7), outcome, arm, half[0], half)
    assert value.estimate()[0] == pytest.approx(outcome.mean(), abs=0.01)


CASES = st.dictionaries(
    st.sampled_from("abcdef"), st.tuples(st.integers(1, 200), st.floats(-50, 50), st.floats(0.1, 50)), min_size=1
)


@given(CASES)
def test_credits_add_up_to_the_measured_total(cases: dict[str, tuple[int, float, float]]) -> None:
    found = credits(cases)
    assert sum(one.saved for one in found.values()) == pytest.approx(sum(one[1] for one in cases.values()), abs=1e-6)
    assert all(one.low <= one.saved <= one.high for one in found.values())


def test_a_few_lucky_cases_make_no_star() -> None:
    found = credits({"many": (200, 20.0, 40.0), "few": (3, 2.0, 0.7), "some": (50, 5.0, 12.0)})
    assert found["few"].saved / 3 < 0.35
