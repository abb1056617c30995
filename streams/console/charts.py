"""Charts as SVG: intervals, courses over time, predicted against happened; colours by class, from the style sheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

from markupsafe import Markup

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 230, 56, 8, 12, 26
MOST_TICKS, MOST_LABELS = 5, 4
Format = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Interval:
    """A measure with its range. kind: a class, for its colour; about: a sentence."""

    label: str
    value: float
    low: float
    high: float
    kind: str
    about: str


@dataclass(frozen=True, slots=True)
class Course:
    """Values over time; None: not known then. kind: a class."""

    kind: str
    values: Sequence[float | None]


class _Frame:
    """Where values stand: y upwards from low to high, x by shares of the width."""

    def __init__(self, low: float, high: float) -> None:
        span = (high - low) or abs(high) or 1.0
        self.low, self.high = low - 0.05 * span, high + 0.05 * span

    def x(self, share: float) -> float:
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return TOP + (self.high - value) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def scale(self, shown: Format) -> list[str]:
        """Lines across with what they stand for."""
        parts = []
        for tick in ticks(self.low, self.high):
            y = self.y(tick)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text class="scale" x="{LEFT - 6}" y="{y + 4:.1f}">{escape(shown(tick))}</text>')
        return parts

    def labels(self, labels: Sequence[str]) -> list[str]:
        """Some of the labels along the lower edge, the first and the last among them."""
        last = len(labels) - 1
        count = min(MOST_LABELS, len(labels))  # long ones need so much room
        chosen = sorted({round(i * last / max(count - 1, 1)) for i in range(count)})
        parts = []
        for i in chosen:
            kind = " first" if i == 0 else " last" if i == last else ""
            x = self.x(i / last if last else 0.5)
            parts.append(f'<text class="day{kind}" x="{x:.1f}" y="{HEIGHT - 6}">{escape(labels[i])}</text>')
        return parts


def ticks(low: float, high: float) -> list[float]:
    """Returns round numbers between low and high, MOST_TICKS at most."""
    rough = (high - low) / MOST_TICKS
    size = 10.0 ** floor(log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    first = -(-low // step)
    return [round((first + i) * step, 12) for i in range(MOST_TICKS + 1) if (first + i) * step <= high]


def intervals(marks: Sequence[Interval], shown: Format, said: str) -> Markup:
    """Returns measures with their ranges, side by side, and the line of 0."""
    frame = _Frame(min(0.0, *(mark.low for mark in marks)), max(0.0, *(mark.high for mark in marks)))
    parts, zero = frame.scale(shown), frame.y(0.0)
    parts.append(f'<line class="zero" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{zero:.1f}" y2="{zero:.1f}"/>')
    step = (WIDTH - LEFT - RIGHT) / len(marks)
    often = -(-len(marks) // MOST_LABELS)
    for i, mark in enumerate(marks):
        x, y1, y2 = LEFT + (i + 0.5) * step, frame.y(mark.low), frame.y(mark.high)
        title = f"<title>{escape(mark.about)}</title>"
        parts.append(
            f'<g class="{mark.kind}">{title}<line class="range" x1="{x:.1f}" x2="{x:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"/>'
            f'<circle cx="{x:.1f}" cy="{frame.y(mark.value):.1f}" r="4.5"/></g>'
        )
        if i % often == 0:
            parts.append(f'<text class="day" x="{x:.1f}" y="{HEIGHT - 6}">{escape(mark.label)}</text>')
    return _svg(parts, said)


def courses(
    labels: Sequence[str], lines: Sequence[Course], shown: Format, said: str, bar: float | None = None
) -> Markup:
    """Returns values over time, a line each. labels: of the instants; bar: a line across."""
    known = [value for line in lines for value in line.values if value is not None]
    frame = _Frame(min([*known, *([] if bar is None else [bar])]), max([*known, *([] if bar is None else [bar])]))
    parts = frame.scale(shown)
    if bar is not None:
        y = frame.y(bar)
        parts.append(f'<line class="bar" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
    last = max(len(labels) - 1, 1)
    for line in lines:
        for run in _runs(line.values):
            points = " ".join(f"{frame.x(i / last):.1f},{frame.y(value):.1f}" for i, value in run)
            parts.append(f'<polyline class="{line.kind}" points="{points}"/>')
            if len(run) == 1:
                i, value = run[0]
                parts.append(
                    f'<circle class="{line.kind}" cx="{frame.x(i / last):.1f}" cy="{frame.y(value):.1f}" r="2.5"/>'
                )
    return _svg(parts + frame.labels(labels), said)


def agreement(dots: Sequence[tuple[float, float, float, float]], shown: Format, said: str) -> Markup:
    """Returns predicted against happened. dots: predicted, happened, and the range of what happened."""
    frame = _Frame(0.0, 1.0)
    parts = frame.scale(shown)
    parts.append(
        f'<line class="zero" x1="{frame.x(0):.1f}" x2="{frame.x(1):.1f}" y1="{frame.y(0):.1f}" y2="{frame.y(1):.1f}"/>'
    )
    for predicted, happened, low, high in dots:
        x = frame.x(predicted)
        parts.append(
            f'<g class="served"><line class="range" x1="{x:.1f}" x2="{x:.1f}" y1="{frame.y(low):.1f}" '
            f'y2="{frame.y(high):.1f}"/><circle cx="{x:.1f}" cy="{frame.y(happened):.1f}" r="4.5"/></g>'
        )
    return _svg(parts + frame.labels([shown(i / 4) for i in range(5)]), said)


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """The known values with their places, parted where one is not known."""
    runs: list[list[tuple[int, float]]] = [[]]
    for i, value in enumerate(values):
        if value is not None:
            runs[-1].append((i, value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _svg(parts: Sequence[str], said: str) -> Markup:
    view = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
    return Markup(f'<svg class="chart" role="img" aria-label="{escape(said)}" {view}>{"".join(parts)}</svg>')
