"""The model: how good, how reliable, what has moved, which versions and challengers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from schemas.alerts import AlertKind
from schemas.instants import parse_instant
from schemas.printable import printable
from streams.console.access import Role
from streams.console.charts import Course, agreement, courses
from streams.console.language import Words
from streams.console.live_page import alert_lines
from streams.console.live_words import LIVE
from streams.console.model_feed import NAMES, Seen, Week
from streams.console.model_words import MODEL
from streams.console.site import Context, NotFound, Page, Visit
from streams.evaluation.metrics import Bin

MOST_VERSIONS = 24
Z = 1.96  # of a 95 % interval
DRIFT = (AlertKind.CUSTOMERS_CHANGED, AlertKind.FIELD_MISSING, AlertKind.LOSS_RISEN, AlertKind.SCORES_MOVED)
Line = tuple[str, str, Callable[[Week], float | None]]  # class, word, value


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its key: class and word of each line."""

    drawing: Markup | None
    key: Sequence[tuple[str, str]]


def show(visit: Visit) -> Context:
    """Returns what the template needs."""
    background = visit.site.background
    if background is None or background.model is None:
        raise NotFound
    seen = background.model.ask()
    if seen is None or not seen.versions:
        return {"seen": seen, "now": None}
    words, profile = visit.words, visit.site.profile
    newest, live = seen.versions[-1], background.live.last if background.live else None
    alerts = [one for one in live.status.alerts if one["kind"] in DRIFT] if live else []
    return {
        "seen": seen,
        "now": _now(words, newest),
        "auc": _course(words, seen, "course_auc", _auc_lines(seen), profile.model.least_auc),
        "loss": _course(words, seen, "course_loss", LOSS_LINES, None),
        "reliability": _reliability(visit, seen),
        "drift": _drift(words, seen, profile.drift.psi),
        "drift_alerts": alert_lines(words, alerts) if live else None,
        "challengers": [_challenger(words, *one) for one in newest["challengers"].items()],
        "weights": _weights(words, newest["strategy_weights"]),
        "versions": [_version(words, one) for one in reversed(seen.versions[-MOST_VERSIONS:])],
        "all_versions": len(seen.versions),
    }


def _now(words: Words, newest: dict[str, Any]) -> dict[str, Any]:
    known = f"hold_{newest['hold'].name}"
    facts = [
        (_number(newest["auc"]), words("fact_auc")),
        (_number(newest["least_auc"]), words("fact_least")),
        (_number(newest["log_loss"]), words("fact_loss")),
        (f"{newest['labels']:,}", words("fact_labels")),
    ]
    opens = words("opens") if newest["ready"] else words("opens_none", why=words(known if known in LIVE else "hold_"))
    back = ""
    if newest["reason"] in ("rollback", "restored") and newest["evidence"]:
        why = printable(str(newest["evidence"].get("why", "")))
        back = words("is_rolled_back", parent=newest["parent"], why=why)
    return {
        "version": newest["version"],
        "name": printable(newest["model"]),
        "since": words("served_since", at=words.day(parse_instant(newest["instant"]))),
        "facts": facts,
        "opens": opens,
        "ready": newest["ready"],
        "back": back,
    }


def _auc_lines(seen: Seen) -> list[Line]:
    lines: list[Line] = [
        ("so-far", "so_far", lambda week: week.auc),
        ("recent", "recent", lambda week: week.least_auc),
    ]
    if any(week.auc_alone is not None for week in seen.weeks):
        lines.insert(0, ("other", "alone", lambda week: week.auc_alone))
    return lines


LOSS_LINES: list[Line] = [
    ("other", "new_labels", lambda week: week.loss),
    ("so-far", "so_far", lambda week: week.log_loss),
]


def _course(words: Words, seen: Seen, what: str, lines: Sequence[Line], bar: float | None) -> Chart:
    """The weeks from the first on that has a value."""
    values = [[of(week) for week in seen.weeks] for _, _, of in lines]
    first = next((i for i in range(len(seen.weeks)) if any(row[i] is not None for row in values)), None)
    if first is None or len(seen.weeks) - first < 2:
        return Chart(None, [])
    days = [words.day(week.us) for week in seen.weeks[first:]]
    drawn = [Course(kind, row[first:]) for (kind, _, _), row in zip(lines, values, strict=True)]
    so_far = next(course for course in drawn if course.kind == "so-far").values[-1]
    said = words("course_alt", what=words(what), first=days[0], last=days[-1], value=_number(so_far))
    key = [(kind, words(word)) for kind, word, _ in lines]
    if bar is not None:
        key.append(("bar-line", words("least_bar", bar=bar)))
    return Chart(courses(days, drawn, lambda value: f"{value:g}", said, bar), key)


def _drift(words: Words, seen: Seen, bar: float) -> Chart:
    weeks = [week for week in seen.weeks if week.moved is not None]
    if len(weeks) < 2:
        return Chart(None, [])
    rows = list(zip(*(week.moved or () for week in weeks), strict=True))
    lines = [Course(f"line-{i}", row) for i, row in enumerate(rows)]
    said = words("drift_alt", value=_number(max(row[-1] for row in rows)))
    drawn = courses([words.day(week.us) for week in weeks], lines, lambda value: f"{value:g}", said, bar)
    return Chart(drawn, [(f"line-{i}", words(f"moved_{name}")) for i, name in enumerate(NAMES)])


def _reliability(visit: Visit, seen: Seen) -> dict[str, Any]:
    """Of all predictions where they are kept, else of those that were followed by nothing: the holdout's."""
    words, background = visit.words, visit.site.background
    bins, note = seen.reliability, "reliability_all"
    if bins is None:
        found = background.results.ask() if background and background.results else None
        bins, note = (found.warned if found else None), "reliability_warned"
    if not bins:
        return {"drawing": None, "note": words("reliability_none")}
    most = max(abs(one.predicted - one.happened) for one in bins)
    said = words("reliability_alt", n=len(bins), most=most)
    drawn = agreement([(one.predicted, one.happened, *_range(one)) for one in bins], lambda value: f"{value:.0%}", said)
    return {"drawing": drawn, "note": words(note)}


def _range(one: Bin) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson)."""
    share, n = one.happened, one.count
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * (share * (1 - share) / n + (Z / n) ** 2 / 4) ** 0.5 / (1 + Z**2 / n)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _challenger(words: Words, name: str, verdict: dict[str, Any]) -> list[str]:
    gain, needed = verdict.get("gain"), verdict.get("needed")
    said = "-" if gain is None else f"{gain:+.4f} ({verdict['low']:.4f} … {verdict['high']:.4f})"
    return [
        printable(name),
        f"{verdict['rounds']:,}",
        said,
        _number(verdict.get("evidence")),
        words("judged_only") if needed is None else _number(needed),
    ]


def _weights(words: Words, weights: dict[str, dict[str, float]]) -> list[tuple[str, str]]:
    joined = words.said.label("list").join
    return [
        (
            printable(words.own(tier)),
            joined(f"{printable(words.own(name))} {share:.0%}" for name, share in shares.items()),
        )
        for tier, shares in weights.items()
    ]


def _version(words: Words, one: dict[str, Any]) -> dict[str, str]:
    reason, evidence = f"reason_{one['reason']}", one["evidence"] or {}
    why = words(reason if reason in MODEL else "reason_other")
    return {
        "version": str(one["version"]),
        "since": words.day(parse_instant(one["instant"])),
        "model": printable(one["model"]),
        "why": f"{why}: {printable(str(evidence['why']))}" if evidence.get("why") else why,
        "parent": "" if one["parent"] is None else str(one["parent"]),
        "data": words.day(parse_instant(one["observed"][1])) if one["observed"] else "",
        "labels": f"{one['labels']:,}",
        "auc": _number(one["auc"]),
        "loss": _number(one["log_loss"]),
        "opens": words("yes" if one["ready"] else "no"),
        "profile": printable(one["profile"]),
    }


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


PAGE = Page("model_page", "/model", frozenset({Role.ON_CALL, Role.MANAGER}), show)
