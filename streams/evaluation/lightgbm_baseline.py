"""LightGBM, retrained at every grid instant on all labels known by then: the weekly batch job of other systems."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streams.evaluation.baselines import Clock, Served
from streams.evaluation.observation_rows import Floats, Rows

ROUNDS = 200
# 4 leaves and 200 rows a leaf: the best of five settings in hindsight on two public logs; the default of 31 leaves
# loses up to 0.03 AUC there. One thread and fixed seeds make the trees reproducible.
TUNED: dict[str, Any] = {
    "objective": "binary", "num_leaves": 4, "learning_rate": 0.05, "min_child_samples": 200, "reg_lambda": 10.0,
    "subsample": 0.7, "subsample_freq": 1, "colsample_bytree": 0.6,
    "num_threads": 1, "deterministic": True, "force_row_wise": True, "seed": 0, "verbosity": -1,
}  # fmt: skip


def missing() -> str:
    """Returns what LightGBM lacks here and how to install it; empty where it can be imported."""
    try:
        import lightgbm  # noqa: F401
    except ModuleNotFoundError as error:
        return f"the package {error.name} is not installed; run `pip install 'keepline[bench]'`"
    except OSError as error:  # the wheel has no OpenMP of its own; the error names the library
        return f"LightGBM cannot load {error}; on Debian and Ubuntu: `apt install libgomp1`"
    return ""


def retrained_weekly(rows: Rows, clock: Clock) -> Served:
    """Predicts with all features and the labels known at each instant; NaN until both classes are among them."""
    began = clock()
    with_label = rows.labelled
    x, y = rows.matrix(), np.maximum(rows.label, 0)
    served = np.full(len(y), np.nan)
    _serve(rows, x, y, with_label, served)
    how = "200 trees of 4 leaves, retrained every week on all labels known by then, with all of Keepline's features"
    return Served("LightGBM weekly", how, served, served, clock() - began)


def _serve(rows: Rows, x: NDArray[np.float32], y: Any, with_label: Any, into: Floats) -> None:
    import lightgbm

    # feature bins are computed once, from all rows: that can only help the baseline
    everything: Any = lightgbm.Dataset(x, y, params=TUNED, free_raw_data=False).construct()
    for week, known_weeks in enumerate(rows.known_weeks):
        ends = np.searchsorted(rows.week, [known_weeks, week, week + 1])
        known = np.flatnonzero(with_label[: ends[0]])
        now = slice(ends[1], ends[2])
        if 0 < y[known].sum() < len(known) and with_label[now].any():
            model = lightgbm.train(TUNED, everything.subset(known), ROUNDS)
            into[now] = model.predict(x[now])
