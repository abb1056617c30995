"""Metrics of groups of customers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streams.evaluation import metrics
from streams.evaluation.observation_rows import Flags, Floats, Rows

Features = dict[str, Floats]

# the published lifecycle groups of the shop (new: 1 to 3 purchases, mature: 10 or more) and its high-value segment
# (last one within 30 days, 5 or more, worth 2,000 or more in the log's currency); the last overlaps the others
SEGMENTS: dict[str, Callable[[Features], Flags]] = {
    "new (1 to 3)": lambda f: f["f_retained_count"] < 4,
    "growing (4 to 9)": lambda f: (f["f_retained_count"] >= 4) & (f["f_retained_count"] < 10),
    "mature (10 or more)": lambda f: f["f_retained_count"] >= 10,
    "high value": lambda f: (
        (f["f_retained_recency"] <= 30) & (f["f_retained_count"] >= 5) & (f["f_spend_total"] >= 2000)
    ),
}


@dataclass(frozen=True, slots=True)
class Segment:
    """Metrics of the rows of one segment."""

    name: str
    labels: int
    left: int
    auc: float
    log_loss: float
    ece: float


def members(features: Features) -> dict[str, Flags]:
    """Returns the members of each segment, (rows,) each."""
    return {name: belongs(features) for name, belongs in SEGMENTS.items()}


def judge(rows: Rows) -> list[Segment]:
    """Returns the metrics of labelled rows by segment."""
    p, label = rows.probability, rows.label
    return [_segment(name, p[belongs], label[belongs]) for name, belongs in members(rows.features).items()]


def _segment(name: str, p: Floats, label: metrics.Labels) -> Segment:
    scores = metrics.auc(p, label), metrics.log_loss(p, label), metrics.ece(p, label)
    return Segment(name, len(label), int(label.sum()), *scores)
