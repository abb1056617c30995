"""The tables of the cases: what each column counts."""

from __future__ import annotations

from typing import Any

from schemas.instants import DAY_US, format_instant, parse_instant
from streams.demo.case_outcomes import DelayRow, Share, TierRow, by_delay, by_tier, example_case, fold
from streams.demo.closed_loop import Call
from streams.profile.loading import load_profile

START_US = parse_instant("2024-01-01T00:00:00Z")
PROFILE = load_profile("after-sales")
Message = dict[str, Any]


def day(number: float) -> str:
    return format_instant(START_US + int(number * DAY_US))


def sent(name: str, tier: str = "high") -> Message:
    return {"intervention_id": name, "customer_id": f"c-{name}", "tier": tier, "crossed_at": day(0)}


def update(name: str, status: str, state: str, *, holdout: bool = False, **more: Any) -> Message:
    body = {"status": status, "state": state, "holdout": holdout, "updated_at": day(1)}
    return sent(name) | body | more


def contacted(name: str, days: float) -> Message:
    return update(name, "contacted", "contacted", contacted_at=day(days))


def high(interventions: list[Message], updates: list[Message]) -> TierRow:
    (row,) = by_tier(PROFILE, fold(interventions, updates).values())
    return row


def delay(days: str, interventions: list[Message], updates: list[Message], calls: list[Call]) -> DelayRow:
    rows = by_delay(PROFILE, fold(interventions, updates), calls)
    return next(row for row in rows if row.days == days)


def call(days: float, *, leaving: bool = True, saved: bool = False) -> Call:
    return Call("c", START_US, START_US + int(days * DAY_US), leaving, saved, "default")


def test_a_case_counts_by_its_last_state() -> None:
    row = high([sent("a"), sent("b")], [contacted("a", 3), update("a", "closed", "saved")])
    assert (row.sent, row.saved, row.live) == (2, 1, 1)


def test_only_a_contact_within_the_first_window_is_in_time() -> None:
    row = high([sent("a"), sent("b"), sent("c")], [contacted("a", 7), contacted("b", 7.1)])
    assert (row.contacted, row.contacted_in_time) == (2, 1)


def test_returns_are_counted_of_measured_cases_alone_and_apart_from_the_holdouts() -> None:
    updates = [update("a", "measured", "saved", returned=True), update("b", "measured", "lost", returned=False)]
    updates += [update("h", "measured", "lost", holdout=True, returned=False)]
    row = high([sent("a"), sent("b"), sent("c")], updates)
    assert (row.returned, row.holdout) == (Share(1, 2), Share(0, 1))


def test_an_answer_to_an_outcome_that_was_ignored_changes_no_case() -> None:
    ignored = {"intervention_id": "a", "status": "ignored", "updated_at": day(2), "why": "case_ended"}
    row = high([sent("a")], [update("a", "expired", "expired"), ignored])
    assert row.expired == 1


def test_the_truth_counts_leavers_alone_and_what_is_observed_counts_all() -> None:
    updates = [contacted("a", 9), update("a", "closed", "saved"), contacted("b", 10), update("b", "closed", "lost")]
    calls = [call(9, saved=True), call(10), call(10, leaving=False), call(3, saved=True)]
    row = delay("7 to 14", [sent("a"), sent("b")], updates, calls)
    assert (row.contacts, row.came_back, row.saved, row.published) == (2, Share(1, 2), Share(1, 2), 0.55)


def test_a_share_of_nothing_is_a_dash_and_others_have_their_error() -> None:
    assert (str(Share(0, 0)), str(Share(50, 100))) == ("-", "50±10")


def test_the_example_case_was_escalated_and_saved() -> None:
    plain = [contacted("a", 1), update("a", "closed", "saved")]
    escalated = [update("b", "escalated", "open"), contacted("b", 5), update("b", "closed", "saved")]
    lost = [update("c", "escalated", "open"), update("c", "overdue", "open"), update("c", "expired", "expired")]
    best = example_case(fold([sent(name) for name in "abc"], plain + escalated + lost).values())
    assert best is not None
    assert best.intervention_id == "b"
