"""Live, what is sent late says so, and a backlog is worked at the team's pace, not dumped."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from online_model.readiness import Hold
from online_model.snapshot import Snapshot
from schemas.instants import DAY_US, HOUR_US, SECOND_US, format_instant, parse_instant
from streams.interventions.message import tier_of, timing
from streams.profile.layers import SHIPPED_IN
from streams.units.dispatcher_unit import DispatcherUnit
from streams.units.sources import CANDIDATES, DISPATCHES
from tests.units.shops import (
    SILENT_DAYS,
    START_US,
    STEP_US,
    SWEEP_US,
    Case,
    Partition,
    Shop,
    Town,
    left,
    wrong,
)
from tests.units.topics import Record

DAYS, PACE = 90, 4
END_US = START_US + DAYS * DAY_US
SETTINGS = ("time.producer_patience=60d", f"case.backlog_a_day={PACE}")
FOUND_US = SWEEP_US + STEP_US + DAY_US // 20  # a sweep finds a crossing, and the model's bins blur it
Look = Callable[[int], None]


def at(day: float) -> int:
    return START_US + int(day * DAY_US)


def town(*shops: Shop, seed: int = 1) -> Town:
    return Town(shops, DAYS, leave_share=0.9, seed=seed)


def names(first: int, count: int = 50) -> list[str]:
    return [f"c{number}" for number in range(first, first + count)]


def two_shops(down: tuple[float, float] = (0.0, 0.0), seed: int = 1) -> Town:
    return town(Shop("east", names(0)), Shop("west", names(1000), down=down), seed=seed)


def worked(
    all_of: Town, *settings: str, down: tuple[int, int] = (0, 0), look: Callable[[Partition], Look] | None = None
) -> Partition:
    partition = Partition(*SETTINGS, *settings)
    partition.run(all_of.messages(), START_US, END_US, down=down, look=look(partition) if look else lambda now_us: None)
    return partition


def late_us(all_of: Town, case: Case) -> int:
    """How long before it was sent the customer crossed, as the visits say."""
    return case.sent_us - all_of.last_visit_us(case.customer, case.sent_us) - int(SILENT_DAYS * DAY_US)


def window(partition: Partition, delay_us: int) -> str:
    windows = partition.unit.profile.case.windows
    return next((one.name for one in windows if delay_us <= one.within_us), "missed")


def untrue(all_of: Town, partition: Partition) -> list[Case]:
    """Cases whose window is not that in which a contact falls when it is sent, or that are missed. Of a case from the
    backlog the window begins when it opens.
    """
    return [
        case
        for case in partition.cases
        if (case.body["opened_by"] == "backlog" and case.body["crossed_at"] != case.body["decided_at"])
        or case.body["window"] not in windows(all_of, partition, case)
        or case.body["emitted_at"] != format_instant(case.sent_us)
    ]


def lateness(partition: Partition, missed: set[str]) -> list[int]:
    """How long after the crossing each of these was recorded as missed."""
    bodies = [body for body in partition.withheld if body["withheld_reason"] == "missed"]
    assert {body["intervention_id"] for body in bodies} == missed
    return [parse_instant(str(body["decided_at"])) - parse_instant(str(body["crossed_at"])) for body in bodies]


def windows(all_of: Town, partition: Partition, case: Case) -> set[str]:
    if case.body["opened_by"] == "backlog":
        return {window(partition, case.sent_us - parse_instant(str(case.body["crossed_at"])))}
    return {window(partition, late_us(all_of, case) - blur) for blur in (0, FOUND_US)}


def from_backlog(cases: Iterable[Case], until_day: float) -> list[Case]:
    """Cases sent later that had a turn: crossings that had waited, and customers without one that could be sent."""
    return [
        case
        for case in cases
        if case.sent_us >= at(until_day)
        and (
            case.body["opened_by"] == "backlog" or parse_instant(str(case.body["crossed_at"])) < case.sent_us - SWEEP_US
        )
    ]


def a_day(cases: Sequence[Case]) -> list[int]:
    """How many a day, in order."""
    found = Counter(case.sent_us // DAY_US for case in cases)
    return [found[day] for day in sorted(found)]


def unanswered(all_of: Town, partition: Partition, until_day: float) -> set[str]:
    """Customers who have left and of whom neither a case nor a record says why there is none."""
    answered = {case.customer for case in partition.cases} | {str(body["customer_id"]) for body in partition.withheld}
    return left(all_of, at(until_day) - FOUND_US) - answered


def test_back_after_fourteen_days_keepline_says_how_late_each_case_is() -> None:
    all_of = two_shops()
    partition = worked(all_of, down=(at(40), at(54)))
    assert (untrue(all_of, partition), wrong(all_of, partition.cases)) == ([], [])
    late = from_backlog(partition.cases, 54)
    assert {case.body["window"] for case in late} >= {"14d", "21d"}
    assert max(a_day(late)) == PACE
    assert unanswered(all_of, partition, 89) == set()


def test_sent_is_by_the_clock_and_decided_by_stream_time_that_runs_behind_it() -> None:
    all_of, partition = two_shops(), Partition(*SETTINGS)
    partition.run(all_of.messages(), START_US + 30 * SECOND_US, at(60))
    assert partition.cases
    for case in partition.cases:
        assert case.body["emitted_at"] == format_instant(case.sent_us)
        assert str(case.body["decided_at"]) < str(case.body["emitted_at"])


@pytest.mark.parametrize("down", [(40.0, 54.0), (35.0, 72.0)])
def test_the_customers_of_a_shop_that_was_away_crossed_when_they_crossed_not_when_it_came_back(
    down: tuple[float, float],
) -> None:
    all_of = two_shops(down)
    partition = worked(all_of)
    assert (untrue(all_of, partition), wrong(all_of, partition.cases)) == ([], [])
    late = from_backlog(partition.cases, down[1])
    assert "14d" in {case.body["window"] for case in late}
    assert max(a_day(late)) == PACE
    assert unanswered(all_of, partition, 89) == set()


def test_a_crossing_older_than_the_last_window_is_missed_and_its_customer_is_worked_from_the_backlog() -> None:
    all_of = two_shops((35.0, 72.0))
    partition = worked(all_of, "case.backlog_a_day=1000")
    missed = {str(body["intervention_id"]) for body in partition.withheld if body["withheld_reason"] == "missed"}
    names = {str(body["customer_id"]) for body in partition.withheld if body["withheld_reason"] == "missed"}
    assert missed
    assert missed.isdisjoint(case.body["intervention_id"] for case in partition.cases)
    assert all(window(partition, late) == "missed" for late in lateness(partition, missed))
    assert {case.body["opened_by"] for case in partition.cases if case.customer in names} == {"backlog"}
    assert names == {case.customer for case in partition.cases} & names
    assert untrue(all_of, partition) == []


def test_while_the_brokers_are_away_nobody_can_publish_and_nothing_is_wrong_or_untrue() -> None:
    all_of = town(Shop("east", names(0), down=(40.0, 42.0)), Shop("west", names(1000), down=(40.0, 42.0)))
    partition = worked(all_of, down=(at(40), at(42)))
    assert (untrue(all_of, partition), wrong(all_of, partition.cases)) == ([], [])
    assert unanswered(all_of, partition, 89) == set()


def held(partition: Partition, kind: str) -> Snapshot:
    model = partition.unit.engine.scorer.snapshot
    if kind == "model_not_ready":
        return replace(model, hold=Hold.LABELS)
    return replace(model, judged={partition.unit.profile.version: (1000, 1)})


@pytest.mark.parametrize("kind", ["model_not_ready", "stop_loss"])
def test_when_a_hold_of_five_weeks_ends_cases_open_at_the_pace_of_the_backlog(kind: str) -> None:
    all_of = two_shops()

    def look(partition: Partition) -> Look:
        models = {at(25): held(partition, kind), at(60): partition.unit.engine.scorer.snapshot}

        def serve(now_us: int) -> None:
            if now_us in models:
                partition.unit.engine.serve_model(models[now_us])

        return serve

    partition = worked(all_of, look=look)
    assert not [case for case in partition.cases if at(25) < case.sent_us <= at(60)]
    assert (untrue(all_of, partition), wrong(all_of, partition.cases)) == ([], [])
    late = from_backlog(partition.cases, 60)
    assert a_day(late)[1:5] == [PACE] * 4
    assert len([case for case in partition.cases if at(60) < case.sent_us <= at(60) + SWEEP_US]) == PACE
    reasons = Counter(body["withheld_reason"] for body in partition.withheld)
    assert reasons["missed"] > 0
    assert reasons[kind] > 0


def net_value(partition: Partition, all_of: Town, case: Case, at_us: int) -> float:
    """What a case sent now is worth, by the visits alone."""
    customer = case.customer
    days = (at_us - all_of.last_visit_us(customer, at_us)) / DAY_US
    p = float(1 / (1 + np.exp(-5.0 * (np.log1p(days) - np.log1p(SILENT_DAYS)))))
    crossed_us = at_us - (0 if case.body["opened_by"] == "backlog" else int((days - SILENT_DAYS) * DAY_US))
    profile = partition.unit.profile
    budget = tier_of(profile, p).budget  # by which turns are ranked, whatever the strategy costs
    found: float = timing(profile, p, 4000.0, budget, crossed_us, at_us)["expected_net_value"]
    return found


def test_of_a_backlog_the_highest_net_value_goes_first() -> None:
    all_of = two_shops()
    partition = worked(all_of, down=(at(40), at(54)))
    late = from_backlog(partition.cases, 54)
    at_once = [case for case in late if case.sent_us == late[0].sent_us]
    others = [case for case in late if case.sent_us > late[0].sent_us and case.body["opened_by"] == "crossing"]
    assert len(at_once) == PACE
    least = min(net_value(partition, all_of, case, late[0].sent_us) for case in at_once)
    assert max(net_value(partition, all_of, case, late[0].sent_us) for case in others) < least + 20  # bins, sweeps


def test_a_restart_in_the_middle_of_a_backlog_neither_loses_nor_hurries_it() -> None:
    all_of = two_shops((35.0, 60.0))

    def look(partition: Partition) -> Look:
        def restart(now_us: int) -> None:
            if now_us in (at(47), at(60) + HOUR_US, at(60) + 5 * HOUR_US, at(61)):
                partition.restart(now_us)

        return restart

    calm, partition = worked(all_of), worked(all_of, look=look)
    assert (untrue(all_of, partition), wrong(all_of, partition.cases)) == ([], [])
    assert max(a_day(from_backlog(partition.cases, 60))) == PACE
    assert sorted(case.customer for case in partition.cases) == sorted(case.customer for case in calm.cases)


def test_two_shops_back_on_the_same_day_share_the_pace_of_the_partition() -> None:
    all_of = town(
        Shop("north", names(0), down=(30.0, 55.0)),
        Shop("east", names(1000), down=(44.0, 55.5)),
        Shop("south", names(2000)),
    )
    partition = worked(all_of)
    assert (untrue(all_of, partition), wrong(all_of, partition.cases)) == ([], [])
    assert max(a_day(from_backlog(partition.cases, 55.5))) == PACE
    assert unanswered(all_of, partition, 89) == set()


def test_keepline_may_be_away_while_a_shop_is() -> None:
    all_of = two_shops((38.0, 58.0))
    partition = worked(all_of, down=(at(45), at(63)))
    assert (untrue(all_of, partition), wrong(all_of, partition.cases)) == ([], [])
    assert max(a_day(from_backlog(partition.cases, 63))) == PACE
    assert unanswered(all_of, partition, 89) == set()


class Desk:
    """The dispatcher on the wall's clock, which may be away for a while."""

    def __init__(self, partition: Partition, away: tuple[int, int] = (0, 0)) -> None:
        self.partition, self.away = partition, away
        self.unit = DispatcherUnit(partition.unit.profile, 1, "wall")
        self.unit.position = {CANDIDATES: 0}
        self.feed = self.unit.open_feed()
        self.read = self.answered = 0

    def look(self, now_us: int) -> None:
        """Decides on the candidates that have come; the partition applies the grants with its next batch."""
        if self.away[0] <= now_us < self.away[1]:
            return
        new = self.partition.candidates[self.read :]
        self.feed.offer(CANDIDATES, self.read, [Record(self.read + i, None, one) for i, one in enumerate(new)], now_us)
        self.read += len(new)
        while (batch := self.feed.take()) is not None:
            self.unit.apply(batch)
        answers = [value for output in self.unit.outputs() for _, value in output.pairs]
        records = [Record(self.answered + i, None, value) for i, value in enumerate(answers)]
        if records:
            self.partition.feed.offer(DISPATCHES, self.answered, records, now_us)
            self.answered += len(records)
            self.partition.take([], now_us, caught_up=True)


@pytest.fixture
def teams(tmp_path: Path) -> str:
    """A profile with two teams: four calls and one visit of the director a day."""
    text, limits = (SHIPPED_IN / "after-sales.toml").read_text(), ""
    for name, who, agents, cases in (("calls", "service advisor", 2, 2), ("visits", "director", 1, 1)):
        limits += f'\n[[limits.teams]]\nname = "{name}"\nwho = "{who}"\nagents = {agents}\ncases_a_day = {cases}\n'
    path = tmp_path / "teams.toml"
    path.write_text(text.replace("\n[goals]", f"{limits}\n[goals]"))
    return str(path)


def worked_by(teams: str, all_of: Town, away: tuple[int, int] = (0, 0), down: tuple[int, int] = (0, 0)) -> Partition:
    partition = Partition("time.producer_patience=60d", profile=teams)
    partition.run(all_of.messages(), START_US, END_US, down=down, look=Desk(partition, away).look)
    return partition


def test_with_shared_limits_the_teams_set_the_pace_and_what_is_too_old_is_missed(teams: str) -> None:
    all_of = two_shops((35.0, 72.0))
    partition = worked_by(teams, all_of)
    assert (untrue(all_of, partition), wrong(all_of, partition.cases)) == ([], [])
    by_day = Counter((case.sent_us // DAY_US, str(case.body["tier"])) for case in partition.cases)
    assert max(count for (_, tier), count in by_day.items() if tier == "high") == 4
    assert max(count for (_, tier), count in by_day.items() if tier == "extreme") == 1
    reasons = Counter(body["withheld_reason"] for body in partition.withheld)
    assert min(reasons["capacity"], reasons["missed"]) > 0
    waits = [body for body in partition.withheld if body["withheld_reason"] == "backlog"]
    assert all(float(body["expected_net_value"]) < 0 for body in waits), "the pace of the teams is the lower one"


def test_a_grant_that_comes_nine_days_late_is_sent_as_nine_days_late(teams: str) -> None:
    all_of = two_shops()
    partition = worked_by(teams, all_of, away=(at(45), at(54)))
    late = [
        case for case in partition.cases if case.body["decided_at"] < format_instant(at(47)) <= case.body["emitted_at"]
    ]
    assert late
    assert untrue(all_of, partition) == []
    for case in late:
        message = case.body
        crossed_us, emitted_us = (parse_instant(str(message[name])) for name in ("crossed_at", "emitted_at"))
        assert message["window"] == window(partition, emitted_us - crossed_us) != "7d"


def test_a_grant_that_comes_after_the_last_window_sends_nothing(teams: str) -> None:
    all_of = two_shops()
    partition = worked_by(teams, all_of, away=(at(40), at(75)))
    reasons = {body["intervention_id"]: body["withheld_reason"] for body in partition.withheld}  # the last of each
    was_missed = {body["intervention_id"] for body in partition.withheld if body["withheld_reason"] == "missed"}
    assert was_missed
    assert {reasons[name] for name in was_missed} == {"missed"}
    assert was_missed.isdisjoint(case.body["intervention_id"] for case in partition.cases)
    assert untrue(all_of, partition) == []


def contacted(case: Case, at_us: int) -> bytes:
    """The outcome that the CRM sends."""
    body = {
        "event_id": f"o-{case.customer}",
        "kind": "intervention_outcome",
        "schema_version": 1,
        "status": "contacted",
    }
    about = {"customer_id": case.customer, "intervention_id": case.body["intervention_id"], "producer": "crm"}
    return json.dumps(body | about | {"event_time": format_instant(at_us)}).encode()


def test_what_the_crm_did_while_keepline_was_away_comes_before_the_deadlines_that_passed_meanwhile() -> None:
    all_of = two_shops()
    partition = Partition(*SETTINGS)
    partition.run([message for message in all_of.messages() if message.sent_us <= at(40)], START_US, at(40))
    sent = [case for case in partition.cases if case.sent_us > at(37.5)]
    called, others = sent[: len(sent) // 2], sent[len(sent) // 2 :]
    assert called
    outcomes = [Record(i, case.customer.encode(), contacted(case, at(44))) for i, case in enumerate(called)]
    partition.feed.offer("intervention-outcomes", 0, outcomes, at(54))
    partition.run([message for message in all_of.messages() if message.sent_us > at(40)], at(54), at(56))
    escalated = {
        body["intervention_id"]: str(body["updated_at"]) for body in partition.updates if body["status"] == "escalated"
    }
    assert escalated.keys().isdisjoint(case.body["intervention_id"] for case in called)
    assert escalated.keys() & {case.body["intervention_id"] for case in others}
    mine = {case.body["intervention_id"] for case in sent}
    assert all(at_ >= format_instant(at(54)) for name, at_ in escalated.items() if name in mine)
