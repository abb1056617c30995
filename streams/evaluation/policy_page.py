"""`keepline profile check` on a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from streams.evaluation.policy_check import CasesADay, Check

UNKNOWN = "-"
WEEK_DAYS = 7


def lines(found: Check) -> list[RenderableType]:
    """Returns what to print, from top to bottom."""
    title = [
        f"{found.profile}: {found.customers:,} customers, {found.observations:,} observations of the kept",
        f"left out: {_percent(found.gone)} of all, of customers who had left by their own due date",
        f"{found.labelled:,} have a label; base rate {_percent(found.base_rate)}; threshold {found.threshold:g}",
    ]
    parts: list[RenderableType] = [*title, "", _tiers(found), "", _thresholds(found)]
    if found.cases is not None:
        parts += ["", *_cases(found.cases)]
    parts += ["", *(f"- {sentence}" for sentence in found.advice)]
    if found.settings:
        parts += ["", "To try it, replay with", *(f"  --set {one}" for one in found.settings)]
    return parts


def _tiers(found: Check) -> Table:
    table = _table("tier", "above", "published", "here", "cases", "fits above")
    for tier in found.tiers:
        fits = UNKNOWN if tier.proposed is None else f"{tier.proposed:g}"
        cells = [f"{tier.above:g}", _percent(tier.published), _percent(tier.observed), f"{tier.cases:,}", fits]
        table.add_row(tier.name, *cells)
    return table


def _thresholds(found: Check) -> Table:
    table = _table("threshold", "above it", "precision", "recall", "")
    names = {found.proposed_threshold: "proposed", found.threshold: "in force"}
    for one in found.thresholds:
        table.add_row(
            f"{one.threshold:g}", *map(_percent, (one.above, one.precision, one.recall)), names.get(one.threshold, "")
        )
    return table


def _cases(cases: CasesADay) -> Iterator[str]:
    yield f"{cases.cases:,} cases in {cases.days:,} days, {cases.from_backlog:,} of them from the backlog"
    if cases.first is not None:
        weeks = range(0, len(cases.first_month) - WEEK_DAYS + 1, WEEK_DAYS)  # whole ones
        month = [sum(cases.first_month[day : day + WEEK_DAYS]) for day in weeks]
        capacity = UNKNOWN if cases.capacity is None else f"{cases.capacity:,}"
        yield f"from {cases.first} on; cases in its first {len(weeks)} weeks: {', '.join(f'{n:,}' for n in month)}"
        yield f"busiest day {cases.busiest:,}, mean {cases.cases / cases.days:,.1f}, capacity of the teams {capacity}"


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in names:
        table.add_column(name, justify="left" if name in ("tier", "") else "right", no_wrap=name != "tier")
    return table


def _percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{share:.1%}"
