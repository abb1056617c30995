"""The demo's page: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from schemas.instants import DAY_US, format_instant, parse_instant
from streams.demo.ground_truth import EARLY_DAYS, LATE_DAYS, Customer, GroundTruth, example_customers
from streams.demo.tables import Grid
from streams.demo.topic_watcher import TopicRecords
from streams.page import fill, numbers, svg

HERE = resources.files("streams.demo")
BINS = 10
BAR_DAYS = 20
LATEST = 15
MARKS = {"service_visit": "visit", "survey": "survey", "complaint_opened": "complaint"}


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
        ledger="".join(f"<h3>{escape(grid.title)}</h3>{grid.html()}" for grid in ledger),
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
    def at(us: int) -> float:
        return (us - start_us) / (end_us - start_us)

    marks = ("survey", "visit", "complaint")
    shapes = [svg.line([(0, 0.5), (1, 0.5)], "ideal")]
    shapes += [svg.ticks([at(us) for us, kind in events if kind == name], name) for name in marks]
    shapes.append(svg.steps([(at(us), p) for us, p in seen.scores[c.customer_id]], "curve"))
    shapes += [svg.upright(at(us), "case", "" if i else "case") for i, us in enumerate(sorted(c.opened_us))]
    if c.left_us is not None and c.left_us < end_us:
        shapes.append(svg.upright(at(max(c.left_us, start_us)), "left", "left", 1))
    if c.back_us is not None and c.back_us < end_us:
        shapes.append(svg.upright(at(c.back_us), "back", "saved" if c.saved_us else "back", 2))
    months = [(at(us), format_instant(us)[:7]) for us in range(start_us, end_us, 91 * DAY_US)]
    drawn = svg.plot(shapes, months, [(0.0, "0"), (0.5, "½"), (1.0, "1")])
    name = escape(c.customer_id)
    return f'<div class="card"><h3>{escape(title)}</h3><span class="note">{name}</span>{drawn}</div>'


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
    edges = list(range(-LATE_DAYS, EARLY_DAYS, BAR_DAYS))
    counts, _ = np.histogram(story.early, bins=[*edges, EARLY_DAYS])
    top, whole = max(int(counts.max()), 1), EARLY_DAYS + LATE_DAYS
    names = ["before" if edge >= 0 else "after" for edge in edges[::-1]]
    labels = [((EARLY_DAYS - days) / whole, _words(days)) for days in (120, 0, -120)]
    shapes = [svg.bars([n / top for n in counts[::-1]], names), svg.upright(EARLY_DAYS / whole, "left")]
    return svg.plot(shapes, labels, [(0.0, "0"), (1.0, str(top))])


def _words(days: int) -> str:
    return "departure" if days == 0 else f"{abs(days)} d {'before' if days > 0 else 'after'}"


def _calibration(seen: TopicRecords) -> str:
    negatives, positives = seen.judge.counts
    if not (negatives + positives).any():
        return "<p>No prediction of the model has matured yet.</p>"
    middle = (np.arange(len(positives)) + 0.5) / len(positives)
    part = (middle * BINS).astype(int)
    count = np.bincount(part, negatives + positives)
    mean, share = np.bincount(part, (negatives + positives) * middle), np.bincount(part, positives)
    radius = 3 + 13 * np.sqrt(count / count.max())
    dots = [(float(mean[i] / n), float(share[i] / n), float(radius[i])) for i, n in enumerate(count) if n]
    shapes = [svg.line([(0, 0), (1, 1)], "ideal"), svg.dots(dots, "bin")]
    labels = [(x, f"said {x:g}" if x == 0.5 else f"{x:g}") for x in (0.0, 0.25, 0.5, 0.75, 1.0)]
    drawn = svg.plot(shapes, labels, [(0.0, "0"), (0.5, "½ left"), (1.0, "all")])
    note = f"{count.sum():,.0f} predictions whose half year is over, made after the model was ready."
    return f'{drawn}<p class="note">{note}</p>'


def _table(interventions: list[dict[str, Any]]) -> str:
    rows = "".join(_row(body) for body in reversed(interventions))
    head = "<tr><th>customer</th><th>probability</th><th>who does what</th><th>until</th><th>why</th></tr>"
    return f"<table>{head}{rows}</table>"


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
