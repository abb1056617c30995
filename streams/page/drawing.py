"""Matplotlib's drawings as SVG inside a page, in the page's own colours: light, dark and paper are for its style."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

# colours that nothing else has, until the page's own take their places
INK, SOFT, LINE, BLUE, RED, GREEN, AMBER = COLOURS = [f"#fedc{i:02d}" for i in range(7)]
VARIABLES = ("ink", "soft", "line", "blue", "red", "green", "amber")
WIDTH, HEIGHT = 5.0, 1.9  # inches of 72 units: a phone shows text at 9 pixels, a card of half a screen at 15
Z = 1.96  # of a 95 % interval
METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))

matplotlib.rcdefaults()  # the same bytes whatever the user's matplotlibrc holds
matplotlib.rcParams |= {
    "svg.fonttype": "none",
    "svg.hashsalt": "keepline",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": SOFT,
    "axes.labelcolor": SOFT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": LINE,
    "axes.axisbelow": True,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.spines.bottom": False,
    "axes.xmargin": 0.01,
    "date.converter": "concise",
}


def blank() -> Axes:
    """A frame that makes room for its labels."""
    axes: Axes = Figure((WIDTH, HEIGHT), facecolor="none", layout="constrained").subplots()
    axes.set_facecolor("none")
    return axes


def mark(axes: Axes, x: float, colour: str, word: str = "", row: int = 0) -> None:
    """A line from below to above, with a word beside it; rows keep the words of neighbours apart."""
    axes.axvline(x, color=colour)
    start, end = axes.get_xlim()
    side = -1 if (x - start) / (end - start) > 0.8 else 1
    place, offset = ("data", "axes fraction"), (3 * side, -11 * row)
    axes.annotate(
        word, (x, 1), offset, place, "offset points", color=colour, va="top", ha="left" if side > 0 else "right"
    )


def agreement(predicted: ArrayLike, happened: ArrayLike, counts: ArrayLike) -> str:
    """Dots beside the line on which probabilities and shares agree, with the 95 % interval of each share (Wilson)."""
    axes, share, n = blank(), np.asarray(happened, np.float64), np.asarray(counts, np.float64)
    middle, half = (share + Z**2 / (2 * n)) / (1 + Z**2 / n), Z * np.sqrt(share * (1 - share) / n + (Z / n) ** 2 / 4)
    half = half / (1 + Z**2 / n)
    axes.plot([0, 1], [0, 1], "--", color=SOFT, linewidth=1)
    axes.vlines(np.asarray(predicted), middle - half, middle + half, color=BLUE, linewidth=1.5, alpha=0.5)
    axes.scatter(predicted, share, 24.0, color=BLUE, linewidths=0, clip_on=False)
    axes.set(xlabel="predicted", ylabel="share that left", ylim=(-0.03, 1.03))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    return svg(axes)


def early(edges_days: Sequence[float], counts: Sequence[int], word: str) -> str:
    """Bars by days, early ones on the left; word: what happens on day 0."""
    axes = blank()
    axes.bar(
        edges_days[:-1],
        counts,
        np.diff(edges_days) * 0.9,
        align="edge",
        color=[GREEN if edge >= 0 else AMBER for edge in edges_days[:-1]],
    )
    axes.set(
        xlim=(edges_days[-1], edges_days[0]), ylim=(0, 1.2 * max(*counts, 1)), xlabel="days early", ylabel="customers"
    )
    mark(axes, 0, RED, word)
    return svg(axes)


def svg(axes: Axes) -> str:
    """Its element for a page."""
    file = StringIO()
    axes.figure.canvas.print_figure(file, format="svg", metadata=METADATA)
    text = file.getvalue()
    for colour, name in zip(COLOURS, VARIABLES, strict=True):
        text = text.replace(colour, f"var(--{name})")
    return text[text.index("<svg") :]
