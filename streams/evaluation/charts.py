"""The pictures of the page."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np

from schemas.instants import parse_instant
from streams.evaluation.bootstrap import Estimate
from streams.evaluation.comparison import TOPS, Comparison
from streams.evaluation.drift import Drift
from streams.evaluation.lead_time import Timing
from streams.evaluation.metrics import Bin
from streams.evaluation.over_time import Week
from streams.page import svg

Line = list[tuple[float, float]]
TICKS = 4
DATES = 5
WORTH_A_LOOK, SHIFTED = 0.1, 0.25  # of PSI, the usual rule of thumb
MOST_MOVED = 16  # rows of the picture of drift; evaluation.json has all
QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def over_time(weeks: Sequence[Week], metric: str) -> str:
    """Each week alone with its interval, and everything up to it; a gap where a metric is not defined."""
    at = _places(weeks)
    alone, so_far = ([getattr(week, kind)[metric] for week in weeks] for kind in ("alone", "so_far"))
    low, high, ticks = _scale([one.value for one in (*alone, *so_far) if isfinite(one.value)])

    def height(value: float) -> float:
        return (value - low) / (high - low)

    def points(found: Sequence[Estimate], part: slice, end: str) -> Line:
        return [(x, height(getattr(one, end))) for x, one in zip(at[part], found[part], strict=True)]

    shapes = [svg.band(points(alone, part, "low"), points(alone, part, "high"), "band") for part in _runs(alone, "low")]
    shapes += [svg.line(points(alone, part, "value"), "weekly") for part in _runs(alone, "value")]
    shapes += [svg.line(points(so_far, part, "value"), "sofar") for part in _runs(so_far, "value")]
    chosen = sorted({round(i * (len(weeks) - 1) / (DATES - 1)) for i in range(DATES)})
    dates = [(min(max(at[i], 0.06), 0.95), weeks[i].observed_at[:7]) for i in chosen]
    return svg.plot(shapes, dates, [(height(tick), f"{tick:g}") for tick in ticks])


def _runs(found: Sequence[Estimate], end: str) -> list[slice]:
    """Where it is defined without a gap."""
    known = np.array([False, *(isfinite(getattr(one, end)) for one in found), False])
    edges = np.flatnonzero(known[1:] != known[:-1])
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def reliability(bins: Sequence[Bin]) -> str:
    """Said against happened."""
    words = [f"{one.count:,} predictions of {one.predicted:.1%}: {one.happened:.1%} left" for one in bins]
    dots = svg.dots([(one.predicted, one.happened, 5.0) for one in bins], "bin", words)
    labels = [(x, f"said {x:g}" if x == 0.5 else f"{x:g}") for x in QUARTERS]
    return svg.plot([svg.line([(0, 0), (1, 1)], "ideal"), dots], labels, [(0.0, "0"), (0.5, "½"), (1.0, "1")])


def gains(comparison: Comparison) -> str:
    """Leavers found against customers called, for each method."""
    shapes = [svg.line([(0, 0), (1, 1)], "ideal")]
    shapes.append(svg.line(list(zip(comparison.shares, comparison.best_gains, strict=True)), "ideal"))
    for i, method in reversed(list(enumerate(comparison.methods))):
        shapes.append(svg.line(list(zip(comparison.shares, method.gains, strict=True)), f"r{i}"))
    shapes += [svg.upright(float(share), "mark", f"{share:.0%}", row) for row, share in enumerate(TOPS)]
    labels = [(min(x, 0.97), f"{x:.0%} called" if x == 0.5 else f"{x:.0%}") for x in QUARTERS]
    return svg.plot(shapes, labels, [(0.0, "0"), (0.5, "½"), (1.0, "all")])


def early(timing: Timing) -> str:
    """Leavings by the days that their first case was early; early ones on the left."""
    edges, counts = timing.edges_days, timing.counts
    top, whole = max(*counts, 1), edges[-1] - edges[0]
    names = ["before" if edge >= 0 else "after" for edge in edges[:-1]]
    days = (edges[-1], edges[-1] / 2, 0.0, edges[0] / 2, edges[0])
    labels = [(min(max((edges[-1] - d) / whole, 0.06), 0.94), _days(d)) for d in days]
    shapes = [
        svg.bars([n / top for n in counts[::-1]], names[::-1]),
        svg.upright(0.5, "left", "certain without a model"),
    ]
    return svg.plot(shapes, labels, [(0.0, "0"), (1.0, _short(top))])


def _short(count: int) -> str:
    return f"{count}" if count < 1000 else f"{count / 1000:.1f}k"


def _days(days: float) -> str:
    return "0" if days == 0 else f"{abs(days):g} d {'early' if days > 0 else 'late'}"


def _places(weeks: Sequence[Week]) -> list[float]:
    at = np.array([parse_instant(week.observed_at) for week in weeks], np.float64)
    return [float(x) for x in (at - at[0]) / max(at[-1] - at[0], 1.0)]


def _scale(values: Sequence[float]) -> tuple[float, float, list[float]]:
    """A range around the values and round numbers in it."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = max((high - low) / 10, 1e-3)
    low, high = max(low - room, 0.0), high + room
    step = _round_step((high - low) / TICKS)
    first = int(np.ceil(low / step))
    return low, high, [round(i * step, 10) for i in range(first, int(high / step) + 1)]


def _round_step(about: float) -> float:
    power = 10.0 ** np.floor(np.log10(about))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= about))


def drift(found: Drift) -> str:
    """PSI by feature and month; what moved most on top."""
    shown = found.moved[:MOST_MOVED]
    cells = [[_cell(one.name, *at) for at in zip(found.months, one.psi, strict=True)] for one in shown]
    names = [f"{one.name} {one.worst:.2f}" for one in shown]
    rest = found.moved[MOST_MOVED:]
    note = f'<p class="note">{len(rest)} more, none above {rest[0].worst:.2f}.</p>' if rest else ""
    return f'<div class="card">{svg.heat(cells, names, found.months)}</div>{note}'


def _cell(name: str, month: str, psi: float) -> tuple[str, str]:
    """Its look, and what it says when it is pointed at."""
    look = "moved" if psi > SHIFTED else "watched" if psi > WORTH_A_LOOK else "calm"
    return look, f"{name}, {month}: PSI {psi:.2f}"
