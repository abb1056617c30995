"""What is said of a customer: the same numbers in both languages, and in one direction only."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import FEATURES
from features.claims import CLAIMS, Said, say
from features.facts import Facts
from features.view import View
from schemas.columns import ACTIVITY_TYPES, APP_ACTIVITY, CAUSES, SERVICE_VISIT, SURVEY, SURVEY_TYPES, Rows, empty_rows
from schemas.instants import DAY_US
from tests.features.world import LAYOUT, START_US, applied, events
from tests.replay.recount import DATE, DATE_ZH, MONTHS, NUMBER

EITHER = {"in_all", "amounts", "one_amount", "last_time", "waited"}


def facts(rows: Rows, at_us: int) -> Facts:
    return Facts(View(LAYOUT, applied([rows]), np.array([float(at_us)])), "CNY")


def days(kind: int, *on: int) -> Rows:
    rows = empty_rows(len(on))
    rows["count"] = 1
    rows["kind"], rows["id"], rows["time_us"] = kind, range(1, len(on) + 1), [START_US + day * DAY_US for day in on]
    return rows


def test_every_feature_with_a_claim_is_a_feature() -> None:
    assert set(CLAIMS) <= {feature.name for feature in FEATURES}


def test_the_calendar_is_no_reason() -> None:
    assert not set(CLAIMS) & {feature.name for feature in FEATURES if feature.topic == "calendar"}


@given(events(), st.integers(0, 400), st.sampled_from(sorted(CLAIMS)), st.booleans())
def test_both_languages_say_the_same_numbers_and_days(rows: Rows, later: int, feature: str, raises: bool) -> None:
    said = say(facts(rows, int(rows["time_us"].max()) + later * DAY_US), feature, raises)
    if said is not None:
        english, chinese = DATE.findall(said.sentence), DATE_ZH.findall(said.sentence_zh)
        assert sorted((int(y), MONTHS.index(m) + 1, int(d)) for d, m, y in english) == sorted(
            (int(y), int(m), int(d)) for y, m, d in chinese
        )
        rest = [NUMBER.findall(DATE_ZH.sub("", DATE.sub("", text))) for text in (said.sentence, said.sentence_zh)]
        assert sorted(rest[0]) == sorted(rest[1])
        assert re.search("[\u4e00-\u9fff]", said.sentence_zh)
        assert said.facts


@given(events(), st.integers(0, 400), st.sampled_from(sorted(CLAIMS)))
def test_what_compares_says_one_direction_only(rows: Rows, later: int, feature: str) -> None:
    known = facts(rows, int(rows["time_us"].max()) + later * DAY_US)
    for claim in CLAIMS[feature]:
        if getattr(claim, "func", claim).__name__ not in EITHER:
            assert claim(known, True) is None or claim(known, False) is None


def test_a_customer_who_is_late_by_the_own_rhythm_is_told_as_such() -> None:
    known = facts(days(SERVICE_VISIT, 0, 10, 20, 40), START_US + 70 * DAY_US)
    said = say(known, "overdue", raises=True)
    assert said is not None
    assert said.sentence == "No visit or purchase for 30 days, since 25 December 2023; the usual gap is 10 days"
    assert say(known, "overdue", raises=False) is None


def test_a_customer_within_the_own_rhythm_is_no_reason_to_worry() -> None:
    known = facts(days(SERVICE_VISIT, 0, 20, 40), START_US + 45 * DAY_US)
    assert say(known, "overdue", raises=True) is None
    assert say(known, "overdue", raises=False) is not None


def test_a_silence_longer_than_ever_is_told_as_such() -> None:
    known = facts(days(SERVICE_VISIT, 0, 10, 30, 37), START_US + 60 * DAY_US)
    said = say(known, "beyond_longest_gap", raises=True)
    assert said is not None
    expected = "No visit or purchase for 23 days, since 22 December 2023; at most 20 days between the last three"
    assert (said.sentence, said.facts[2]["value"], said.facts[2]["last"]) == (expected, 20.0, 3)


def test_a_slower_pace_compares_two_windows_that_are_known_completely() -> None:
    known = facts(days(APP_ACTIVITY, 0, 30, 33, 36, 39, 60), START_US + 80 * DAY_US)
    said = say(known, "activity_trend", raises=True)
    assert said is not None
    assert said.sentence == "1 day with app activity since 7 January 2024, 4 in the four weeks before"


def test_no_day_is_said_as_such() -> None:
    said = say(facts(days(APP_ACTIVITY, 0, 30, 33, 36), START_US + 70 * DAY_US), "activity_trend", raises=True)
    assert said is not None
    assert said.sentence == "No day with app activity since 28 December 2023, 3 in the four weeks before"
    assert said.sentence_zh == "自2023年12月28日起没有 App 动态，此前四周有 3 天"


def test_what_the_company_does_in_the_app_is_no_use_of_it() -> None:
    rows = days(APP_ACTIVITY, 0)
    rows["code"] = ACTIVITY_TYPES.index("complaint_resolved")
    said = say(facts(rows, START_US + 30 * DAY_US), "activity_recency", raises=True)
    assert said is not None
    assert said.sentence == "Last app activity on 15 November 2023, 30 days ago"
    assert said.sentence_zh == "最近一次 App 动态是在2023年11月15日（30 天前）"


def test_an_event_of_today_was_less_than_a_day_ago() -> None:
    said = say(facts(days(APP_ACTIVITY, 0), START_US + DAY_US // 2), "activity_recency", raises=False)
    assert said is not None
    assert said.sentence.endswith(", less than a day ago")
    assert said.sentence_zh.endswith("（不到一天前）")


def spent(*amounts: float) -> Rows:
    rows = days(SERVICE_VISIT, *range(0, 20 * len(amounts), 20))
    rows["amount"] = amounts
    return rows


def test_amounts_have_their_currency_in_both_languages() -> None:
    said = say(facts(spent(90.5), START_US + 60 * DAY_US), "spend_28d", raises=True)
    assert said is not None
    assert said.sentence == "Last spent on 15 November 2023: 90.50 CNY"
    assert said.sentence_zh == "最近一次消费在2023年11月15日，金额 90.50 元"


def bought_in_app(on: int) -> Rows:
    rows = days(APP_ACTIVITY, on)
    rows["id"], rows["code"] = 99, ACTIVITY_TYPES.index("purchase")
    return rows


@pytest.mark.parametrize(
    ("feature", "sentence", "sentence_zh"),
    [
        (
            "spend_28d",
            "Last spent at a visit on 15 November 2023: 90 CNY",
            "最近一次到店消费在2023年11月15日，金额 90 元",
        ),
        ("spend_total", "Has spent 90 CNY at visits since 15 November 2023", "自2023年11月15日以来共到店消费 90 元"),
        ("visit_recency", "Last visit on 15 November 2023, 60 days ago", "最近一次到店是在2023年11月15日（60 天前）"),
        ("retained_count", "1 visit since 15 November 2023", "自2023年11月15日以来共到店 1 次"),
    ],
)
def test_of_who_buys_in_the_app_too_a_visit_is_called_no_purchase(
    feature: str, sentence: str, sentence_zh: str
) -> None:
    known = facts(np.concatenate([spent(90.0), bought_in_app(40)]), START_US + 60 * DAY_US)
    said = say(known, feature, raises=True)
    assert said is not None
    assert (said.sentence, said.sentence_zh) == (sentence, sentence_zh)


@pytest.mark.parametrize("feature", ["spend_28d", "spend_last"])
def test_an_amount_is_not_the_last_if_that_of_a_later_visit_is_unknown(feature: str) -> None:
    assert say(facts(spent(90.5, float("nan")), START_US + 90 * DAY_US), feature, raises=True) is None


def test_a_whole_sum_of_cents_has_no_cents() -> None:
    said = say(facts(spent(2.2, 0.7, 0.1), START_US + 60 * DAY_US), "spend_total", raises=True)
    assert said is not None
    assert said.sentence == "Has spent 3 CNY since 15 November 2023"


@pytest.mark.parametrize("feature", ["spend_28d", "spend_last", "spend_greatest"])
@pytest.mark.parametrize("raises", [True, False])
def test_an_amount_of_nothing_was_not_spent(feature: str, raises: bool) -> None:
    assert say(facts(spent(0.0), START_US + 60 * DAY_US), feature, raises) is None


def test_windows_of_which_days_may_be_forgotten_are_not_compared() -> None:
    busy = days(APP_ACTIVITY, *range(52, 62), 75)
    said = say(facts(busy, START_US + 80 * DAY_US), "activity_28d", raises=True)
    assert said is None or "four weeks" not in said.sentence


@pytest.mark.parametrize(("score", "raises"), [(3, True), (10, False)])
def test_a_rating_is_said_while_it_is_recent(score: int, raises: bool) -> None:
    rows = days(SURVEY, 0)
    rows["code"], rows["score"] = SURVEY_TYPES.index("nps"), score
    recent, old = (facts(rows, START_US + age * DAY_US) for age in (180, 182))
    said = say(recent, "nps_last", raises)
    assert said is not None
    assert said.sentence == f"Likelihood of recommending us: {score} of ten, on 15 November 2023"
    assert say(old, "nps_last", raises) is None
    assert say(recent, "nps_last", not raises) is None


def test_a_named_cause_is_dated() -> None:
    rows = days(SURVEY, 3)
    rows["score"], rows["causes"] = 40, 1 << CAUSES.index("distance")
    said = say(facts(rows, START_US + 9 * DAY_US), "cause_distance", raises=True)
    assert said == Said(
        "Named distance in a survey on 18 November 2023", "2023年11月18日在问卷中提到“距离远”", said.facts
    )  # type: ignore[union-attr]


def test_complaints_are_told_while_one_is_open() -> None:
    rows = days(APP_ACTIVITY, 0, 5, 9)
    opened, resolved = (ACTIVITY_TYPES.index(f"complaint_{state}") for state in ("opened", "resolved"))
    rows["code"], rows["count"] = [opened, opened, resolved], 1
    said = say(facts(rows, START_US + 12 * DAY_US), "complaint_age", raises=True)
    assert said is not None
    expected = "Complaints since 15 November 2023: 2 opened, 1 resolved; the last on 20 November 2023, 7 days ago"
    assert said.sentence == expected
    rows["code"] = [opened, resolved, resolved]
    assert say(facts(rows, START_US + 12 * DAY_US), "complaint_age", raises=True) is None
