"""The online model, one pass, against LightGBM retrained every week on all matured labels.

Both are judged on the same rows, the labelled observations of a replay, by what would have been served then: LightGBM
has the features, and of the labels those that the model served at that instant had learned from: all that have matured.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.measure import Claim, Measure, Scale, Skipped, Spent, at_least, at_most, spent
from benchmarks.process import ROOT, keepline

DATA = Path(os.environ.get("KEEPLINE_DATA") or ROOT.parent / "shared" / "data")
OULAD = ("app_activity", "service_visits", "surveys")
RETENTION = "label.retention_events=service_visit,app_activity"
TUNED: dict[str, Any] = {
    "n_estimators": 200, "learning_rate": 0.05, "num_leaves": 4, "min_child_samples": 200, "reg_lambda": 10.0,
    "subsample": 0.7, "subsample_freq": 1, "colsample_bytree": 0.6,
}  # fmt: skip
PEERS: dict[str, dict[str, Any]] = {"tuned": TUNED, "default": {}}
WEEKS_APART = {"small": 8, "full": 1}  # between two retrainings
WORST_AUC = -0.001
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Log:
    """A real log, and how it is replayed."""

    name: str
    files: Sequence[Path]
    horizon_days: int
    settings: Sequence[str]


LOGS = (
    Log("cdnow", [DATA / "cdnow" / "service_visits.csv.gz"], 90, ["label.lapsed_after=180d"]),
    Log("oulad", [DATA / "oulad" / f"{name}.csv.gz" for name in OULAD], 28, ["label.lapsed_after=60d", RETENTION]),
)


def run(scale: Scale, seed: int) -> list[Measure]:
    """Claims against the tuned one, on the whole log and its second half: log loss better, AUC at most 0.001 less."""
    import lightgbm  # noqa: F401  # so that its absence skips before anything has been replayed

    found = [log for log in LOGS if all(file.exists() for file in log.files)]
    if not found:
        raise Skipped(f"no logs in {DATA}; set KEEPLINE_DATA")
    return [measure for log in found for measure in _measure(log, WEEKS_APART[scale], seed)]


def _measure(log: Log, weeks_apart: int, seed: int) -> Iterator[Measure]:
    rows, replay_cpu_s = _replay(log)
    for peer, parameters in PEERS.items():
        served = np.full(len(rows), np.nan)
        took = spent(lambda into=served, of=parameters: _retrain(rows, log.horizon_days, weeks_apart, of, seed, into))
        yield from _compared(log, rows, served, peer, replay_cpu_s, took)


def _replay(log: Log) -> tuple[pd.DataFrame, float]:
    """The labelled observations by instant, and the processor time of the replay."""
    with TemporaryDirectory(prefix="keepline-learning-") as folder:
        settings = [f"label.horizon={log.horizon_days}d", *log.settings]
        options = [word for setting in settings for word in ("--set", setting)]
        took = keepline("replay", *log.files, "--profile", "e-commerce", "--out", folder, *options)
        rows = pd.read_parquet(Path(folder) / "examples.parquet")
    rows = rows[rows["label"].notna()].sort_values(["observed_at", "customer_id"], ignore_index=True)
    return rows, took.cpu_s


def _retrain(
    rows: pd.DataFrame, horizon_days: int, weeks_apart: int, parameters: dict[str, Any], seed: int, into: Floats
) -> None:
    """What LightGBM would have served for each row; NaN while it has no labels of both classes.

    Bins are made once, of all rows: that can only help it.
    """
    import lightgbm

    x = rows.filter(regex="^f_").to_numpy(np.float32)
    y, at = rows["label"].to_numpy(np.float64), rows["observed_at"].to_numpy()
    common = {"objective": "binary", "verbosity": -1, "seed": seed, "min_data_in_bin": 3}
    rounds = parameters.get("n_estimators", 100)
    settings = common | {name: value for name, value in parameters.items() if name != "n_estimators"}
    everything = lightgbm.Dataset(x, y, params=settings, free_raw_data=False).construct()
    model = None
    for week, instant in enumerate(np.unique(at)):
        known = int(np.searchsorted(at, instant - np.timedelta64(horizon_days, "D"), "right"))
        if (model is None or week % weeks_apart == 0) and 0 < y[:known].sum() < known:
            model = lightgbm.train(settings, everything.subset(np.arange(known)), rounds)
        if model is not None:
            now = slice(*np.searchsorted(at, [instant, instant + np.timedelta64(1, "us")]))
            into[now] = model.predict(x[now])


def _compared(
    log: Log, rows: pd.DataFrame, served: Floats, peer: str, replay_cpu_s: float, took: Spent
) -> Iterator[Measure]:
    """The whole log, and its second half (of the rows)."""
    second = np.arange(len(rows)) >= len(rows) // 2
    for name, judged in (("all", ~np.isnan(served)), ("second half", ~np.isnan(served) & second)):
        label, ours = rows["label"].to_numpy(np.float64)[judged], rows["probability"].to_numpy()[judged]
        what, theirs = f"{log.name}, {name}", served[judged]
        yield _measure_of(
            f"{what}: AUC of {judged.sum():,} rows", peer, area(ours, label), area(theirs, label), WORST_AUC
        )
        yield _measure_of(f"{what}: log loss", peer, _log_loss(ours, label), _log_loss(theirs, label), None)
    yield Measure(
        f"{log.name}: processor time, ours with decoding and features",
        replay_cpu_s,
        "s",
        f"LightGBM {peer}",
        took.cpu_s,
    )


def _measure_of(figure: str, peer: str, ours: float, theirs: float, worst_auc: float | None) -> Measure:
    claim: Claim | None = None
    if peer == "tuned" and worst_auc is None:
        claim = at_most(ours - theirs, 0.0, "less")
    elif peer == "tuned" and worst_auc is not None:
        claim = at_least(ours - theirs, worst_auc, "at most 0.001 less")
    return Measure(figure, ours, "", f"LightGBM {peer}", theirs, claim)


def area(probability: Floats, label: Floats) -> float:
    """The area under the ROC curve, ties counted half."""
    ranks = pd.Series(probability).rank().to_numpy()
    positives = label.sum()
    negatives = len(label) - positives
    return float((ranks[label == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _log_loss(probability: Floats, label: Floats) -> float:
    p = np.clip(probability, 1e-15, 1 - 1e-15)
    return float(-np.mean(np.where(label == 1, np.log(p), np.log(1 - p))))
