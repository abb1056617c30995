"""Draws probabilities over time with block characters: a value holds until the next one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from schemas.instants import format_instant

EIGHTHS = " ▁▂▃▄▅▆▇█"
Points = Sequence[tuple[int, float]]  # (us, probability), in order of time


def draw(points: Points, width: int, height: int) -> list[str]:
    """Returns lines from the top: `height` lines of curve with its scale, then the first and last date; [] without
    points. width: of the curve in characters, each an equal part of the time from the first point to the last.
    """
    if not points:
        return []
    columns = [round(value * height * 8) for value in sampled(points, width)]
    lines = []
    for row in reversed(range(height)):
        scale = f"{(row + 1) / height:.2f} "
        lines.append(scale + "".join(EIGHTHS[min(max(eighths - row * 8, 0), 8)] for eighths in columns))
    first, last = (format_instant(points[index][0])[:10] for index in (0, -1))
    return [*lines, " " * 5 + first + last.rjust(max(width - len(first), len(last) + 1))]


def sampled(points: Points, count: int) -> list[float]:
    """Returns the value at the end of each of `count` equal parts of the time."""
    instants = [at_us for at_us, _ in points]
    first_us, span_us = instants[0], instants[-1] - instants[0]
    ends_us = [first_us + span_us * (part + 1) // count for part in range(count)]
    return [points[bisect_right(instants, end_us) - 1][1] for end_us in ends_us]
