"""Missing values by producer: the same counts whatever the batches are, bounded whatever a producer sends."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from online_model.drift import MOST_PRODUCERS
from schemas.columns import APP_ACTIVITY, OTHER_ACTIVITY, SERVICE_VISIT, SURVEY, Rows, empty_rows
from streams.engine.quality import OTHERS, Quality
from streams.engine.reports import Report

PRODUCERS = ("app", "pos", "shop")


def events(seed: int, n: int = 60) -> tuple[Rows, list[str]]:
    rng = np.random.default_rng(seed)
    rows = empty_rows(n)
    rows["kind"] = rng.choice([APP_ACTIVITY, SERVICE_VISIT, SURVEY], n)
    rows["code"] = rng.choice([0, OTHER_ACTIVITY], n)
    rows["causes"] = rng.integers(0, 2, n)
    rows["amount"] = np.where(rng.random(n) < 0.5, np.nan, 1.0)
    return rows, [PRODUCERS[i] for i in rng.integers(0, 3, n)]


def counted(rows: Rows, producers: list[str], quality: Quality) -> Quality:
    rows["producer"] = quality.codes(producers)
    quality.count(rows)
    return quality


def test_missing_values_are_counted_by_producer_and_field() -> None:
    rows = empty_rows(4)
    rows["kind"], rows["amount"] = SERVICE_VISIT, [1.0, np.nan, np.nan, 2.0]
    report = counted(rows, ["pos", "pos", "shop", "pos"], Quality()).take()
    assert (report["pos"]["service_visit.amount"], report["shop"]["service_visit.amount"]) == ((3, 1), (1, 1))


def test_an_activity_of_a_type_not_known_is_missing() -> None:
    rows = empty_rows(2)
    rows["kind"], rows["code"] = APP_ACTIVITY, [0, OTHER_ACTIVITY]
    assert counted(rows, ["app", "app"], Quality()).take()["app"]["app_activity.activity_type"] == (2, 1)


def test_what_was_told_is_not_told_again() -> None:
    quality = counted(*events(1), Quality())
    quality.take()
    assert quality.take() == {}


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 5), st.booleans())
def test_neither_batches_nor_partitions_nor_restarts_show(seed: int, parts: int, apart: bool) -> None:
    rows, producers = events(seed)
    whole = counted(rows.copy(), producers, Quality()).take()
    quality, total = Quality(), Report.empty()
    for places in np.array_split(np.random.default_rng(seed).permutation(len(rows)), parts):
        counted(rows[places], [producers[i] for i in places.tolist()], quality)
        state, quality = quality.state(), Quality()
        quality.load(state)
        if apart:
            total += Report(total.population * 0, total.histograms * 0, quality.take())
    assert (total.missing if apart else quality.take()) == whole


def test_very_many_producers_are_told_as_one() -> None:
    n = MOST_PRODUCERS + 50
    rows = empty_rows(n)
    rows["kind"] = SERVICE_VISIT
    report = counted(rows, [f"p{i}" for i in range(n)], Quality()).take()
    assert len(report) == MOST_PRODUCERS + 1
    assert report[OTHERS]["service_visit.amount"] == (50, 50)


def test_a_report_comes_back_with_every_count() -> None:
    report = Report(Report.empty().population + 2, Report.empty().histograms + 3, counted(*events(1), Quality()).take())
    again = Report.unpacked(report.packed())
    assert (again.missing, again.population.tolist()) == (report.missing, report.population.tolist())
    assert again.histograms.tolist() == report.histograms.tolist()
