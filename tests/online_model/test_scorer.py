"""The compiled scorer: equal to River's pipeline, row by row; contributions and reasons of a score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.catalogue import FEATURES, NAMES
from features.claims import Said
from features.matrix import scaled
from features.population import RFM_B, count
from online_model.parameters import MIX, SERVED
from online_model.pipeline import pipeline
from online_model.reasons import MOST_AGAINST, MOST_FOR, RISK_DIRECTION, explain, reasons
from online_model.scorer import Scorer
from online_model.snapshot import MODEL, Snapshot
from tests.online_model.worlds import examples, features, learner, snapshot

ROWS = 300
SURE = np.ones(len(NAMES), np.bool_)
RAW = features(np.random.default_rng(7), ROWS)
LEARNED = learner(weeks=3).snapshot(0)


@pytest.mark.parametrize("model", [snapshot(), LEARNED], ids=["made up", "learned"])
def test_it_equals_rivers_pipeline_on_every_row(model) -> None:
    river, compiled = pipeline(model), Scorer(model).probability(scaled(RAW))
    for i in range(ROWS):
        one = river.predict_proba_one(dict(zip(NAMES, RAW[:, i].tolist(), strict=True)))
        assert abs(one[True] - compiled[i]) < 1e-9


def test_it_equals_rivers_pipeline_on_a_batch() -> None:
    river = pipeline(LEARNED).predict_proba_many(pd.DataFrame(RAW.T, columns=list(NAMES)))
    np.testing.assert_allclose(river[True], Scorer(LEARNED).probability(scaled(RAW)), rtol=0, atol=1e-9)


def test_a_rows_bits_do_not_depend_on_its_neighbours() -> None:
    scorer, x = Scorer(snapshot()), scaled(RAW)
    together = scorer.probability(x)
    for i in range(0, ROWS, 7):
        for n in (1, 3):
            alone = scorer.probability(x[:, i : i + n].copy())
            assert alone.tolist() == together[i : i + n].tolist()


@pytest.mark.parametrize("model", [snapshot(), LEARNED, Snapshot.initial(0.2)], ids=["made up", "learned", "new"])
def test_contributions_add_up_to_the_difference_from_the_average_customer_in_any_order_to_the_bit(model) -> None:
    scorer, x, rng = Scorer(model), scaled(RAW), np.random.default_rng(5)
    contributions = scorer.contributions(x)
    assert np.abs(contributions).max() > 0.1
    for _ in range(5):
        total = np.cumsum(contributions[rng.permutation(len(NAMES))], axis=0)[-1]
        assert (scorer.average + total).tolist() == scorer.log_odds(x).tolist()


def test_the_average_customer_has_no_reasons() -> None:
    scorer = Scorer(LEARNED)
    assert not scorer.contributions(LEARNED.mean[:, None]).any()
    assert scorer.log_odds(LEARNED.mean[:, None]).tolist() == [scorer.average]


def test_a_value_beyond_the_learned_range_scores_as_its_end() -> None:
    scorer, x = Scorer(LEARNED), scaled(RAW)
    p = LEARNED.parameters
    far = np.where(np.arange(len(NAMES))[:, None] % 2, 24.0, -8.0) + np.zeros_like(x)
    ends = np.where(np.arange(len(NAMES)) % 2, p.high, p.low)[:, None]
    assert scorer.log_odds(far)[0] == scorer.log_odds(ends)[0]


def test_the_experts_log_odds_add_up_to_the_served_log_odds() -> None:
    scorer, p = Scorer(LEARNED), LEARNED.parameters
    said = scorer.expert_log_odds(scaled(RAW))[MODEL]
    np.testing.assert_allclose(p.weights @ said[:MIX], said[MIX], atol=1e-9)
    np.testing.assert_allclose(said[SERVED], scorer.log_odds(scaled(RAW)), atol=1e-4)


def test_the_mean_is_that_of_the_customers_learned_last() -> None:
    last = examples(2, week=2)
    np.testing.assert_allclose(LEARNED.mean, scaled(last.features).mean(axis=1), rtol=1e-12)


def test_until_enough_labels_have_matured_rfm_b_decides() -> None:
    first = Snapshot.initial(0.2)
    scorer, raw = Scorer(first), np.zeros((len(NAMES), 3))
    raw[RFM_B] = [80, 50, 10]
    loyal, middle, lost = scorer.probability(scaled(raw)).tolist()
    assert middle == pytest.approx(0.2, abs=1e-6)  # the profile's prior
    assert loyal < middle < lost
    assert scorer.expert_log_odds(scaled(raw)) == {}
    assert np.flatnonzero(scorer.contributions(scaled(raw)).any(axis=1)).tolist() == [RFM_B]


def test_rfm_b_is_computed_from_the_population_of_the_snapshot() -> None:
    scorer = Scorer(replace(snapshot(), population=count(RAW)))
    raw = RAW.copy()
    scorer.complete(raw)
    assert raw[RFM_B].tolist() == scorer.rfmb(RAW).score.tolist()
    assert len(set(raw[RFM_B].tolist())) > ROWS / 2


def say(feature: str, raises: bool) -> Said | None:
    """Something of each feature but the market's: no signal is in force."""
    return None if feature == "market_pressure" else Said(f"{feature} {raises}", feature, ())


@pytest.mark.parametrize("raising", [0, 1, 2, 3, 30, len(NAMES)])
def test_there_are_not_too_many_reasons_of_either_sign(raising: int) -> None:
    contributions = np.full(len(NAMES), -0.1)
    contributions[:raising] = 0.1 + np.arange(raising)
    found = reasons(RAW[:, 0], contributions, SURE, SURE, say)
    assert len([reason for reason in found if reason.contribution > 0]) <= MOST_FOR
    assert len([reason for reason in found if reason.contribution < 0]) <= MOST_AGAINST
    assert len({reason.feature for reason in found}) == len(found)
    assert all(reason.sentence == f"{reason.feature} {reason.contribution > 0}" for reason in found)
    assert all(reason.value == RAW[NAMES.index(reason.feature), 0] for reason in found)


def test_a_weak_contribution_is_no_reason() -> None:
    contributions = np.zeros(len(NAMES))
    contributions[NAMES.index("overdue")], contributions[NAMES.index("complaint_age")] = 0.049, 0.051
    found = reasons(RAW[:, 0], contributions, RISK_DIRECTION > 0, SURE, say)
    assert [reason.feature for reason in found] == ["complaint_age"]


@pytest.mark.parametrize("contribution", [0.0, 0.001, -0.001, 9.0])
def test_a_market_signal_in_force_is_noted_whatever_it_contributes(contribution: float) -> None:
    contributions = np.full(len(NAMES), 0.2)
    contributions[NAMES.index("market_pressure")] = contribution
    found = reasons(RAW[:, 0], contributions, SURE, SURE, lambda feature, raises: Said(feature, feature, ()))
    [note] = [reason for reason in found if reason.topic == "market"]
    assert (note.contribution, len(found)) == (contribution, MOST_FOR + 1)
    told = explain(0.5, contributions, found)
    assert note in (told.reasons if contribution >= 0 else told.reasons_against)
    parts = [reason.contribution for reason in (*told.reasons, *told.reasons_against)]
    assert told.log_odds == pytest.approx(told.average + sum(parts) + told.other)


def test_a_topic_of_which_nothing_true_can_be_said_makes_room_for_the_next() -> None:
    contributions = np.linspace(1.0, 2.0, len(NAMES))
    found = reasons(RAW[:, 0], contributions, RISK_DIRECTION > 0, SURE, say)
    silent = {reason.topic for reason in found[:2]}

    def reserved(feature: str, raises: bool) -> Said | None:
        return None if FEATURES[NAMES.index(feature)].topic in silent else say(feature, raises)

    left = reasons(RAW[:, 0], contributions, RISK_DIRECTION > 0, SURE, reserved)
    assert [reason.topic for reason in left][:2] == [reason.topic for reason in found[2:]]
    assert len(left) == MOST_FOR


def test_the_strongest_reason_comes_first_and_no_topic_twice() -> None:
    contributions = np.random.default_rng(3).uniform(0.1, 1.0, len(NAMES))
    found = reasons(RAW[:, 0], contributions, RISK_DIRECTION > 0, SURE, say)
    assert [r.contribution for r in found] == sorted((r.contribution for r in found), reverse=True)
    topics = [FEATURES[NAMES.index(reason.feature)].topic for reason in found]
    assert len(set(topics)) == len(topics)


def test_a_value_that_is_not_bad_by_itself_is_not_the_first_reason() -> None:
    contributions, above = np.full(len(NAMES), -0.1), RISK_DIRECTION > 0
    recency, silence = NAMES.index("retained_recency"), NAMES.index("silence_evidence_7d")
    contributions[[recency, silence]], above[recency] = [9.0, 1.0], False  # a negative weight: came yesterday
    assert reasons(RAW[:, 0], contributions, above, SURE, say)[0].feature == "silence_evidence_7d"


def test_a_topic_that_lowers_the_score_is_not_the_first_reason() -> None:
    contributions = np.full(len(NAMES), -0.1)
    contributions[NAMES.index("retained_recency")], contributions[NAMES.index("overdue")] = 5.0, -6.0
    contributions[NAMES.index("complaint_age")] = 1.0
    assert reasons(RAW[:, 0], contributions, RISK_DIRECTION > 0, SURE, say)[0].feature == "complaint_age"


def test_unknown_values_are_no_reasons() -> None:
    known = np.zeros(len(NAMES), np.bool_)
    known[[3, 20, 40]] = True
    found = reasons(RAW[:, 0], np.linspace(5, 1, len(NAMES)), RISK_DIRECTION > 0, known, say)
    assert {reason.feature for reason in found} == {NAMES[i] for i in (3, 20, 40)}
