"""The observations of a replay as columns, in the order of their instants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from schemas.errors import Failure, UsageError
from schemas.instants import parse_duration
from streams.files.replay_folder import EXAMPLES, SUMMARY, read_summary

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
RFM = ("f_retained_recency", "f_retained_count", "f_spend_total", "f_activity_28d")
RFM_B = "f_rfm_b"
GAP = "f_gap_mean"
NEEDED = (*RFM, GAP)
NO_LABEL = -1


@dataclass(frozen=True, slots=True)
class Rows:
    """Observations, (rows,) each, sorted by instant; `week`: index of a row's instant in `instants_us`, (weeks,)."""

    path: Path
    names: Sequence[str]  # of customers, (customers,)
    customer: Ints
    instants_us: Ints
    week: Ints
    probability: Floats
    label: NDArray[np.int8]  # NO_LABEL where it has not matured
    features: dict[str, Floats]
    horizon_us: int
    labelled_weeks: int  # the first so many instants have labels

    @property
    def labelled(self) -> Flags:
        """Whether the label of a row has matured, (rows,)."""
        return np.asarray(self.label != NO_LABEL)

    @property
    def known_weeks(self) -> Ints:
        """How many instants had known labels at each instant, (weeks,): those that matured up to it, as for the model
        that is served at it.
        """
        return np.searchsorted(self.instants_us + self.horizon_us, self.instants_us, "right")

    @property
    def half(self) -> Ints:
        """0 in the first half of the instants that have labels, 1 in the second, (rows,)."""
        return (self.week >= self.labelled_weeks // 2).astype(np.int64)

    def only(self, keep: Flags) -> Rows:
        """Returns the rows to keep; the numbers of instants and customers do not change."""
        features = {name: values[keep] for name, values in self.features.items()}
        columns = {name: getattr(self, name)[keep] for name in ("customer", "week", "probability", "label")}
        return replace(self, features=features, **columns)

    def feature_names(self) -> list[str]:
        """Returns the names of the columns of `matrix`."""
        return [name.removeprefix("f_") for name in pq.read_schema(self.path).names if name.startswith("f_")]

    def newest(self, most: int) -> Floats:
        """Reads all features of the newest observations, (features, n), as they were."""
        order = _order(pq.read_table(self.path, columns=["observed_at"])["observed_at"])[-most:]
        columns = (f"f_{name}" for name in self.feature_names())
        return np.array([pq.read_table(self.path, columns=[name])[name].to_numpy()[order] for name in columns])

    def matrix(self) -> NDArray[np.float32]:
        """Reads all features, (rows, features); large, so it is not kept."""
        names = [f"f_{name}" for name in self.feature_names()]
        into = np.empty((len(self.label), len(names)), np.float32)
        for i, name in enumerate(names):
            into[:, i] = pq.read_table(self.path, columns=[name])[name].to_numpy()
        return into[_order(pq.read_table(self.path, columns=["observed_at"])["observed_at"])]


def read(folder: Path) -> tuple[Rows, dict[str, Any]]:
    """Returns the observations of a replay and its summary.

    Raises UsageError where `folder` has no replay, Failure where the replay is not complete.
    """
    summary = _summary(folder)
    path = folder / EXAMPLES
    try:
        there = pq.read_schema(path).names
        wanted = [name for name in (*NEEDED, RFM_B) if name in there]
        table = pq.read_table(path, columns=["customer_id", "observed_at", "probability", "label", *wanted])
    except (OSError, KeyError, pa.ArrowException) as error:
        raise Failure(f"{path}: cannot be read ({error}); replay the log again") from error
    if missing := [name for name in NEEDED if name not in there]:
        raise Failure(f"{path}: no column {', '.join(missing)}; replay the log with this version")
    return _rows(path, table, wanted, parse_duration(summary["label_horizon"])), summary


def _rows(path: Path, table: Any, features: Sequence[str], horizon_us: int) -> Rows:
    table = table.take(_order(table["observed_at"]))
    customers = table["customer_id"].combine_chunks().dictionary_encode()
    instants_us, week = np.unique(_microseconds(table["observed_at"]), return_inverse=True)
    label = pc.fill_null(table["label"], NO_LABEL).to_numpy()
    return Rows(
        path,
        customers.dictionary.to_pylist(),
        customers.indices.to_numpy().astype(np.int64),
        instants_us,
        week,
        table["probability"].to_numpy(),
        label,
        {name: table[name].to_numpy() for name in features},
        horizon_us,
        int(week[label != NO_LABEL].max(initial=-1)) + 1,
    )


def _order(observed_at: Any) -> Ints:
    return np.argsort(_microseconds(observed_at), kind="stable")


def _microseconds(column: Any) -> Ints:
    return np.asarray(column.cast(pa.int64()).to_numpy(), np.int64)


def _summary(folder: Path) -> dict[str, Any]:
    if not (folder / EXAMPLES).is_file():
        raise UsageError(f"{folder}: no {EXAMPLES} in it; give the folder that `keepline replay --out` wrote")
    summary = read_summary(folder)
    if "label_horizon" not in summary:
        raise Failure(f"{folder / SUMMARY}: no label_horizon in it; replay the log again with this version")
    return summary
