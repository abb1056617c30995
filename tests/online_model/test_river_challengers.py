"""Challengers of River: read from text, judged without looking ahead, the same after a restart."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import base

from online_model.examples import Examples
from online_model.learner import Learner
from online_model.parameters import SERVED
from online_model.river_challengers import MOST, RiverChallengers
from online_model.river_estimators import ALLOWED, estimator
from online_model.snapshot import MODEL
from tests.online_model.worlds import RULES, WEEK_US, examples

FOREST, TREE = "forest.ARFClassifier(n_models=3)", "tree.HoeffdingAdaptiveTreeClassifier(grace_period=50)"
EVERY = {
    "ftrl": "linear_model.LogisticRegression(optim.FTRLProximal(alpha=0.05, beta=1.0, l1=0.0, l2=1.0))",
    "logistic": "preprocessing.StandardScaler() | linear_model.LogisticRegression()",
    "arf": FOREST,
    "amf": "forest.AMFClassifier(n_estimators=3)",
    "tree": TREE,
}
JUDGED = replace(RULES, river={"forest": FOREST, "tree": TREE}, readiness=replace(RULES.readiness, min_labels=60))
WEEKS = 7


def week(number: int, n: int = 80) -> Examples:
    one = examples(number, n, number)
    return replace(one, said={MODEL: np.full((1 + SERVED, n), 0.1)})


def learned(learner: Learner, weeks: range) -> Learner:
    for number in weeks:
        learner.learn((number + 2) * WEEK_US, [week(number)])
    return learner


@pytest.mark.parametrize("name", sorted(EVERY))
def test_every_kind_that_users_ask_for_learns_and_predicts(name: str) -> None:
    found = learned(Learner(replace(JUDGED, river={name: EVERY[name]})), range(WEEKS)).snapshot(0).trials[name]
    assert found["rounds"] == WEEKS - 2  # the first two weeks had no label known before
    assert found["needed"] is None


def test_what_the_champion_serves_and_learns_is_the_same_without_them() -> None:
    with_them, without = (
        learned(Learner(replace(JUDGED, river=river)), range(WEEKS)).snapshot(0) for river in (JUDGED.river, {})
    )
    assert replace(with_them, trials={}).dumps() == replace(without, trials={}).dumps()


@pytest.mark.parametrize("restart", [1, 2, 6])
def test_after_a_restart_they_say_the_same_as_without_one(restart: int) -> None:
    before = learned(Learner(JUDGED), range(restart))
    after = Learner(JUDGED)
    after.loads(before.dumps())
    assert learned(after, range(restart, WEEKS)).dumps() == learned(Learner(JUDGED), range(WEEKS)).dumps()


def test_a_prediction_knows_only_labels_that_were_known_at_its_instant() -> None:
    """A change of the labels of the last two weeks before an instant changes nothing that is said of it."""
    said = []
    for flipped in (False, True):
        challengers = RiverChallengers({"tree": TREE}, 2 * WEEK_US)
        for number in range(WEEKS):
            one = week(number)
            y = one.label.astype(np.float64)
            late = number > WEEKS - 3
            found = challengers.judge(one.observed_us, one.customers, one.features, 1.0 - y if flipped and late else y)
        said.append(found["tree"][SERVED])
    assert np.array_equal(said[0], said[1], equal_nan=True)


def test_the_order_of_customers_does_not_matter() -> None:
    one, kept = week(3), []
    y = one.label.astype(np.float64)
    for order in (np.arange(len(y)), np.random.default_rng(1).permutation(len(y))):
        challengers = RiverChallengers({"tree": TREE}, WEEK_US)
        customers = [one.customers[i] for i in order.tolist()]
        challengers.judge(one.observed_us, customers, one.features[:, order], y[order])
        kept.append(challengers.dumps())
    assert kept[0] == kept[1]


def test_of_many_customers_a_bounded_number_is_asked_and_kept() -> None:
    challengers, n = RiverChallengers({"tree": TREE}, WEEK_US), 3 * MOST
    for number in range(3):
        one = week(number, n)
        found = challengers.judge(one.observed_us, one.customers, one.features, one.label.astype(np.float64))
    assert np.isfinite(found["tree"][SERVED]).sum() == MOST


def test_one_of_them_is_never_promoted() -> None:
    learner = learned(Learner(JUDGED), range(3))
    learner.promote("forest", 3 * WEEK_US)
    assert learner.champion == MODEL


def test_one_that_fails_is_asked_no_more_and_the_learner_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    learner = Learner(JUDGED)
    learned(learner, range(4))

    def fail(x: object, y: object) -> None:
        raise OverflowError("math range error")

    monkeypatch.setattr(learner.river.models["forest"], "learn_one", fail)
    trials = learned(learner, range(4, WEEKS)).snapshot(0).trials
    assert (trials["forest"]["rounds"], trials["tree"]["rounds"]) == (2, WEEKS - 2)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == "challenger forest is asked no more: it failed (OverflowError: math range error)"


def test_without_any_nothing_is_kept() -> None:
    assert learned(Learner(RULES), range(4)).river.dumps() == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is no call"),
        ("forest", "is neither a number"),
        ("forest.ARFClassifier", "is neither a number"),
        ("__import__('os').system('true')", "is neither a number"),
        ("os.system('true')", "os.system is not known here"),
        ("forest.ARFClassifier(n_models=open('x'))", "is neither a number"),
        ("forest.ARFClassifier(unknown=1)", "cannot be made so"),
        ("forest.ARFClassifier(**{})", "is neither a number"),
        ("optim.SGD(0.1)", "is no classifier"),
        ("preprocessing.StandardScaler() | optim.SGD(0.1)", "is no classifier"),
        ("preprocessing.StandardScaler() | " * 20 + "naive_bayes.GaussianNB()", "nested more than"),
        ("forest.ARFClassifier(" * 5000, "is no call"),
    ],
)
def test_a_text_that_names_no_known_classifier_is_refused(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        estimator(text)


@given(st.text(max_size=60))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|cannot be made"):
        estimator(text)


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_every_allowed_name_exists_in_the_locked_release(name: str) -> None:
    module, _, attribute = name.partition(".")
    assert hasattr(__import__(f"river.{module}", fromlist=["_"]), attribute)


def test_a_class_that_draws_numbers_gets_a_seed() -> None:
    made = estimator(FOREST)
    assert isinstance(made, base.Classifier)
    assert made._get_params()["seed"] == 1
    assert asdict(RULES)["river"] == {}
