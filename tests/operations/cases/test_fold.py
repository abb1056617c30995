from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.instants import parse_instant
from streams.interventions.case_states import State
from streams.operations.cases.fold import FollowedCase, Messages, fold, of, probabilities
from tests.operations.cases.messages import Message, intervention, update, withheld


def folded(*, sent: list[Message] = (), kept: list[Message] = (), updates: list[Message] = ()) -> FollowedCase:  # type: ignore[assignment]
    cases, _ = fold(Messages(list(sent), list(kept), list(updates)))
    return cases["i1"]


def test_a_case_without_updates_is_open() -> None:
    assert folded(sent=[intervention()]).state is State.OPEN


def test_the_last_state_holds() -> None:
    updates = [update("acknowledged", state="acknowledged"), update("contacted", state="contacted")]
    assert folded(sent=[intervention()], updates=updates).state is State.CONTACTED


def test_an_update_without_a_state_leaves_it() -> None:
    updates = [update("contacted", state="contacted"), update("ignored", outcome="contacted", why="repeated")]
    assert folded(sent=[intervention()], updates=updates).state is State.CONTACTED


def test_an_upgrade_changes_tier_worth_and_action() -> None:
    action = {"who": "director", "channel": "visit", "offer": "gift", "script": "Go."}
    raised = update("upgraded", state="open", tier="extreme", probability=0.8, expected_net_value=7.0, action=action)
    case = folded(sent=[intervention()], updates=[raised])
    now = case.now
    assert (now["tier"], now["probability"], now["expected_net_value"], now["action"], case.to) == (
        "extreme", 0.8, 7.0, action, "director",
    )  # fmt: skip


def test_a_new_channel_is_the_action_s() -> None:
    case = folded(sent=[intervention()], updates=[update("rerouted", state="open", channel="mail")])
    assert case.now["action"]["channel"] == "mail"


def test_an_outcome_by_another_channel_leaves_the_action() -> None:
    case = folded(sent=[intervention()], updates=[update("contacted", state="contacted", channel="visit")])
    assert case.now["action"]["channel"] == "phone"


def test_an_escalation_names_who_has_to_act() -> None:
    assert folded(sent=[intervention()], updates=[update("escalated", to="manager")]).to == "manager"


def test_a_withheld_intervention_is_a_withheld_case() -> None:
    case = folded(kept=[withheld()])
    assert (case.state, case.withheld_reason) == (State.WITHHELD, "holdout")


def test_a_case_of_the_holdout_gets_updates() -> None:
    assert folded(kept=[withheld()], updates=[update("closed", state="lost", holdout=True)]).state is State.LOST


def test_a_case_withheld_first_and_sent_later_is_sent() -> None:
    case = folded(kept=[withheld(why="budget")], sent=[intervention()])
    assert (case.state, case.withheld_reason) == (State.OPEN, None)


def test_a_message_sent_twice_is_one_case() -> None:
    cases, _ = fold(Messages([intervention(), intervention()]))
    assert len(cases) == 1


def test_updates_of_unknown_cases_are_counted() -> None:
    cases, unknown = fold(Messages(updates=[update("expired", "gone"), update("expired", "gone too")]))
    assert (cases, unknown) == ({}, {"expired": 2})


STATES = ("acknowledged", "contacted", "responded", "declined", "saved", "lost")


@given(
    states=st.lists(st.tuples(st.sampled_from(["i1", "i2", "i3"]), st.sampled_from(STATES))),
    data=st.data(),
)
def test_the_order_of_different_cases_does_not_matter(states: list[tuple[str, str]], data: st.DataObject) -> None:
    sent = [intervention(name) for name in ("i1", "i2", "i3")]
    updates = [update("contacted", name, state=state) for name, state in states]
    names = data.draw(st.permutations([name for name, _ in states]))
    queues: dict[str, list[Any]] = {name: [one for one in updates if one["intervention_id"] == name] for name in names}
    interleaved = [queues[name].pop(0) for name in names]
    assert fold(Messages(sent, [], updates)) == fold(Messages(sent[::-1], [], interleaved))


def test_a_case_is_found_by_its_id() -> None:
    cases, _ = fold(Messages([intervention("i1"), intervention("i2")]))
    assert [case.intervention_id for case in of(cases, "i2")] == ["i2"]


def test_a_customer_s_cases_are_those_sent_first_and_the_latest_crossing_before_them() -> None:
    later = {"crossed_at": "2024-09-01T00:00:00Z"}
    messages = Messages([intervention("old"), intervention("new", **later)], [withheld("kept", **later)])
    assert [case.intervention_id for case in of(fold(messages)[0], "anna")] == ["new", "old", "kept"]


def test_an_unknown_customer_has_no_case() -> None:
    assert of(fold(Messages([intervention()]))[0], "zoe") == []


def test_every_message_that_gives_a_probability_is_on_the_curve() -> None:
    updates = [update("upgraded", probability=0.8), update("overdue")]
    messages = Messages([intervention(), intervention("b", customer_id="zoe")], [], updates)
    first, second = (parse_instant(f"2024-03-0{day}T00:00:00Z") for day in (1, 2))
    assert probabilities(messages, "anna") == [(first, 0.6), (second, 0.8)]


def test_the_last_instant_is_that_of_any_message() -> None:
    messages = Messages([intervention()], [], [update("overdue", updated_at="2024-03-09T00:00:00Z")])
    assert messages.last_us == parse_instant("2024-03-09T00:00:00Z")
