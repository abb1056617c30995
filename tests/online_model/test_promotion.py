"""Champion and challengers: a better challenger is promoted, with evidence; order and restarts do not matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from features.matrix import scaled
from online_model.examples import Examples, subset
from online_model.learner import Learner
from online_model.parameters import EXPERTS, SERVED
from online_model.promotion import ChampionChallenger, Promotion
from online_model.scorer import Scorer
from online_model.snapshot import MODEL, Reason, Snapshot
from online_model.variant import Hyperparameters
from schemas.instants import parse_instant
from tests.online_model.worlds import RULES, WEEK_US, examples

QUICK, SLOW = "quick", "slow"
CHALLENGED = replace(
    RULES,
    challengers={QUICK: Hyperparameters(10.0, 0.9), SLOW: Hyperparameters(100.0, 1.0, ("base", "hinges"))},
    readiness=replace(RULES.readiness, min_labels=60),
    promotion=Promotion(alpha=0.2, most_a_week=0.02),
)
WEEKS, TURN = 32, 14
Better = Callable[[int], str]


def turning(week: int) -> str:
    """Returns the variant that predicts best in a week: the challenger until TURN, then the first champion."""
    return QUICK if week < TURN else MODEL


def nobody(week: int) -> str:
    return ""


@cache
def week_of(week: int, better: Better, n: int = 30) -> Examples:
    """Returns examples that are labelled two weeks later; only the better variant's log-odds are informative."""
    one = examples(week, n, week)
    knows = 0.3 * (2.0 * one.label - 1.0)
    said = {name: np.zeros((1 + SERVED, n)) for name in (MODEL, QUICK, SLOW)}
    if better(week):
        said[better(week)][:] = knows
    return replace(one, said=said)


@cache
def run(better: Better) -> list[Snapshot]:
    learner = Learner(CHALLENGED)
    return [learner.learn((week + 2) * WEEK_US, [week_of(week, better)]) for week in range(WEEKS)]


def promotions(snapshots: list[Snapshot]) -> list[Snapshot]:
    return [one for one in snapshots if one.lineage.reason is Reason.EARNED]


def test_a_better_challenger_is_promoted_and_the_old_champion_returns_after_a_change() -> None:
    first, second = promotions(run(turning))
    assert [one.model for one in run(turning)][:: WEEKS - 1] == [MODEL, MODEL]
    assert (first.model, second.model) == (QUICK, MODEL)
    assert first.instant_us <= TURN * WEEK_US < second.instant_us


def test_an_equal_challenger_is_not_promoted() -> None:
    assert {one.model for one in run(nobody)} == {MODEL}
    assert promotions(run(nobody)) == []


def test_the_record_carries_the_evidence() -> None:
    first, _ = promotions(run(turning))
    evidence = first.lineage.evidence
    assert evidence is not None
    assert (evidence["champion"], evidence["challenger"], evidence["alpha"]) == (MODEL, QUICK, 0.2)
    assert evidence["evidence"] >= evidence["needed"] == 2 / 0.2  # each of two challengers has half of alpha
    assert evidence["gain"] == pytest.approx(0.02)  # the most that a week counts
    assert 0.0 <= evidence["low"] < evidence["gain"] <= evidence["high"]
    observed = [parse_instant(evidence[name]) // WEEK_US for name in ("first", "last")]
    assert observed == [0, first.instant_us // WEEK_US - 2]
    assert observed[1] - observed[0] + 1 == evidence["rounds"]


def test_after_a_promotion_only_later_observations_count() -> None:
    place = run(turning).index(promotions(run(turning))[0])
    rounds = [one.trials[MODEL]["rounds"] for one in run(turning)[place : place + 5]]
    assert rounds == [0, 0, 1, 2, 3]  # earlier observations mature in the next weeks, and do not count


def test_a_promotion_is_in_force_with_the_challenger_s_own_parameters() -> None:
    place = run(turning).index(promotions(run(turning))[0])
    before, first = run(turning)[place - 1 : place + 1]
    learner = Learner(replace(CHALLENGED, challengers={QUICK: CHALLENGED.challengers[QUICK]}))
    for week in range(place + 1):
        learner.learn((week + 2) * WEEK_US, [week_of(week, turning)], may_promote=False)
    assert first.parameters.packed() == learner.variants[QUICK].model.parameters().packed()
    assert first.parameters.packed() != before.parameters.packed()
    assert sorted(first.shadow) == [MODEL, SLOW]
    assert sorted(first.learning) == [MODEL, QUICK, SLOW]


def test_challengers_do_not_change_the_champion() -> None:
    alone = Learner(replace(CHALLENGED, challengers={}))
    found = [alone.learn((week + 2) * WEEK_US, [week_of(week, nobody)]) for week in range(WEEKS)]
    for one, other in zip(found, run(nobody), strict=True):
        assert replace(other, shadow={}, trials={}).dumps() == one.dumps()


def test_snapshots_do_not_depend_on_partitions_order_or_restarts() -> None:
    learner, chance = Learner(CHALLENGED), np.random.default_rng(1)
    for week, wanted in enumerate(run(turning)):
        parts = [subset(week_of(week, turning), p) for p in np.array_split(chance.permutation(30), 3)]
        assert learner.learn((week + 2) * WEEK_US, parts).dumps() == wanted.dumps()
        state, learner = learner.dumps(), Learner(CHALLENGED)
        learner.loads(state)
        assert learner.dumps() == state


def test_a_promotion_waits_while_a_command_is_in_force() -> None:
    place = run(turning).index(promotions(run(turning))[0])
    learner = Learner(CHALLENGED)
    found = [
        learner.learn((week + 2) * WEEK_US, [week_of(week, turning)], may_promote=week > place + 1)
        for week in range(place + 3)
    ]
    assert [one.model for one in found[-3:]] == [MODEL, MODEL, QUICK]


def test_a_champion_removed_from_the_profile_is_replaced_by_the_first_champion() -> None:
    learner, other = Learner(CHALLENGED), Learner(replace(CHALLENGED, challengers={SLOW: CHALLENGED.challengers[SLOW]}))
    for week in range(10):
        learner.learn((week + 2) * WEEK_US, [week_of(week, nobody)])
    learner.promote(QUICK, 12 * WEEK_US)
    one = week_of(12, nobody)
    learner.trials.update(one.observed_us, QUICK, one.said, one.label.astype(float), np.ones(len(one.label)))
    other.loads(learner.dumps())
    assert (learner.champion, other.champion) == (QUICK, MODEL)
    assert (learner.trials.comparison(SLOW).rounds, other.trials.comparison(SLOW).rounds) == (1, 0)


def test_each_variant_weights_experts_by_its_own_predictions() -> None:
    learner, one = Learner(CHALLENGED), week_of(1, nobody)
    knows = np.zeros((1 + SERVED, len(one.label)))
    knows[EXPERTS.index("hinges")] = 2.0 * one.label - 1.0
    learner.learn(2 * WEEK_US, [replace(one, said=one.said | {QUICK: knows})])
    trusted = {name: each.model.pool.weights[EXPERTS.index("hinges")] for name, each in learner.variants.items()}
    assert trusted[QUICK] > trusted[MODEL]


def test_only_customers_that_both_variants_predicted_count() -> None:
    y, said = np.array([1.0, 1.0, 1.0]), {name: np.zeros((1 + SERVED, 3)) for name in (MODEL, QUICK)}
    said[MODEL][:, 0], said[QUICK][:, 1], said[QUICK][:, 2] = np.nan, np.nan, 0.01
    trials = ChampionChallenger(Promotion(most_a_week=0.02), 2, 1)
    trials.update(0, MODEL, said, y, np.ones(3))
    trials.update(WEEK_US, MODEL, {MODEL: said[MODEL]}, y, np.ones(3))
    assert trials.comparison(QUICK).gain == pytest.approx(0.005, rel=0.01)  # half of 0.01: the third customer's
    assert trials.comparison(QUICK).rounds == 1


def test_a_new_challenger_learns_before_its_predictions_are_stored() -> None:
    old, new = Learner(replace(CHALLENGED, challengers={})), Learner(CHALLENGED)
    for week in range(10):
        before = old.learn((week + 2) * WEEK_US, [week_of(week, nobody)])
    new.loads(old.dumps())
    spoke = [sorted(new.learn((week + 2) * WEEK_US, [week_of(week, nobody)]).shadow) for week in (10, 11)]
    assert before.learned
    assert spoke == [[], [QUICK, SLOW]]  # 30 labels, then 60
    new.promote("nobody", 0)
    assert new.champion == MODEL


def world(turn: int, weeks: int = 42) -> list[Snapshot]:
    """Runs a learner on its own predictions, labelled two weeks later, with a challenger that forgets; from week `turn`
    on labels are inverted.
    """
    learner = Learner(replace(CHALLENGED, challengers={QUICK: Hyperparameters(10.0, 0.8)}, forget_a_week=1.0))
    scorer, found = Scorer(Snapshot.initial(0.2)), []
    waiting: list[Examples] = []
    for week in range(weeks):
        one = examples(week, 150, week)
        label = one.label if week < turn else 1 - one.label
        waiting.append(replace(one, label=label, said=scorer.expert_log_odds(scaled(one.features))))
        found.append(learner.learn(week * WEEK_US, [waiting.pop(0)] if len(waiting) > 2 else []))
        scorer = Scorer(found[-1])
    return found


def test_after_a_change_a_challenger_that_forgets_is_promoted() -> None:
    found = world(turn=12)
    (first,) = promotions(found)
    assert first.model == QUICK == found[-1].model


def test_without_a_change_a_challenger_that_forgets_is_not_promoted() -> None:
    found = world(turn=99, weeks=30)
    assert promotions(found) == []
    assert found[-1].trials[QUICK]["rounds"] > 20
