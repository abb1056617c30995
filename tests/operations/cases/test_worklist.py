from __future__ import annotations

import pytest

from schemas.instants import HOUR_US, parse_instant
from streams.interventions.case_states import State
from streams.operations.cases.fold import FollowedCase, Messages, fold
from streams.operations.cases.worklist import CaseFilter, due, is_due_today, next_due, ranked
from streams.profile.loading import load_profile
from tests.operations.cases.messages import Message, intervention, update, withheld

RULES = load_profile("after-sales", ["case.acknowledge_within=1d", "case.contact_within=3d"]).case
SENT_US = parse_instant("2024-03-01T00:00:00Z")


def case(*updates: Message, **fields: object) -> FollowedCase:
    return fold(Messages([intervention(**fields)], [], list(updates)))[0]["i1"]


def listed(
    case_filter: CaseFilter, *sent: Message, updates: tuple[Message, ...] = (), at_us: int = SENT_US
) -> list[str]:
    cases, _ = fold(Messages(list(sent), [], list(updates)))
    return [one.intervention_id for one in ranked(RULES, cases.values(), case_filter, at_us)]


def test_an_open_case_is_to_be_acknowledged_contacted_and_has_a_window() -> None:
    assert [(one.what, (one.at_us - SENT_US) // HOUR_US) for one in due(RULES, case())] == [
        ("acknowledge", 24), ("contact", 72), ("window ends", 168),
    ]  # fmt: skip


def test_an_acknowledged_case_is_to_be_contacted() -> None:
    acknowledged = case(update("acknowledged", state="acknowledged"))
    assert [one.what for one in due(RULES, acknowledged)] == ["contact", "window ends"]


@pytest.mark.parametrize("state", ["contacted", "responded", "declined", "saved", "expired"])
def test_nothing_is_due_after_a_contact_or_the_end(state: str) -> None:
    assert due(RULES, case(update("closed", state=state))) == []


def test_deadlines_count_from_the_decision_to_send() -> None:
    deferred = case(emitted_at="2024-03-03T00:00:00Z")
    assert due(RULES, deferred)[0].at_us == parse_instant("2024-03-04T00:00:00Z")


def test_a_later_window_ends_later() -> None:
    in_the_next = case(update("overdue", state="open", window="14d"))
    assert due(RULES, in_the_next)[-1].at_us == parse_instant("2024-03-15T00:00:00Z")


def test_the_next_deadline_is_the_last_one_that_passed() -> None:
    found = next_due(RULES, case(), SENT_US + 80 * HOUR_US)
    assert found is not None
    assert found.what == "contact"


def test_before_any_has_passed_it_is_the_first() -> None:
    found = next_due(RULES, case(), SENT_US)
    assert found is not None
    assert found.what == "acknowledge"


@pytest.mark.parametrize(
    ("at", "is_due"),
    [("2024-03-01T23:59:59Z", False), ("2024-03-02T00:00:00Z", True), ("2024-03-20T00:00:00Z", True)],
)
def test_a_deadline_is_due_on_its_day_and_after(at: str, is_due: bool) -> None:
    assert is_due_today(RULES, case(), parse_instant(at)) is is_due


def test_the_order_is_by_expected_net_value_not_by_probability() -> None:
    likely = intervention("likely", probability=0.9, expected_net_value=10.0)
    assert listed(CaseFilter(), likely, intervention("valuable")) == ["valuable", "likely"]


def test_equal_values_are_ordered_by_id() -> None:
    assert listed(CaseFilter(), intervention("b"), intervention("a")) == ["a", "b"]


def test_only_open_cases_are_listed() -> None:
    ended = update("expired", "b", state="expired")
    assert listed(CaseFilter(), intervention("a"), intervention("b"), updates=(ended,)) == ["a"]


def test_another_state_can_be_listed() -> None:
    ended = update("expired", "b", state="expired")
    assert listed(CaseFilter(state=State.EXPIRED), intervention("a"), intervention("b"), updates=(ended,)) == ["b"]


def test_withheld_cases_are_not_listed() -> None:
    cases, _ = fold(Messages(withheld=[withheld()]))
    assert ranked(RULES, cases.values(), CaseFilter(), SENT_US) == []


@pytest.mark.parametrize(
    "case_filter",
    [CaseFilter(scope="other"), CaseFilter(tier="extreme"), CaseFilter(agent="zoe"), CaseFilter(due_today=True)],
)
def test_each_filter_leaves_out_what_does_not_fit(case_filter: CaseFilter) -> None:
    assert listed(case_filter, intervention()) == []


@pytest.mark.parametrize("case_filter", [CaseFilter(scope="pilot"), CaseFilter(tier="high"), CaseFilter(agent="bert")])
def test_each_filter_keeps_what_fits(case_filter: CaseFilter) -> None:
    assert listed(case_filter, intervention()) == ["i1"]
