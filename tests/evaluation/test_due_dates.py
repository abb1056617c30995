"""Warnings before customers had left by their own due dates."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.evaluation import lead_time
from streams.evaluation.due_dates import Warnings, kept, warnings
from streams.evaluation.observation_rows import read
from tests.evaluation.folders import HORIZON_DAYS, Observation, case, rows_of, write

DAY_US = 86_400_000_000
GRACE, GAP, AHEAD = 7, 14, 10  # days: a customer has left after 21 days of silence
SUMMARY = {
    "early": {"grace": f"{GRACE}d", "lead_time": f"{AHEAD}d", "in_time": 0.5},
    "tier_shares": {"extreme": 0.25, "high": 0.25, "low": 0.5},
}
WEEKS = 8


def silent(customer: str, last_day: int, weeks: Sequence[int], probability: float = 0.5) -> list[Observation]:
    """Observations in these weeks of a customer whose last visit was on `last_day`; day 0 is the first Monday."""
    return [
        Observation(customer, week, None, probability, recency_days=7 * week - last_day, count=5, gap_days=GAP)
        for week in weeks
    ]


def comes(customer: str, weeks: Sequence[int], probability: float = 0.1) -> list[Observation]:
    """A customer who visits on every Sunday."""
    return [one for week in weeks for one in silent(customer, 7 * week - 1, [week], probability)]


def judged(folder: Path, seen: Sequence[Observation], sent: Sequence[bytes]) -> Warnings:
    rows, _ = read(write(folder / "out", seen, sent))
    found = lead_time.read(folder / "out", rows)
    assert found is not None
    figures = warnings(found[0], rows, SUMMARY)
    assert figures is not None
    return figures


FIRST = case("early-bird", -30)  # the first case there ever was: all that ends 10 days later could have been warned of
EARLY_BIRD = comes("early-bird", range(WEEKS))
ANN = silent("ann", -1, range(WEEKS))  # due on day 13, gone on day 20


def test_a_case_before_the_own_due_date_and_the_grace_are_over_is_in_time(tmp_path: Path) -> None:
    cases = judged(tmp_path, [*ANN, *EARLY_BIRD], [FIRST, case("ann", 8)]).rules[0]
    assert (cases.leavings, cases.in_time, cases.ahead, cases.median_days_early) == (1, 1, 1, 12.0)


def test_a_case_less_than_the_lead_time_before_is_in_time_and_not_ahead(tmp_path: Path) -> None:
    cases = judged(tmp_path, [*ANN, *EARLY_BIRD], [FIRST, case("ann", 12)]).rules[0]
    assert (cases.in_time, cases.ahead, cases.median_days_early) == (1, 0, 8.0)


def test_a_case_after_it_is_not_in_time(tmp_path: Path) -> None:
    cases = judged(tmp_path, [*ANN, *EARLY_BIRD], [FIRST, case("ann", 21)]).rules[0]
    assert (cases.leavings, cases.in_time, cases.median_days_early) == (1, 0, None)


def test_a_case_before_the_last_visit_belongs_to_another_silence(tmp_path: Path) -> None:
    assert judged(tmp_path, [*ANN, *EARLY_BIRD], [FIRST, case("ann", -2)]).rules[0].in_time == 0


def test_who_returns_within_the_grace_has_not_left_and_may_have_been_warned_of_in_vain(tmp_path: Path) -> None:
    returns = [*silent("ben", -1, [0, 1, 2]), *silent("ben", 19, range(3, WEEKS))]
    cases = judged(tmp_path, returns, [case("ben", -30), case("ben", 5)]).rules[0]
    assert (cases.leavings, cases.returns, cases.warned) == (1, 1, 1)  # and leaves on day 40


def test_a_silence_whose_grace_is_not_over_when_the_log_ends_is_not_counted(tmp_path: Path) -> None:
    young = silent("cid", 40, range(6, WEEKS))
    cases = judged(tmp_path, [*young, *EARLY_BIRD], [FIRST]).rules[0]
    assert cases.leavings == 0


def test_a_silence_that_ended_before_a_case_could_come_so_early_is_not_counted(tmp_path: Path) -> None:
    assert judged(tmp_path, [*ANN, *EARLY_BIRD], [case("early-bird", 11)]).rules[0].leavings == 0
    assert judged(tmp_path / "2", [*ANN, *EARLY_BIRD], [case("early-bird", 10)]).rules[0].leavings == 1


def test_without_two_visits_a_horizon_of_silence_counts_instead(tmp_path: Path) -> None:
    seen = [Observation("dan", 0, recency_days=days, count=1, gap_days=1) for days in (HORIZON_DAYS, HORIZON_DAYS + 1)]
    assert kept(rows_of(tmp_path, seen), GRACE * DAY_US).tolist() == [True, False]


def test_the_riskiest_are_a_share_of_the_kept_customers_of_each_monday(tmp_path: Path) -> None:
    gone = [silent(f"gone{i}", -100, range(WEEKS), 0.9) for i in range(4)]  # more likely, but they take no place
    stay = [comes(f"stay{i}", range(WEEKS), 0.1 + i / 100) for i in range(3)]
    figures = judged(tmp_path, [*ANN, *(one for some in (*gone, *stay) for one in some)], [case("ann", -30)])
    assert [rule.name for rule in figures.rules] == ["cases", "riskiest 25%", "riskiest 50%"]
    quarter = figures.rules[1]
    assert (quarter.leavings, quarter.in_time, quarter.median_days_early) == (
        1,
        1,
        20.0,
    )  # ann, from the first Monday on
    assert quarter.warned == 4  # from the fourth Monday on ann is gone, and the riskiest of the others has the place


def test_a_replay_of_a_release_without_a_grace_has_no_figures(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, ANN)
    assert warnings(lead_time.no_cases(), rows, {}) is None


visits = st.lists(st.integers(0, 7 * WEEKS - 1), max_size=6).map(lambda days: sorted({-1, *days}))
crossings = st.lists(st.integers(-30, 7 * WEEKS), max_size=6)


@settings(max_examples=60)
@given(st.lists(st.tuples(visits, crossings), min_size=1, max_size=5))
def test_the_figures_of_cases_are_those_of_a_plain_count(log: list[tuple[list[int], list[int]]]) -> None:
    """For any visits and cases, a day each: silences that a Monday has seen, one after the other."""
    seen = [
        one
        for number, (days, _) in enumerate(log)
        for week in range(WEEKS)
        for one in silent(f"c{number}", max(d for d in days if d <= 7 * week), [week])
    ]
    sent = [case(f"c{number}", day) for number, (_, opened) in enumerate(log) for day in opened]
    with tempfile.TemporaryDirectory() as folder:
        found = judged(Path(folder), seen, sent).rules[0]
    assert plain(log) == (found.leavings, found.in_time, found.ahead, found.returns, found.warned)


def plain(log: list[tuple[list[int], list[int]]]) -> tuple[Any, ...]:
    first = min([day for _, opened in log for day in opened], default=0)
    counts = dict.fromkeys(("leavings", "in_time", "ahead", "returns", "warned"), 0)
    for days, opened in log:
        mondays = [max(d for d in days if d <= 7 * week) for week in range(WEEKS)]
        silences = sorted(set(mondays))
        for last, following in zip(silences, [*silences[1:], None], strict=True):
            gone = last + GAP + GRACE
            returned = following is not None and following <= gone
            if not returned and gone > 7 * (WEEKS - 1):
                continue
            until = following if returned and following is not None else gone
            if until < first + AHEAD:
                continue
            mine = [day for day in opened if last <= day < until]
            if returned:
                counts["returns"] += 1
                counts["warned"] += bool(mine)
            else:
                counts["leavings"] += 1
                counts["in_time"] += bool(mine)
                counts["ahead"] += bool(mine) and gone - min(mine) >= AHEAD
    return tuple(counts.values())
