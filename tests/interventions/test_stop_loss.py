"""The stop-loss: which cases are judged, when, and below which saved share no case opens."""

from __future__ import annotations

import pytest

from streams.interventions import lifecycle
from streams.interventions.case import Case
from streams.interventions.case_states import State
from streams.interventions.deadlines import deadlines
from streams.interventions.stop_loss import added, alert, is_held, judged
from streams.profile.loading import load_profile
from tests.interventions.test_lifecycle import PROFILE, at, case, comes, in_state, says, until

HORIZON_DAYS = 60


def judged_at(subject: Case) -> list[int]:
    return [us for us, name in deadlines(PROFILE, subject) if name == "judged"]


def test_a_saved_case_is_judged_when_its_horizon_is_over_not_when_it_is_saved() -> None:
    subject = in_state(State.SAVED)  # contacted on day 2
    assert judged_at(subject) == [at(2 + HORIZON_DAYS)]
    until(subject, 2 + HORIZON_DAYS)
    assert (judged_at(subject), judged(subject)) == ([], {"": (1, 1)})


def test_a_lost_case_is_judged_at_the_same_instant_as_it_is_lost() -> None:
    subject = case()
    says(subject, "contacted", 2)
    assert judged_at(subject) == []
    until(subject, 2 + HORIZON_DAYS)
    assert "judged" in subject.fired
    assert judged(subject) == {"": (1, 0)}


def test_a_contacted_case_whose_vehicle_is_sold_is_judged_as_lost() -> None:
    subject = case()
    says(subject, "contacted", 2)
    lifecycle.vehicle_sold(subject, at(3))
    assert judged_at(subject) == [at(2 + HORIZON_DAYS)]
    assert judged(subject) == {"": (1, 0)}


@pytest.mark.parametrize("state", [State.OPEN, State.EXPIRED, State.WITHDRAWN, State.WITHHELD])
def test_a_case_that_nobody_was_in_contact_about_is_never_judged(state: State) -> None:
    subject = in_state(state)
    until(subject, 400)
    assert "judged" not in subject.fired


@pytest.mark.parametrize("returns", [True, False])
def test_the_holdout_is_never_judged(returns: bool) -> None:
    subject = in_state(State.WITHHELD)
    if returns:
        comes(subject, 4)
    until(subject, 400)
    assert subject.state is (State.SAVED if returns else State.LOST)
    assert "judged" not in subject.fired


def test_a_sold_vehicle_before_any_contact_is_not_judged() -> None:
    subject = case()
    lifecycle.vehicle_sold(subject, at(1))
    assert subject.state is State.LOST
    assert judged_at(subject) == []


def test_a_contact_that_was_reported_after_the_return_is_judged() -> None:
    subject = in_state(State.WITHDRAWN)  # came back on day 4
    says(subject, "contacted", 3, 5)
    assert judged_at(subject) == [at(3 + HORIZON_DAYS)]


def test_counts_of_versions_add_up_in_any_order() -> None:
    one, other = {"a": (3, 1), "b": (1, 1)}, {"b": (2, 0), "c": (1, 0)}
    assert added(one, other) == added(other, one) == {"a": (3, 1), "b": (3, 1), "c": (1, 0)}
    assert added({}, one) == one


@pytest.mark.parametrize(
    ("judged_cases", "saved", "held"),
    [(0, 0, False), (99, 0, False), (100, 0, True), (100, 39, True), (100, 40, False), (1000, 399, True)],
)
def test_it_holds_below_the_share_of_enough_cases(judged_cases: int, saved: int, held: bool) -> None:
    assert is_held(PROFILE, {PROFILE.version: (judged_cases, saved), "another": (500, 250)}) is held


def test_another_version_holds_nothing() -> None:
    assert not is_held(PROFILE, {load_profile("after-sales", ("customer_value=1",)).version: (100, 0)})


def test_the_alert_has_the_figures() -> None:
    found = alert(PROFILE, {PROFILE.version: (120, 30)}, waiting=7)
    assert found.text == (
        f"stop-loss: 30 of 120 judged cases of {PROFILE.version} were saved, below 40%: no case opens; 7 crossings wait"
    )
    assert found.figures == {"judged": 120, "saved": 30, "waiting": 7}
