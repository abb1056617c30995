"""Drift: alerts for a producer that broke its schema, for customers who changed, and none without a change."""

from __future__ import annotations

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalogue import FEATURES
from features.catalogue import NAMES as FEATURE_NAMES
from features.histograms import NAMES, TENURE_INSTEAD, Histograms, count, psi, zero_histograms
from features.portable_math import Array
from online_model.adwin import Adwin
from online_model.drift import Drift, Missing, features_using
from tests.online_model.worlds import RULES, WEEK_US

FINE: Missing = {"pos": {"service_visit.amount": (900, 9)}, "shop": {"service_visit.amount": (400, 100)}}
BROKEN: Missing = {"pos": {"service_visit.amount": (900, 880)}, "shop": {"service_visit.amount": (400, 100)}}


def customers(seed: int, n: int = 2000, moved: str | None = None) -> Histograms:
    """Returns the histograms of an instant's customers; `moved`: the feature whose distribution shifts."""
    rng = np.random.default_rng(seed)
    x = rng.normal(3.0, 1.0, (len(FEATURE_NAMES), n))
    if moved:
        x[FEATURE_NAMES.index(moved)] += 2.0
    return count(x, rng.uniform(0.1, 0.9, n))


def calm(weeks: int = 4) -> Drift:
    drift = Drift(RULES.drift)
    for week in range(weeks):
        drift.compare(week * WEEK_US, customers(week), FINE)
    return drift


def alerts(now: Histograms, missing: Missing) -> list[str]:
    drift = calm()
    drift.compare(9 * WEEK_US, now, missing)
    return [alert.text for alert in drift.alerts]


def test_without_a_change_there_is_no_alert() -> None:
    assert alerts(customers(9), FINE) == []


def test_an_alert_of_changed_customers_names_the_feature() -> None:
    (said,) = alerts(customers(9, moved="retained_recency"), FINE)
    assert said.startswith("customers have changed, no producer's data has:")
    assert "retained_recency" in said


def test_customers_who_only_grow_older_have_not_changed() -> None:
    drift, rng = Drift(RULES.drift), np.random.default_rng(1)
    x = rng.normal(3.0, 1.0, (len(FEATURE_NAMES), 2000))
    ageing = [i for i, one in enumerate(FEATURES) if one.name == "tenure" or one.missing == TENURE_INSTEAD]
    for week in range(10):
        x[ageing] = np.log(1.0 + 100.0 + 7.0 * week)
        drift.compare(week * WEEK_US, count(x, np.full(2000, 0.5)), FINE)
        assert drift.alerts == []


def test_scores_that_move_alone_are_attributed_to_the_model() -> None:
    now = customers(9)
    now[-1] = np.roll(now[-1], 100)
    (said,) = alerts(now, FINE)
    assert said.startswith("scores have moved (PSI")
    assert said.endswith("while no feature has: the model has changed, not the customers")


def test_a_field_that_is_no_longer_filled_names_the_producer_and_the_feature_that_moved_with_it() -> None:
    (said,) = alerts(customers(9, moved="spend_total"), BROKEN)
    assert said.startswith("producer pos has changed its schema: 98% of its service_visit events")
    assert "without `amount`, 1% before; with it" in said
    assert "spend_total" in said


def test_a_field_that_is_no_longer_filled_alerts_before_a_feature_moves() -> None:
    (said,) = alerts(customers(9), BROKEN)
    assert said.endswith("no feature has moved with it yet")


def test_a_feature_that_does_not_use_the_broken_field_is_attributed_to_the_customers() -> None:
    producer, them = alerts(customers(9, moved="retained_recency"), BROKEN)
    assert "producer pos" in producer
    assert them.startswith("customers have changed (but see producer pos):")


def test_a_producer_that_never_filled_a_field_breaks_nothing() -> None:
    assert alerts(customers(9), {"shop": {"service_visit.amount": (400, 120)}}) == []


def test_a_new_producer_breaks_nothing() -> None:
    assert alerts(customers(9), FINE | {"new": {"service_visit.amount": (500, 500)}}) == []


def test_an_alert_ends_once_the_shift_is_the_reference() -> None:
    drift = calm()
    for week in range(9, 15):
        drift.compare(week * WEEK_US, customers(week, moved="spend_total"), FINE)
    assert drift.alerts == []


@pytest.mark.parametrize("weeks", [0, 3])
def test_an_incomplete_reference_raises_no_alert(weeks: int) -> None:
    drift = calm(weeks)
    drift.compare(9 * WEEK_US, customers(9, moved="spend_total"), {})
    assert drift.alerts == []


def test_few_customers_raise_no_alert() -> None:
    assert alerts(customers(9, n=50, moved="spend_total"), {"pos": {"service_visit.amount": (50, 50)}}) == []


def losses(drift: Drift, p: float, weeks: int, n: int = 1000) -> None:
    label = (np.arange(n) < n // 4).astype(np.uint8)
    for _ in range(weeks):
        drift.update_loss(np.full(n, p), label, 0.5)
        drift.compare(0, customers(1), FINE)


def test_rising_losses_alert() -> None:
    drift = Drift(RULES.drift)
    losses(drift, 0.25, 20)
    assert drift.alerts == []
    losses(drift, 0.7, 1)
    (said,) = drift.alerts
    assert said.text.startswith("log loss of what was served rose from 0.562 to 0.992 (ADWIN), no producer's data has")


def test_falling_losses_do_not_alert() -> None:
    drift = Drift(RULES.drift)
    losses(drift, 0.7, 20)
    losses(drift, 0.25, 4)
    assert drift.alerts == []


def test_the_alert_of_losses_ends_after_the_reference_weeks() -> None:
    drift = Drift(RULES.drift)
    losses(drift, 0.25, 20)
    losses(drift, 0.7, RULES.drift.reference_weeks + 1)
    assert drift.alerts == []


def test_adwin_finds_a_change_in_a_steady_mean_as_seldom_as_its_delta_says() -> None:
    false = 0
    for seed in range(200):
        rng, adwin = np.random.default_rng(seed), Adwin(0.002)
        p = rng.uniform(0.05, 0.95)
        false += any(adwin.update((rng.random(800) < p) * 1.0, 1.0) is not None for _ in range(40))
    assert false <= 2


@settings(max_examples=20)
@given(st.integers(1, 5), st.integers(0, 2**32))
def test_a_restored_state_goes_on_with_the_same_bits(weeks: int, seed: int) -> None:
    kept, rng = calm(weeks), np.random.default_rng(seed)
    kept.update_loss(rng.uniform(0.1, 0.9, 50), rng.integers(0, 2, 50).astype(np.uint8), 0.3)
    restored = Drift(RULES.drift)
    restored.load(orjson.loads(orjson.dumps(kept.state())))
    for drift in (kept, restored):
        losses(drift, 0.7, 3)
        drift.compare(9 * WEEK_US, customers(seed, moved="spend_total"), BROKEN)
    assert orjson.dumps(restored.state()) == orjson.dumps(kept.state())


def one_feature(values: Array) -> Histograms:
    counts = count(np.tile(values, (len(FEATURE_NAMES), 1)), np.full(len(values), 0.5))
    return counts[[NAMES.index("spend_total")]]


def test_psi_is_that_of_its_definition() -> None:
    reference, now = np.repeat([0.0, 10.0], [5000, 5000]), np.repeat([0.0, 10.0], [8000, 2000])
    expected = 0.3 * np.log(0.8 / 0.5) - 0.3 * np.log(0.2 / 0.5)
    assert psi(one_feature(now), one_feature(reference))[0] == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("to", [0.0, 9.0])
def test_psi_sees_a_constant_move_either_way(to: float) -> None:
    assert psi(one_feature(np.full(1000, to)), one_feature(np.full(1000, 4.0)))[0] > 1.0


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 5))
def test_histograms_of_parts_add_up(seed: int, parts: int) -> None:
    rng = np.random.default_rng(seed)
    x, p = rng.normal(0, 30, (len(FEATURE_NAMES), 300)), rng.random(300)
    pieces = np.array_split(rng.permutation(300), parts)
    whole = sum((count(x[:, piece], p[piece]) for piece in pieces), zero_histograms())
    assert whole.tolist() == count(x, p).tolist()


def test_every_field_that_may_be_missing_is_part_of_a_feature() -> None:
    for field in ("service_visit.amount", "service_visit.items", "app_activity.activity_type", "survey.causes"):
        assert features_using(field) <= {one.name for one in FEATURES}
        assert features_using(field)
    assert "spend_total" in features_using("service_visit.amount")
    assert set(NAMES) > features_using("service_visit.amount")
