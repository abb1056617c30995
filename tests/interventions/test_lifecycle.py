"""The life of a case: every outcome, event and deadline has its answer."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from schemas.instants import DAY_US, HOUR_US, parse_instant
from streams.interventions import lifecycle
from streams.interventions.case import Case
from streams.interventions.case_states import ENDED, LIVE, TABLE, CaseTrigger, State, why_ignored
from streams.interventions.deadlines import deadlines
from streams.interventions.gate import Refused
from streams.profile.loading import load_profile

PROFILE = load_profile("after-sales")
SHOP = load_profile("e-commerce")
RULES = PROFILE.case
CROSSED_US = parse_instant("2024-03-01T00:00:00Z")
ID = "37c559c0-0b90-52d7-b3e8-979ce7e919ef"
REPORTED = tuple(CaseTrigger)[:6]  # outcomes that the CRM can report


def case(state: State = State.OPEN, **more: Any) -> Case:
    """Crossed and sent at day 0."""
    channel = "" if state is State.WITHHELD else "phone"
    fields: dict[str, Any] = {"tier": "high", "channel": channel, "scope": "city-1", "budget": 300.0}
    fields |= {"who": "service advisor", "agent_id": "adviser-1", "strategy": "default"} | more
    return Case(ID, state, CROSSED_US, CROSSED_US, **fields)


def at(day: float) -> int:
    return CROSSED_US + round(day * DAY_US)


def says(subject: Case, status: str, day: float, known_day: float | None = None, **fields: Any) -> list[str]:
    """The CRM reports what happened at a day; it is known at that day or later. Status and reason of each answer."""
    known_us = at(day if known_day is None else known_day)
    return statuses(lifecycle.outcome(RULES, subject, {"status": status, **fields}, at(day), known_us))


def comes(subject: Case, day: float, known_day: float | None = None) -> list[str]:
    """A retention event."""
    return statuses(lifecycle.retained(RULES, subject, at(day), at(day if known_day is None else known_day)))


def until(subject: Case, day: float) -> list[str]:
    """Deadlines up to a day, each once, in their order."""
    fired: list[str] = []
    while due := min(((us, name) for us, name in deadlines(PROFILE, subject) if us <= at(day)), default=None):
        fired += statuses(lifecycle.fire(PROFILE, subject, due[1], due[0]))
    return fired


def statuses(updates: list[lifecycle.Update]) -> list[str]:
    return [" ".join(filter(None, (update["status"], update.get("why")))) for update in updates]


def in_state(state: State) -> Case:
    subject = case(State.WITHHELD) if state is State.WITHHELD else case()
    if state in (State.ACKNOWLEDGED, State.CONTACTED, State.RESPONDED, State.DECLINED):
        says(subject, state.value, 2)
    elif state is State.SAVED:
        says(subject, "contacted", 2)
        comes(subject, 4)
    elif state is State.LOST:
        says(subject, "contacted", 2)
        until(subject, 62)
    elif state is State.EXPIRED:
        until(subject, 31)
    elif state is State.WITHDRAWN:
        comes(subject, 4)
    assert subject.state is state
    return subject


def happens(subject: Case, trigger: CaseTrigger) -> list[lifecycle.Update]:
    known_us, contacted = at(5), subject.contacted_us is not None
    match trigger:
        case CaseTrigger.RETURNED:  # before the contact, known late
            return lifecycle.retained(RULES, subject, at(1), known_us)
        case CaseTrigger.RETAINED if subject.state is State.WITHDRAWN:  # the contact was before the return
            return lifecycle.outcome(RULES, subject, {"status": "contacted"}, at(3), known_us)
        case CaseTrigger.RETAINED:
            return lifecycle.retained(RULES, subject, at(5), known_us) if contacted or subject.holdout else []
        case CaseTrigger.HORIZON_OVER:
            return lifecycle.fire(PROFILE, subject, "horizon", known_us)
        case CaseTrigger.WINDOW_OVER:
            return lifecycle.fire(PROFILE, subject, "last_window", known_us)
        case CaseTrigger.ERASED:
            return lifecycle.erased(subject, known_us)
        case CaseTrigger.NO_CHANNEL:
            return lifecycle.end_without_channel(subject, known_us)
        case CaseTrigger.UPGRADED:
            content = {"tier": "extreme", "budget": {"amount": 800.0}}
            return [lifecycle.upgraded(RULES, subject, ("director", None), subject.channel, content, known_us)]
        case CaseTrigger.VEHICLE_SOLD:
            fields = {"status": "contacted", "causes": ["vehicle_sold"]}
            return lifecycle.outcome(RULES, subject, fields, at(3), known_us)
        case _:
            return lifecycle.outcome(RULES, subject, {"status": trigger.value}, at(3), known_us)


@pytest.mark.parametrize(("state", "trigger"), list(TABLE))
def test_every_cell_of_the_table_is_reached(state: State, trigger: CaseTrigger) -> None:
    subject = in_state(state)
    updates = happens(subject, trigger)
    assert subject.state is TABLE[state, trigger]
    assert updates
    assert updates[-1]["state"] == subject.state


UNLISTED = [cell for cell in product(State, REPORTED) if cell not in TABLE]


@pytest.mark.parametrize(("state", "trigger"), UNLISTED)
def test_every_outcome_that_the_table_does_not_have_is_answered_with_the_reason(
    state: State, trigger: CaseTrigger
) -> None:
    subject = in_state(state)
    before = subject.state_of()
    answer = lifecycle.outcome(RULES, subject, {"status": trigger.value}, at(4.5), at(5))
    assert statuses(answer) == [f"ignored {why_ignored(state, trigger)}"]
    assert answer[0]["outcome"] == trigger.value
    assert subject.state_of() == before


def test_the_states_are_live_or_ended_and_never_both() -> None:
    assert sorted([*LIVE, *ENDED]) == sorted(State)


def test_only_a_withdrawn_case_may_change_its_end() -> None:
    assert [cell for cell in TABLE if cell[0] in ENDED] == [(State.WITHDRAWN, CaseTrigger.RETAINED)]


def test_every_trigger_has_a_row() -> None:
    assert {trigger for _, trigger in TABLE} == set(CaseTrigger)


def test_every_state_but_that_of_the_holdout_is_led_to() -> None:
    assert {after for (before, _), after in TABLE.items() if before is not after} == set(State) - {State.WITHHELD}


def test_an_acknowledgement_that_comes_twice_is_repeated() -> None:
    subject = case()
    answers = says(subject, "acknowledged", 1) + says(subject, "acknowledged", 1, 2)
    assert answers == ["acknowledged", "ignored repeated"]


def test_an_acknowledgement_after_the_contact_is_overtaken() -> None:
    subject = in_state(State.CONTACTED)
    assert says(subject, "acknowledged", 1, 3) == ["ignored overtaken"]
    assert subject.state is State.CONTACTED


def test_an_outcome_of_before_the_case_changes_nothing() -> None:
    subject = case()
    assert says(subject, "contacted", -1, 1) == ["ignored before_the_case"]
    assert subject.contacted_us is None


@pytest.mark.parametrize("state", [State.SAVED, State.LOST, State.EXPIRED])
def test_an_outcome_for_an_ended_case_changes_nothing(state: State) -> None:
    assert says(in_state(state), "contacted", 10, 91) == ["ignored case_ended"]


def test_an_outcome_for_the_holdout_changes_nothing() -> None:
    assert says(in_state(State.WITHHELD), "contacted", 1) == ["ignored holdout"]


def test_an_outcome_for_an_unknown_case_is_answered_with_its_id() -> None:
    answer = lifecycle.ignored("x-1", {"status": "contacted"}, at(1), "unknown_case")
    assert (answer["intervention_id"], answer["why"], answer["outcome"]) == ("x-1", "unknown_case", "contacted")


@pytest.mark.parametrize("order", [(2, 5), (5, 2)])
def test_of_two_contacts_the_earlier_one_counts_whichever_is_reported_first(order: tuple[int, int]) -> None:
    subject = case()
    for day in order:
        says(subject, "contacted", day, 6)
    assert subject.contacted_us == at(2)


def test_the_costs_of_all_contacts_add_up() -> None:
    subject = case()
    says(subject, "contacted", 1, cost=100.0)
    says(subject, "responded", 2, cost=50.5, agent_id="a-7")
    assert (subject.cost, subject.agent_id) == (150.5, "a-7")


def test_a_claim_ends_nothing_and_is_remembered() -> None:
    subject = in_state(State.CONTACTED)
    assert says(subject, "saved", 3) == ["claimed"]
    assert (subject.state, subject.claim) == (State.CONTACTED, "saved")


def test_a_sold_vehicle_closes_the_case_as_lost() -> None:
    subject = case()
    assert says(subject, "contacted", 1, causes=["vehicle_sold"]) == ["contacted", "closed vehicle_sold"]
    assert subject.state is State.LOST


def test_a_return_before_any_contact_withdraws_the_case() -> None:
    subject = case()
    assert comes(subject, 2) == ["withdrawn came_back"]
    assert subject.state is State.WITHDRAWN


def test_a_visit_at_the_crossing_or_before_is_no_return() -> None:
    subject = case()
    assert comes(subject, 0) + comes(subject, -3, 1) == []
    assert (subject.state, subject.returned_us) == (State.OPEN, None)


@pytest.mark.parametrize(("days_after", "saved"), [(60, True), (60.001, False)])
def test_saved_is_only_who_returns_within_the_horizon_after_the_contact(days_after: float, saved: bool) -> None:
    subject = in_state(State.CONTACTED)
    comes(subject, 2 + days_after)
    assert (subject.state is State.SAVED) is saved


def test_a_visit_at_the_instant_of_the_contact_is_not_after_it() -> None:
    subject = in_state(State.CONTACTED)
    assert comes(subject, 2) == ["withdrawn came_back"]


def test_no_return_within_the_horizon_is_lost() -> None:
    subject = in_state(State.CONTACTED)
    assert until(subject, 61.99) == []
    assert until(subject, 62) == ["closed no_return"]
    assert subject.state is State.LOST


def test_a_return_after_the_case_is_lost_leaves_it_lost() -> None:
    subject = in_state(State.LOST)
    assert comes(subject, 95) == []
    assert subject.state is State.LOST


def test_a_contact_reported_after_the_return_that_it_led_to_turns_withdrawn_into_saved() -> None:
    subject = in_state(State.WITHDRAWN)
    assert says(subject, "contacted", 3, 8, cost=20.0, agent_id="a-7") == ["closed"]
    assert (subject.state, subject.contacted_us, subject.saved_us) == (State.SAVED, at(3), at(4))
    assert (subject.cost, subject.agent_id) == (20.0, "a-7")


@pytest.mark.parametrize("status", ["acknowledged", "contacted"])
def test_what_happened_after_the_return_leaves_the_case_withdrawn(status: str) -> None:
    subject = in_state(State.WITHDRAWN)
    assert says(subject, status, 5) == ["ignored case_ended"]


def test_an_acknowledgement_before_the_return_was_no_contact() -> None:
    assert says(in_state(State.WITHDRAWN), "acknowledged", 3, 5) == ["ignored case_ended"]


def test_the_holdout_ends_by_the_same_clock() -> None:
    contacted_at_once, held_out = case(), in_state(State.WITHHELD)
    says(contacted_at_once, "contacted", 0)
    ends = [[us for us, name in deadlines(PROFILE, one) if name == "horizon"] for one in (contacted_at_once, held_out)]
    assert ends == [[at(60)], [at(60)]]


def test_a_holdout_customer_who_returns_is_saved_by_nobody_and_counted() -> None:
    subject = in_state(State.WITHHELD)
    update = lifecycle.retained(RULES, subject, at(10), at(10))[0]
    assert (update["status"], update["state"], update["holdout"]) == ("closed", "saved", True)


def test_a_holdout_customer_who_stays_away_is_lost() -> None:
    subject = in_state(State.WITHHELD)
    assert until(subject, 60) == ["closed no_return"]


def test_nobody_is_reminded_of_a_holdout_case() -> None:
    assert until(in_state(State.WITHHELD), 1000) == ["closed no_return", "measured"]


def test_what_nobody_does_is_reminded_escalated_and_expires() -> None:
    assert until(case(), 1000) == [
        "overdue not_acknowledged",
        "escalated not_contacted",
        *["overdue window_passed"] * 3,
        "expired not_contacted",
        "measured",
    ]


def fired(subject: Case, name: str) -> lifecycle.Update:
    (update,) = lifecycle.fire(PROFILE, subject, name, at(3))
    return update


@pytest.mark.parametrize(
    ("who", "above"),
    [("service advisor", "service manager"), ("service manager", "director"), ("own adviser", "service manager")],
)
def test_a_reminder_goes_to_whoever_has_the_case_and_an_escalation_to_the_next_above(who: str, above: str) -> None:
    subject = case(who=who)
    reminder, escalation = fired(subject, "acknowledge"), fired(subject, "contact")
    assert (reminder["to"], reminder["who"], reminder["agent_id"]) == (who, who, "adviser-1")
    assert (escalation["status"], escalation["to"], escalation["who"]) == ("escalated", above, above)
    assert escalation["agent_id"] is None  # anybody of that role
    assert fired(subject, "window:7d")["to"] == above


def test_who_has_nobody_above_is_reminded() -> None:
    update = fired(case(who="director", agent_id=None), "contact")
    assert (update["status"], update["why"], update["to"]) == ("overdue", "not_contacted", "director")


@pytest.mark.parametrize("deadline", ["horizon", "measured", "bought_again", "stayed"])
def test_what_measures_a_case_names_agent_and_strategy(deadline: str) -> None:
    subject = in_state(State.CONTACTED if deadline == "horizon" else State.SAVED)
    update = fired(subject, deadline)
    assert (update["who"], update["agent_id"], update["strategy"]) == ("service advisor", "adviser-1", "default")
    assert "strategy_propensity" in update


def test_the_agent_is_the_one_who_has_reported_last() -> None:
    subject = case()
    says(subject, "acknowledged", 1, agent_id="adviser-2")
    assert fired(subject, "contact")["agent_id"] is None
    says(subject, "contacted", 4, agent_id="manager-1")
    assert fired(subject, "measured")["agent_id"] == "manager-1"


def test_an_acknowledged_case_has_only_the_deadline_of_the_contact() -> None:
    assert until(in_state(State.ACKNOWLEDGED), 7)[0] == "escalated not_contacted"


def test_a_window_that_passes_names_the_next_one_and_its_rate() -> None:
    update = lifecycle.fire(PROFILE, case(), "window:7d", at(7))[0]
    assert (update["window"], update["window_saved"]) == ("14d", 0.55)


def test_windows_that_had_passed_before_it_was_sent_are_not_reported() -> None:
    subject = case()
    subject.sent_us = at(15)
    names = [name for _, name in deadlines(PROFILE, subject) if name.startswith("window:")]
    assert names == ["window:21d"]


def test_a_case_expires_with_the_last_window_and_no_earlier() -> None:
    subject = case()
    assert "expired not_contacted" not in until(subject, 29.99)
    assert until(subject, 30) == ["expired not_contacted"]


@pytest.mark.parametrize(
    ("again_day", "bought_again", "stayed"), [(None, False, False), (30, True, True), (100, False, True)]
)
def test_a_saved_customer_is_followed_up_at_30_and_180_days(
    again_day: int | None, bought_again: bool, stayed: bool
) -> None:
    subject = in_state(State.SAVED)  # came on day 4
    if again_day is not None:
        comes(subject, 4 + again_day)
    follow_ups = [lifecycle.fire(PROFILE, subject, name, us)[0] for us, name in follow_ups_of(subject)]
    assert [(u["status"], u.get("bought_again"), u.get("stayed")) for u in follow_ups] == [
        ("followed_up", bought_again, None),
        ("followed_up", None, stayed),
    ]


def follow_ups_of(subject: Case) -> list[tuple[int, str]]:
    found = [(us, name) for us, name in deadlines(PROFILE, subject) if name not in ("measured", "judged")]
    assert found == [(at(34), "bought_again"), (at(184), "stayed")]
    return found


@pytest.mark.parametrize("state", [State.LOST, State.EXPIRED, State.WITHDRAWN])
def test_only_the_saved_are_followed_up(state: State) -> None:
    assert {name for _, name in deadlines(PROFILE, in_state(state))} == {"measured"}


@pytest.mark.parametrize("state", list(State))
def test_every_case_is_measured_at_the_same_time_after_its_crossing(state: State) -> None:
    assert [us for us, name in deadlines(PROFILE, in_state(state)) if name == "measured"] == [at(90)]


@pytest.mark.parametrize(("day", "returned"), [(None, False), (90, True), (90.001, False)])
def test_measured_says_whether_the_customer_returned_by_then(day: float | None, returned: bool) -> None:
    subject = in_state(State.EXPIRED)
    if day is not None:
        comes(subject, day, 91)
    assert lifecycle.fire(PROFILE, subject, "measured", at(91))[0]["returned"] is returned


@pytest.mark.parametrize("state", list(State))
def test_every_case_is_done_at_last(state: State) -> None:
    subject = in_state(state)
    until(subject, 1000)
    assert not deadlines(PROFILE, subject)


@pytest.mark.parametrize("state", list(State))
def test_a_restored_case_has_the_same_deadlines(state: State) -> None:
    subject = in_state(state)
    again = Case.load(subject.state_of())
    assert again == subject
    assert list(deadlines(PROFILE, again)) == list(deadlines(PROFILE, subject))


def test_a_deadline_that_has_fired_does_not_fire_again() -> None:
    subject = case()
    lifecycle.fire(PROFILE, subject, "acknowledge", at(1))
    assert "acknowledge" not in [name for _, name in deadlines(PROFILE, subject)]


def steps_of(subject: Case) -> list[tuple[int, str]]:
    return [(us, name) for us, name in deadlines(SHOP, subject) if name.startswith("step:")]


@pytest.mark.parametrize("state", [State.OPEN, State.ACKNOWLEDGED, State.CONTACTED])
def test_an_unanswered_case_of_the_shop_goes_on_in_steps(state: State) -> None:
    assert steps_of(in_state(state)) == [(at(2), "step:discount"), (at(4), "step:call")]


@pytest.mark.parametrize("state", [State.RESPONDED, State.DECLINED, State.WITHHELD, State.SAVED])
def test_who_has_answered_or_is_held_out_gets_no_further_step(state: State) -> None:
    assert steps_of(in_state(state)) == []


def test_a_tier_without_steps_has_none() -> None:
    assert steps_of(case(tier="extreme")) == []


def test_a_step_that_has_gone_out_changes_the_channel() -> None:
    subject = case()
    update = lifecycle.step(RULES, subject, SHOP.steps[0], "app", {"channel": "app", "who": "service manager"}, at(2))
    assert (update["status"], update["step"], subject.channel) == ("escalated", "discount", "app")
    assert steps_of(subject) == [(at(4), "step:call")]


@pytest.mark.parametrize(
    ("has", "step_who", "status", "to"),
    [
        ("service advisor", "service advisor", "overdue", "service advisor"),
        ("service advisor", "call centre", "overdue", "service advisor"),
        ("service manager", "service advisor", "overdue", "service manager"),
        ("service advisor", "director", "escalated", "director"),
    ],
)
def test_a_step_is_an_escalation_only_upward_else_whoever_has_the_case_takes_it(
    has: str, step_who: str, status: str, to: str
) -> None:
    action = {"channel": "app", "who": step_who}
    update = lifecycle.step(RULES, case(who=has), SHOP.steps[0], "app", action, at(2))
    assert (update["status"], update["why"], update["step"]) == (status, "unanswered", "discount")
    assert (update["to"], update["who"], update["action"]["who"]) == (to, to, to)


def test_a_step_that_may_go_out_later_waits_until_then() -> None:
    subject = case()
    update = lifecycle.step_withheld(subject, SHOP.steps[0], Refused("quiet_hours", at(2) + HOUR_US), at(2))
    assert (update["status"], update["why"], update["retry_at"]) == (
        "step_withheld",
        "quiet_hours",
        "2024-03-03T01:00:00Z",
    )
    assert steps_of(subject)[0] == (at(2) + HOUR_US, "step:discount")


def test_a_step_that_no_time_would_help_is_left_out() -> None:
    subject = case()
    assert "retry_at" not in lifecycle.step_withheld(subject, SHOP.steps[0], Refused("consent"), at(2))
    assert steps_of(subject) == [(at(4), "step:call")]


def test_without_any_channel_a_waiting_case_is_withdrawn_and_a_contacted_one_goes_on() -> None:
    ends = [statuses(lifecycle.end_without_channel(in_state(state), at(5))) for state in (State.OPEN, State.CONTACTED)]
    assert ends == [["withdrawn consent"], []]


def upgraded(subject: Case, who: str, at_day: int = 1) -> lifecycle.Update:
    content = {"tier": "extreme", "budget": {"amount": 800.0, "currency": "CNY"}, "action": {"who": who}}
    return lifecycle.upgraded(RULES, subject, (who, None), "visit", content, at(at_day))


def test_an_upgrade_brings_who_acts_in_the_tier_and_takes_no_case_down() -> None:
    update = upgraded(case(), "director")
    assert (update["who"], update["action"]["who"], update["agent_id"]) == ("director", "director", None)
    update = upgraded(case(who="director", agent_id=None), "service manager")
    assert (update["who"], update["action"]["who"]) == ("director", "director")


def test_a_higher_tier_brings_its_budget_and_channel() -> None:
    subject = case()
    update = upgraded(subject, "director")
    assert (update["status"], update["tier"], update["why"]) == ("upgraded", "extreme", "higher_tier")
    assert (subject.tier, subject.channel, subject.budget) == ("extreme", "visit", 800.0)


def test_an_upgrade_asks_whoever_acts_for_the_higher_tier_for_a_contact_anew() -> None:
    subject = case()
    says(subject, "acknowledged", 0.5)
    until(subject, 5)
    assert "contact" in subject.fired
    upgraded(subject, "director", at_day=5)
    assert subject.state is State.OPEN
    asked = {name: us for us, name in deadlines(PROFILE, subject) if name in ("acknowledge", "contact")}
    assert asked == {"acknowledge": at(5) + RULES.acknowledge_within_us, "contact": at(5) + RULES.contact_within_us}


def test_an_upgrade_that_the_gate_refuses_is_told_once_for_each_rule() -> None:
    subject, capped = case(), Refused("frequency_cap", at(4))
    (told,) = lifecycle.upgrade_withheld(subject, "extreme", capped, at(2))
    assert (told["status"], told["why"], told["tier"]) == ("upgrade_withheld", "frequency_cap", "high")
    assert told["retry_at"] == "2024-03-05T00:00:00Z"
    assert lifecycle.upgrade_withheld(subject, "extreme", capped, at(3)) == []
    (other,) = lifecycle.upgrade_withheld(subject, "extreme", Refused("consent"), at(3))
    assert "retry_at" not in other


def test_of_a_held_out_case_no_upgrade_is_refused_aloud() -> None:
    assert lifecycle.upgrade_withheld(in_state(State.WITHHELD), "extreme", Refused("consent"), at(2)) == []
