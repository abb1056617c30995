"""The dispatcher: shared limits are never exceeded, and the highest net value goes first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.instants import DAY_US, parse_instant
from streams.interventions.dispatcher import Dispatcher, Grant, PartitionCandidate, period_end_us
from streams.profile.contact_sections import BudgetLimit, Limits, Team

NOON_US = parse_instant("2024-03-05T12:00:00Z")  # a Tuesday
TOMORROW_US = parse_instant("2024-03-06T00:00:00Z")


def limits(budgets: Sequence[BudgetLimit] = (), teams: Sequence[Team] = ()) -> Limits:
    return Limits(every="1d", budgets=tuple(budgets), teams=tuple(teams))


def budget(name: str = "all", scope: str | None = None, amount: float = 1000, period: Any = "day") -> BudgetLimit:
    return BudgetLimit(name=name, scope=scope, amount=amount, period=period)


def team(name: str = "desk", scope: str | None = None, agents: int = 2, cases_a_day: int = 1) -> Team:
    return Team(name=name, who="adviser", scope=scope, agents=agents, cases_a_day=cases_a_day)


def asks(
    name: str, net_value: float = 1.0, cost: float = 300.0, scope: str | None = "a", agent: str | None = None,
    who: str = "adviser",
) -> PartitionCandidate:  # fmt: skip
    return PartitionCandidate(
        partition=0, intervention_id=name, customer_id=f"c-{name}", scope=scope, who=who, agent_id=agent, cost=cost,
        net_value=net_value,
    )  # fmt: skip


def answers(grants: Sequence[Grant]) -> dict[str, str]:
    return {grant.candidate.intervention_id: grant.rule or "sent" for grant in grants}


def sent(grants: Sequence[Grant]) -> list[str]:
    return [grant.candidate.intervention_id for grant in grants if grant.rule is None]


def test_the_highest_net_value_goes_first() -> None:
    dispatcher = Dispatcher(limits([budget(amount=600)]))
    grants = dispatcher.decide(NOON_US, [asks("low", 1.0), asks("high", 9.0), asks("middle", 5.0)])
    assert answers(grants) == {"high": "sent", "middle": "sent", "low": "budget"}


def test_equal_values_go_by_their_ids_in_whatever_order_they_come() -> None:
    candidates = [asks("b"), asks("c"), asks("a")]
    for order in (candidates, candidates[::-1]):
        assert sent(Dispatcher(limits([budget(amount=600)])).decide(NOON_US, order)) == ["a", "b"]


def test_a_candidate_above_the_budget_leaves_room_for_cheaper_ones() -> None:
    grants = Dispatcher(limits([budget(amount=400)])).decide(NOON_US, [asks("dear", 9, 800), asks("cheap", 1, 300)])
    assert answers(grants) == {"dear": "budget", "cheap": "sent"}


def test_exactly_the_budget_may_be_spent() -> None:
    assert sent(Dispatcher(limits([budget(amount=600)])).decide(NOON_US, [asks("a"), asks("b")])) == ["a", "b"]


def test_what_is_refused_may_be_tried_when_the_period_is_over() -> None:
    dispatcher = Dispatcher(limits([budget(amount=0, period="month")]))
    assert dispatcher.decide(NOON_US, [asks("a")])[0].retry_us == parse_instant("2024-04-01T00:00:00Z")


def test_in_the_next_period_there_is_as_much_again() -> None:
    dispatcher = Dispatcher(limits([budget(amount=300)]))
    assert answers(dispatcher.decide(NOON_US, [asks("a"), asks("b")])) == {"a": "sent", "b": "budget"}
    assert answers(dispatcher.decide(TOMORROW_US - 1, [asks("b")])) == {"b": "budget"}
    assert answers(dispatcher.decide(TOMORROW_US, [asks("b")])) == {"b": "sent"}


def test_a_scope_has_its_budget_to_itself() -> None:
    dispatcher = Dispatcher(limits([budget("a", "a", 300), budget("b", "b", 300)]))
    grants = dispatcher.decide(NOON_US, [asks("1"), asks("2"), asks("3", scope="b"), asks("4", scope=None)])
    assert answers(grants) == {"1": "sent", "2": "budget", "3": "sent", "4": "sent"}


def test_a_budget_of_all_and_one_of_the_scope_must_both_have_room() -> None:
    dispatcher = Dispatcher(limits([budget("all", None, 600), budget("a", "a", 300)]))
    grants = dispatcher.decide(NOON_US, [asks("1"), asks("2"), asks("3", scope="b"), asks("4", scope="b")])
    assert answers(grants) == {"1": "sent", "2": "budget", "3": "sent", "4": "budget"}


def test_a_refusal_uses_nothing_of_any_limit() -> None:
    dispatcher = Dispatcher(limits([budget("all", None, 300), budget("a", "a", 0)]))
    assert answers(dispatcher.decide(NOON_US, [asks("1", 9), asks("2", 1, scope="b")])) == {"1": "budget", "2": "sent"}


def test_a_team_takes_so_many_cases_a_day() -> None:
    dispatcher = Dispatcher(limits(teams=[team(agents=2, cases_a_day=1)]))
    grants = dispatcher.decide(NOON_US, [asks("a"), asks("b"), asks("c")])
    assert answers(grants) == {"a": "sent", "b": "sent", "c": "capacity"}
    assert grants[-1].retry_us == TOMORROW_US


def test_an_agent_takes_no_more_than_one_agents_share() -> None:
    dispatcher = Dispatcher(limits(teams=[team(agents=5, cases_a_day=1)]))
    grants = dispatcher.decide(NOON_US, [asks("a", agent="x"), asks("b", agent="x"), asks("c", agent="y")])
    assert answers(grants) == {"a": "sent", "b": "capacity", "c": "sent"}


def test_a_team_is_for_its_own_work() -> None:
    dispatcher = Dispatcher(limits(teams=[team(agents=1, cases_a_day=1)]))
    grants = dispatcher.decide(NOON_US, [asks("a"), asks("b", who="director"), asks("c", who="director")])
    assert sent(grants) == ["a", "b", "c"]


def test_a_negative_cost_gives_nothing_back() -> None:
    dispatcher = Dispatcher(limits([budget(amount=300)]))
    grants = dispatcher.decide(NOON_US, [asks("a", 9), asks("cheaper", 5, -200), asks("b", 1, 1)])
    assert answers(grants) == {"a": "sent", "cheaper": "sent", "b": "budget"}


def test_without_limits_everybody_is_sent() -> None:
    assert sent(Dispatcher(limits()).decide(NOON_US, [asks("a"), asks("b")])) == ["a", "b"]


def test_a_late_candidate_counts_in_the_current_period() -> None:
    dispatcher = Dispatcher(limits([budget(amount=300)]))
    dispatcher.decide(TOMORROW_US, [asks("a")])
    assert answers(dispatcher.decide(NOON_US, [asks("b")])) == {"b": "budget"}


PERIODS = [
    ("day", "2024-03-05T12:00:00Z", "2024-03-06T00:00:00Z"),
    ("day", "2024-03-05T00:00:00Z", "2024-03-06T00:00:00Z"),
    ("week", "2024-03-05T12:00:00Z", "2024-03-11T00:00:00Z"),
    ("week", "2024-03-10T23:59:59Z", "2024-03-11T00:00:00Z"),
    ("week", "2024-03-11T00:00:00Z", "2024-03-18T00:00:00Z"),
    ("month", "2024-02-29T12:00:00Z", "2024-03-01T00:00:00Z"),
    ("month", "2024-11-30T12:00:00Z", "2024-12-01T00:00:00Z"),
    ("month", "2024-12-31T12:00:00Z", "2025-01-01T00:00:00Z"),
    ("year", "2024-12-31T12:00:00Z", "2025-01-01T00:00:00Z"),
]


@pytest.mark.parametrize(("period", "now", "end"), PERIODS)
def test_periods_end_in_utc_and_weeks_begin_on_monday(period: str, now: str, end: str) -> None:
    assert period_end_us(period, parse_instant(now)) == parse_instant(end)


LIMITS = limits(
    [budget("all-month", None, 4000, "month"), budget("a-week", "a", 1500, "week"), budget("b-day", "b", 700)],
    [team("a-desk", "a", agents=2, cases_a_day=2), team("all", None, agents=3, cases_a_day=3)],
)
candidates = st.builds(
    lambda value, cost, scope, agent, who: (value, float(cost), scope, agent, who),
    st.integers(-5, 5).map(float),
    st.sampled_from([-100, 0, 50, 300, 500, 800]),
    st.sampled_from(["a", "b", None]),
    st.sampled_from(["x", "y", None]),
    st.sampled_from(["adviser", "adviser", "director"]),
)
batches = st.lists(st.tuples(st.integers(0, 10 * 24), st.lists(candidates, max_size=12)), max_size=12)


@given(batches, st.booleans())
def test_no_budget_and_no_capacity_is_ever_exceeded_whatever_comes_when_and_however_often_it_is_restored(
    plan: list[tuple[int, list[tuple[Any, ...]]]], restores: bool
) -> None:
    dispatcher, now_us = Dispatcher(LIMITS), 0
    used: dict[tuple[str, str], float] = defaultdict(float)
    for number, (hours, asked) in enumerate(plan):
        at_us = NOON_US + hours * DAY_US // 24  # hours do not rise: some come late
        now_us = max(now_us, at_us)
        named = [
            asks(f"{number}-{i}", value, cost, scope, agent, who)
            for i, (value, cost, scope, agent, who) in enumerate(asked)
        ]
        for grant in dispatcher.decide(at_us, named):
            if grant.rule is None:
                use(used, grant.candidate, now_us)
        if restores:
            state, dispatcher = orjson.loads(orjson.dumps(dispatcher.state())), Dispatcher(LIMITS)
            dispatcher.load(state)
    most = {limit.name: limit.amount for limit in LIMITS.budgets}
    most |= {one.name: one.agents * one.cases_a_day for one in LIMITS.teams}
    most |= {f"{one.name}:{agent}": one.cases_a_day for one in LIMITS.teams for agent in "xy"}
    assert [key for key, amount in used.items() if amount > most[key[0]]] == []


def use(used: dict[tuple[str, str], float], c: PartitionCandidate, now_us: int) -> None:
    """Adds up by limit and calendar, in the test's own way."""
    day = datetime.fromtimestamp(now_us / 1e6, UTC)
    calendar = {
        "day": str(day.date()),
        "week": str(day.isocalendar()[:2]),
        "month": f"{day:%Y-%m}",
        "year": f"{day:%Y}",
    }
    for limit in LIMITS.budgets:
        if limit.scope in (None, c.scope):
            used[limit.name, calendar[limit.period]] += max(c.cost, 0.0)
    for one in LIMITS.teams:
        if one.who == c.who and one.scope in (None, c.scope):
            used[one.name, calendar["day"]] += 1
            if c.agent_id:
                used[f"{one.name}:{c.agent_id}", calendar["day"]] += 1


@given(st.lists(candidates, max_size=12), st.randoms(use_true_random=False))
def test_the_order_in_which_candidates_of_an_instant_come_does_not_show(
    asked: list[tuple[Any, ...]], chance: Any
) -> None:
    named = [asks(f"{i:02}", *one) for i, one in enumerate(asked)]
    shuffled = chance.sample(named, len(named))
    assert Dispatcher(LIMITS).decide(NOON_US, named) == Dispatcher(LIMITS).decide(NOON_US, shuffled)


@given(st.lists(candidates, max_size=12))
def test_among_equal_candidates_the_higher_net_value_is_granted_first(asked: list[tuple[Any, ...]]) -> None:
    alike = [asks(f"{i:02}", value) for i, (value, *_) in enumerate(asked)]
    grants = Dispatcher(LIMITS).decide(NOON_US, alike)
    ranked = sorted(grants, key=lambda grant: -grant.candidate.net_value)
    assert all(b.rule or not a.rule for a, b in pairwise(ranked) if a.candidate.net_value > b.candidate.net_value)


def test_agents_beyond_the_cap_have_the_limit_of_their_team_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.interventions.dispatcher.MOST_USED", 3)
    dispatcher = Dispatcher(limits(teams=[team(agents=4)]))  # four cases a day, one an agent
    grants = dispatcher.decide(NOON_US, [asks(f"{i}", 9 - i, agent=agent) for i, agent in enumerate("aabccd")])
    assert answers(grants) == {"0": "sent", "1": "capacity", "2": "sent", "3": "sent", "4": "sent", "5": "capacity"}
    assert len(dispatcher.used) == 3


def test_the_long_name_of_an_agent_that_an_earlier_release_kept_is_found_again() -> None:
    dispatcher, name = Dispatcher(limits(teams=[team()])), "x" * 128
    dispatcher.load({"used": {f"agent:desk:{name}": [TOMORROW_US, 1.0]}, "at_us": NOON_US})
    assert answers(dispatcher.decide(NOON_US, [asks("one", agent=name)])) == {"one": "capacity"}
