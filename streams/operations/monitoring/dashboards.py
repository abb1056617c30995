"""The dashboards of Grafana: for on-call, for who looks after the publishers, and for who looks after the model.

A panel is a title, queries and a unit; everything else is the same for all, so it is made here. Queries have `$job`,
which is chosen on the page, and `$__rate_interval`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from schemas.alerts import AlertKind

SCHEMA = 41  # of the dashboards of Grafana 11.6
WIDTH, HEIGHT, STAT_HEIGHT = 24, 8, 4
PROMETHEUS = {"type": "prometheus", "uid": "${source}"}
J = 'job=~"$job"'
Unit = Literal["s", "short", "percentunit", "dateTimeAsIso", "none"]


@dataclass(frozen=True, slots=True)
class Panel:
    """queries: legend -> expression; text: what it means, and when to look; red: the stat is red from there on."""

    title: str
    queries: dict[str, str]
    unit: Unit
    text: str
    kind: Literal["stat", "timeseries"] = "timeseries"
    red: float | None = None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """uid: the name of its file and in links; rows: title -> panels."""

    uid: str
    title: str
    rows: dict[str, tuple[Panel, ...]]


def stat(title: str, query: str, unit: Unit, text: str, red: float | None = None) -> Panel:
    """A panel with one number."""
    return Panel(title, {"": query}, unit, text, "stat", red)


def rate(metric: str, by: str) -> str:
    """Events a second of a counter."""
    return f"sum by ({by}) (rate({metric}{{{J}}}[$__rate_interval]))"


def quantile(q: float, metric: str) -> str:
    """A quantile of a histogram over all units."""
    return f"histogram_quantile({q}, sum by (le) (rate({metric}_bucket{{{J}}}[$__rate_interval])))"


def per_day(metric: str, by: str) -> str:
    """How often in a day."""
    return f"sum by ({by}) (increase({metric}{{{J}}}[1d]))"


def worst(metric: str, by: str) -> str:
    """The largest value of each partition or unit: a mean would hide one that makes no progress."""
    return f"max by ({by}) ({metric}{{{J}}})"


ON_CALL = Dashboard(
    "keepline-on-call",
    "Keepline: on call",
    {
        "Late, stopped or dropping? How many decisions wait?": (
            stat("Decisions that wait", f"sum(keepline_decisions_at_risk{{{J}}})", "short", "held, or not read yet", 1),
            stat("Worst lag", f"max(keepline_lag_seconds{{{J}}})", "s", "age of the oldest record not applied", 300),
            stat(
                "Units without a worker",
                f"max(keepline_units{{{J}}}) - sum(keepline_unit_ready{{{J}}})",
                "short",
                "nothing is decided about their customers",
                1,
            ),
            stat("Units given up", f"sum(keepline_unit_given_up{{{J}}})", "short", "keepline status says why", 1),
            stat(
                "Refused records",
                f'sum(increase(keepline_events_total{{{J},outcome="rejected"}}[1h]))',
                "short",
                "in the last hour; keepline dead-letters list",
                1,
            ),
            stat("Open alerts", f"sum(keepline_alerts{{{J}}})", "short", "keepline status shows their texts", 1),
        ),
        "Lag": (
            Panel("Lag", {"{{topic}}/{{partition}}": worst("keepline_lag_seconds", "topic, partition")}, "s", "by age"),
            Panel(
                "Lag in records",
                {"{{topic}}/{{partition}}": worst("keepline_lag_records", "topic, partition")},
                "short",
                "0 after a drain, in spite of markers",
            ),
            Panel(
                "Age of the frontier",
                {"{{unit}}": worst("keepline_frontier_age_seconds", "unit")},
                "s",
                "one unit far above the others: a silent publisher, or an open transaction",
            ),
            Panel(
                "Offsets",
                {"{{stage}}": f"sum by (stage) (keepline_offset{{{J}}})"},
                "short",
                "all partitions; applied runs away from committed: checkpoints fail",
            ),
            Panel(
                "Left before retention deletes what is not read",
                {"worst": f"min(keepline_retention_margin_seconds{{{J}}})"},
                "s",
                "infinite where topics keep all",
            ),
            Panel("Events", {"{{outcome}}": rate("keepline_events_total", "outcome")}, "short", "a second"),
        ),
        "Checkpoints": (
            Panel(
                "Duration",
                {f"{q:g}": quantile(q, "keepline_checkpoint_seconds") for q in (0.5, 0.99)},
                "s",
                "longer than a second: the brokers",
            ),
            Panel(
                "Age of the last one",
                {"{{unit}}": f"time() - max by (unit) (keepline_last_checkpoint_timestamp_seconds{{{J}}})"},
                "s",
                "30 s of an idle unit, else a second or two",
            ),
            Panel("Transactions", {"{{result}}": rate("keepline_transactions_total", "result")}, "short", "a second"),
            Panel("Records", {"": rate("keepline_checkpoint_rows_total", "job")}, "short", "a second, in transactions"),
        ),
        "The promise: a signal is an intervention within 10 s": (
            Panel(
                "From the signal to the commit",
                {f"{q:g}": quantile(q, "keepline_response_seconds") for q in (0.5, 0.95, 0.99)},
                "s",
                "live messages; empty while none are sent",
            ),
            Panel(
                "Messages",
                {
                    "all": f"sum(increase(keepline_response_seconds_count{{{J}}}[1h]))",
                    "within 10 s": f'sum(increase(keepline_response_seconds_bucket{{{J},le="10.0"}}[1h]))',
                },
                "short",
                "in an hour",
            ),
        ),
        "Workers": (
            Panel("Units", {"{{instance}}": f"sum by (instance) (keepline_unit_ready{{{J}}})"}, "short", "by worker"),
            Panel(
                "Without membership",
                {"{{instance}}": f"max by (instance) (keepline_away_seconds{{{J}}})"},
                "s",
                "above 10: brokers do not answer, or workers come and go",
            ),
            Panel(
                "Restored", {"{{unit}}": worst("keepline_restored_records", "unit")}, "short", "records, at the start"
            ),
            Panel(
                "Versions",
                {"{{version}}": f"count by (version) (keepline_build_info{{{J}}})"},
                "short",
                "two during an upgrade only",
            ),
        ),
    },
)


OF_PUBLISHERS = (
    AlertKind.PRODUCER_SILENT,
    AlertKind.RECORDS_REFUSED,
    AlertKind.FIELD_MISSING,
    AlertKind.HISTORY,
    AlertKind.WRONG_PARTITION,
)


def by_producer(outcome: str) -> str:
    """Records a second of each producer with this outcome."""
    return f'sum by (producer) (rate(keepline_producer_records_total{{{J},outcome="{outcome}"}}[$__rate_interval]))'


PUBLISHERS = Dashboard(
    "keepline-publishers",
    "Keepline: publishers",
    {
        "Records by producer": (
            Panel("Taken", {"{{producer}}": by_producer("taken")}, "short", "a second"),
            Panel("Refused", {"{{producer}}": by_producer("refused")}, "short", "a second; keepline dead-letters list"),
            Panel(
                "Refused share",
                {
                    "{{producer}}": f'sum by (producer) (keepline_producer_records_total{{{J},outcome="refused"}})'
                    f" / sum by (producer) (keepline_producer_records_total{{{J}}})"
                },
                "percentunit",
                "since the workers own the partitions, at most a week",
            ),
            Panel(
                "Refused by rule",
                {"{{rule}} {{producer}}": f"sum by (rule, producer) (keepline_rejected_total{{{J}}})"},
                "short",
                "since the workers own the partitions",
            ),
        ),
        "What else": (
            Panel(
                "Late and duplicate events",
                {"{{outcome}}": rate("keepline_events_total", "outcome")},
                "short",
                "a second; late: a publisher sends behind its heartbeats",
            ),
            Panel(
                "Alerts on publishers",
                {"{{kind}}": f'sum by (kind) (keepline_alert{{{J},kind=~"{"|".join(OF_PUBLISHERS)}"}}) or vector(0)'},
                "short",
                "keepline status shows their texts",
            ),
            Panel(
                "Records that are not Keepline's",
                {"{{topic}}/{{partition}}": f"max by (topic, partition) (keepline_strays_total{{{J}}}) or vector(0)"},
                "short",
                "in its own topics: take that client's right to write there",
            ),
        ),
    },
)

MODEL = Dashboard(
    "keepline-model",
    "Keepline: model and cases",
    {
        "The model": (
            stat("Ready", f"min(keepline_model_ready{{{J}}})", "short", "0: no case opens"),
            stat("Version", f"min(keepline_model_version{{{J}}})", "short", "grid instants learned; the oldest served"),
            stat("Labels", f"max(keepline_model_labels{{{J}}})", "short", "matured"),
            stat("AUC", f"max(keepline_model_auc{{{J}}})", "percentunit", "prequential"),
            stat("Log loss", f"max(keepline_model_log_loss{{{J}}})", "short", "prequential"),
            stat("Precision", f"max(keepline_model_precision_ratio{{{J}}})", "percentunit", "above the threshold"),
            stat("Goal", f"max(keepline_model_precision_goal_ratio{{{J}}})", "percentunit", "goals.precision"),
            Panel(
                "Challengers of River",
                {"{{challenger}}": f"{rate('keepline_challenger_processor_seconds_total', 'challenger')} or vector(0)"},
                "s",
                "processor time a second; the learner waits for it",
            ),
            Panel(
                "Alerts",
                {"{{kind}}": f"sum by (kind) (keepline_alert{{{J}}}) or vector(0)"},
                "short",
                "by kind: docs/alerts.md",
            ),
        ),
        "Cases": (
            Panel("Interventions", {"{{tier}}": per_day("keepline_interventions_total", "tier")}, "short", "in a day"),
            Panel(
                "Withheld",
                {"{{reason}}": f"sum by (reason) (keepline_interventions_withheld_total{{{J}}})"},
                "short",
                "so far, by reason",
            ),
            Panel(
                "What the CRM reports", {"{{status}}": per_day("keepline_outcomes_total", "status")}, "short", "a day"
            ),
            Panel(
                "Updates",
                {"{{status}}": f"sum by (status) (keepline_case_updates_total{{{J}}}) or vector(0)"},
                "short",
                "so far",
            ),
            Panel("Live cases", {"": f"sum(keepline_live_cases{{{J}}})"}, "short", "those of the holdout included"),
            Panel(
                "Crossings that wait",
                {"{{reason}}": f"sum by (reason) (keepline_held_crossings{{{J}}}) or vector(0)"},
                "short",
                "for a model, the end of the stop-loss, or a turn in the backlog",
            ),
            Panel(
                "Touches",
                {"{{trigger}}": f"sum by (trigger) (keepline_touches_total{{{J}}}) or vector(0)"},
                "short",
                "so far",
            ),
            Panel(
                "Managers' tasks",
                {"{{status}}": f"sum by (status) (keepline_tasks_total{{{J}}}) or vector(0)"},
                "short",
                "so far; overdue: complaints are not settled in time",
            ),
            Panel(
                "Customers",
                {"{{lifecycle}}": f"sum by (lifecycle) (keepline_customers{{{J}}}) or vector(0)"},
                "short",
                "as of the last Monday",
            ),
        ),
    },
)
DASHBOARDS = (ON_CALL, PUBLISHERS, MODEL)


def dashboard_files() -> dict[str, str]:
    """File name -> JSON."""
    return {f"{one.uid}.json": json.dumps(as_json(one), indent=1, ensure_ascii=False) + "\n" for one in DASHBOARDS}


def as_json(dashboard: Dashboard) -> dict[str, Any]:
    """A dashboard as Grafana stores it."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["keepline"],
        "schemaVersion": SCHEMA,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [SOURCE, JOB]},
        "panels": list(_panels(dashboard)),
    }


SOURCE = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus", "current": {}}
JOB = {
    "name": "job",
    "label": "Job",
    "type": "query",
    "datasource": PROMETHEUS,
    "query": {"query": "label_values(keepline_units, job)", "refId": "job"},
    "definition": "label_values(keepline_units, job)",
    "refresh": 2,
    "includeAll": True,
    "multi": True,
    "current": {"text": "All", "value": "$__all"},
}


def _panels(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    number = y = 0
    for title, panels in dashboard.rows.items():
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": _at(0, y, 24, 1),
        }
        y += 1
        for kind in ("stat", "timeseries"):
            some = [panel for panel in panels if panel.kind == kind]
            across, height = (max(len(some), 1), STAT_HEIGHT) if kind == "stat" else (2, HEIGHT)
            for i, panel in enumerate(some):
                number += 1
                place = _at(i % across * (WIDTH // across), y + i // across * height, WIDTH // across, height)
                yield _panel(panel, number, place)
            y += -(-len(some) // across) * height


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.red is not None:
        steps.append({"color": "red", "value": panel.red})
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.text,
        "datasource": PROMETHEUS,
        "gridPos": place,
        "targets": [
            {"refId": chr(ord("A") + i), "datasource": PROMETHEUS, "expr": query, "legendFormat": legend or "__auto"}
            for i, (legend, query) in enumerate(panel.queries.items())
        ],
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}},
            "overrides": [],
        },
        "options": {},
    }


def _at(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}
