"""Any sequence of scores, instants and holds keeps the invariants of the tables of opening."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from schemas.instants import DAY_US
from streams.interventions.opening import CaseColumns, OpeningDecision, Withheld, decide
from streams.profile.loading import load_profile

RULES = load_profile("after-sales", ["case.least_tenure=10d"]).case
N = 4
LEVELS = st.sampled_from([0.1, 0.4499, 0.45, 0.48, 0.5, 0.5001, 0.6, 0.9])
STEPS_DAYS = st.sampled_from([0, 0.01, 1, 3, 6, 7, 8, 23, 30])
Verdict = tuple[float, str]  # crossed at us; 'open' or the reason


@dataclass
class Plain:
    """The tables for one customer, as a plain reference: it keeps all scores and looks back at them."""

    seen_us: float
    scores: list[tuple[float, float]] = field(default_factory=list)  # at us, probability
    opened: int | None = None  # which of the scores opened the last case
    waits: bool = False  # for a ready model
    has_turn: bool = False  # in the backlog
    crossed_us: float = 0.0

    def score(self, at_us: float, p: float, ready: bool) -> Verdict | None:
        before = self.scores[-1][1] if self.scores else None
        self.scores.append((at_us, p))
        if p <= RULES.threshold:
            self.waits = self.has_turn = False
            return None
        if before is None or before <= RULES.threshold:
            return self._cross(at_us, ready, is_first=before is None)
        if self.waits:
            return self._wait_for_the_model(at_us, ready)
        return self._take_turn(at_us, ready) if self.has_turn else None

    def _take_turn(self, at_us: float, ready: bool) -> Verdict | None:
        self.has_turn = False
        if not ready or self._blocked(at_us) or not self._tenured(at_us):
            return None
        self.opened = len(self.scores) - 1
        return at_us, "open"

    def _cross(self, at_us: float, ready: bool, is_first: bool) -> Verdict:
        self.waits, self.crossed_us, blocked = False, at_us, self._blocked(at_us)
        if blocked:
            return at_us, blocked
        if is_first and not self._tenured(at_us):
            return at_us, "tenure"
        if not ready:
            self.waits = True
            return at_us, "model_not_ready"
        self.opened = len(self.scores) - 1
        return at_us, "open"

    def _wait_for_the_model(self, at_us: float, ready: bool) -> Verdict | None:
        if at_us > self.crossed_us + RULES.last_window_us:
            self.waits = False
            return self.crossed_us, "missed"
        if ready:
            self.waits = False
            self.opened = len(self.scores) - 1
            return self.crossed_us, "open"
        return None

    def _blocked(self, at_us: float) -> str:
        if self.opened is None:
            return ""
        opened_us = self.scores[self.opened][0]
        lowest = min(p for _, p in self.scores[self.opened :])
        if lowest >= RULES.threshold - RULES.margin or at_us <= opened_us + RULES.window_us:
            return "open_case"
        return "cool_down" if at_us < opened_us + RULES.cool_down_us else ""

    def _tenured(self, at_us: float) -> bool:
        return at_us >= self.seen_us + RULES.least_tenure_us


def empty() -> CaseColumns:
    return CaseColumns(np.full(N, np.nan), np.ones(N), *(np.full(N, -np.inf) for _ in range(3)), np.full(N, np.inf))


class Cases(RuleBasedStateMachine):
    """N customers, scored in any combination."""

    def __init__(self) -> None:
        super().__init__()
        self.now_us = 1e15
        self.seen_us = self.now_us - np.array([0.0, 0.0, 9.5, 400.0]) * DAY_US
        self.columns = empty()
        self.plain = [Plain(float(seen)) for seen in self.seen_us]
        self.verdicts: list[list[tuple[float, float, str]]] = [[] for _ in range(N)]  # decided at, crossed at, what

    @rule(
        step_days=STEPS_DAYS,
        who=st.lists(st.integers(0, N - 1), min_size=1, max_size=N, unique=True),
        levels=st.lists(LEVELS, min_size=N, max_size=N),
        ready=st.booleans(),
    )
    def score(self, step_days: float, who: list[int], levels: list[float], ready: bool) -> None:
        self.now_us += step_days * DAY_US
        decision = self._decide(who, levels, ready)
        for k, i in enumerate(who):
            self._nobody_else_matters(decision, k, i, levels[i], ready)
            self._as_read_aloud(decision, k, i, levels[i], ready)
        for column, new in zip(self.columns, decision.columns, strict=True):
            column[who] = new

    @rule(who=st.integers(0, N - 1))
    def give_a_turn(self, who: int) -> None:
        """As the backlog does: to customers above the threshold without a pending crossing."""
        is_above = self.columns.last_probability[who] > RULES.threshold
        if is_above and self.columns.pending_crossed_us[who] == -np.inf:
            self.columns.retry_us[who], self.plain[who].has_turn = self.now_us, True

    @invariant()
    def between_two_cases_lie_a_fall_and_the_cool_down(self) -> None:
        for plain, verdicts in zip(self.plain, self.verdicts, strict=True):
            opened = [decided for decided, _, what in verdicts if what == "open"]
            for first, second in pairwise(opened):
                assert second - first >= RULES.cool_down_us
                assert min(p for t, p in plain.scores if first <= t <= second) < RULES.threshold - RULES.margin

    @invariant()
    def nothing_is_decided_after_its_last_window(self) -> None:
        for verdicts in self.verdicts:
            assert all(
                decided - crossed <= RULES.last_window_us for decided, crossed, what in verdicts if what == "open"
            )

    @invariant()
    def no_crossing_opens_two_cases(self) -> None:
        for verdicts in self.verdicts:
            crossed = [crossed for _, crossed, what in verdicts if what == "open"]
            assert len(crossed) == len(set(crossed))

    def _decide(self, who: list[int], levels: list[float], ready: bool) -> OpeningDecision:
        before = CaseColumns(*(column[who] for column in self.columns))
        p, at_us = np.array([levels[i] for i in who]), np.full(len(who), self.now_us)
        return decide(
            RULES, before, p, self.seen_us[who], at_us, Withheld.NOTHING if ready else Withheld.MODEL_NOT_READY
        )

    def _nobody_else_matters(self, decision: OpeningDecision, k: int, i: int, p: float, ready: bool) -> None:
        alone = self._decide([i], [p] * N, ready)
        together = [
            decision.opened[k],
            decision.withheld[k],
            decision.crossed_at_us[k],
            *(c[k] for c in decision.columns),
        ]
        single = [alone.opened[0], alone.withheld[0], alone.crossed_at_us[0], *(c[0] for c in alone.columns)]
        assert np.array_equal(together, single, equal_nan=True)

    def _as_read_aloud(self, decision: OpeningDecision, k: int, i: int, p: float, ready: bool) -> None:
        before = self.plain[i].scores[-1][1] if self.plain[i].scores else 0.0
        expected = self.plain[i].score(self.now_us, p, ready)
        why, crossed_us = Withheld(decision.withheld[k]), float(decision.crossed_at_us[k])
        what = "open" if decision.opened[k] else why.name.lower() if why else ""
        assert (None if not what else (crossed_us, what)) == expected
        self._every_crossing_is_answered_once(i, before <= RULES.threshold < p, crossed_us, what)
        if what:
            self.verdicts[i].append((self.now_us, crossed_us, what))

    def _every_crossing_is_answered_once(self, i: int, crosses: bool, crossed_us: float, what: str) -> None:
        found = [(crossed, verdict) for _, crossed, verdict in self.verdicts[i]]
        if crosses:
            assert what
            assert crossed_us == self.now_us
        elif what and (crossed_us, "model_not_ready") not in found:  # it is from the backlog
            assert (crossed_us, what) == (self.now_us, "open")


TestCases = Cases.TestCase
TestCases.settings = settings(max_examples=200, stateful_step_count=25)
