"""Every metric of a worker, once. Labels have bounded values: units, topics, partitions and words of fixed lists; names
from outside (producers) at most MOST_PRODUCERS a unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PREFIX = "keepline_"
MOST_PRODUCERS = 50  # shown of a unit, those with refused records first
OTHERS = "others"

PLACE = ("topic", "partition")
STAGES = ("read", "applied", "sent", "committed", "end")
RESULTS = ("committed", "failed", "fenced")


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric. name: without prefix, and without the `_total` of counters."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    labels: tuple[str, ...]
    text: str

    @property
    def series(self) -> str:
        """The name in queries; of a histogram the one that counts."""
        return PREFIX + self.name + {"gauge": "", "counter": "_total", "histogram": "_count"}[self.kind]


UNIT = ("unit",)
METRICS = (
    MetricSpec("build_info", "gauge", ("version", "python", "aiokafka", "faust"), "1; what runs, as labels"),
    MetricSpec("units", "gauge", (), "units that the deployment has: an engine a partition, learner, dispatcher"),
    MetricSpec("unit_ready", "gauge", UNIT, "1: restored and owned; 0: being restored"),
    MetricSpec(
        "unit_given_up", "gauge", UNIT, "1: it cannot go on, and is tried again; /readyz and `keepline status` show why"
    ),
    MetricSpec("away_seconds", "gauge", (), "since this worker was last known to be a member of its group"),
    MetricSpec("restored_records", "gauge", UNIT, "records read from its changelog"),
    MetricSpec("frontier_timestamp_seconds", "gauge", UNIT, "event time up to which everything is applied"),
    MetricSpec("frontier_age_seconds", "gauge", UNIT, "now less the frontier"),
    MetricSpec("frontier_age_seconds_worst", "gauge", (), "largest age of all frontiers of this worker"),
    MetricSpec("unit_unsaved", "gauge", UNIT, "1: something that was applied is in no checkpoint yet"),
    MetricSpec("last_checkpoint_timestamp_seconds", "gauge", UNIT, "when a transaction was last committed"),
    MetricSpec("checkpoint_seconds", "histogram", UNIT, "duration of committed transactions"),
    MetricSpec("checkpoint_rows", "counter", UNIT, "records in committed transactions"),
    MetricSpec(
        "transactions",
        "counter",
        ("unit", "result"),
        "committed; failed: the unit was given up and goes on from the last one; fenced: another worker has the unit",
    ),
    MetricSpec("offset", "gauge", (*PLACE, "stage"), f"next offset by stage: {', '.join(STAGES)}"),
    MetricSpec("lag_records", "gauge", PLACE, "records that are not applied; 0 after a drain, in spite of markers"),
    MetricSpec("lag_seconds", "gauge", PLACE, "age of the oldest record that is not applied; 0 where there is none"),
    MetricSpec(
        "retention_margin_seconds",
        "gauge",
        PLACE,
        "until retention deletes the oldest record that is not applied; +Inf: the topic keeps all",
    ),
    MetricSpec(
        "decisions_at_risk",
        "gauge",
        UNIT,
        "decisions that wait: held ones, and of the records that wait as many as records have brought so far",
    ),
    MetricSpec("events", "counter", ("unit", "outcome"), "events of a partition by outcome"),
    MetricSpec(
        "producer_records",
        "counter",
        ("unit", "producer", "outcome"),
        f"records of a producer by outcome, taken or refused; {MOST_PRODUCERS} producers a unit, the rest is {OTHERS}",
    ),
    MetricSpec(
        "rejected", "counter", ("unit", "rule", "producer"), "refused records since this worker owns the partition"
    ),
    MetricSpec(
        "strays",
        "counter",
        ("unit", *PLACE),
        "records in units' own topics that Keepline has not written, since this worker owns the unit",
    ),
    MetricSpec("interventions", "counter", ("unit", "tier"), "interventions of a partition by tier"),
    MetricSpec("interventions_withheld", "counter", ("unit", "reason"), "cases that were not sent, by reason"),
    MetricSpec("case_updates", "counter", ("unit", "status"), "updates of cases by status"),
    MetricSpec("outcomes", "counter", ("unit", "status"), "outcomes that the CRM has reported, by status"),
    MetricSpec("touches", "counter", ("unit", "trigger"), "touches by trigger"),
    MetricSpec("tasks", "counter", ("unit", "status"), "messages about managers' tasks by status"),
    MetricSpec("customers", "gauge", ("unit", "lifecycle"), "customers by lifecycle group, as of the last Monday"),
    MetricSpec("live_cases", "gauge", UNIT, "cases that have not ended, those of the holdout included"),
    MetricSpec("held_crossings", "gauge", ("unit", "reason"), "crossings that wait until cases may open again"),
    MetricSpec(
        "response_seconds",
        "histogram",
        UNIT,
        "from the signal to the commit of its intervention, touch or task, live; the goal is goals.response",
    ),
    MetricSpec("alerts", "gauge", UNIT, "open alerts; `keepline status` shows their texts"),
    MetricSpec("alert", "gauge", ("unit", "kind"), "open alerts by kind (docs/alerts.md)"),
    MetricSpec("model_version", "gauge", (), "grid instants that the oldest model served here has learned"),
    MetricSpec("model_ready", "gauge", (), "1: cases may open; 0: model.hold says why not"),
    MetricSpec("model_labels", "gauge", (), "matured labels that the model has learned from"),
    MetricSpec("model_auc", "gauge", (), "prequential AUC"),
    MetricSpec("model_log_loss", "gauge", (), "prequential log loss"),
    MetricSpec(
        "model_precision_ratio", "gauge", (), "of the labelled predictions above the threshold, the share that has left"
    ),
    MetricSpec(
        "challenger_processor_seconds", "counter", ("challenger",), "spent on learning and asking a challenger of River"
    ),
    MetricSpec("model_precision_goal_ratio", "gauge", (), "goals.precision of the profile"),
)
BY_NAME = {one.name: one for one in METRICS}


def markdown() -> str:
    """The list as deploy/prometheus/metrics.md shows it."""
    rows = [f"| `{one.series}` | {one.kind} | {', '.join(one.labels) or '-'} | {one.text} |" for one in METRICS]
    head = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    return "\n".join(["# Metrics of a worker", "", *head, *rows]) + "\n"
