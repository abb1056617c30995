"""The judge of the live chaos run finds what it is there for."""

from __future__ import annotations

import pytest

from schemas.instants import DAY_US
from tests.chaos.judge import Case, PartitionLog, Sample, Terms, Verdict, Visit, Word, judge

TERMS = Terms(
    silent_us=10 * DAY_US,
    blur_us=0,
    believed_us=DAY_US,
    heard_us=DAY_US,
    behind_us=DAY_US // 2,
    promised_us=2 * DAY_US,
    missed_us=30 * DAY_US,
    window_us=8 * DAY_US,
    over_us=9 * DAY_US,
)
LAST = 60  # day


def judged(
    visits: list[tuple[float, str]],
    cases: list[float],
    down: tuple[float, float] = (99, 99),
    second: Case | None = None,
) -> Verdict:
    """A customer's visits (day, shop), the days of the cases; west publishes nothing between two days."""
    sent = [(float(day), float(day), shop) for day in range(LAST) for shop in ("east", "west")]
    sent += [(day, day, shop) for day, shop in visits]
    late = [(down[1] if shop == "west" and down[0] <= day < down[1] else day, day, shop) for day, _, shop in sent]
    log = PartitionLog(cases=[Case("c", int(day * DAY_US)) for day in cases] + ([second] if second else []))
    published = [day for day, _, _ in sorted(late)]
    for offset, (_, day, shop) in enumerate(sorted(late)):
        log.words.append(Word(offset, int(day * DAY_US), shop))
        if (day, shop) in visits:
            log.visits["c"].append(Visit(int(day * DAY_US), offset, shop))
    for quarter in range(4 * LAST):
        now = quarter / 4
        offset = sum(day <= now for day in published)
        log.samples.append(Sample(int((now + 0.1) * DAY_US), int(now * DAY_US), offset))
    return judge([log], TERMS)


def kinds(verdict: Verdict) -> list[str]:
    return [problem.partition(":")[0] for problem in verdict.problems]


def test_a_case_after_the_silence_is_right() -> None:
    verdict = judged([(1, "east"), (5, "east")], [15.5])
    assert (kinds(verdict), len(verdict.due)) == ([], 1)


def test_a_customer_who_came_may_not_get_a_case() -> None:
    assert kinds(judged([(1, "east"), (5, "east"), (20.5, "east"), (25, "east")], [15.5, 28])) == ["wrong"]


def test_a_visit_that_was_published_later_makes_the_case_wrong() -> None:
    visits = [(1.0, "west"), (5.0, "west"), (10.5, "west"), (30.0, "west"), (35.0, "west")]
    assert kinds(judged(visits, [16.0, 47.0], down=(8, 30))) == ["wrong"]


def test_one_silence_gets_one_case() -> None:
    assert kinds(judged([(1, "east"), (5, "east")], [15.5, 40])) == ["double"]


@pytest.mark.parametrize(
    ("tier", "from_backlog", "found"), [(1, True, []), (0, True, ["double"]), (1, False, ["double"])]
)
def test_a_second_case_of_a_silence_comes_from_the_backlog_and_has_a_higher_tier(
    tier: int, from_backlog: bool, found: list[str]
) -> None:
    second = Case("c", 40 * DAY_US, tier, from_backlog)
    assert kinds(judged([(1, "east"), (5, "east")], [15.5], second=second)) == found


@pytest.mark.parametrize("cases", [[], [25.0]])
def test_a_case_that_never_opens_or_too_late_is_missing(cases: list[float]) -> None:
    assert kinds(judged([(1, "east"), (5, "east")], cases)) == ["missing"]


def test_while_a_shop_of_the_customer_is_down_no_case_is_due() -> None:
    assert kinds(judged([(1, "west"), (5, "east")], [26.0], down=(8, 25))) == []
    assert kinds(judged([(1, "west"), (5, "east")], [], down=(8, 25))) == ["missing"]


def test_a_visit_that_comes_when_the_silence_after_it_is_nearly_over_does_not_make_a_second_case_due() -> None:
    visits = [(1.0, "west"), (5.0, "west"), (20.0, "west")]
    assert kinds(judged(visits, [15.5], down=(16, 29.5))) == []
    assert kinds(judged(visits, [], down=(16, 29.5))) == ["missing"]
    assert kinds(judged(visits, [15.5], down=(16, 27))) == ["missing"]


def test_a_first_visit_to_a_shop_that_is_down_could_not_be_known() -> None:
    visits = [(1.0, "east"), (5.0, "east"), (10.0, "west"), (40.0, "east")]
    assert kinds(judged(visits, [15.5, 51.0], down=(8, 30))) == []
