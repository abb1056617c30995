"""Gauges and counters of one worker: read from its leases at each scrape, so nothing is counted twice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.instants import SECOND_US, parse_instant
from streams.interventions.actions import LIFECYCLES
from streams.kafka.lease import Lease
from streams.kafka.leases import Leases
from streams.units.engine_unit import OUTCOMES, EngineUnit
from streams.units.global_unit import GlobalUnit

KINDS_OF_COUNTS = (  # prefix of a count, metric, label
    ("tier_", "interventions", "tier"),
    ("withheld_", "interventions_withheld", "reason"),
    ("cases_", "case_updates", "status"),
    ("touches_by_", "touches", "trigger"),
    ("tasks_", "tasks", "status"),
)
QUANTILES = (0.5, 0.99)


def registry(leases: Leases) -> CollectorRegistry:
    """Returns a registry with this worker's metrics alone."""
    found = CollectorRegistry()
    found.register(WorkerCollector(leases))
    return found


class WorkerCollector(Collector):
    """Collects all metrics from the leases of a worker."""

    def __init__(self, leases: Leases) -> None:
        self.leases = leases

    def collect(self) -> Iterator[Metric]:
        """Yields the metrics as of now."""
        leases = list(self.leases.all.values())
        ready = [lease for lease in leases if lease.ready]
        yield _per_unit(
            "unit_ready", "1: restored and owned; 0: being restored", {x.name: float(x.ready) for x in leases}
        )
        yield _per_unit(
            "unit_given_up",
            "1: it cannot go on, and is tried again; /readyz and `keepline status` show why",
            {x.name: 0.0 for x in ready} | {one.unit: 1.0 for one in self.leases.given_up},
        )
        away_s = time.monotonic() - self.leases.member_at
        yield GaugeMetricFamily(
            "keepline_away_seconds", "since this worker was last known to be a member of its group", away_s
        )
        yield _per_unit(
            "restored_records", "records read from its changelog", {x.name: float(x.restore.records) for x in leases}
        )
        yield from _times(ready)
        yield from _checkpoints(ready)
        yield _offsets(ready)
        yield from _lag(ready)
        yield _events(ready)
        yield _rejected(ready)
        yield from _interventions(ready)
        yield _responses(ready)
        yield _held(ready)
        yield _strays(ready)
        yield _per_unit("alerts", "open alerts; `keepline status` shows their texts", _alerts(ready))
        yield _alerts_by_kind(ready)
        yield from _model(ready)


def lag_records(lease: Lease) -> dict[tuple[str, int], int]:
    """Returns waiting offsets by topic and partition; 0 when everything is applied, despite control markers."""
    found = {}
    for source, place in lease.inputs.items():
        end, applied = lease.ends.get(source), lease.applied(source)
        if end is not None and source != "observations":  # the delay line waits a horizon on purpose
            found[place.topic, place.partition] = max(end - applied, 0)
    return found


def _times(leases: list[Lease]) -> Iterator[Metric]:
    frontier = {x.name: parse_instant(x.unit.frontier) / SECOND_US for x in leases if x.unit.frontier}
    ages = {x.name: _behind_seconds(x) for x in leases if x.name in frontier and _scores(x)}
    yield _per_unit("frontier_timestamp_seconds", "event time up to which everything is applied", frontier)
    yield _per_unit("frontier_age_seconds", "now minus the frontier: the lag in seconds", ages)
    yield GaugeMetricFamily(
        "keepline_frontier_age_seconds_worst", "largest age of all units", max(ages.values(), default=0.0)
    )


def _checkpoints(leases: list[Lease]) -> Iterator[Metric]:
    saved = {lease.name: lease.saved_at for lease in leases if lease.saved_at}
    yield _per_unit("last_checkpoint_timestamp_seconds", "when a transaction was last committed", saved)
    total = CounterMetricFamily("keepline_checkpoints", "transactions committed", labels=["unit"])
    rows = CounterMetricFamily("keepline_checkpoint_rows", "records in these transactions", labels=["unit"])
    spent = GaugeMetricFamily(
        "keepline_checkpoint_seconds", "duration of the last thousand", labels=["unit", "quantile"]
    )
    for lease in leases:
        total.add_metric([lease.name], lease.stats.transactions)
        rows.add_metric([lease.name], lease.stats.rows)
        seconds = sorted(lease.stats.seconds)
        for quantile in QUANTILES if seconds else ():
            spent.add_metric([lease.name, str(quantile)], seconds[int(quantile * (len(seconds) - 1))])
    yield from (total, rows, spent)


def _offsets(leases: list[Lease]) -> Metric:
    found = GaugeMetricFamily("keepline_offset", "next offset", labels=["topic", "partition", "stage"])
    for lease in leases:
        for source, place in lease.inputs.items():
            at = [place.topic, str(place.partition)]
            found.add_metric([*at, "read"], max(lease.read.get(source, (0, 0))[0], lease.unit.position[source]))
            found.add_metric([*at, "applied"], lease.unit.position[source])
            found.add_metric([*at, "committed"], lease.saved_position.get(source, 0))
    return found


def _lag(leases: list[Lease]) -> Iterator[Metric]:
    labels = ["topic", "partition"]
    records = GaugeMetricFamily("keepline_lag_records", "records that wait", labels=labels)
    seconds = GaugeMetricFamily("keepline_lag_seconds", "now minus the frontier; 0 where nothing waits", labels=labels)
    for lease in leases:
        for (topic, partition), lag in lag_records(lease).items():
            records.add_metric([topic, str(partition)], lag)
            if _scores(lease):
                seconds.add_metric([topic, str(partition)], _behind_seconds(lease) if lag else 0.0)
    yield from (records, seconds)


def _behind_seconds(lease: Lease) -> float:
    frontier = lease.unit.frontier
    return max(lease.clock.latest_us() - parse_instant(frontier), 0) / SECOND_US if frontier else 0.0


def _events(leases: list[Lease]) -> Metric:
    found = CounterMetricFamily("keepline_events", "events of a partition by outcome", labels=["unit", "outcome"])
    for lease in leases:
        if isinstance(lease.unit, EngineUnit):
            for outcome in OUTCOMES:
                found.add_metric([lease.name, outcome], lease.unit.counts.get(outcome, 0))
    return found


def _rejected(leases: list[Lease]) -> Metric:
    labels = ["unit", "rule", "producer"]
    found = CounterMetricFamily(
        "keepline_rejected", "refused records since this worker owns the partition", labels=labels
    )
    for lease in leases:
        if isinstance(lease.unit, EngineUnit):
            for (rule, producer), count in lease.unit.refusals.counts.items():
                found.add_metric([lease.name, rule, producer], count)
    return found


def _strays(leases: list[Lease]) -> Metric:
    found = CounterMetricFamily(
        "keepline_strays",
        "records in units' own topics that Keepline has not written, since this worker owns the unit",
        labels=["unit", "topic", "partition"],
    )
    for lease in leases:
        strays = lease.unit.strays.found if isinstance(lease.unit, (EngineUnit, GlobalUnit)) else {}
        for (topic, partition), one in strays.items():
            found.add_metric([lease.name, lease.settings.topic(topic), str(partition)], one.count)
    return found


def _interventions(leases: list[Lease]) -> Iterator[Metric]:
    """Yields live cases, cases sent by tier, withheld by reason, updates by status and touches by trigger."""
    customers = GaugeMetricFamily(
        "keepline_customers", "by lifecycle group, as of the last Monday", labels=["unit", "lifecycle"]
    )
    for lease in leases:
        for group in LIFECYCLES:
            if (count := lease.unit.counts.get(f"lifecycle_{group}")) is not None:
                customers.add_metric([lease.name, group], count)
    yield customers
    live = {lease.name: float(lease.unit.counts.get("live_cases", 0)) for lease in leases if _scores(lease)}
    yield _per_unit("live_cases", "cases that have not ended, those of the holdout included", live)
    for prefix, name, label in KINDS_OF_COUNTS:
        found = CounterMetricFamily(f"keepline_{name}", f"of a partition by {label}", labels=["unit", label])
        for lease in leases:
            for key, count in lease.unit.counts.items():
                if key.startswith(prefix):
                    found.add_metric([lease.name, key.removeprefix(prefix)], count)
        yield found


def _responses(leases: list[Lease]) -> Metric:
    text = "from the signal to the commit of its intervention, touch or task, live; the goal is goals.response"
    found = HistogramMetricFamily("keepline_response_seconds", text, labels=["unit"])
    for lease in leases:
        if isinstance(lease.unit, EngineUnit):
            found.add_metric([lease.name], lease.unit.responses.buckets(), lease.unit.responses.sum_s)
    return found


def _held(leases: list[Lease]) -> Metric:
    """Returns a gauge that has values only while a hold makes all crossings wait, or there is a backlog."""
    text = "crossings that wait until cases may open again"
    found = GaugeMetricFamily("keepline_held_crossings", text, labels=["unit", "reason"])
    for lease in leases:
        if not isinstance(lease.unit, EngineUnit):
            continue
        if hold := lease.unit.engine.hold:
            found.add_metric([lease.name, hold.name.lower()], len(lease.unit.engine.pending))
        elif waits := lease.unit.engine.backlog_waits:
            found.add_metric([lease.name, "backlog"], waits)
    return found


def _model(leases: list[Lease]) -> Iterator[Metric]:
    """Yields the figures of the oldest model that a partition of this worker serves."""
    models = [lease.unit.engine.scorer.snapshot for lease in leases if isinstance(lease.unit, EngineUnit)]
    if not models:
        return
    model = min(models, key=lambda snapshot: snapshot.version)
    yield GaugeMetricFamily("keepline_model_version", "grid instants that the model has learned", model.version)
    yield GaugeMetricFamily("keepline_model_ready", "1: the model is served; 0: the prior is", float(model.ready))
    yield GaugeMetricFamily("keepline_model_labels", "matured labels that the model has learned from", model.labels)
    if model.auc is not None and model.log_loss is not None:
        yield GaugeMetricFamily("keepline_model_auc", "prequential AUC", model.auc)
        yield GaugeMetricFamily("keepline_model_log_loss", "prequential log loss", model.log_loss)


def _alerts(leases: list[Lease]) -> dict[str, float]:
    return {lease.name: float(len(lease.alerts)) for lease in leases}


def _alerts_by_kind(leases: list[Lease]) -> Metric:
    found = GaugeMetricFamily("keepline_alert", "open alerts by kind (docs/alerts.md)", labels=["unit", "kind"])
    for lease in leases:
        for kind, count in sorted(Counter(alert.kind.value for alert in lease.alerts).items()):
            found.add_metric([lease.name, kind], count)
    return found


def _scores(lease: Lease) -> bool:
    """Returns whether the unit is an engine: the learner's frontier is the last grid instant, which is no lag."""
    return isinstance(lease.unit, EngineUnit)


def _per_unit(name: str, text: str, values: dict[str, float]) -> Metric:
    found = GaugeMetricFamily(f"keepline_{name}", text, labels=["unit"])
    for unit, value in values.items():
        found.add_metric([unit], value)
    return found
