"""How early a case was, against a horizon (14 days) of silence after the last visit; days since the first Monday."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from schemas.errors import Failure
from streams.evaluation import lead_time
from streams.evaluation.observation_rows import read
from tests.evaluation.folders import Observation, case, write

LEFT = [
    Observation("ann", week, 1, recency_days=2 + 7 * week, count=2) for week in range(4)
]  # last seen two days before day 0
STAYS = [Observation("ben", week, 0, recency_days=1, count=12) for week in range(4)]


def timing(
    folder: Path, sent: Sequence[bytes], withheld: Sequence[bytes] = (), seen: Sequence[Observation] = ()
) -> lead_time.Timing:
    rows, _ = read(write(folder / "out", [*LEFT, *STAYS, *seen], sent, withheld))
    found = lead_time.read(folder / "out", rows)
    assert found is not None
    return lead_time.timing(*found, rows)


def test_a_case_before_the_horizon_of_silence_is_early_by_what_was_left_of_it(tmp_path: Path) -> None:
    figures = timing(tmp_path, [case("ann", 3)]).segments[0]
    assert (figures.leavings, figures.in_time, figures.late) == (1, 1, 0)
    assert (figures.median_days_early, figures.median_silence_days) == (9.0, 5.0)


def test_a_case_after_it_is_late(tmp_path: Path) -> None:
    figures = timing(tmp_path, [case("ann", 15)]).segments[0]
    assert (figures.in_time, figures.late, figures.median_days_early) == (0, 1, -3.0)


def test_the_first_case_of_a_leaving_counts(tmp_path: Path) -> None:
    assert timing(tmp_path, [case("ann", 15), case("ann", 3)]).segments[0].median_days_early == 9.0


def test_a_leaving_is_counted_once_however_often_it_was_observed(tmp_path: Path) -> None:
    assert timing(tmp_path, []).segments[0].leavings == 1


def test_a_leaving_without_a_case_may_have_been_withheld(tmp_path: Path) -> None:
    figures = timing(tmp_path, [], withheld=[case("ann", 3)]).segments[0]
    assert (figures.in_time, figures.late, figures.withheld) == (0, 0, 1)


def test_a_case_shortly_before_the_last_visit_is_counted_separately(tmp_path: Path) -> None:
    figures = timing(tmp_path, [case("ann", -4)]).segments[0]
    assert (figures.in_time, figures.warned_before) == (0, 1)


def test_a_case_of_a_customer_who_returned_is_not_right(tmp_path: Path) -> None:
    figures = timing(tmp_path, [case("ann", 7), case("ben", 7)]).segments[0]
    assert (figures.cases, figures.judged, figures.right) == (2, 2, 1)


def test_a_visit_between_a_case_and_the_next_monday_is_a_return(tmp_path: Path) -> None:
    returns = [
        Observation("cid", 0, 0, recency_days=20),
        Observation("cid", 1, 1, recency_days=2),
    ]  # seen again on day 5
    figures = timing(tmp_path, [case("cid", 3)], seen=returns).segments[0]
    assert (figures.judged, figures.right) == (1, 0)


def test_a_case_whose_horizon_is_not_over_is_not_judged(tmp_path: Path) -> None:
    last = [Observation("dan", 3, None, recency_days=20)]
    figures = timing(tmp_path, [case("dan", 21)], seen=last).segments[0]
    assert (figures.cases, figures.judged) == (1, 0)


def test_a_case_after_the_last_observation_is_judged_by_it(tmp_path: Path) -> None:
    figures = timing(tmp_path, [case("ann", 23)]).segments[0]
    assert (figures.judged, figures.right) == (1, 1)


def test_a_case_counts_for_its_customer_alone(tmp_path: Path) -> None:
    figures = timing(tmp_path, [case("ben", -5), case("ben", 3)]).segments[0]
    assert (figures.in_time, figures.late, figures.warned_before) == (0, 0, 0)


def test_segments_are_those_of_the_day_when_the_silence_started(tmp_path: Path) -> None:
    found = {one.name: one for one in timing(tmp_path, [case("ann", 3), case("ben", 3)]).segments}
    assert {name: one.cases for name, one in found.items()} == {
        "all": 2, "new (1 to 3)": 1, "growing (4 to 9)": 0, "mature (10 or more)": 1, "high value": 0,
    }  # fmt: skip


def test_cases_with_a_scope_are_counted_by_scope(tmp_path: Path) -> None:
    sent = [case("ann", 3, scope="pilot"), case("ben", 3, scope="rest"), case("ann", 9)]
    found = {one.name: (one.cases, one.right, one.leavings) for one in timing(tmp_path, sent).scopes}
    assert found == {"pilot": (1, 1, None), "rest": (1, 0, None)}


def test_the_picture_counts_every_leaving_with_a_case(tmp_path: Path) -> None:
    found = timing(tmp_path, [case("ann", 3)])
    (place,) = (i for i, n in enumerate(found.counts) if n)
    assert found.edges_days[place] <= 9.0 < found.edges_days[place + 1]


def test_without_a_file_of_interventions_there_are_no_figures(tmp_path: Path) -> None:
    folder = write(tmp_path / "out", LEFT)
    (folder / "interventions.jsonl").unlink()
    assert lead_time.read(folder, read(folder)[0]) is None


def test_a_line_that_is_no_intervention_is_refused_with_the_file(tmp_path: Path) -> None:
    folder = write(tmp_path / "out", LEFT, [b'{"customer_id": "ann"}'])
    with pytest.raises(Failure, match=r"interventions.jsonl.*crossed_at"):
        lead_time.read(folder, read(folder)[0])


@pytest.mark.parametrize(("back", "right"), [(17.5, 0), (18.5, 1)])
def test_a_case_is_right_by_its_own_horizon_not_by_that_of_the_monday_after_it(
    tmp_path: Path, back: float, right: int
) -> None:
    opened = 4.0  # so its horizon ends on day 18, that of the Monday after it on day 21
    silent = [Observation("eve", week, 0, recency_days=7.0 * week + 1, count=3.0) for week in range(3)]
    after = Observation("eve", 3, 0, recency_days=21.0 - back, count=4.0)
    assert timing(tmp_path, [case("eve", opened)], seen=[*silent, after]).segments[0].right == right
