"""Figures as text, and the tables of the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isfinite, isnan

from streams.evaluation.bootstrap import Estimate
from streams.evaluation.comparison import METRICS, PERIODS, Comparison, Difference, Method
from streams.evaluation.crossings import Crossings
from streams.evaluation.due_dates import Warnings
from streams.evaluation.effect import Effect
from streams.evaluation.influence import Influence
from streams.evaluation.lead_time import Group
from streams.evaluation.metrics import Bin
from streams.evaluation.segments import Segment
from streams.evaluation.targets import Target
from streams.evaluation.thresholds import Threshold

UNKNOWN = "-"
WORDS = {"good": "better", "bad": "worse", "level": "level"}
TITLES = {"auc": "AUC", "log_loss": "log loss", "brier": "Brier", "ece": "ECE"}


def number(value: float | None, digits: int = 3) -> str:
    """Returns the value as text; a dash where it is undefined."""
    return UNKNOWN if value is None or not isfinite(value) else f"{value:.{digits}f}"


def percent(value: float) -> str:
    """Returns a percentage with one decimal."""
    return UNKNOWN if not isfinite(value) else f"{value:.1%}"


def estimate(one: Estimate) -> str:
    """Returns the estimate with its interval."""
    return number(one.value) + ("" if isnan(one.low) else f" ({number(one.low)} to {number(one.high)})")


def verdict(one: Difference) -> str:
    """Returns `good`, `bad` or `level`: whether Keepline is better, by the interval."""
    sign = 1 if one.metric == "auc" else -1
    low, high = sorted((sign * one.difference.low, sign * one.difference.high))
    return "good" if low > 0 else "bad" if high < 0 else "level"


def methods(found: Sequence[Method]) -> str:
    """Returns a table with a row a method: over all compared rows and the second half."""
    names = list(TITLES)
    head = ["method", *(f"{TITLES[name]}<small>second half</small>" for name in names)]
    head += [f"lift, top {top.share:.0%}<small>leavers found</small>" for top in found[0].tops] + [
        "time<small>processor</small>"
    ]
    return _table(head, [_method(one, names) for one in found])


def _method(one: Method, names: Sequence[str]) -> list[str]:
    overall, later = one.periods["overall"], one.periods["second half"]
    cells = [f"<b>{escape(one.name)}</b><small>{escape(one.how)}</small>"]
    cells += [f"{number(overall[name])}<small>{number(later[name])}</small>" for name in names]
    cells += [f"{number(top.lift, 2)}<small>{percent(top.gain)}</small>" for top in one.tops]
    return [*cells, UNKNOWN if one.seconds is None else f"{one.seconds:,.1f} s"]


def differences(comparison: Comparison) -> str:
    """Returns a table with a row a baseline: the difference, which one is better, and the interval."""
    kinds = [(metric, period) for metric in METRICS for period in reversed(PERIODS)]
    found = {(one.rival, one.metric, one.period): one for one in comparison.differences}
    rows = [
        [escape(name), *(_difference(found[name, metric, period]) for metric, period in kinds)]
        for name in dict.fromkeys(one.rival for one in comparison.differences)
    ]
    return _table(["Keepline minus", *(f"{TITLES[metric]}<small>{period}</small>" for metric, period in kinds)], rows)


def _difference(one: Difference) -> str:
    e, name = one.difference, verdict(one)
    if isnan(e.low):
        return UNKNOWN
    return (
        f'<span class="{name}"><b>{WORDS[name]}</b> {e.value:+.4f}</span><small>{e.low:+.4f} to {e.high:+.4f}</small>'
    )


def segments(found: Sequence[Segment]) -> str:
    """Returns a table with a row a segment."""
    head = ["segment", "predictions", "left", "AUC", "log loss", "ECE"]
    rows = [
        [
            escape(one.name),
            f"{one.labels:,}",
            percent(one.left / one.labels if one.labels else float("nan")),
            *(number(value) for value in (one.auc, one.log_loss, one.ece)),
        ]
        for one in found
    ]
    return _table(head, rows)


def effects(found: Sequence[Effect]) -> str:
    """Returns a table with a row a tier: shares that returned, and their difference with its interval."""
    head = ["tier", "sent", "returned", "held out", "returned", "difference"]
    return _table(head, [_effect(one) for one in found])


def targets(found: Sequence[Target]) -> str:
    """Returns a table with a row a goal of the profile."""
    head = ["goal of the profile", "goal", "measured", "of", "met", "what"]
    return _table(head, [[escape(cell) for cell in row] for row in target_rows(found)])


def target_rows(found: Sequence[Target]) -> list[list[str]]:
    """Returns the cells of each goal: its key, the goal, what was measured, of how many, whether it is met, of what."""
    met = {True: "yes", False: "no", None: UNKNOWN}
    return [
        [
            f"goals.{one.name}",
            f"{one.goal:.0%}",
            UNKNOWN if one.measured is None else percent(one.measured),
            f"{one.of:,}",
            met[one.met],
            one.why,
        ]
        for one in found
    ]


def warnings(found: Warnings) -> str:
    """Returns a table with a row a rule."""
    head, *rows = warning_rows(found)
    return _table(head, [[escape(cell) for cell in row] for row in rows])


def warning_rows(found: Warnings) -> list[list[str]]:
    """Returns the head, then the cells of each rule: its name, and what it gave for leavings and for returns."""
    head = ["warning by", "leavings", "in time", f"{found.ahead_days:g} days ahead", "days ahead, median"]
    rows = [
        [
            one.name,
            f"{one.leavings:,}",
            percent(one.in_time / one.leavings if one.leavings else float("nan")),
            percent(one.ahead / one.leavings if one.leavings else float("nan")),
            number(one.median_days_early, 0),
            percent(one.warned / one.returns if one.returns else float("nan")),
        ]
        for one in found.rules
    ]
    return [[*head, "of returns, warned"], *rows]


def influences(found: Sequence[Influence]) -> str:
    """Returns a table with a row a feature."""
    rows = [[escape(one.name), number(one.importance)] for one in found]
    return _table(["feature", "moves the log-odds by, on average"], rows)


def shares(bins: Sequence[Bin]) -> str:
    """Returns a table with a row a bin: how many predictions, what they said, and what happened."""
    rows = [[f"{one.predicted:.0%}", f"{one.count:,}", percent(one.happened)] for one in bins]
    return _table(["said, mean", "predictions", "left"], rows)


def crossings(found: Sequence[Crossings]) -> str:
    """Returns a table with a row for what was sent, and for each rule that withheld some."""
    head, *rows = crossing_rows(found)
    return _table(head, [[escape(cell) for cell in row] for row in rows])


def crossing_rows(found: Sequence[Crossings]) -> list[list[str]]:
    """Returns the head, then the cells of each group of crossings."""
    rows = [
        [
            one.name,
            f"{one.crossings:,}",
            f"{one.judged:,}",
            percent(one.said),
            percent(one.left),
            _points(one.difference),
        ]
        for one in found
    ]
    return [["crossings", "number", "judged", "said, mean", "left", "too high by, points"], *rows]


def _points(one: Estimate) -> str:
    """Returns percentage points with their interval."""
    if isnan(one.value):
        return UNKNOWN
    ends = "" if isnan(one.low) else f" ({100 * one.low:+.1f} to {100 * one.high:+.1f})"
    return f"{100 * one.value:+.1f}{ends}"


def thresholds(found: Sequence[Threshold], goal: float | None) -> str:
    """Returns a table with a row a threshold. goal: precision that the profile asks for; None: unknown."""
    head, *rows = threshold_rows(found, goal)
    return _table(head, [[escape(cell) for cell in row] for row in rows])


def threshold_rows(found: Sequence[Threshold], goal: float | None) -> list[list[str]]:
    """Returns the head, then the cells of each threshold."""
    head = ["warned above", "warnings", "right", "leavings warned of", "days ahead, median"]
    head += [] if goal is None else [f"{goal:.0%} right"]
    rows = [
        [
            f"{one.above:g}",
            f"{one.warnings:,}",
            percent(one.precision),
            percent(one.recall),
            number(one.median_days_early, 0),
            *([] if goal is None else [UNKNOWN if isnan(one.precision) else "yes" if one.precision >= goal else "no"]),
        ]
        for one in found
    ]
    return [head, *rows]


def _effect(one: Effect) -> list[str]:
    shares = [
        f"{returned:,}<small>{percent(returned / of if of else float('nan'))}</small>"
        for returned, of in ((one.sent_returned, one.sent), (one.held_out_returned, one.held_out))
    ]
    if one.difference is None or one.low is None or one.high is None:
        difference = UNKNOWN
    else:
        name = "good" if one.low > 0 else "bad" if one.high < 0 else "level"
        interval = f"<small>{one.low:+.1%} to {one.high:+.1%}</small>"
        difference = f'<span class="{name}">{one.difference:+.1%}</span>{interval}'
    return [escape(one.tier), f"{one.sent:,}", shares[0], f"{one.held_out:,}", shares[1], difference]


def groups(found: Sequence[Group]) -> str:
    """Returns a table of cases with a row a segment or scope."""
    head = ["", "cases", "right", "left", "case in time", "late", "only withheld", "days early", "silence"]
    return _table(head, [_group(one) for one in found])


def _group(one: Group) -> list[str]:
    def share(part: int | None, whole: int | None) -> str:
        return UNKNOWN if part is None or not whole else f"{part:,}<small>{part / whole:.0%}</small>"

    return [
        escape(one.name),
        f"{one.cases:,}",
        share(one.right, one.judged),
        UNKNOWN if one.leavings is None else f"{one.leavings:,}",
        share(one.in_time, one.leavings),
        share(one.late, one.leavings),
        share(one.withheld, one.leavings),
        number(one.median_days_early, 0),
        UNKNOWN if one.median_silence_days is None else f"{one.median_silence_days:.0f} d",
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns an HTML table; cells are HTML, all columns but the first are numbers."""

    return f"<table>{_row('th', head)}{''.join(_row('td', cells) for cells in rows)}</table>"


def _row(tag: str, cells: Sequence[str]) -> str:
    first, *others = cells
    figures = "".join(f'<{tag} class="number">{cell}</{tag}>' for cell in others)
    return f"<tr><{tag}>{first}</{tag}>{figures}</tr>"
