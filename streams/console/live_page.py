"""The wall screen: is it well, what comes in, what goes out, and who does the work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any

from markupsafe import Markup

from schemas.alerts import REST, AlertKind
from schemas.instants import DAY_US, SECOND_US, parse_instant
from schemas.printable import printable
from streams.console.access import ALL, Role
from streams.console.language import Words
from streams.console.live_feed import Look
from streams.console.live_words import ALERTS, LIVE
from streams.console.queries import Listed
from streams.console.site import Context, Page, Visit
from streams.kafka.status import STUCK_S, Place, ServedModel, Status, UnitState
from streams.operations.verdict import LATE_S, worst

NONE = "-"
MOST_UNITS, MOST_ALERTS, MOST_PUBLISHERS, ARRIVALS = 7, 2, 3, 7  # what fits a screen
SPARK_WIDTH, SPARK_HEIGHT = 160, 34
LEVELS = {"on time": "good", "late": "watch", "dropping": "bad", "stopped": "bad"}
Alert = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that is read from afar. level: good, watch, bad or none."""

    value: str
    what: str
    level: str = ""
    drawing: Markup | None = None


@dataclass(frozen=True, slots=True)
class UnitLine:
    """A unit. place: the input whose records wait longest."""

    name: str
    owner: str
    state: str
    level: str
    frontier: str
    checkpoint: str
    records: str
    waits: str


@dataclass(frozen=True, slots=True)
class AlertLine:
    """An alert of one or more units."""

    title: str
    subject: str
    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """A case that was sent. customer: its id as the viewer may see it; case_id: None where no page is to be opened."""

    when: str
    tier: str
    tier_word: str
    probability: float
    customer: str
    case_id: str | None
    why: str
    worth: float
    scope: str | None


def show(visit: Visit) -> Context:
    """Returns what the template needs."""
    background = visit.site.background
    feed = background.live if background else None
    arrivals = [_arrival(visit, case) for case in visit.site.reader.newest_sent(visit.viewer, ARRIVALS)]
    shared = {"arrivals": arrivals, "look": None, "units": [], "alerts": [], "publishers": []}
    if background is None or feed is None:
        return shared | _of_replay(visit, background.summary() if background else {})
    if feed.last is None:
        state = "unknown" if feed.failed else "looking"
        banner = {
            "state": state,
            "level": "bad" if feed.failed else "",
            "why": feed.failed or visit.words("why_looking"),
        }
        return shared | {"banner": banner | {"since": ""}, "figures": []}
    return shared | _of_group(visit, feed.last)


def _of_group(visit: Visit, look: Look) -> dict[str, Any]:
    words, status = visit.words, look.status
    return {
        "look": look,
        "banner": _banner(words, look),
        "figures": _figures(visit, look),
        "units": _units(words, status, look.at_us),
        "more_units": max(len(status.units) - MOST_UNITS, 0),
        "alerts": alert_lines(words, status.alerts)[:MOST_ALERTS],
        "more_alerts": max(len(merged(status.alerts)) - MOST_ALERTS, 0),
        "unknown": ", ".join(unit.unit for unit in status.units if unit.alerts is None),
        "publishers": list(_publishers(words, status))[:MOST_PUBLISHERS],
    }


def _of_replay(visit: Visit, summary: dict[str, Any]) -> dict[str, Any]:
    words = visit.words
    counted = (("events_read", "events_read"), ("customers_seen", "customers"), ("sent_in_all", "interventions"),
               ("refused_events", "events_rejected"))  # fmt: skip
    figures = [Figure(f"{summary[name]:,}", words(word)) for word, name in counted if name in summary]
    if summary.get("auc") is not None:
        figures.append(Figure(f"{summary['auc']:.3f}", words("in_force", version=summary.get("model_version", "-"))))
    banner = {"state": "replay", "level": "", "why": words("why_replay"), "since": ""}
    return {"banner": banner, "figures": figures}


def _banner(words: Words, look: Look) -> dict[str, str]:
    if look.error:
        at = words.moment(look.at_us)
        return {"state": "unknown", "level": "bad", "why": words("why_unknown", at=at), "since": printable(look.error)}
    verdict = look.verdict
    cause = "nothing_waits" if verdict.cause == "waits" and worst(look.status) is None else verdict.cause
    since = words("since", at=words.moment(parse_instant(verdict.since))) if verdict.since else ""
    level = LEVELS[verdict.state]
    if level == "good" and look.status.problems:
        level = "watch"
    why = words(f"why_{cause}", about=printable(verdict.about))
    return {"state": verdict.state, "level": level, "why": why, "since": since}


def _figures(visit: Visit, look: Look) -> list[Figure]:
    words, status, verdict = visit.words, look.status, look.verdict
    oldest = max((place.lag_seconds or 0.0 for place in status.places), default=0.0)
    sent = visit.site.reader.count_sent(visit.now_us - DAY_US)
    found = [
        Figure(NONE if look.rate is None else f"{look.rate:,.0f}", words("events_rate"), "", _spark(words, look)),
        Figure(f"{sent:,}", words("sent_today")),
        Figure(_seconds(words, oldest), words("oldest_waits"), "watch" if oldest > LATE_S else ""),
        Figure(f"{verdict.decisions:,}", words("decisions_wait")),
    ]
    found.append(_model(words, status.model))
    return found


def _spark(words: Words, look: Look) -> Markup | None:
    """The events a second of the last minutes as a line."""
    if len(look.rates) < 2 or look.rate is None:
        return None
    first_us, last_us = look.rates[0][0], look.rates[-1][0]
    most = max(rate for _, rate in look.rates) or 1.0
    wide, high = SPARK_WIDTH / (last_us - first_us), (SPARK_HEIGHT - 3) / most
    drawn = [((at - first_us) * wide, SPARK_HEIGHT - 1 - rate * high) for at, rate in look.rates]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in drawn)
    said = escape(words("rate_alt", n=look.rate))
    view = f'viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}" preserveAspectRatio="none"'
    return Markup(f'<svg class="spark" role="img" aria-label="{said}" {view}><polyline points="{points}"/></svg>')


def _units(words: Words, status: Status, now_us: int) -> list[UnitLine]:
    """Those that need a look first, then by name."""
    lines = [(_unit(words, status, unit, now_us), unit) for unit in status.units]
    chosen = sorted(lines, key=lambda one: (one[0].level == "", -one[1].lag_records, _order(one[1].unit)))[:MOST_UNITS]
    return [line for line, unit in sorted(chosen, key=lambda one: _order(one[1].unit))]


def _order(name: str) -> tuple[str, int]:
    kind, _, number = name.partition("-")
    return kind, int(number) if number.isdecimal() else -1


def _unit(words: Words, status: Status, unit: UnitState, now_us: int) -> UnitLine:
    state, level = _state(status, unit)
    places = [place for place in status.places if place.unit == unit.unit and place.lag_records]
    waits = max(places, key=lambda one: one.lag_seconds or 0.0, default=None)
    return UnitLine(
        unit.unit,
        printable(unit.owner) if unit.owner else words("nobody"),
        words(f"unit_{state}"),
        level,
        _near(words, parse_instant(unit.frontier), now_us) if unit.frontier else NONE,
        words("ago", span=_seconds(words, unit.seconds_since_checkpoint)) if unit.frontier else NONE,
        words("lag_of", n=unit.lag_records) if unit.lag_records else "0",
        _waits(words, waits),
    )


def _state(status: Status, unit: UnitState) -> tuple[str, str]:
    """What a unit does, and how bad that is."""
    if unit.given_up:
        return "given_up", "bad"
    if unit.done:
        return "done", ""
    if unit.owner is None and not (status.members and status.state != "Stable"):
        return "orphan", "bad"
    if unit.lag_records and unit.seconds_since_checkpoint > STUCK_S:
        return "stuck", "bad"
    return ("waits", "") if unit.waiting else ("working", "")


def _waits(words: Words, place: Place | None) -> str:
    if place is None:
        return ""
    return words("hidden") if place.lag_seconds is None else _seconds(words, place.lag_seconds)


def _near(words: Words, us: int, now_us: int) -> str:
    """An instant, of today by its time alone."""
    at = words.local(us)
    return f"{at:%H:%M:%S}" if at.date() == words.local(now_us).date() else words.moment(us)


def _seconds(words: Words, seconds: float) -> str:
    return words("seconds", n=seconds) if seconds < 2 * 60 else words.span(round(seconds) * SECOND_US)


def merged(alerts: Iterable[Alert]) -> list[list[Alert]]:
    """Returns the alerts of all units, those of one kind about one subject together, the newest first."""
    found: dict[tuple[str, str], list[Alert]] = {}
    for one in alerts:
        found.setdefault((one["kind"], one["subject"]), []).append(one)
    return sorted(found.values(), key=lambda same: min(one["since"] for one in same), reverse=True)


def alert_lines(words: Words, alerts: Iterable[Alert]) -> list[AlertLine]:
    """Returns alerts as text, what several units say of the same as one."""
    lines = []
    for same in merged(alerts):
        first = same[0]
        known = first["kind"] if first["kind"] in ALERTS else "other"
        since = parse_instant(min(one["since"] for one in same))
        names = words.said.label("list").join(one["unit"] for one in same)
        where = words("alert_units", names=names, at=words.moment(since))
        subject = "" if first["subject"] == REST else printable(first["subject"])
        lines.append(AlertLine(words(f"alert_{known}"), subject, where, printable(first["text"])))
    return lines


def _publishers(words: Words, status: Status) -> Iterable[tuple[str, str, str]]:
    """Name, what is wrong, level."""
    for same in merged(status.alerts):
        kind, name, figures = same[0]["kind"], printable(same[0]["subject"]), same[0]["figures"]
        if kind == AlertKind.PRODUCER_SILENT and "heard_at" in figures:
            n = sum(int(one["figures"].get("waiting", 0)) for one in same)
            yield name, words("publisher_silent", at=words.moment(parse_instant(figures["heard_at"])), n=n), "bad"
        elif kind == AlertKind.RECORDS_REFUSED and "share" in figures:
            yield (
                name,
                words("publisher_refused", share=figures["share"], rule=printable(figures.get("rule", ""))),
                "bad",
            )
        elif kind in (AlertKind.HISTORY, AlertKind.WRONG_PARTITION) and "refused" in figures:
            key = "history" if kind == AlertKind.HISTORY else "partition"
            yield name, words(f"publisher_{key}", n=sum(int(one["figures"]["refused"]) for one in same)), "bad"
        elif kind == AlertKind.FIELD_MISSING and "missing" in figures:
            share, before = figures["missing"], figures.get("missing_before", 0.0)
            yield name, words("publisher_missing", share=share, before=before), "watch"
    for name, n in sorted(status.unknown_fields.items(), key=lambda one: (-one[1], one[0])):
        yield printable(name), words("publisher_unknown", n=n), ""


def _model(words: Words, model: ServedModel | None) -> Figure:
    """The model in force: how good, which one, and whether cases open."""
    if model is None:
        return Figure(NONE, words("no_model"))
    which = words("in_force", version=model.version)
    if model.ready:
        opens = words("model_ready")
    else:
        known = f"hold_{model.hold}"
        opens = words("model_not_ready", why=words(known if known in LIVE else "hold_"))
    what = words("model_line", which=which, at=words.day(model.instant_us), opens=opens)
    return Figure(NONE if model.auc is None else f"{model.auc:.3f}", what, "" if model.ready else "watch")


def _arrival(visit: Visit, case: Listed) -> Arrival:
    words, named = visit.words, visit.viewer.role is not Role.ADVISER
    return Arrival(
        words("ago", span=words.span(max(visit.now_us - case.emitted_us, 0))),
        case.tier,
        words.own(case.tier),
        case.probability,
        visit.customer(case.customer_id) if named else "",
        case.case_id if named else None,
        (case.reason_zh if words.lang == "zh" else None) or case.reason or "",
        case.worth,
        case.scope,
    )


PAGE = Page("live", "/live", ALL, show)
