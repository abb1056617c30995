"""Customers left alone represent all customers, while a CRM contacts some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.matrix import scaled
from online_model.estimator import LogisticRegression
from online_model.examples import Examples
from online_model.expert_weights import mean_loss
from online_model.learner import Learner
from online_model.readiness import Hold, ReadinessRules, weighted_auc
from online_model.treatment import ACTING_US, Treatment, effective_sample_size, treatment_codes, weights
from tests.online_model.worlds import RULES, WEEK_US, examples, treated


def learned(weeks: Sequence[Examples], *, leaves_out_treated: bool = True) -> Learner:
    learner = Learner(replace(RULES, leaves_out_treated=leaves_out_treated))
    for one in weeks:
        learner.learn(one.observed_us, [one])
    return learner


def probability_of_the_crossed(learner: Learner) -> float:
    """Returns the mean probability of customers who would cross."""
    fresh = treated(99)
    p = learner.model.probability(scaled(fresh.features))
    return float(p[fresh.treatment > 0].mean())


def truth_of_the_crossed() -> float:
    """Returns the share of them who leave if left alone."""
    return float(examples(99, 4000, 99).label[treated(99).treatment > 0].mean())


def test_treatment_codes_distinguish_what_was_done() -> None:
    cases = np.array([False, True, True, True, False])
    held_out, contacted = np.array([True, True, False, False, False]), np.array([False, False, False, True, True])
    assert treatment_codes(cases, held_out, contacted).tolist() == [0, 1, 2, 3, 3]


@pytest.mark.parametrize(("share", "weight"), [(0.05, 20.0), (0.25, 4.0), (0.001, 64.0)])
def test_the_holdout_counts_by_the_inverse_of_its_share(share: float, weight: float) -> None:
    propensity = np.array([1.0, share, 1.0, 1.0])
    assert weights(np.arange(4, dtype=np.uint8), propensity).tolist() == [1.0, weight, 0.0, 0.0]


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_an_example_of_weight_two_is_two_examples(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y, weight = rng.normal(size=(60, 3)), rng.integers(0, 2, 60).astype(float), rng.integers(1, 3, 60)
    once, twice = LogisticRegression(), LogisticRegression()
    for model in (once, twice):
        model.add_features(["a", "b", "c"])
        model.precision[:] = np.eye(4)
    once.update(x, y, weight.astype(float))
    twice.update(np.repeat(x, weight, axis=0), np.repeat(y, weight))
    assert once.weights == pytest.approx(twice.weights, abs=1e-3)
    assert mean_loss(x[:, 0], y, weight.astype(float)) == pytest.approx(
        mean_loss(np.repeat(x[:, 0], weight), np.repeat(y, weight)), abs=1e-4
    )
    assert weighted_auc(x[:, 0], y, weight.astype(float)) == pytest.approx(
        weighted_auc(np.repeat(x[:, 0], weight), np.repeat(y, weight))
    )


def test_unequal_weights_reduce_the_effective_sample_size() -> None:
    assert effective_sample_size(np.ones(50)) == 50.0
    assert effective_sample_size(np.array([20.0, 1.0, 1.0])) < 1.5


def test_the_order_of_weighted_examples_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    x, y, weight = 9 * rng.normal(size=(5000, 4)), rng.integers(0, 2, 5000).astype(float), rng.choice([1.0, 64.0], 5000)
    found = []
    for order in (np.arange(5000), rng.permutation(5000)):
        model = LogisticRegression()
        model.add_features(["a", "b", "c", "d"])
        model.update(x[order], y[order], weight[order])
        found.append((model.weights.tobytes(), model.precision.tobytes()))
    assert found[0] == found[1]


def test_the_weighted_learner_is_right_where_the_naive_one_is_too_low() -> None:
    weeks, without_contacts = [treated(week) for week in range(6)], [examples(week, 4000, week) for week in range(6)]
    naive, weighted, right = (
        probability_of_the_crossed(one)
        for one in (learned(weeks, leaves_out_treated=False), learned(weeks), learned(without_contacts))
    )
    assert naive < min(right, truth_of_the_crossed()) - 0.15
    assert weighted == pytest.approx(right, abs=0.05)  # the truth of one more world is as far from both


def test_without_reported_contacts_all_examples_have_equal_weight() -> None:
    weeks = [treated(week, 500) for week in range(3)]
    silent = [replace(one, treatment=np.minimum(one.treatment, Treatment.SENT).astype(np.uint8)) for one in weeks]
    assert learned(silent).dumps() == learned(silent, leaves_out_treated=False).dumps()


def test_prequential_metrics_count_all_customers() -> None:
    weeks = [treated(week, 500) for week in range(3)]
    assert learned(weeks).metrics.get() == learned(weeks, leaves_out_treated=False).metrics.get()


def test_a_restored_learner_continues_the_same() -> None:
    weeks = [treated(week, 500) for week in range(4)]
    restored = Learner(replace(RULES, leaves_out_treated=True))
    restored.loads(learned(weeks[:2]).dumps())
    for one in weeks[2:]:
        restored.learn(one.observed_us, [one])
    assert restored.dumps() == learned(weeks).dumps()


def test_a_crm_without_contacts_for_a_quarter_counts_as_disconnected() -> None:
    learner = learned([treated(0, 500)])
    sent = replace(treated(1, 500), treatment=np.full(500, Treatment.SENT, np.uint8))
    before = learner.model.labels
    learner.learn(0, [replace(sent, observed_us=ACTING_US)])
    assert learner.model.labels == before
    learner.learn(0, [replace(sent, observed_us=ACTING_US + WEEK_US)])
    assert learner.model.labels == before + 500


def with_contacts(week: int, contacts: int) -> Examples:
    """A week of 500 customers; 100 have a case that was sent, `contacts` of them with a reported contact."""
    codes = np.repeat([Treatment.LEFT_ALONE, Treatment.SENT, Treatment.CONTACTED], [400, 100 - contacts, contacts])
    return replace(treated(week, 500), treatment=codes.astype(np.uint8), propensity=np.ones(500))


@pytest.mark.parametrize(("contacts", "counted"), [(0, 500), (3, 500), (4, 500), (5, 400), (100, 400)])
def test_a_few_reported_contacts_do_not_leave_out_all_cases(contacts: int, counted: int) -> None:
    learner = learned([with_contacts(0, contacts)])
    assert learner.model.labels == counted


def test_contacts_are_counted_over_a_quarter_not_a_week() -> None:
    weeks = [with_contacts(week, 0) for week in range(9)]
    assert learned([*weeks, with_contacts(9, 49)]).model.labels == 5000
    assert learned([*weeks, with_contacts(9, 50)]).model.labels == 4900


def test_a_learner_of_the_release_before_leaves_out_the_treated_on() -> None:
    rows = learned([with_contacts(0, 0)]).dumps()
    body = orjson.loads(rows[""])
    del body["contacts"]
    for contacted_us, counted in ((None, 500), (WEEK_US, 400)):
        learner = Learner(replace(RULES, leaves_out_treated=True))
        learner.loads(rows | {"": orjson.dumps(body | {"contacted_us": contacted_us})})
        before = learner.model.labels
        learner.learn(0, [replace(with_contacts(1, 5 if contacted_us else 4), observed_us=WEEK_US * 2)])
        assert learner.model.labels - before == counted


def test_a_model_held_since_few_labels_are_left_says_so() -> None:
    rules = replace(RULES, leaves_out_treated=True, readiness=ReadinessRules(10, 1, 0.999))
    held = {}
    for contacts in (3, 60):
        learner = Learner(rules)
        held[contacts] = [learner.learn(w, [with_contacts(w, contacts)]) for w in range(3)][-1].hold
    assert held == {3: Hold.AUC, 60: Hold.AUC_OF_FEW}
    assert "gate.holdout_share" in Hold.AUC_OF_FEW


def test_when_all_were_treated_nothing_is_learned() -> None:
    learner = learned([treated(0, 500)])
    before = learner.model.labels
    learner.learn(0, [replace(treated(1, 500), treatment=np.full(500, Treatment.CONTACTED, np.uint8))])
    assert learner.model.labels == before
