"""Gauges and counters of one worker: read from its leases at each scrape, so nothing is counted twice and the hot path
pays nothing. What there is stands in `monitoring/metric_list.py`.
"""

from __future__ import annotations

import math
import platform
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any, cast

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.instants import SECOND_US, parse_instant
from streams.interventions.actions import LIFECYCLES
from streams.kafka.lease import Lease
from streams.kafka.leases import Leases
from streams.operations.monitoring.metric_list import BY_NAME, MOST_PRODUCERS, OTHERS, PREFIX, RESULTS
from streams.units.engine_unit import OUTCOMES, EngineUnit
from streams.units.global_unit import GlobalUnit
from streams.units.histogram import Histogram
from streams.units.learner_unit import LearnerUnit
from streams.units.sources import OBSERVATIONS

KINDS_OF_COUNTS = {  # metric: prefix of its counts, which are by its second label
    "interventions": "tier_",
    "interventions_withheld": "withheld_",
    "case_updates": "cases_",
    "outcomes": "outcomes_",
    "touches": "touches_by_",
    "tasks": "tasks_",
}
REPORTED = ("acknowledged", "contacted", "responded", "declined", "saved", "lost")  # outcomes
FAMILIES = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily, "histogram": HistogramMetricFamily}


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
        engines = [(lease, lease.unit) for lease in ready if isinstance(lease.unit, EngineUnit)]
        yield from _worker(self.leases, leases)
        yield from _times(ready)
        yield from _checkpoints(self.leases, ready)
        yield _offsets(ready)
        yield from _lag(ready, self.leases.retention_us)
        yield _per_unit("decisions_at_risk", {lease.name: at_risk(lease) for lease, _ in engines})
        yield from _records(engines)
        yield _strays(ready)
        yield from _interventions(engines)
        yield from _alerts(ready)
        yield from _model(ready)


def lag_records(lease: Lease) -> dict[tuple[str, int], int]:
    """Returns waiting offsets by topic and partition; 0 when everything is applied, despite control markers."""
    return {lease.inputs[source]: records for source, records in _lag_by_source(lease).items()}


def lag_seconds(lease: Lease, source: str) -> float:
    """Returns the age of the oldest record of a source that is not applied; 0 where there is none."""
    since_us = lease.waiting[source].since_us(lease.applied(source), lease.read.get(source, (0, 0))[1])
    return 0.0 if since_us is None else max(lease.clock.latest_us() - since_us, 0) / SECOND_US


def at_risk(lease: Lease) -> float:
    """Returns how many decisions wait: those that are held, and of the records that wait as many as records have
    brought so far. 0 of a unit that decides nothing.
    """
    if not isinstance(lease.unit, EngineUnit):
        return 0.0
    return lease.unit.decisions_wait + sum(_lag_by_source(lease).values()) * lease.unit.decisions_a_record


def _lag_by_source(lease: Lease) -> dict[str, int]:
    ends = {source: lease.ends.get(source) for source in lease.inputs if source != OBSERVATIONS}
    # the delay line waits a horizon on purpose
    return {source: max(end - lease.applied(source), 0) for source, end in ends.items() if end is not None}


def _worker(all_leases: Leases, leases: list[Lease]) -> Iterator[Metric]:
    runs = [version("keepline"), platform.python_version(), version("aiokafka"), version("faust-streaming")]
    info = _family("build_info")
    info.add_metric(runs, 1.0)
    yield info
    yield _single("units", len(all_leases.blueprints))
    yield _per_unit("unit_ready", {x.name: float(x.ready) for x in leases})
    works = {x.name: 0.0 for x in leases if x.ready}
    yield _per_unit("unit_given_up", works | {one.unit: 1.0 for one in all_leases.given_up})
    yield _single("away_seconds", time.monotonic() - all_leases.member_at)
    yield _per_unit("restored_records", {x.name: float(x.restore.records) for x in leases})


def _times(leases: list[Lease]) -> Iterator[Metric]:
    frontier = {x.name: parse_instant(x.unit.frontier) / SECOND_US for x in leases if x.unit.frontier}
    # not of learner and dispatcher: their frontier is the last instant of theirs, which is no lag
    ages = {x.name: _behind_seconds(x) for x in leases if x.name in frontier and isinstance(x.unit, EngineUnit)}
    yield _per_unit("frontier_timestamp_seconds", frontier)
    yield _per_unit("frontier_age_seconds", ages)
    yield _single("frontier_age_seconds_worst", max(ages.values(), default=0.0))


def _checkpoints(all_leases: Leases, ready: list[Lease]) -> Iterator[Metric]:
    yield _per_unit("unit_unsaved", {x.name: float(not x.is_saved) for x in ready})
    yield _per_unit("last_checkpoint_timestamp_seconds", {x.name: x.saved_at for x in ready if x.saved_at})
    seconds, rows, results = (_family(name) for name in ("checkpoint_seconds", "checkpoint_rows", "transactions"))
    owned = all_leases.all.keys()
    for unit, stats in list(all_leases.stats.items()):
        if unit in owned or stats.results:
            _add_histogram(seconds, [unit], stats.seconds)
            rows.add_metric([unit], stats.rows)
            for result in RESULTS:
                results.add_metric([unit, result], stats.results[result])
    yield from (seconds, rows, results)


def _offsets(leases: list[Lease]) -> Metric:
    found = _family("offset")
    for lease in leases:
        for source, place in lease.inputs.items():
            at, applied = [place.topic, str(place.partition)], lease.unit.position[source]
            found.add_metric([*at, "read"], max(lease.read.get(source, (0, 0))[0], applied))
            found.add_metric([*at, "applied"], applied)
            found.add_metric([*at, "sent"], lease.sent_position.get(source, 0))
            found.add_metric([*at, "committed"], lease.saved_position.get(source, 0))
            if source in lease.ends:
                found.add_metric([*at, "end"], lease.ends[source])
    return cast(Metric, found)


def _lag(leases: list[Lease], retention_us: Mapping[str, float]) -> Iterator[Metric]:
    records, seconds, margin = (_family(name) for name in ("lag_records", "lag_seconds", "retention_margin_seconds"))
    for lease in leases:
        for source, lag in _lag_by_source(lease).items():
            topic, partition = lease.inputs[source]
            at, age = [topic, str(partition)], lag_seconds(lease, source) if lag else 0.0
            records.add_metric(at, lag)
            seconds.add_metric(at, age)
            if topic in retention_us:
                margin.add_metric(at, retention_us[topic] / SECOND_US - age)
    yield from (records, seconds, margin)


def _behind_seconds(lease: Lease) -> float:
    frontier = lease.unit.frontier
    return max(lease.clock.latest_us() - parse_instant(frontier), 0) / SECOND_US if frontier else 0.0


Engines = list[tuple[Lease, EngineUnit]]


def _records(engines: Engines) -> Iterator[Metric]:
    events, rejected, by_producer = (_family(name) for name in ("events", "rejected", "producer_records"))
    for lease, unit in engines:
        for outcome in OUTCOMES:
            events.add_metric([lease.name, outcome], unit.counts.get(outcome, 0))
        refused = dict(unit.refusals.counts)
        for (rule, producer), count in refused.items():
            rejected.add_metric([lease.name, rule, producer], count)
        for (producer, outcome), count in _by_producer(refused, dict(unit.engine.quality.events)).items():
            by_producer.add_metric([lease.name, producer, outcome], count)
    yield from (events, rejected, by_producer)


def _by_producer(refused: Mapping[tuple[str, str], int], taken: Mapping[str, int]) -> Counter[tuple[str, str]]:
    """(producer, outcome) -> records, of MOST_PRODUCERS producers and of all others together."""
    bad: Counter[str] = Counter()
    for (_, producer), count in refused.items():
        bad[producer] += count
    by_weight = sorted(bad.keys() | taken.keys(), key=lambda name: (-bad[name], -taken.get(name, 0), name))
    shown, found = set(by_weight[:MOST_PRODUCERS]), Counter[tuple[str, str]]()
    for name in by_weight:
        label = name if name in shown else OTHERS
        found[label, "taken"] += taken.get(name, 0)
        found[label, "refused"] += bad[name]
    return found


def _strays(leases: list[Lease]) -> Metric:
    found = _family("strays")
    for lease in leases:
        strays = dict(lease.unit.strays.found) if isinstance(lease.unit, (EngineUnit, GlobalUnit)) else {}
        for (topic, partition), one in strays.items():
            found.add_metric([lease.name, lease.settings.topic(topic), str(partition)], one.count)
    return cast(Metric, found)


def _interventions(engines: Engines) -> Iterator[Metric]:
    """Yields customers, response times, what is held, live cases, and what was sent, withheld, updated and reported."""
    counts = {lease.name: _with_zeros(unit) for lease, unit in engines}
    customers, responses = _family("customers"), _family("response_seconds")
    for lease, one in engines:
        for group in LIFECYCLES:
            if (count := counts[lease.name].get(f"lifecycle_{group}")) is not None:
                customers.add_metric([lease.name, group], count)
        _add_histogram(responses, [lease.name], one.responses.histogram)
    yield from (customers, responses, _held(engines))
    yield _per_unit("live_cases", {unit: float(of["live_cases"]) for unit, of in counts.items()})
    for name, prefix in KINDS_OF_COUNTS.items():
        found = _family(name)
        for unit, of in counts.items():
            for key, count in of.items():
                if key.startswith(prefix):
                    found.add_metric([unit, key.removeprefix(prefix)], count)
        yield found


def _held(engines: Engines) -> Metric:
    """Returns a gauge that has values only while a hold makes all crossings wait, or there is a backlog."""
    found = _family("held_crossings")
    for lease, unit in engines:
        if hold := unit.engine.hold:
            found.add_metric([lease.name, hold.name.lower()], len(unit.engine.pending))
        elif waits := unit.engine.backlog_waits:
            found.add_metric([lease.name, "backlog"], waits)
    return cast(Metric, found)


def _with_zeros(unit: EngineUnit) -> dict[str, int]:
    """The counts of a unit; those that rules ask for are there before the first one is counted."""
    zeros = [f"tier_{tier.name}" for tier in unit.profile.tiers] + [f"outcomes_{status}" for status in REPORTED]
    return dict.fromkeys(zeros, 0) | unit.counts


def _model(leases: list[Lease]) -> Iterator[Metric]:
    """Yields the figures of the oldest model that a partition of this worker serves, and what the learner knows."""
    for lease in leases:
        if isinstance(lease.unit, LearnerUnit):
            yield _single("model_precision_goal_ratio", lease.unit.profile.goals.precision)
            yield _single("model_precision_ratio", lease.unit.precision)
            yield _by_challenger(lease.unit.learner.river.seconds)
    models = [lease.unit.engine.scorer.snapshot for lease in leases if isinstance(lease.unit, EngineUnit)]
    if not models:
        return
    model = min(models, key=lambda snapshot: snapshot.version)
    yield _single("model_version", model.version)
    yield _single("model_ready", model.ready)
    yield _single("model_labels", model.labels)
    yield _single("model_auc", model.auc)
    yield _single("model_log_loss", model.log_loss)


def _alerts(leases: list[Lease]) -> Iterator[Metric]:
    alerts, by_kind = {lease.name: lease.alerts for lease in leases}, _family("alert")
    for unit, of in alerts.items():
        for kind, count in sorted(Counter(alert.kind.value for alert in of).items()):
            by_kind.add_metric([unit, kind], count)
    yield from (_per_unit("alerts", {unit: float(len(of)) for unit, of in alerts.items()}), by_kind)


def _family(name: str) -> Any:
    """Any: the families of prometheus_client have no common `add_metric`."""
    spec = BY_NAME[name]
    return FAMILIES[spec.kind](PREFIX + name, spec.text, labels=spec.labels)


def _single(name: str, value: float | None) -> Metric:
    """None: not known yet, which is NaN to Prometheus: no threshold is passed by it."""
    family = _family(name)
    family.add_metric([], math.nan if value is None else float(value))
    return cast(Metric, family)


def _per_unit(name: str, values: dict[str, float]) -> Metric:
    found = _family(name)
    for unit, value in values.items():
        found.add_metric([unit], value)
    return cast(Metric, found)


def _by_challenger(seconds: Mapping[str, float]) -> Metric:
    found = _family("challenger_processor_seconds")
    for name, spent in seconds.items():
        found.add_metric([name], spent)
    return cast(Metric, found)


def _add_histogram(family: Any, labels: list[str], histogram: Histogram) -> None:
    family.add_metric(labels, histogram.buckets(), histogram.sum_s)
