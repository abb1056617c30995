"""All figures of one replay, as evaluation.json has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from schemas.instants import DAY_US, format_instant
from streams.evaluation import comparison, metrics, segments
from streams.evaluation.baselines import Served
from streams.evaluation.crossings import Crossings, crossings
from streams.evaluation.drift import Drift, drift
from streams.evaluation.due_dates import Warnings, warnings
from streams.evaluation.effect import Effect
from streams.evaluation.influence import Influence
from streams.evaluation.lead_time import Cases, Timing, timing
from streams.evaluation.observation_rows import Rows
from streams.evaluation.over_time import MetricsOverTime, metrics_over_time
from streams.evaluation.targets import FollowedCase, Target, targets
from streams.evaluation.thresholds import Threshold, thresholds


@dataclass(frozen=True, slots=True)
class Log:
    """What was evaluated."""

    observations: int
    labelled: int
    unlabelled: int  # left out: their horizon was not over when the log ended
    left: int  # customers who left, of the labelled observations
    customers: int
    first: str | None
    last: str | None
    horizon_days: float
    policy_version: str | None
    replay_seconds: float | None
    replay_processor_seconds: float | None
    took_over: str | None  # the first instant at which the mixture was served, before it RFM-B; None: unknown


@dataclass(frozen=True, slots=True)
class Bar:
    """A lower bound of AUC from the profile; met: the second half's interval is above it."""

    name: str  # the profile's key
    auc: float
    met: bool


@dataclass(frozen=True, slots=True)
class Report:
    """All figures; lists may be empty, `cases` is None where the replay has no file of them."""

    log: Log
    course: MetricsOverTime
    bars: list[Bar]
    reliability: list[metrics.Bin]
    by_probability: list[metrics.Bin]
    segments: list[segments.Segment]
    comparison: comparison.Comparison
    cases: Timing | None
    crossings: list[Crossings]
    influence: list[Influence]
    thresholds: list[Threshold]
    warnings: Warnings | None  # None also for a replay of a release that did not write the grace
    drift: Drift
    effects: list[Effect]
    targets: list[Target]


def evaluate(
    rows: Rows,
    summary: dict[str, Any],
    cases: tuple[Cases, Cases] | None,
    baselines: Sequence[Served],
    effects: Sequence[Effect] = (),
    followed: Sequence[FollowedCase] = (),
    influences: Sequence[Influence] = (),
    took_over: str | None = None,
) -> Report:
    """Computes the report. cases: sent and withheld; baselines: their predictions, (rows,) each; followed: the cases
    whose measurement is over; took_over: as in `Log`.
    """
    judged = rows.only(rows.labelled)
    found, log = metrics_over_time(judged), _log(rows, judged, summary, took_over)
    timed = cases and timing(*cases, rows)
    right = (timed.segments[0].right, timed.segments[0].judged) if timed else (0, 0)
    left = int(judged.label.sum()), log.labelled, log.horizon_days
    return Report(
        log,
        found,
        _bars(found, summary.get("auc_bars", {})),
        metrics.reliability(judged.probability, judged.label),
        metrics.by_probability(judged.probability, judged.label),
        segments.judge(judged),
        comparison.compare(rows, baselines),
        timed,
        crossings(*cases, rows) if cases else [],
        list(influences),
        thresholds(rows) if found.weeks else [],
        warnings(cases[0], rows, summary) if cases else None,
        drift(rows),
        list(effects),
        targets(summary.get("goals", {}), list(followed), effects, right, left),
    )


def _bars(found: MetricsOverTime, asked: dict[str, float]) -> list[Bar]:
    if not found.second_half:
        return []
    return [Bar(name, auc, found.second_half["auc"].low > auc) for name, auc in asked.items()]


def _log(rows: Rows, judged: Rows, summary: dict[str, Any], took_over: str | None) -> Log:
    ends = [format_instant(int(us)) for us in rows.instants_us[[0, -1]]] if len(rows.instants_us) else [None, None]
    return Log(
        observations=len(rows.label),
        labelled=len(judged.label),
        unlabelled=len(rows.label) - len(judged.label),
        left=int(judged.label.sum()),
        customers=len(rows.names),
        first=ends[0],
        last=ends[1],
        horizon_days=rows.horizon_us / DAY_US,
        policy_version=summary.get("policy_version"),
        replay_seconds=summary.get("seconds"),
        replay_processor_seconds=summary.get("processor_seconds"),
        took_over=took_over,
    )
