"""The clock of a case and the curve of a customer, as SVG. Colours come from the style sheet, by class."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape

from markupsafe import Markup

from schemas.instants import DAY_US

CLOCK_WIDTH, CLOCK_HEIGHT = 168, 8
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 170, 38, 22, 14
SOON = 5 / 7  # of a window: then it is nearly over
MOST_PARTS = 10  # of a clock: one each day of a week, one each week of longer windows
Points = Sequence[tuple[int, float]]  # (us, probability), in order of time
Mark = tuple[int, str]  # us, what was then


def clock(begin_us: int, window_us: int, now_us: int) -> Markup:
    """Returns a window as a bar with a part for each day, filled as far as it is over; words stand beside it."""
    parts = max(1, round(window_us / DAY_US))
    parts = parts if parts <= MOST_PARTS else max(1, round(parts / 7))
    return _clock(parts, round(min(max((now_us - begin_us) / window_us, 0.0), 1.0), 3))


@lru_cache(4096)
def _clock(parts: int, over: float) -> Markup:
    """over: the share of the window that has passed."""
    step, gap = (CLOCK_WIDTH + 2) / parts, 2
    shapes = []
    for part in range(parts):
        x, width = part * step, step - gap
        filled = min(max(over * parts - part, 0.0), 1.0) * width
        shapes.append(f'<rect class="left" x="{x:.1f}" width="{width:.1f}" height="{CLOCK_HEIGHT}" rx="1.5"/>')
        if filled > 0:
            shapes.append(f'<rect class="gone" x="{x:.1f}" width="{filled:.1f}" height="{CLOCK_HEIGHT}" rx="1.5"/>')
    kind = "clock over" if over >= 1 else "clock soon" if over > SOON else "clock"
    view = f'viewBox="0 0 {CLOCK_WIDTH} {CLOCK_HEIGHT}" preserveAspectRatio="none"'
    return Markup(f'<svg class="{kind}" aria-hidden="true" {view}>{"".join(shapes)}</svg>')


def curve(
    points: Points, threshold: float, crossed_us: int, marks: Sequence[Mark], ends: tuple[str, str], said: str
) -> Markup:
    """Returns probabilities over time: a value holds until the next one. marks: events below the curve; ends: the first
    and the last day in words.
    """
    first_us, last_us = min([points[0][0], *(at for at, _ in marks)]), points[-1][0]
    span_us = max(last_us - first_us, 1)

    def x(us: int) -> float:
        return LEFT + (us - first_us) / span_us * (WIDTH - LEFT - 6)

    def y(p: float) -> float:
        return TOP + (1 - p) * (HEIGHT - TOP - BOTTOM)

    path = [f"M{x(points[0][0]):.1f} {y(points[0][1]):.1f}"]
    path += [f"H{x(at):.1f}V{y(p):.1f}" for at, p in points[1:]]
    floor = y(0)
    parts = [
        *(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y(p):.1f}" y2="{y(p):.1f}"/>'
            for p in (0, 0.25, 0.5, 0.75, 1)
        ),
        *(f'<text class="scale" x="{LEFT - 6}" y="{y(p) + 4:.1f}">{p:.0%}</text>' for p in (0, 0.5, 1)),
        f'<line class="threshold" x1="{LEFT}" x2="{WIDTH}" y1="{y(threshold):.1f}" y2="{y(threshold):.1f}"/>',
        f'<path class="area" d="{"".join(path)}V{floor:.1f}H{x(points[0][0]):.1f}Z"/>',
        f'<path class="line" d="{"".join(path)}"/>',
    ]
    if first_us <= crossed_us <= last_us:
        at = next((p for us, p in reversed(points) if us <= crossed_us), points[0][1])
        parts.append(
            f'<line class="crossing" x1="{x(crossed_us):.1f}" x2="{x(crossed_us):.1f}" y1="{TOP}" y2="{floor:.1f}"/>'
        )
        parts.append(f'<circle class="crossing" cx="{x(crossed_us):.1f}" cy="{y(at):.1f}" r="4"/>')
    for at_us, what in marks:
        title = f"<title>{escape(what)}</title>"
        parts.append(f'<circle class="event" cx="{x(at_us):.1f}" cy="{floor:.1f}" r="4">{title}</circle>')
    parts.append(f'<text class="day" x="{LEFT}" y="{HEIGHT - 4}">{escape(ends[0])}</text>')
    parts.append(f'<text class="day last" x="{WIDTH - 2}" y="{HEIGHT - 4}">{escape(ends[1])}</text>')
    view = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
    return Markup(f'<svg class="curve" role="img" aria-label="{escape(said)}" {view}>{"".join(parts)}</svg>')
