"""Any sequence of outcomes, returns, steps, instants and restarts keeps the invariants of the table of states."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from schemas.instants import DAY_US, HOUR_US
from streams.cases.casebook import Casebook
from streams.interventions import lifecycle
from streams.interventions.case import Case
from streams.interventions.case_states import ANSWERED, ENDED, LIVE, TABLE, WAITING, State
from streams.interventions.customer_attributes import CustomerAttributes
from streams.interventions.gate import Passed, Refused, consents
from streams.interventions.lifecycle import Update
from streams.profile.loading import load_profile

ESCALATE_TO = "case.escalate_to=team lead,head of customer service"
PROFILE = load_profile("e-commerce", ["case.save_horizon=10d", "case.stayed_within=40d", ESCALATE_TO])
N, TICK_US, START_US = 3, 6 * HOUR_US, 20_000 * DAY_US
NAMES = [f"c{slot}" for slot in range(N)]
TIERS = {tier.name: tier for tier in PROFILE.tiers if tier.above >= PROFILE.case.threshold}
CHANNELS = tuple(dict.fromkeys(channel for tier in TIERS.values() for channel in tier.channels))
STATUSES = st.sampled_from(["acknowledged", "contacted", "responded", "declined", "saved", "lost"])
AFTER_THE_END = {"followed_up", "measured", "ignored"}
A_LONG_TIME_US = 120 * DAY_US
LADDER = ("customer service", "team lead", "head of customer service")  # upward
EDGES = {(before.value, after.value) for (before, _), after in TABLE.items()}
slots = st.integers(0, N - 1)
roles = st.sampled_from(LADDER)
ages = st.sampled_from([0, 1, HOUR_US, DAY_US, 3 * DAY_US, 9 * DAY_US, 12 * DAY_US])


class Lives(RuleBasedStateMachine):
    """Two casebooks with the same inputs; only one of them is restarted."""

    def __init__(self) -> None:
        super().__init__()
        self.now_us, self.number = START_US, 0
        self.steady, self.restarted = Casebook(PROFILE, TICK_US), Casebook(PROFILE, TICK_US)
        self.rows: dict[bytes, bytes] = {}
        self.state: dict[str, str] = {}  # of every case there was
        self.gate: Passed | Refused = Passed("app")
        self.step_who = LADDER[0]
        self.said: dict[str, list[str]] = defaultdict(list)
        self.who: dict[str, str] = {}  # who has each case, by the updates alone

    @rule(slot=slots, tier=st.sampled_from(sorted(TIERS)), holdout=st.booleans(), age_us=ages, who=roles)
    def open(self, slot: int, tier: str, holdout: bool, age_us: int, who: str) -> None:
        if self.steady.of(slot).live is not None:  # as CustomerDecision does
            return
        self.number += 1
        name, state = f"case-{self.number}", State.WITHHELD if holdout else State.OPEN
        channel = "" if holdout else TIERS[tier].channels[0]
        for book in (self.steady, self.restarted):
            more: dict[str, Any] = {"who": who, "agent_id": "own" if who == LADDER[0] else None, "strategy": "s"}
            book.open(slot, Case(name, state, self.now_us - age_us, self.now_us, tier, channel, None, 300.0, **more))
        self.state[name], self.who[name] = state.value, who

    @rule(slot=slots, who=roles)
    def upgrade(self, slot: int, who: str) -> None:
        case = self.steady.of(slot).live
        if case is None or case.holdout:  # as CustomerDecision does
            return
        content = {"tier": "extreme", "budget": {"amount": 800.0}, "action": {"who": who, "channel": "phone"}}
        self._both(lambda book: self._upgraded(book, slot, content))

    def _upgraded(self, book: Casebook, slot: int, content: dict[str, Any]) -> list[Update]:
        case = book.of(slot).live
        assert case is not None
        update = lifecycle.upgraded(PROFILE.case, case, (content["action"]["who"], None), "phone", content, self.now_us)
        book.refresh(slot, self.now_us)
        return [update]

    @rule(slot=slots)
    def erased(self, slot: int) -> None:
        live = self.steady.of(slot).live
        said = self._both(lambda book: book.erase(slot, self.now_us))
        assert [update["status"] for update in said] == ([] if live is None else ["withdrawn"])
        assert self.steady.of(slot).dumps() is None

    @rule(slot=slots, status=STATUSES, age_us=ages, newest=st.booleans(), sold=st.booleans(), times=st.integers(1, 2))
    def outcome(self, slot: int, status: str, age_us: int, newest: bool, sold: bool, times: int) -> None:
        cases = self.steady.of(slot).cases
        name = cases[-1 if newest else 0].intervention_id if cases else "nobody's"
        fields: dict[str, Any] = {"intervention_id": name, "status": status, "cost": 2.5, "agent_id": "agent"}
        fields |= {"causes": ["vehicle_sold"]} if sold and status != "acknowledged" else {}
        for _ in range(times):
            said = self._both(lambda book: book.outcome(slot, fields, self.now_us - age_us, self.now_us))
            assert said, "an outcome is always answered"

    @rule(status=STATUSES)
    def outcome_of_nobody(self, status: str) -> None:
        fields = {"intervention_id": "nobody's", "status": status}
        said = self._both(lambda book: book.outcome(0, fields, self.now_us, self.now_us))
        assert [update["why"] for update in said] == ["unknown_case"]

    @rule(slot=slots, age_us=ages)
    def returns(self, slot: int, age_us: int) -> None:
        self._both(lambda book: book.retained(slot, self.now_us - age_us, self.now_us))

    @rule(slot=slots, yes=st.sets(st.sampled_from(CHANNELS)))
    def consents(self, slot: int, yes: set[str]) -> None:
        attributes = CustomerAttributes(consent=tuple((channel, channel in yes) for channel in sorted(CHANNELS)))
        self._both(lambda book: book.consent(slot, attributes, self.now_us))
        case = self.steady.of(slot).live
        assert case is None or case.holdout or consents(PROFILE, attributes, case.channel) or case.state not in WAITING

    @rule(who=roles)
    def the_next_step_is_of(self, who: str) -> None:
        self.step_who = who

    @rule(answer=st.sampled_from([None, "quiet_hours", "consent"]), channel=st.sampled_from(CHANNELS))
    def gate_is(self, answer: str | None, channel: str) -> None:
        later_us = self.now_us + 10 * HOUR_US if answer == "quiet_hours" else None
        self.gate = Passed(channel) if answer is None else Refused(answer, later_us)

    @rule(step_us=st.sampled_from([1, TICK_US, DAY_US, 2 * DAY_US, 8 * DAY_US, 31 * DAY_US]))
    def time_passes(self, step_us: int) -> None:
        self._until(self.now_us + step_us)

    @rule()
    def restart(self) -> None:
        self._save()
        self.restarted = Casebook(PROFILE, TICK_US)
        names = [key.removeprefix(b"case:").decode() for key in self.rows]
        self.restarted.load([NAMES.index(name) for name in names], self.rows.values(), self.now_us)

    @rule()
    def commit(self) -> None:
        self._save()

    @precondition(lambda self: self.state)
    @rule()
    def every_case_ends_and_leaves(self) -> None:
        self._until(self.now_us + A_LONG_TIME_US)
        assert {State(state) for state in self.state.values()} <= set(ENDED)
        assert [self.steady.of(slot).cases for slot in range(N)] == [[]] * N

    @invariant()
    def a_customer_has_one_live_case_at_most(self) -> None:
        for slot in range(N):
            assert sum(case.state in LIVE for case in self.steady.of(slot).cases) <= 1

    @invariant()
    def a_restart_changes_nothing(self) -> None:
        for slot in range(N):
            assert self.steady.of(slot) == self.restarted.of(slot)

    @invariant()
    def what_is_contacted_knows_since_when(self) -> None:
        for slot in range(N):
            for case in self.steady.of(slot).cases:
                assert (case.state in (State.CONTACTED, *ANSWERED)) <= (case.contacted_us is not None)
                assert (case.state is State.SAVED) <= (case.saved_us is not None)
                assert (case.ended_us is not None) == (case.state in ENDED)

    def _until(self, end_us: int) -> None:
        """Fires deadlines as the engine does: both stop at the next instant of either agenda."""
        while (next_us := min(self.steady.next_us, self.restarted.next_us, end_us)) <= end_us:
            self.now_us = max(self.now_us, next_us)
            due = set(self.steady.pop_due(self.now_us)), set(self.restarted.pop_due(self.now_us))
            said = [self._wake(book, slots) for book, slots in zip((self.steady, self.restarted), due, strict=True)]
            assert said[0] == said[1]
            self._follow(said[0])
            if next_us == end_us:
                break

    def _wake(self, book: Casebook, slots: set[int]) -> list[Update]:
        gate = self._answer()
        action = {"channel": gate.channel, "who": self.step_who} if isinstance(gate, Passed) else {}
        return [
            update
            for slot in sorted(slots)
            for update in book.fire_deadlines(slot, self.now_us, lambda base: (gate, action))
        ]

    def _answer(self) -> Passed | Refused:
        """The gate's answer; a refusal has no retry in the past."""
        if isinstance(self.gate, Refused) and self.gate.retry_us is not None and self.gate.retry_us <= self.now_us:
            return Passed("app")
        return self.gate

    def _both(self, tell: Any) -> list[Update]:
        said: list[list[Update]] = [tell(book) for book in (self.steady, self.restarted)]
        assert said[0] == said[1]
        self._follow(said[0])
        return said[0]

    def _follow(self, updates: list[Update]) -> None:
        """A state changes by the table alone, and after an end only what measures it does."""
        for update in updates:
            name = update["intervention_id"]
            self._is_for_the_right_person(update)
            before = self.state.get(name, "")
            after = update.get("state", before)
            assert after == before or (before, after) in EDGES, update
            ended = before in {state.value for state in ENDED}
            assert not ended or (before, after) == ("withdrawn", "saved") or update["status"] in AFTER_THE_END, update
            once = update["status"] + str([k for k in ("returned", "bought_again", "stayed") if k in update])
            assert update["status"] not in {"measured", "followed_up"} or once not in self.said[name], update
            self.said[name].append(once)
            if name in self.state:
                self.state[name] = after

    def _is_for_the_right_person(self, update: Update) -> None:
        """Reminders go to whoever has the case, escalations upward, and who has it is named with the strategy."""
        name, status = update["intervention_id"], update["status"]
        if name not in self.who or status == "ignored":
            return
        had, has = self.who[name], update["who"]
        if status == "escalated":
            assert LADDER.index(update["to"]) > LADDER.index(had)
            assert (has, update["agent_id"]) == (update["to"], None)
        elif status == "upgraded":
            assert LADDER.index(has) >= LADDER.index(had)
        else:
            assert has == had
        if status == "overdue":
            assert update["to"] == had
        if "action" in update:
            assert update["action"]["who"] == has
        assert has == LADDER[0] or update["agent_id"] in (None, "agent"), update
        assert update["strategy"] == "s"
        self.who[name] = has

    def _save(self) -> None:
        for key, row in self.restarted.take_changes(b"case:", NAMES):
            if row is None:
                self.rows.pop(key or b"", None)
            else:
                self.rows[key or b""] = row


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=100, stateful_step_count=30)
