"""Keepline against the baselines, on the rows for which all of them have a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from streams.evaluation import metrics
from streams.evaluation.baselines import Served
from streams.evaluation.bootstrap import Estimate, auc_tally, estimate, loss_tally, resample
from streams.evaluation.observation_rows import Flags, Rows

SHARES = np.concatenate([np.arange(0, 0.2, 0.01), np.arange(0.2, 1.001, 0.05)])
TOPS = np.array([0.03, 0.11])  # sheet: the share of customers at extreme risk, and at extreme or high risk
METRICS = ("auc", "log_loss")
PERIODS = ("second half", "overall")


@dataclass(frozen=True, slots=True)
class Top:
    """The customers with the highest scores of each week."""

    share: float
    gain: float  # the share of all leavers that are among them
    lift: float  # their share of leavers, divided by that of all customers


@dataclass(frozen=True, slots=True)
class Method:
    """One method. Metrics by period, then name; gains at each of the comparison's shares."""

    name: str
    how: str
    seconds: float | None
    periods: dict[str, dict[str, float]]
    tops: list[Top]
    gains: list[float]


@dataclass(frozen=True, slots=True)
class Difference:
    """Keepline minus a baseline, on the same rows and the same resampled customers."""

    rival: str
    metric: str
    period: str
    difference: Estimate


@dataclass(frozen=True, slots=True)
class Comparison:
    """Keepline is the first method."""

    rows: int
    shares: list[float]
    best_gains: list[float]  # of a perfect ranking, at each share
    methods: list[Method]
    differences: list[Difference]


def compare(rows: Rows, baselines: Sequence[Served]) -> Comparison:
    """Compares on labelled rows. rows: all observations; baselines: predictions, (rows,) each."""
    keep = rows.labelled
    for rival in baselines:
        keep = keep & np.isfinite(rival.probability)
    ours = Served("Keepline", "what was served while the stream ran", rows.probability, rows.probability, None)
    served = [replace(one, score=one.score[keep], probability=one.probability[keep]) for one in (ours, *baselines)]
    kept = rows.only(keep)
    best = metrics.gains(kept.label.astype(np.float64), kept.label, kept.week, SHARES)
    return Comparison(
        rows=len(kept.label),
        shares=[float(share) for share in SHARES],
        best_gains=[float(gain) for gain in best],
        methods=[_method(one, kept) for one in served],
        differences=_differences(served, kept),
    )


def _method(served: Served, rows: Rows) -> Method:
    later = rows.half == 1
    gains = metrics.gains(served.score, rows.label, rows.week, SHARES)
    tops = metrics.gains(served.score, rows.label, rows.week, TOPS)
    return Method(
        served.name,
        served.how,
        served.seconds,
        {"overall": _metrics(served, rows, later | True), "second half": _metrics(served, rows, later)},
        [Top(float(share), float(gain), float(gain / share)) for share, gain in zip(TOPS, tops, strict=True)],
        [float(gain) for gain in gains],
    )


def _metrics(served: Served, rows: Rows, keep: Flags) -> dict[str, float]:
    score, p, label = served.score[keep], served.probability[keep], rows.label[keep]
    return {
        "auc": metrics.auc(score, label),
        "log_loss": metrics.log_loss(p, label),
        "brier": metrics.brier(p, label),
        "ece": metrics.ece(p, label),
    }


def _differences(served: Sequence[Served], rows: Rows) -> list[Difference]:
    if not len(rows.label):
        return []
    tallies = [
        tally for one in served for tally in (auc_tally(one.score, rows.label), loss_tally(one.probability, rows.label))
    ]
    drawn = resample(tallies, rows, rows.half)[..., -1]  # last group: alone the second half, cumulated all
    ours, *others = drawn.reshape(len(served), len(METRICS), *drawn.shape[1:])
    return [
        Difference(rival.name, metric, period, estimate(ours[m, k] - theirs[m, k], least=-np.inf))
        for rival, theirs in zip(served[1:], others, strict=True)
        for m, metric in enumerate(METRICS)
        for k, period in enumerate(PERIODS)
    ]
