"""The pictures of the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from matplotlib.ticker import PercentFormatter

from streams.evaluation.bootstrap import Estimate
from streams.evaluation.comparison import TOPS, Comparison
from streams.evaluation.drift import Drift, FeatureDrift
from streams.evaluation.influence import Influence
from streams.evaluation.lead_time import Timing
from streams.evaluation.metrics import Bin
from streams.evaluation.over_time import Week
from streams.page import drawing
from streams.page.drawing import AMBER, BLUE, GREEN, INK, RED, SOFT

WORTH_A_LOOK, SHIFTED = 0.1, 0.25  # of PSI, the usual rule of thumb
MOST_MOVED = 16  # rows of the table of drift; evaluation.json has all
METHODS = ((BLUE, "-", 2.5), (AMBER, "--", 1.5), (GREEN, ":", 1.5), (SOFT, "-.", 1.5), (RED, (0, (6, 2, 1, 2)), 1.5))


def over_time(weeks: Sequence[Week], metric: str, took_over: str | None) -> str:
    """Each week alone with its interval, and everything up to it; a gap where a metric is not defined. took_over: a
    line there.
    """
    axes = drawing.blank()
    at = np.array([week.observed_at.rstrip("Z") for week in weeks], "datetime64[s]")
    value, low, high = _parts([week.alone[metric] for week in weeks])
    axes.plot(at, value, color=BLUE)
    axes.plot(at, _parts([week.so_far[metric] for week in weeks])[0], ":", color=INK)
    axes.set_ylim(axes.get_ylim())  # intervals do not count: the first are as high as the frame
    axes.fill_between(at, low, high, color=BLUE, alpha=0.18, linewidth=0)
    if took_over and at[0] < (since := np.datetime64(took_over.rstrip("Z"))) <= at[-1]:
        axes.plot(np.array([since, since]), axes.get_ylim(), "--", color=SOFT)
    return drawing.svg(axes)


def _parts(found: Sequence[Estimate]) -> np.ndarray:
    return np.array([(one.value, one.low, one.high) for one in found], np.float64).T


def reliability(bins: Sequence[Bin]) -> str:
    """Predicted against happened."""
    return drawing.agreement(
        [one.predicted for one in bins], [one.happened for one in bins], [one.count for one in bins]
    )


def curve(one: Influence) -> str:
    """What the model makes of a feature: log-odds against the average customer."""
    axes = drawing.blank()
    axes.axhline(0.0, color=SOFT, linewidth=1, linestyle="--")
    axes.plot(one.values, one.contributions, "o-", color=BLUE)
    axes.set(xlabel=one.unit, ylabel="log-odds")
    return drawing.svg(axes)


def gains(comparison: Comparison) -> str:
    """Leavers found against customers called, for each method."""
    axes = drawing.blank()
    for ideal in (comparison.shares, comparison.best_gains):
        axes.plot(comparison.shares, ideal, "--", color=SOFT, linewidth=1)
    for method, (colour, dashes, width) in reversed(list(zip(comparison.methods, METHODS, strict=False))):
        axes.plot(comparison.shares, method.gains, color=colour, linestyle=dashes, linewidth=width)
    for row, share in enumerate(TOPS):
        drawing.mark(axes, float(share), SOFT, f"{share:.0%}", row)
    axes.set(xlabel="customers called", ylabel="leavers found")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    return drawing.svg(axes)


def early(timing: Timing) -> str:
    """Leavings by the days that their first case was early."""
    return drawing.early(timing.edges_days, timing.counts, "certain without a model")


def drift(found: Drift) -> str:
    """PSI by feature and month; what moved most on top."""
    head = "".join(f'<th class="number">{escape(month)}</th>' for month in found.months)
    rows = "".join(_row(one) for one in found.moved[:MOST_MOVED])
    rest = found.moved[MOST_MOVED:]
    note = f'<p class="note">{len(rest)} more, none above {rest[0].worst:.2f}.</p>' if rest else ""
    return f'<div class="wide"><table class="drift"><tr><th></th>{head}</tr>{rows}</table></div>{note}'


def _row(one: FeatureDrift) -> str:
    cells = "".join(f'<td class="number {_look(psi)}">{psi:.2f}</td>' for psi in one.psi)
    return f"<tr><td>{escape(one.name)}</td>{cells}</tr>"


def _look(psi: float) -> str:
    return "moved" if psi > SHIFTED else "watched" if psi > WORTH_A_LOOK else "calm"
