"""The online model, one pass, against LightGBM retrained every week on all matured labels.

Both are evaluated on the same rows, the labelled observations of a replay, by the probabilities served at the time.
LightGBM has all features, and at each instant exactly the labels that the model had: those known by then. Differences
have bootstrap intervals by customer and by week, of which the wider one counts, as in `keepline evaluate`. Processor
times are of one thread each: our model runs over the observations once more, without decoding and features, which
LightGBM also gets ready-made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.alone import ModelCost, run_model
from benchmarks.logs import SAMPLES, WHOLE, Log, replayed
from benchmarks.measure import Claim, Measure, Scale, Skipped, Timing, at_least, at_most, timed
from schemas.instants import WEEK_US
from streams.evaluation import lightgbm_baseline, metrics
from streams.evaluation.bootstrap import Estimate, auc_tally, estimate, loss_tally, resample
from streams.evaluation.lightgbm_baseline import ROUNDS, TUNED
from streams.evaluation.observation_rows import Flags, Floats, Ints, Rows, read

WEEKS_APART = {"small": 8, "full": 1}  # between two retrainings; claims are against weekly retraining
LEAST_AUC = -0.001  # the difference
MOST_OF_BASE_RATE = 1.01
MOST_SHARE = 1 / 20  # of LightGBM's processor time
MOST_US = 2000.0  # an example
MOST_BYTES = 2_000_000
CITY = 100_000_000  # customers observed weekly, extrapolated
WEEK_S = WEEK_US / 1e6
PERIODS = ("second half", "whole log")


@dataclass(frozen=True, slots=True)
class Served:
    """Observations for which all methods have a prediction, with the probabilities, (rows,) each."""

    rows: Rows
    ours: Floats
    theirs: Floats
    base_rate: Floats

    @property
    def half(self) -> Ints:
        """0 in the first half of the rows, 1 in the second."""
        return (np.arange(len(self.ours)) >= len(self.ours) // 2).astype(np.int64)


def run(scale: Scale, seed: int) -> list[Measure]:
    """Measures with claims on each log; at a small scale without the claims about LightGBM."""
    if missing := lightgbm_baseline.missing():
        raise Skipped(missing)
    logs = [log for log in (WHOLE if scale == "small" else WHOLE + SAMPLES) if log.is_there]
    if not logs:
        raise Skipped("no logs; set KEEPLINE_DATA to the folder of the logs")
    measures, gains = [], defaultdict[str, list[float]](list)
    for log in logs:
        some, auc = _measured(log, WEEKS_APART[scale], seed)
        measures += some
        gains["whole logs" if log in WHOLE else "samples"] += auc
    return measures + [_gain(name, auc, WEEKS_APART[scale]) for name, auc in gains.items()]


def _gain(name: str, differences: list[float], weeks_apart: int) -> Measure:
    mean = float(np.mean(differences))
    claim = Claim("above 0", mean > 0.0) if weeks_apart == 1 else None
    return Measure(f"{name}: AUC less LightGBM's, mean of logs and halves", mean, "", claim=claim)


def _measured(log: Log, weeks_apart: int, seed: int) -> tuple[list[Measure], list[float]]:
    """Returns the measures, and the differences of AUC by period."""
    with replayed(log) as (folder, replay):
        alone = run_model(folder, log.profile)
        served, took = _served(folder, weeks_apart, seed)
        auc, loss = _differences(served)
    measures: list[Measure] = []
    for i, (period, judged) in enumerate(zip(PERIODS, (served.half == 1, served.half >= 0), strict=True)):
        measures += _compared(f"{log.name}, {period}", served, judged, auc[i], loss[i], weeks_apart == 1)
    measures += [_calibrated(log, served), *_costs(log, alone, replay.cpu_s, took, weeks_apart == 1)]
    return measures, [one.value for one in auc]


def _served(folder: Path, weeks_apart: int, seed: int) -> tuple[Served, Timing]:
    """Returns the predictions of all methods, and LightGBM's time."""
    rows, _ = read(folder)
    labelled = rows.labelled
    x, rows = rows.matrix()[labelled], rows.only(labelled)
    ends = np.searchsorted(rows.week, np.arange(len(rows.instants_us) + 1))  # rows up to each instant
    known = ends[np.searchsorted(rows.instants_us, rows.instants_us - rows.horizon_us, "right")]
    theirs = np.full(len(x), np.nan)
    took = timed(lambda: _retrain(x, rows, known, weeks_apart, seed, theirs))
    has_all = np.isfinite(theirs)
    base_rate = np.append(0, np.cumsum(rows.label))[known] / np.maximum(known, 1)
    rates = base_rate[rows.week]
    return Served(rows.only(has_all), rows.probability[has_all], theirs[has_all], rates[has_all]), took


def _retrain(x: NDArray[np.float32], rows: Rows, known: Ints, weeks_apart: int, seed: int, into: Floats) -> None:
    """Writes LightGBM's prediction for each row; NaN while it has no labels of both classes.

    known: (weeks,), rows with known labels at each instant. Bins come from all rows: that can only help LightGBM.
    """
    import lightgbm

    settings, y, model = TUNED | {"seed": seed}, rows.label.astype(np.float64), None
    everything: Any = lightgbm.Dataset(x, y, params=settings, free_raw_data=False).construct()
    for week in np.unique(rows.week).tolist():
        labels = int(known[week])
        if (model is None or week % weeks_apart == 0) and 0 < y[:labels].sum() < labels:
            model = lightgbm.train(settings, everything.subset(np.arange(labels)), ROUNDS)
        if model is not None:
            now = slice(*np.searchsorted(rows.week, [week, week + 1]))
            into[now] = model.predict(x[now], num_threads=1)


def _differences(served: Served) -> tuple[list[Estimate], list[Estimate]]:
    """Returns AUC and log loss minus LightGBM's, by period, with intervals."""
    label = served.rows.label
    tallies = [make(p, label) for make in (auc_tally, loss_tally) for p in (served.ours, served.theirs)]
    drawn = resample(tallies, served.rows, served.half)[..., -1]  # the last group alone is the second half
    auc, loss = ([estimate(part, least=-np.inf) for part in drawn[i] - drawn[i + 1]] for i in (0, 2))
    return auc, loss


def _compared(
    what: str, served: Served, judged: Flags, auc: Estimate, loss: Estimate, weekly: bool
) -> Iterator[Measure]:
    """Yields measures of a period. judged: (rows,); auc, loss: ours minus theirs."""
    label = served.rows.label[judged]
    ours, theirs, base = (p[judged] for p in (served.ours, served.theirs, served.base_rate))
    peer, less = "LightGBM", "less LightGBM's, 95 %"
    yield Measure(f"{what}: AUC of {len(label):,} rows", metrics.auc(ours, label), "", peer, metrics.auc(theirs, label))
    claim = at_least(auc.value, LEAST_AUC, "at most 0.001 less") if weekly else None
    yield Measure(f"{what}: AUC {less}", auc.value, _interval(auc), claim=claim)
    log_loss = metrics.log_loss(ours, label)
    yield Measure(f"{what}: log loss", log_loss, "", peer, metrics.log_loss(theirs, label))
    claim = Claim("below 0", loss.value < 0.0) if weekly else None
    yield Measure(f"{what}: log loss {less}", loss.value, _interval(loss), claim=claim)
    of_base = metrics.log_loss(base, label)
    claim = at_most(log_loss / of_base, MOST_OF_BASE_RATE, "at most 1.01 of it")
    yield Measure(f"{what}: log loss", log_loss, "", "running base rate", of_base, claim)


def _interval(of: Estimate) -> str:
    return f"({of.low:+.4f} to {of.high:+.4f})"


def _calibrated(log: Log, served: Served) -> Measure:
    late = served.half == 1
    ours, theirs = (metrics.ece(p[late], served.rows.label[late]) for p in (served.ours, served.theirs))
    claim = at_most(ours, log.most_ece, f"<= {log.most_ece}") if log.most_ece else None
    return Measure(f"{log.name}, second half: ECE, 15 bins of equal mass", ours, "", "LightGBM", theirs, claim)


def _costs(log: Log, alone: ModelCost, replay_cpu_s: float, took: Timing, weekly: bool) -> Iterator[Measure]:
    """Yields costs; the first claim proves that they are the costs of the model that was served."""
    name, seconds = log.name, alone.learning_s + alone.scoring_s
    cost_us, peer = 1e6 * alone.learning_s / alone.learned, "LightGBM"
    yield Measure(
        f"{name}: of {alone.observed:,} observations the model alone differs from the replay in a bit",
        alone.differ,
        "",
        claim=at_most(alone.differ, 0, "none"),
    )
    claim = at_most(seconds / took.cpu_s, MOST_SHARE, "<= 1/20") if weekly else None
    yield Measure(f"{name}: processor time of the model alone", seconds, "s", peer, took.cpu_s, claim)
    yield Measure(f"{name}: the same with decoding, features and cases", replay_cpu_s, "s", peer, took.cpu_s)
    yield Measure(
        f"{name}: learning, an example", cost_us, "us", claim=at_most(cost_us, MOST_US, f"<= {MOST_US:,.0f} us")
    )
    yield Measure(
        f"{name}: learning {CITY:,} customers observed weekly, extrapolated",
        cost_us * CITY / 1e6,
        "s",
        f"s of a week ({CITY / WEEK_S:.0f} of {1e6 / cost_us:,.0f} examples/s)",
        WEEK_S,
        at_most(cost_us * CITY / 1e6, WEEK_S, "within the week"),
    )
    size = alone.snapshot_bytes
    yield Measure(
        f"{name}: snapshot of the model", size, "bytes", claim=at_most(size, MOST_BYTES, f"<= {MOST_BYTES:,} bytes")
    )
    yield Measure(f"{name}: state of the learner, in all", alone.state_bytes, "bytes")
