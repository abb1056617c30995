"""Bounds that hold at any stopping time: rarely wrong, also for overlapping labels; a greater mean is found."""

from __future__ import annotations

import numpy as np
import pytest

from online_model.confidence_sequences import BettingWealth, BoundedMean

ALPHA, RUNS, WEEKS, MOST = 0.05, 1000, 200, 0.02


def overlapping(streams: int, mean: float, spread: float, seed: int = 1) -> np.ndarray:
    """(weeks, runs), in [0, 1]: each round sums all shocks within its horizon of `streams` weeks."""
    shocks = np.random.default_rng(seed).normal(size=(WEEKS + streams, RUNS))
    gains = [mean + spread * shocks[t : t + streams].sum(axis=0) / np.sqrt(streams) for t in range(WEEKS)]
    return (np.clip(gains, -MOST, MOST) + MOST) / (2.0 * MOST)


def ever_sure(streams: int, rounds: np.ndarray) -> float:
    """Returns the share of runs in which a weekly test ever rejects that the mean is at most the middle."""
    wealth, sure = BettingWealth(streams, np.full(RUNS, 0.5), 1.0 / ALPHA), np.zeros(RUNS, np.bool_)
    for week, x in enumerate(rounds):
        wealth.decide(week % streams, x)
        sure |= wealth.evidence >= 1.0 / ALPHA
    return float(sure.mean())


@pytest.mark.parametrize("spread", [0.005, 0.02, 1.0])
@pytest.mark.parametrize("streams", [1, 4, 13])
def test_an_equal_mean_is_rarely_rejected_at_any_stopping_time(streams: int, spread: float) -> None:
    assert ever_sure(streams, overlapping(streams, 0.0, spread)) <= ALPHA


def test_one_stream_over_overlapping_rounds_would_be_wrong_more_often() -> None:
    assert ever_sure(1, overlapping(13, 0.0, 1.0)) > 4 * ALPHA


@pytest.mark.parametrize(
    ("streams", "mean", "spread", "least"),
    [(1, 0.003, 0.005, 0.99), (4, 0.005, 0.005, 0.99), (4, 0.01, 0.01, 0.99), (13, 0.01, 0.01, 0.7)],
)
def test_a_greater_mean_is_found(streams: int, mean: float, spread: float, least: float) -> None:
    assert ever_sure(streams, overlapping(streams, mean, spread)) >= least


def test_stopping_before_a_bet_is_lost_gains_nothing() -> None:
    """Rounds 2k and 2k + 1 end alike, so the first shows how the second, which is still open, will end."""
    coins = np.random.default_rng(1).integers(0, 2, (40, 20_000)).astype(np.float64)
    wealth, going = BettingWealth(2, np.full(20_000, 0.5), 1.0 / ALPHA), np.ones(20_000, np.bool_)
    found, of_decided = np.zeros(20_000), np.zeros(20_000)
    for x in coins:
        wealth.decide(0, x)
        stops = going & (x == 0.0)
        found[stops], of_decided[stops] = wealth.evidence[stops], wealth.decided[:, stops].mean(axis=0)
        going &= ~stops
        wealth.decide(1, x)
    assert of_decided.mean() > 1.2
    assert found.mean() <= 1.0


def test_bounds_converge_to_the_mean_and_agree_with_the_evidence() -> None:
    chance, mean = np.random.default_rng(2), BoundedMean(4, MOST, 0.0, ALPHA)
    widths, first_low, first_sure = [], None, None
    for week in range(300):
        mean.add(week, float(np.clip(chance.normal(0.006, 0.005), -MOST, MOST)))
        widths.append(mean.high - mean.low)
        assert mean.low <= 0.006 <= mean.high
        first_low = week if first_low is None and mean.low >= 0.0 else first_low
        first_sure = week if first_sure is None and mean.evidence >= 1.0 / ALPHA else first_sure
    assert first_sure is not None
    assert first_sure == first_low
    assert widths[0] == 2 * MOST > 4 * widths[-1]
    assert mean.mean == pytest.approx(0.006, abs=0.001)


def test_without_rounds_nothing_is_known() -> None:
    nothing = BoundedMean(13, MOST, 0.0, ALPHA)
    assert (nothing.mean, nothing.low, nothing.high, nothing.evidence) == (None, -MOST, MOST, 0.0)
