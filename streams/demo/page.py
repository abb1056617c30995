"""The demo's page: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from schemas.instants import DAY_US, parse_instant
from streams.demo.ground_truth import EARLY_DAYS, LATE_DAYS, Customer, GroundTruth, example_customers
from streams.demo.tables import Grid
from streams.demo.topic_watcher import TopicRecords
from streams.page import drawing, fill, numbers

HERE = resources.files("streams.demo")
BINS = 20
BAR_DAYS = 20
LATEST = 15
MARKS = {"service_visit": drawing.GREEN, "survey": drawing.SOFT, "complaint_opened": drawing.RED}


def write(
    path: Path,
    city: Path,
    story: GroundTruth,
    seen: TopicRecords,
    start_us: int,
    facts: Sequence[tuple[str, str]],
    ledger: Sequence[Grid],
) -> None:
    """The whole page. facts: figure and what it is; ledger: tables of the cases, and one case."""
    text = fill(
        (HERE / "page.html").read_text("utf-8"),
        numbers=numbers(facts),
        sentences="".join(f"<p>{escape(sentence)}</p>" for sentence in story.sentences()),
        curves=_curves(city, story, seen, start_us),
        early=_early(story),
        calibration=_calibration(seen),
        ledger="".join(f"<h3>{escape(grid.title)}</h3>{_wide(grid.html())}" for grid in ledger),
        table=_table(seen.interventions[-LATEST:]),
    )
    path.write_text(text, "utf-8")


def _curves(city: Path, story: GroundTruth, seen: TopicRecords, start_us: int) -> str:
    chosen = example_customers(story, seen)
    events = _events(city, {customer.customer_id for _, customer in chosen})
    return "".join(_card(title, c, seen, events.get(c.customer_id, []), start_us, story.end_us) for title, c in chosen)


def _card(
    title: str, c: Customer, seen: TopicRecords, events: list[tuple[int, str]], start_us: int, end_us: int
) -> str:
    axes = drawing.blank()
    axes.xaxis_date()
    axes.set(xlim=(_date(start_us), _date(end_us)), ylim=(-0.03, 1.03))
    axes.axhline(0.5, color=drawing.SOFT, linewidth=1, linestyle="--")
    if events:
        at, colours = zip(*events, strict=True)
        axes.vlines([_date(us) for us in at], 0, 0.06, colours)
    scores = seen.scores[c.customer_id]
    days = [_date(us) for us in [*(us for us, _ in scores), end_us]]
    axes.stairs([p for _, p in scores], days, baseline=None, color=drawing.BLUE, linewidth=1.5)
    for i, us in enumerate(sorted(c.opened_us)):
        drawing.mark(axes, _date(us), drawing.AMBER, "" if i else "case")
    if c.left_us is not None and c.left_us < end_us:
        drawing.mark(axes, _date(max(c.left_us, start_us)), drawing.RED, "left", 1)
    if c.back_us is not None and c.back_us < end_us:
        drawing.mark(axes, _date(c.back_us), drawing.GREEN, "saved" if c.saved_us else "back", 2)
    name = escape(c.customer_id)
    return f'<div class="card"><h3>{escape(title)}</h3><span class="note">{name}</span>{drawing.svg(axes)}</div>'


def _date(us: int) -> float:
    """Days, which are what matplotlib takes dates for."""
    return us / DAY_US


def _events(city: Path, customers: set[str]) -> dict[str, list[tuple[int, str]]]:
    """Visits, surveys and complaints of some customers."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name in ("service_visits", "surveys", "app_activity"):
        with (city / f"{name}.jsonl").open("rb") as lines:
            for line in lines:
                body = orjson.loads(line)
                mark = MARKS.get(body.get("activity_type") or body["kind"])
                if mark and body["customer_id"] in customers:
                    found.setdefault(body["customer_id"], []).append((parse_instant(body["event_time"]), mark))
    return found


def _early(story: GroundTruth) -> str:
    """Bars from long before the departure to long after it."""
    counts, edges = np.histogram(story.early, bins=range(-LATE_DAYS, EARLY_DAYS + BAR_DAYS, BAR_DAYS))
    return drawing.early(edges.tolist(), counts.tolist(), "departure")


def _calibration(seen: TopicRecords) -> str:
    negatives, positives = seen.judge.counts
    if not (negatives + positives).any():
        return "<p>No prediction of the model has matured yet.</p>"
    middle = (np.arange(len(positives)) + 0.5) / len(positives)
    part = (middle * BINS).astype(int)
    count = np.bincount(part, negatives + positives)
    mean, share = np.bincount(part, (negatives + positives) * middle), np.bincount(part, positives)
    some = count > 0
    drawn = drawing.agreement(mean[some] / count[some], share[some] / count[some], count[some])
    note = f"{count.sum():,.0f} predictions whose half year is over, made after the model was ready."
    return f'{drawn}<p class="note">{note}</p>'


def _table(interventions: list[dict[str, Any]]) -> str:
    rows = "".join(_row(body) for body in reversed(interventions))
    head = "<tr><th>customer</th><th>probability</th><th>who does what</th><th>until</th><th>why</th></tr>"
    return _wide(f"<table>{head}{rows}</table>")


def _wide(table: str) -> str:
    """A table that scrolls by itself where the screen is narrow."""
    return f'<div class="wide">{table}</div>'


def _row(body: dict[str, Any]) -> str:
    action, tier = body["action"], body["tier"]
    money = f"{body['budget']['amount']:g} {body['budget']['currency']}"
    cells = [
        f"<td>{escape(body['customer_id'])}</td>",
        f'<td class="tier {escape(tier)}">{body["probability"]:.2f} {escape(tier)}</td>',
        f"<td>{escape(action['who'])}: {escape(action['channel'])}, {escape(action['offer'])} (up to {money})</td>",
        f'<td class="day">{body["window_ends_at"][:10]}</td>',
        f"<td>{'<br>'.join(escape(reason['sentence']) for reason in body['reasons'][:4])}</td>",
    ]
    return f"<tr>{''.join(cells)}</tr>"
