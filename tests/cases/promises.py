"""Invariants of the outputs of a shop for any input, checked on the topics alone."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from schemas.instants import DAY_US, format_instant, parse_instant
from streams.inputs.schedule import next_grid
from streams.interventions.case_states import ENDED, TABLE
from streams.interventions.dispatcher import period_end_us
from streams.profile.profile import Profile
from tests.cases.shops import Sent
from tests.units.topics import Topics

FACTS = ("interventions", "interventions-withheld", "intervention-updates", "touches", "tasks")
RESTS_ON = {
    "first-not-reviewed": "review_posted", "no-activity-joined": "campaign_joined",
    "complaint-open": "complaint_resolved",
}  # fmt: skip
JUDGED = ("saved", "lost")
AFTER_THE_END = {"followed_up", "measured", "ignored"}
Body = dict[str, Any]


def by_customer(topics: Topics, topic: str) -> dict[bytes, list[bytes]]:
    """Returns the values of a topic by customer, in order."""
    values: dict[bytes, list[bytes]] = defaultdict(list)
    for (name, _), log in topics.records.items():
        for record in log if name == topic else ():
            values[record.key or b""].append(record.value or b"")
    return dict(values)


@dataclass(frozen=True, order=True)
class Message:
    """A message to a customer by a channel, sent or about to be sent."""

    at_us: int
    customer: str
    channel: str
    what: str


@dataclass
class Outputs:
    """The outputs of one run."""

    profile: Profile
    topics: Topics
    sent: list[Sent]
    tick_us: int

    def parsed(self, topic: str) -> list[Body]:
        return [json.loads(value or b"") for value in self.topics.values(topic)]

    @cached_property
    def updates(self) -> dict[str, list[Body]]:
        """By intervention, in order."""
        found: dict[str, list[Body]] = defaultdict(list)
        for values in by_customer(self.topics, "intervention-updates").values():
            for value in values:
                body = json.loads(value)
                found[body["intervention_id"]].append(body)
        return found

    @cached_property
    def opened(self) -> list[Body]:
        """Every case: what was sent, and what was withheld for the holdout."""
        held = [body for body in self.parsed("interventions-withheld") if body["withheld_reason"] == "holdout"]
        return self.parsed("interventions") + held

    def check(self) -> None:
        self._one_open_case_a_customer()
        self._states_move_by_the_table_and_end()
        self._nobody_is_contacted_without_consent()
        self._no_cap_is_exceeded()
        self._erasure_ends_cases_at_once()
        self._the_right_person_has_each_case()
        self._touches_are_automated_and_one_at_a_time()
        self._no_touch_rests_on_what_has_never_been_published()
        self._tasks_are_opened_once_and_end()
        if self.profile.limits.shared:
            self._nothing_is_sent_without_a_grant()
            self._limits_hold()
        self._no_case_opens_under_the_stop_loss()
        self._counts_add_up()

    def _tasks_are_opened_once_and_end(self) -> None:
        said: dict[str, list[str]] = defaultdict(list)
        for values in by_customer(self.topics, "tasks").values():
            for task in map(json.loads, values):
                said[task["task_id"]].append(task["status"])
        early, late = [["open"]], [["open", "overdue"]]
        allowed = [*([*begun, end] for begun in early + late for end in ("done", "withdrawn")), [*late[0], "expired"]]
        assert [statuses for statuses in said.values() if statuses not in allowed] == []

    def _one_open_case_a_customer(self) -> None:
        spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for case in self.opened:
            ends = [parse_instant(u["updated_at"]) for u in self.updates[case["intervention_id"]] if _ends(u)]
            spans[case["customer_id"]].append((parse_instant(case["decided_at"]), min(ends, default=1 << 62)))
        for customer, cases in spans.items():
            for before, after in pairwise(sorted(cases)):
                assert before[1] <= after[0], f"{customer}: a case opened at {after[0]}, one is open until {before[1]}"

    def _states_move_by_the_table_and_end(self) -> None:
        allowed = {(str(before), str(after)) for (before, _), after in TABLE.items()}
        ends = {str(state) for state in ENDED}
        ids = Counter(case["intervention_id"] for case in self.opened)
        assert not [name for name, n in ids.items() if n > 1], "an intervention was sent twice"
        for case in self.opened:
            state = "withheld" if "withheld_reason" in case else "open"
            for update in self.updates[case["intervention_id"]]:
                after = update.get("state", state)
                assert after == state or (state, after) in allowed, f"{update} after {state}"
                saves = (state, after) == ("withdrawn", "saved")
                assert state not in ends or saves or update["status"] in AFTER_THE_END, f"{update} after {state}"
                state = after
            assert state in ends, f"{case['intervention_id']} of {case['customer_id']} never ended: {state}"

    def _messages(self) -> Iterator[Message]:
        for case in self.parsed("interventions"):
            at_us = parse_instant(case["decided_at"])
            yield Message(at_us, case["customer_id"], case["action"]["channel"], case["intervention_id"])
        for touch in self.parsed("touches"):
            yield Message(parse_instant(touch["touched_at"]), touch["customer_id"], touch["channel"], touch["trigger"])
        for update in self.parsed("intervention-updates"):
            if "action" in update:
                at_us, what = parse_instant(update["updated_at"]), update["status"] + update.get("step", "")
                yield Message(at_us, update["customer_id"], update["action"]["channel"], what)

    def _nobody_is_contacted_without_consent(self) -> None:
        for message in self._messages():
            assert self._may_be_contacted(message), message

    def _may_be_contacted(self, message: Message) -> bool:
        """By what customer profiles had said by then, however they came: the last word on the channel, a yes only if it
        is of the latest profile; erasure is a no to everything.
        """
        may: bool | None = None
        for _, event in sorted(self._profiles(message.customer, message.at_us)):
            if _erases(event):
                may = False
            elif message.channel in event["consent"]:
                may = event["consent"][message.channel]
            elif may:
                may = None if not self._erased_before(message, event) else False
        return self.profile.gate.consent_when_unknown if may is None else may

    def _erased_before(self, message: Message, event: Body) -> bool:
        known = self._profiles(message.customer, message.at_us)
        return any(_erases(other) and us < parse_instant(event["event_time"]) for us, other in known)

    def _profiles(self, customer: str, at_us: int = 1 << 62) -> list[tuple[int, Body]]:
        """What was known of a customer at an instant: (event time, profile), as it came."""
        return [
            (parse_instant(one.event["event_time"]), one.event)
            for one in sorted(self.sent, key=self._due_us)
            if (one.event["kind"], one.event["customer_id"]) == ("customer_profile", customer)
            and self._due_us(one) <= at_us
        ]

    def _due_us(self, one: Sent) -> int:
        return -(-one.known_us // self.tick_us) * self.tick_us

    @cached_property
    def erased(self) -> dict[str, list[int]]:
        """By customer, the ends of the ticks in which an erasure took effect: none as late as another one was known."""
        found: dict[str, list[int]] = defaultdict(list)
        newest: dict[str, int] = {}
        order = sorted(self.sent, key=lambda one: (self._due_us(one), one.event["event_time"]))
        for one in order:
            if one.event["kind"] == "customer_profile" and _erases(one.event):
                customer, us = one.event["customer_id"], parse_instant(one.event["event_time"])
                if us > newest.get(customer, -1):
                    newest[customer] = us
                    found[customer].append(self._due_us(one))
        return found

    def _of_one_life(self, customer: str, before_us: int, after_us: int) -> bool:
        """Whether the customer was not erased between two instants."""
        return not any(before_us < us <= after_us for us in self.erased[customer])

    def _erasure_ends_cases_at_once(self) -> None:
        for case in self.opened:
            began_us = parse_instant(case["decided_at"])
            later = [us for us in self.erased[case["customer_id"]] if us > began_us]
            for update in self.updates[case["intervention_id"]] if later else ():
                at_us = parse_instant(update["updated_at"])
                assert at_us <= min(later) or update["status"] == "ignored", f"{update} after {min(later)}"
            ends = [u for u in self.updates[case["intervention_id"]] if _ends(u)]
            assert not later or (ends and parse_instant(ends[0]["updated_at"]) <= min(later)), case

    def _no_cap_is_exceeded(self) -> None:
        at: dict[tuple[str, str], list[int]] = defaultdict(list)
        for message in self._messages():
            at[message.customer, message.channel].append(message.at_us)
        for cap in self.profile.gate.caps:
            for (customer, channel), instants in at.items():
                ordered = sorted(instants)
                for us in ordered if channel == cap.channel else ():
                    within = ordered[bisect_right(ordered, us - cap.within_us) : bisect_right(ordered, us)]
                    n = sum(self._of_one_life(customer, each, us) for each in within)
                    assert n <= cap.most, f"{customer}: {n} by {channel} within {cap.within_us} us up to {us}"

    def _the_right_person_has_each_case(self) -> None:
        """Reminders go to whoever has the case, escalations above, and who acts is named with agent and strategy."""
        rank, own = self.profile.case.rank, self.profile.case.agent
        for case in self.opened:
            has = case["who"]
            assert has == case["action"]["who"]
            assert has == own or case["agent_id"] is None
            assert rank(has) >= next(rank(tier.who) for tier in self.profile.tiers if tier.name == case["tier"])
            for update in self.updates[case["intervention_id"]]:
                if update["status"] in ("escalated", "overdue"):
                    assert (rank(update["to"]) > rank(has)) if update["status"] == "escalated" else update["to"] == has
                if update["status"] != "ignored":
                    assert rank(update["who"]) >= rank(has)
                    has = update["who"]
                    assert (update["strategy"], update["strategy_propensity"]) == self._drawn(case)
                    assert update.get("action", {"who": has})["who"] == has
                    assert "agent_id" in update

    def _drawn(self, case: Body) -> tuple[str, float]:
        """The strategy of a case and its propensity, of those that were possible."""
        possible = case["strategies"]
        assert abs(sum(possible.values()) + self.profile.gate.holdout_share - 1.0) < 1e-6
        assert case["strategy_propensity"] == possible[case["strategy"]]
        return case["strategy"], case["strategy_propensity"]

    def _touches_are_automated_and_one_at_a_time(self) -> None:
        at: dict[str, list[int]] = defaultdict(list)
        texts = {point.name: (point.scene, point.script, point.budget) for point in self.profile.touch_points}
        for touch in self.parsed("touches"):
            at[touch["customer_id"]].append(parse_instant(touch["touched_at"]))
            assert touch["channel"] in {"app", "sms", "wechat", "mail"}, touch
            said = touch["scene"], touch["script"], touch["budget"]["amount"]
            assert said == texts.get(touch["trigger"], said), touch
            assert touch["trigger"] in {*texts, "medium_tier"}, touch
        for customer, instants in at.items():
            pairs = pairwise(sorted(instants))
            gaps = [after - before for before, after in pairs if self._of_one_life(customer, before, after)]
            assert min(gaps, default=1 << 62) >= self.profile.touches.cool_down_us, (customer, instants)

    def _no_touch_rests_on_what_has_never_been_published(self) -> None:
        for touch in self.parsed("touches"):
            missing, at_us = RESTS_ON.get(touch["trigger"]), parse_instant(touch["touched_at"])
            known = [one.known_us for one in self.sent if one.event.get("activity_type") == missing]
            first_us = min(known, default=1 << 62)
            assert missing is None or next_grid(first_us - 1) <= at_us, f"{touch}: {missing} came at {first_us}"

    @cached_property
    def granted(self) -> list[tuple[int, Body]]:
        """(instant, candidate) of everything that was granted."""
        asked = {}
        for body in self.parsed("candidates"):
            for candidate in body.get("candidates", ()):
                asked[body["instant"], candidate["intervention_id"]] = candidate
        return [
            (parse_instant(body["instant"]), asked[body["instant"], grant["intervention_id"]])
            for body in self.parsed("dispatches")
            for grant in body["grants"]
            if grant["rule"] is None
        ]

    def _nothing_is_sent_without_a_grant(self) -> None:
        may: dict[str, list[float]] = defaultdict(list)
        for _, candidate in self.granted:
            may[candidate["intervention_id"]].append(candidate["cost"])
        for case in self.parsed("interventions"):
            name = case["intervention_id"]
            amounts = [case["budget"]["amount"]]
            amounts += [u["budget"]["amount"] for u in self.updates[name] if u["status"] == "upgraded"]
            assert len(amounts) <= len(may[name]), f"{name}: {amounts} with grants of {may[name]}"
            assert max(amounts) <= sum(may[name]), f"{name}: {amounts} with grants of {may[name]}"

    def _limits_hold(self) -> None:
        spent: Counter[tuple[str, int]] = Counter()
        places: Counter[tuple[str, int]] = Counter()
        limits, teams = self.profile.limits.budgets, self.profile.limits.teams
        for at_us, candidate in self.granted:
            for limit in limits:
                if limit.scope in (None, candidate["scope"]):
                    spent[limit.name, period_end_us(limit.period, at_us)] += max(candidate["cost"], 0.0)
            for team in teams:
                if team.who == candidate["who"] and team.scope in (None, candidate["scope"]):
                    places[team.name, at_us // DAY_US] += 1
        for limit in limits:
            assert all(used <= limit.amount for (name, _), used in spent.items() if name == limit.name), spent
        for team in teams:
            most = team.agents * team.cases_a_day
            assert all(used <= most for (name, _), used in places.items() if name == team.name), places

    @cached_property
    def judged(self) -> list[tuple[int, int, bool]]:
        """Of every case that was judged: when its horizon was over, when its end was known, whether it was saved. Of
        the erased nothing is judged any more.
        """
        found = []
        for case in self.parsed("interventions"):
            ends = [update for update in self.updates[case["intervention_id"]] if update.get("state") in JUDGED]
            if ends and "contacted_at" in ends[0]:
                horizon_us = parse_instant(ends[0]["contacted_at"]) + self.profile.case.save_horizon_us
                known_us = parse_instant(ends[0]["updated_at"])
                due_us = max(-(-horizon_us // self.tick_us) * self.tick_us, known_us)
                if self._of_one_life(case["customer_id"], parse_instant(case["decided_at"]), due_us):
                    found.append((horizon_us, known_us, ends[0]["state"] == "saved"))
        return found

    def held_weeks(self) -> Iterator[tuple[int, bool]]:
        """Each Monday, and whether the stop-loss holds from then on; not where an end became known at that instant."""
        rules = self.profile.stop_loss
        for monday_us in sorted({json.loads(value or b"")["instant_us"] for value in self.topics.values("models")}):
            saved = [saved for over_us, known_us, saved in self.judged if max(over_us, known_us) <= monday_us]
            if all(known_us != monday_us for _, known_us, _ in self.judged):
                is_enough = len(saved) >= rules.least_judged
                yield monday_us, is_enough and sum(saved) < rules.least_saved * len(saved)

    def opened_in(self, monday_us: int) -> list[Body]:
        """What was sent in the week after a Monday; at the instant itself events still are of the week before."""
        return [case for case in self.parsed("interventions") if self._is_in(case, monday_us)]

    def stopped_in(self, monday_us: int) -> list[Body]:
        """What was withheld for the stop-loss in the week after a Monday."""
        withheld = [b for b in self.parsed("interventions-withheld") if b["withheld_reason"] == "stop_loss"]
        return [body for body in withheld if self._is_in(body, monday_us)]

    def _is_in(self, body: Body, monday_us: int) -> bool:
        return monday_us < parse_instant(body["decided_at"]) < monday_us + 7 * DAY_US

    def _no_case_opens_under_the_stop_loss(self) -> None:
        for monday_us, is_held in self.held_weeks():
            wrong = self.opened_in(monday_us) if is_held else self.stopped_in(monday_us)
            assert not wrong, f"held from {format_instant(monday_us)}: {is_held}, yet {wrong}"

    def counts(self) -> Counter[str]:
        """Of all partitions."""
        total: Counter[str] = Counter()
        for partition in range(self.topics.partitions):
            total.update(json.loads(self.topics.table("state", partition)[b"\0position"])["counts"])
        return total

    def _counts_add_up(self) -> None:
        counts = self.counts()
        assert counts["interventions"] == len(self.parsed("interventions"))
        assert counts["interventions_withheld"] == len(self.parsed("interventions-withheld"))
        touches = sum(count for name, count in counts.items() if name.startswith("touches_by_"))
        assert touches == len(self.parsed("touches"))
        reasons = Counter("withheld_" + body["withheld_reason"] for body in self.parsed("interventions-withheld"))
        statuses = Counter("cases_" + body["status"] for body in self.parsed("intervention-updates"))
        tiers = Counter("tier_" + body["tier"] for body in self.parsed("interventions"))
        said = Counter({n: c for n, c in counts.items() if n.startswith(("withheld_", "cases_", "tier_"))})
        assert +said == reasons + statuses + tiers


def _erases(event: Body) -> bool:
    return "erased" in event or "consent" not in event


def _ends(update: Body) -> bool:
    return update.get("state") in {str(state) for state in ENDED}
