"""Draws docs/architecture.svg: the rooms and the imports between them, as the code has them.

    .venv/bin/python docs/picture.py            # writes the picture
    .venv/bin/python docs/picture.py --check    # writes nothing; exit code 1: it is not current

Rows are the layers of the contracts in pyproject.toml, arrows the imports that grimp finds. An arrow is left out where
a chain of others leads to the same room. A long arrow takes a place of its own in each row that it passes.
"""

from __future__ import annotations

import sys
import tomllib
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "architecture.svg"
WIDTH, ROW, BOX, MARGIN, GAP = 380, 60, 30, 12, 10
CHARACTER, PADDING, PASSAGE = 8, 18, 6  # widths: of a letter, of a box beside its text, of a passing arrow
SWEEPS = 24
STYLE = """\
:root { --ink: #1d2433; --soft: #667085; --paper: #fbfaf7; --card: #ffffff; --edge: #c98a10 }
@media (prefers-color-scheme: dark) {
:root { --ink: #e8eaf0; --soft: #98a2b3; --paper: #14171f; --card: #1c2130; --edge: #f0b44c } }
.paper { fill: var(--paper) } .room { fill: var(--card); stroke: var(--soft) }
.edge { stroke: var(--edge); stroke-width: 2 }
text { fill: var(--ink); font: 600 13px system-ui, "DejaVu Sans", sans-serif; text-anchor: middle }
text.note { fill: var(--soft); font-weight: 400; font-size: 12px; text-anchor: start }
path.import { fill: none; stroke: var(--soft); stroke-width: 1.2 } path.tip { fill: var(--soft) }
"""
Node = tuple[str, int]  # a room and 0, or an arrow "from>to" and the row that it passes
Arrow = tuple[str, str]


def contracts() -> tuple[list[list[str]], set[str]]:
    """Rooms by row, importers first, and those that may know Kafka and the clock."""
    found = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    whole, within = (one["layers"] for one in found if one["type"] == "layers")
    rows = [[f"streams.{name.strip()}" for name in row.split("|")] for row in within]
    edge = {line.split(".**")[0] for one in found for line in one.get("ignore_imports", ())}
    return [*rows, *([name] for name in whole if name != "streams")], edge


def imports(rooms: set[str]) -> dict[str, set[str]]:
    """Room -> the rooms that its modules import."""
    graph = grimp.build_graph("schemas", "features", "online_model", "streams", cache_dir=None)
    found: dict[str, set[str]] = {room: set() for room in rooms}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            a, b = (".".join(name.split(".")[: 1 + name.startswith("streams.")]) for name in (module, imported))
            if a != b:
                found[a].add(b)
    return found


def reduced(found: dict[str, set[str]]) -> list[Arrow]:
    """The arrows that no chain of others stands for."""

    def reach(room: str) -> set[str]:
        return found[room].union(*(reach(other) for other in found[room]))

    return sorted(
        (a, b) for a in found for b in found[a] if not any(b in reach(other) for other in found[a] if other != b)
    )


class Layout:
    """A place for every room and for every long arrow in the rows that it passes."""

    def __init__(self, rows: list[list[str]], arrows: list[Arrow]) -> None:
        self.row = {room: i for i, row in enumerate(rows) for room in row}
        self.rows: list[list[Node]] = [[(room, 0) for room in row] for row in rows]
        self.ways = {arrow: self._way(arrow) for arrow in arrows}
        self.near: dict[Node, list[Node]] = defaultdict(list)
        for way in self.ways.values():
            for a, b in pairwise(way):
                self.near[a].append(b)
                self.near[b].append(a)
        self.x: dict[Node, float] = {}
        for row in self.rows:
            self._spread(row, [WIDTH * (i + 1) / (len(row) + 1) for i in range(len(row))])
        for sweep in range(SWEEPS):
            for row in self.rows if sweep % 2 else reversed(self.rows):
                wanted = {node: self._wanted(node) for node in row}
                row.sort(key=lambda node: (wanted[node], node))
                self._spread(row, [wanted[node] for node in row])

    def y(self, node: Node) -> float:
        """The middle of its row."""
        return MARGIN + ROW * (self.row[node[0]] if node[0] in self.row else node[1]) + BOX / 2

    def _way(self, arrow: Arrow) -> list[Node]:
        passed = range(self.row[arrow[0]] + 1, self.row[arrow[1]])
        for i in passed:
            self.rows[i].append((">".join(arrow), i))
        return [(arrow[0], 0), *((">".join(arrow), i) for i in passed), (arrow[1], 0)]

    def _wanted(self, node: Node) -> float:
        """Amid what it is joined to; a room also draws to the middle, so that the picture stays upright."""
        amid = sum(self.x[other] for other in self.near[node]) / len(self.near[node])
        return amid if ">" in node[0] else (amid + WIDTH / 2) / 2

    def _spread(self, row: list[Node], wanted: list[float]) -> None:
        """As near to where they would be as the neighbours and the margins let them."""
        left = float(MARGIN)
        for node, x in zip(row, wanted, strict=True):
            self.x[node] = max(x, left + width(node) / 2)
            left = self.x[node] + width(node) / 2 + GAP
        right = float(WIDTH - MARGIN)
        for node in reversed(row):
            self.x[node] = min(self.x[node], right - width(node) / 2)
            right = self.x[node] - width(node) / 2 - GAP


def width(node: Node) -> float:
    """Of a box or a passage."""
    return PASSAGE if ">" in node[0] else len(label(node[0])) * CHARACTER + PADDING


def label(room: str) -> str:
    """A room's name in the picture."""
    return room.removeprefix("streams.")


def path(layout: Layout, way: list[Node]) -> str:
    """An arrow from the lower side of a box to the upper side of another, upright where it passes a row."""
    last = len(way) - 1
    x, y = layout.x[way[0]], layout.y(way[0]) + BOX / 2
    drawn = f"M{x:.1f} {y:.1f}"
    for i, node in enumerate(way[1:], 1):
        to_x, top = layout.x[node], layout.y(node) - BOX / 2 - (5 if i == last else 0)
        middle = (y + top) / 2
        drawn += f" C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {top:.1f}"
        x, y = to_x, layout.y(node) + BOX / 2
        if i < last:
            drawn += f" L{x:.1f} {y:.1f}"
    x, y = layout.x[way[-1]], layout.y(way[-1]) - BOX / 2
    tip = f'<path class="tip" d="M{x:.1f} {y:.1f} l-3.5 -7 h7 z"/>'
    return f'<path class="import" d="{drawn}"/>{tip}'


def box(layout: Layout, room: str, kind: str) -> str:
    """A room with its name."""
    wide, x, y = width((room, 0)), layout.x[room, 0], layout.y((room, 0))
    shape = f'x="{x - wide / 2:.1f}" y="{y - BOX / 2:.1f}" width="{wide:.1f}" height="{BOX}" rx="6"'
    return f'<rect class="{kind}" {shape}/><text x="{x:.1f}" y="{y + 4.5:.1f}">{label(room)}</text>'


def draw() -> str:
    """The picture."""
    rows, edge = contracts()
    layout = Layout(rows, reduced(imports({room for row in rows for room in row})))
    below = MARGIN + ROW * (len(rows) - 1) + BOX + 26
    notes = (
        "Arrow: imports. All but the last three: in streams/.",
        "Yellow: may know Kafka and the clock. Others may not.",
    )
    parts = [path(layout, way) for way in layout.ways.values()]
    parts += [box(layout, room, "room edge" if room in edge else "room") for row in rows for room in row]
    parts += [f'<text class="note" x="{MARGIN}" y="{below + 18 * i}">{note}</text>' for i, note in enumerate(notes)]
    height = below + 18 * len(notes)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    title = "<title>The rooms of Keepline and the imports between them</title>"
    return "\n".join(
        [head, title, f"<style>\n{STYLE}</style>", '<rect class="paper" width="100%" height="100%"/>', *parts, "</svg>"]
    )


def main() -> int:
    """0: the picture is current, or has been written."""
    drawn = draw() + "\n"
    if "--check" not in sys.argv[1:]:
        PICTURE.write_text(drawn, "utf-8")
    elif not PICTURE.exists() or PICTURE.read_text("utf-8") != drawn:
        print(f"{PICTURE.relative_to(ROOT)} is not what the imports say: run python docs/picture.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
