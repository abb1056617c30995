"""Curves and bars as SVG, in the page's own colours."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 520, 170
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 10, 22
NAME_WIDTH, ROW_HEIGHT, LABELS = 190, 18, 12  # of a heat map, and how many of its columns are named at most
Point = tuple[float, float]  # 0..1 from the left, 0..1 from below


def plot(shapes: Sequence[str], x_labels: Sequence[tuple[float, str]], y_labels: Sequence[tuple[float, str]]) -> str:
    """A frame with labels around shapes."""
    texts = [
        f'<text x="{_x(at):.1f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(text)}</text>' for at, text in x_labels
    ]
    for at, text in y_labels:
        texts.append(f'<text x="{LEFT - 6}" y="{_y(at) + 4:.1f}" text-anchor="end">{escape(text)}</text>')
        texts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{_y(at):.1f}" y2="{_y(at):.1f}"/>')
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(texts)}{"".join(shapes)}</svg>'


def steps(points: Sequence[Point], name: str) -> str:
    """A line that holds its value until the next point."""
    if not points:
        return ""
    path = f"M{_x(points[0][0]):.1f},{_y(points[0][1]):.1f}"
    for x, y in points[1:]:
        path += f"H{_x(x):.1f}V{_y(y):.1f}"
    return f'<path class="{name}" d="{path}H{_x(1.0):.1f}"/>'


def line(points: Sequence[Point], name: str) -> str:
    """Straight from point to point."""
    return f'<polyline class="{name}" points="{" ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in points)}"/>'


def band(lows: Sequence[Point], highs: Sequence[Point], name: str) -> str:
    """What lies between two lines."""
    around = [*lows, *reversed(highs)]
    return f'<polygon class="{name}" points="{" ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in around)}"/>'


def dots(points: Sequence[tuple[float, float, float]], name: str, words: Sequence[str] = ()) -> str:
    """Circles with a radius in pixels; words say what each is when it is pointed at."""
    titles = [f"<title>{escape(word)}</title>" for word in words] or [""] * len(points)
    return "".join(
        f'<circle class="{name}" cx="{_x(x):.1f}" cy="{_y(y):.1f}" r="{r:.1f}">{title}</circle>'
        for (x, y, r), title in zip(points, titles, strict=True)
    )


def upright(x: float, name: str, text: str = "", row: int = 0) -> str:
    """A line from below to above, with a word beside it; rows keep the words of neighbours apart."""
    at = _x(x)
    anchor, shift = ("end", -4) if x > 0.8 else ("start", 4)
    place = f'x="{at + shift:.1f}" y="{TOP + 10 + 12 * row}" text-anchor="{anchor}"'
    word = f'<text class="{name}" {place}>{escape(text)}</text>'
    return f'<line class="{name}" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>{word}'


def ticks(xs: Sequence[float], name: str) -> str:
    """Small strokes on the ground line."""
    ground = HEIGHT - BOTTOM
    return "".join(
        f'<line class="{name}" x1="{_x(x):.1f}" x2="{_x(x):.1f}" y1="{ground - 7}" y2="{ground}"/>' for x in xs
    )


def bars(values: Sequence[float], names: Sequence[str]) -> str:
    """Side by side over the whole width, 1 is the full height."""
    wide = (WIDTH - LEFT - RIGHT) / max(len(values), 1)
    return "".join(
        f'<rect class="{name}" x="{LEFT + i * wide + 1:.1f}" y="{_y(v):.1f}" width="{wide - 2:.1f}" '
        f'height="{_y(0) - _y(v):.1f}"/>'
        for i, (v, name) in enumerate(zip(values, names, strict=True))
    )


def heat(cells: Sequence[Sequence[tuple[str, str]]], rows: Sequence[str], columns: Sequence[str]) -> str:
    """A grid of (class, words) with the names of its rows on the left and of its columns below."""
    wide = (2 * WIDTH - NAME_WIDTH) / max(len(columns), 1)
    height = ROW_HEIGHT * len(rows) + BOTTOM
    every = -(-len(columns) // LABELS)
    shapes = []
    for i, (name, row) in enumerate(zip(rows, cells, strict=True)):
        y = ROW_HEIGHT * i
        shapes.append(f'<text x="{NAME_WIDTH - 6}" y="{y + 13}" text-anchor="end">{escape(name)}</text>')
        shapes += [
            f'<rect class="{kind}" x="{NAME_WIDTH + j * wide:.1f}" y="{y}" width="{wide - 1:.1f}" '
            f'height="{ROW_HEIGHT - 1}"><title>{escape(words)}</title></rect>'
            for j, (kind, words) in enumerate(row)
        ]
    shapes += [
        f'<text x="{NAME_WIDTH + (j + 0.5) * wide:.1f}" y="{height - 6}" text-anchor="middle">{escape(name)}</text>'
        for j, name in enumerate(columns)
        if j % every == 0
    ]
    return f'<svg viewBox="0 0 {2 * WIDTH} {height}" role="img">{"".join(shapes)}</svg>'


def _x(at: float) -> float:
    return LEFT + min(max(at, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)


def _y(at: float) -> float:
    return HEIGHT - BOTTOM - min(max(at, 0.0), 1.0) * (HEIGHT - TOP - BOTTOM)
