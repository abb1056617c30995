"""The aggregates commute: features depend neither on the order of the events nor on how they are split into batches."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.columns import SURVEY, Rows, empty_rows
from schemas.instants import DAY_US
from tests.features.world import START_US, applied, events, features_at

LATER_US = START_US + 500 * DAY_US


@given(events(), st.randoms(use_true_random=False))
def test_any_order_and_any_split_of_the_events_gives_the_same_features(rows: Rows, random: object) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    cuts = sorted(random.randrange(len(rows) + 1) for _ in range(3))  # type: ignore[attr-defined]
    shuffled = rows[order]
    batches = np.split(shuffled, cuts)
    expected = features_at(applied([rows]), LATER_US)
    np.testing.assert_allclose(features_at(applied(batches), LATER_US), expected, rtol=1e-9, atol=1e-9)


@given(events(), st.randoms(use_true_random=False))
def test_the_events_of_a_tick_give_the_same_bits_in_any_order_of_arrival(rows: Rows, random: object) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert applied([rows[order]]).tobytes() == applied([rows]).tobytes()


def test_of_two_surveys_of_one_instant_the_better_counts_in_any_order() -> None:
    rows = empty_rows(2)
    rows["kind"], rows["id"], rows["time_us"], rows["score"] = SURVEY, [1, 2], START_US, [3, 8]
    worse, better = rows[:1], rows[1:]
    assert applied([worse, better]).tobytes() == applied([better, worse]).tobytes()


@given(events())
def test_every_feature_is_finite_at_any_later_instant(rows: Rows) -> None:
    block = applied([rows])
    for days in (366, 1000, 20_000):
        assert np.isfinite(features_at(block, START_US + days * DAY_US)).all()


@given(events(), events())
def test_a_customer_is_not_affected_by_others_in_the_batch(mine: Rows, others: Rows) -> None:
    from tests.features.world import LAYOUT

    together, alone = np.repeat(LAYOUT.empty[:, None], 2, axis=1), LAYOUT.empty[:, None].copy()
    due = float(max(mine["time_us"].max(), others["time_us"].max()))
    mine, others = (r[np.lexsort((r["id"], r["kind"], r["time_us"]))] for r in (mine, others))
    group = np.repeat([0, 1], [len(mine), len(others)])
    LAYOUT.update(together, np.concatenate([mine, others]), group, np.array([due, due]))
    LAYOUT.update(alone, mine, np.zeros(len(mine), np.intp), np.array([due]))
    assert together[:, 0].tobytes() == alone[:, 0].tobytes()
