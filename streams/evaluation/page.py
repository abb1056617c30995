"""The report as one self-contained HTML file."""

from __future__ import annotations

from html import escape
from importlib import resources
from math import isfinite
from math import log as natural_log

from streams.evaluation import charts, tables
from streams.evaluation.bootstrap import Estimate
from streams.evaluation.due_dates import Warnings
from streams.evaluation.lead_time import Group, Timing
from streams.evaluation.report import Report
from streams.evaluation.tables import estimate, number, percent
from streams.page import fill, numbers

CARDS = (
    ("auc", "AUC", "1 is perfect, 0.5 a coin: higher is better"),
    ("log_loss", "Log loss", "0 is perfect; confident errors cost most: lower is better"),
    ("ece", "Calibration error (ECE)", "predicted minus observed share: lower is better, 0.02 is good"),
    ("brier", "Brier score", "mean squared error of the probability: lower is better"),
)
NOTHING = '<p class="note">Nothing to show: no prediction has matured. Replay a log longer than the horizon.</p>'
LOW, HIGH = 0.3, 0.8  # where it is decided whether a case opens, and which
NOBODY_NEAR = '<p class="note">No prediction between 30 % and 80 %.</p>'
DRAWN, LISTED = 8, 12  # features: with their curves, without
NO_INFLUENCE = '<p class="note">Not known: no models.jsonl, or examples with features of another version.</p>'
NO_DRIFT = '<p class="note">Not known: drift needs three months, and examples with all features of this version.</p>'
NO_CASES = '<p class="note">Not known: the folder has no interventions.jsonl.</p>'

NO_WARNINGS = '<p class="note">Not known: no cases, or a replay of a release that did not write the grace.</p>'
NO_TARGETS = '<p class="note">Not known: the replay is of a release that did not write the goals.</p>'
NO_EFFECTS = '<p class="note">Not known: no case has been measured yet.</p>'


def render(report: Report) -> str:
    """Returns the whole page."""
    template = (resources.files("streams.evaluation") / "page.html").read_text("utf-8")
    matured = bool(report.course.weeks)
    return fill(
        template,
        log=escape(_log(report)),
        numbers=numbers(_facts(report)),
        sentences="".join(f"<p>{escape(sentence)}</p>" for sentence in _sentences(report)),
        took_over=escape(_took_over(report)),
        over_time=f'<div class="grid">{_cards(report)}</div>' if matured else NOTHING,
        reliability=_reliability(report) if matured else NOTHING,
        by_probability=_by_probability(report) if matured else NOTHING,
        thresholds=tables.thresholds(report.thresholds, precision_goal(report)) if matured else NOTHING,
        influence=_influence(report),
        gains=charts.gains(report.comparison) if report.comparison.rows else NOTHING,
        key="".join(
            f'<span><i class="r{i}">&mdash;</i> {escape(one.name)}</span>'
            for i, one in enumerate(report.comparison.methods)
        ),
        compared=f"{report.comparison.rows:,}",
        replay=_replay(report.log.replay_processor_seconds),
        methods=tables.methods(report.comparison.methods),
        differences=tables.differences(report.comparison) if report.comparison.differences else NOTHING,
        cases=NO_CASES if report.cases is None else _cases(report.cases, report.log.horizon_days),
        crossings=tables.crossings(report.crossings) if report.crossings else NO_CASES,
        warnings=NO_WARNINGS if report.warnings is None else _warnings(report.warnings),
        effects=tables.effects(report.effects) if report.effects else NO_EFFECTS,
        targets=tables.targets(report.targets) if report.targets else NO_TARGETS,
        segments=tables.segments(report.segments),
        drift=charts.drift(report.drift) if report.drift.moved else NO_DRIFT,
        horizon=f"{report.log.horizon_days:g}",
        unlabelled=f"{report.log.unlabelled:,}",
    )


def _log(report: Report) -> str:
    log = report.log
    span = f"{log.first[:10]} to {log.last[:10]}" if log.first and log.last else "an empty log"
    return (
        f"{log.observations:,} weekly predictions about {log.customers:,} customers, {span}. A customer has left who "
        f"has no retention event in the {log.horizon_days:g} days after the prediction. "
        f"Policy {log.policy_version or 'unknown'}."
    )


def _facts(report: Report) -> list[tuple[str, str]]:
    later, log = report.course.second_half, report.log
    facts = [
        (f"{log.labelled:,}", "predictions with a label"),
        (percent(_share(log.left, log.labelled)), "of them left"),
    ]
    if later:
        facts += [(number(later[name].value), f"{title}, second half") for name, title, _ in CARDS[:3]]
    if report.comparison.rows:
        top = report.comparison.methods[0].tops[-1]
        facts.append((f"{number(top.lift, 2)} x", f"lift of the top {top.share:.0%}"))
    if report.cases is not None:
        all_customers = report.cases.segments[0]
        facts.append((percent(_share(all_customers.in_time, all_customers.leavings)), "of leavings had a case in time"))
    return facts


def _sentences(report: Report) -> list[str]:
    course, log = report.course, report.log
    if not course.weeks:
        return []
    later = course.second_half["ece"].value
    return [
        _ranking(course.overall["auc"]),
        f"In the second half its probabilities were off by {100 * later:.1f} percentage points on average.",
        f"Log loss was {estimate(course.overall['log_loss'])} over all; predicting the share of leavers for every "
        f"customer would have had {number(_entropy(log.left / log.labelled))}.",
        *_verdicts(report),
        *bars(report),
    ]


def _ranking(auc: Estimate) -> str:
    if not isfinite(auc.value):
        return "All labels are equal, so no ranking can be measured."
    interval = f" (95 % interval {percent(auc.low)} to {percent(auc.high)})" if isfinite(auc.low) else ""
    return (
        "Of one customer who left and one who stayed, the leaver had the higher probability in "
        f"{percent(auc.value)} of such pairs{interval}."
    )


def bars(report: Report) -> list[str]:
    """Returns a sentence on the AUC bars of the profile; [] where it has none."""
    parts = [f"{bar.name} ({bar.auc:g}) is {'met' if bar.met else 'not met'}" for bar in report.bars]
    return [f"By the lower bound of the second half's AUC {', '.join(parts)}."] if parts else []


def _verdicts(report: Report) -> list[str]:
    """Returns which baselines are better or worse in log loss, by the second half's intervals."""
    words: dict[str, list[str]] = {"better than": [], "worse than": [], "level with": []}
    for one in report.comparison.differences:
        if (one.metric, one.period) == ("log_loss", "second half"):
            word = {"good": "better than", "bad": "worse than"}.get(tables.verdict(one), "level with")
            words[word].append(one.rival)
    parts = [f"{word} {', '.join(names)}" for word, names in words.items() if names]
    return [f"By log loss in the second half it was {'; '.join(parts)}."] if parts else []


def _cards(report: Report) -> str:
    weeks, took_over = report.course.weeks, report.log.took_over
    return "".join(
        f'<div class="card"><h3>{title} <small>{help_}</small></h3>{charts.over_time(weeks, name, took_over)}'
        f'<p class="note">All: {estimate(report.course.overall[name])}. Second half: '
        f"{estimate(report.course.second_half[name])}.</p></div>"
        for name, title, help_ in CARDS
    )


def _took_over(report: Report) -> str:
    since = report.log.took_over
    return f"Grey: from {since[:10]} on the model is served, before it RFM-B." if since else ""


def _reliability(report: Report) -> str:
    counts = [one.count for one in report.reliability]
    note = f"{min(counts):,} to {max(counts):,} predictions a dot; evaluation.json has each."
    return f'{charts.reliability(report.reliability)}<p class="note">{note}</p>'


def _by_probability(report: Report) -> str:
    near = [one for one in report.by_probability if LOW <= one.predicted < HIGH]
    table = f'<div class="wide">{tables.shares(near)}</div>' if near else NOBODY_NEAR
    return f'<div class="grid"><div class="card">{charts.reliability(report.by_probability)}</div>{table}</div>'


def _influence(report: Report) -> str:
    if not report.influence:
        return NO_INFLUENCE
    cards = "".join(
        f'<div class="card"><h3>{escape(one.name)} <small>{number(one.importance)} on average</small></h3>'
        f"{charts.curve(one)}</div>"
        for one in report.influence[:DRAWN]
    )
    rest = tables.influences(report.influence[DRAWN : DRAWN + LISTED])
    return f'<div class="grid">{cards}</div><div class="wide">{rest}</div>'


def precision_goal(report: Report) -> float | None:
    """Returns the precision of warnings that the profile asks for; None: unknown."""
    return next((one.goal for one in report.targets if one.name == "precision"), None)


def _replay(seconds: float | None) -> str:
    if seconds is None:
        return "Keepline's own is not known."
    return f"Keepline's own is {seconds:,.1f} s for the whole replay, with decoding, features and scores."


def _cases(timing: Timing, days: float) -> str:
    scopes = f'<h3>By scope</h3><div class="wide">{tables.groups(timing.scopes)}</div>' if timing.scopes else ""
    return (
        f"<p>{escape(_case_summary(timing.segments[0], days))}</p>"
        "<p>Each bar counts customers who left, by the days between the first case after their last visit and the day "
        f"on which {days:g} days of silence were over, when it is known without a model. Green is early.</p>"
        f'<div class="card half">{charts.early(timing)}</div>'
        "<p>By kind of customer: cases, and those that were right, since the customer then left; how often such "
        "customers left, with a case in time, late, or only a withheld one; medians of the days early and of the "
        "silence before the case.</p>"
        f'<div class="wide">{tables.groups(timing.segments)}</div>{scopes}'
    )


def _warnings(found: Warnings) -> str:
    return f'<p>{escape(early(found))}</p><div class="wide">{tables.warnings(found)}</div>'


def early(found: Warnings) -> str:
    """Returns what the cases that were sent gave, against the goals."""
    sent = found.rules[0]
    share, days = _share(sent.in_time, sent.leavings), sent.median_days_early
    return (
        f"A customer has left {found.grace_days:g} days after the own due date without a retention event; "
        f"{percent(found.gone)} of the observations are of such customers. Of {sent.leavings:,} leavings "
        f"{percent(share)} had a case before (goals.in_time: {found.goal:.0%}), at the median {number(days, 0)} days "
        f"(goals.lead_time: {found.ahead_days:g})."
    )


def _case_summary(figures: Group, days: float) -> str:
    leavings, in_time, late, withheld, before = (
        n or 0 for n in (figures.leavings, figures.in_time, figures.late, figures.withheld, figures.warned_before)
    )
    middle = (
        "" if figures.median_days_early is None else f" (median of all: {figures.median_days_early:.0f} days early)"
    )
    return (
        f"Customers left {leavings:,} times: {in_time:,} had a case before {days:g} days of silence were over, "
        f"{late:,} had one later{middle}. {leavings - in_time - late:,} had none after their last visit; of these "
        f"{withheld:,} had crossed the threshold but were withheld, and {before:,} had had a case in the {days:g} days "
        f"before that visit. Of {figures.judged:,} cases whose {days:g} days are over, "
        f"{percent(_share(figures.right, figures.judged))} were right: the customer then left."
    )


def _share(part: int | None, whole: int | None) -> float:
    return part / whole if part is not None and whole else float("nan")


def _entropy(share: float) -> float:
    return -sum(p * natural_log(p) for p in (share, 1 - share) if p > 0)
