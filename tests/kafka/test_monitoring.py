"""A Prometheus on loopback scrapes a real worker: every panel has an answer, and every rule can be evaluated."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streams.kafka import topics
from streams.operations.monitoring.dashboards import DASHBOARDS, Panel
from streams.operations.monitoring.metric_list import METRICS
from streams.operations.monitoring.rules import RULES
from tests.kafka.apache import free_ports
from tests.kafka.city import wait_for
from tests.kafka.group import metrics, new_group
from tests.kafka.test_pages import PARTITIONS, send
from tests.operations.monitoring.promtool import DEPLOY, promtool, tool
from tests.replay.runs import city, write_jsonl

CONFIG = """\
global: {{scrape_interval: 5s, scrape_timeout: 5s, evaluation_interval: 5s}}
rule_files: [{rules}]
scrape_configs:
- job_name: keepline
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
PANELS = [panel for one in DASHBOARDS for panels in one.rows.values() for panel in panels]
DAY_MS = 86_400_000
LIMIT_S = 270.0
SERIES_THAT_NEED_A_CAUSE = {  # of a fixed list, but only while there is one
    "keepline_strays_total",
    "keepline_interventions_withheld_total",
    "keepline_case_updates_total",
    "keepline_touches_total",
    "keepline_tasks_total",
    "keepline_held_crossings",
    "keepline_alert",
    "keepline_challenger_processor_seconds_total",
}


@dataclass
class Watched:
    """A worker and the Prometheus that scrapes it."""

    worker: int
    port: int

    def page(self, port: int, path: str) -> str:
        """A page of the worker or of Prometheus."""
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as page:
            return str(page.read().decode())

    def query(self, expression: str) -> list[dict[str, object]]:
        """The series that Prometheus answers with."""
        body = json.loads(self.page(self.port, f"/api/v1/query?{urlencode({'query': expression})}"))
        found: list[dict[str, object]] = body["data"]["result"]
        return found

    def is_scraped(self) -> bool:
        try:
            return bool(self.query("sum(keepline_events_total) > 0 and on () count_over_time(keepline_units[1m]) > 2"))
        except OSError:
            return False


@pytest.fixture(scope="module")
def watched(brokers: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    program, folder = tool("prometheus"), tmp_path_factory.mktemp("watched")
    events = city(folder / "city", 60, 100)
    group = new_group(brokers, PARTITIONS, folder)
    group.run("publish", str(write_jsonl(folder / "events.jsonl", events)))
    send(group, dict(events[5], customer_id="", producer="till 7"))
    worker, port = free_ports(2)
    config = folder / "prometheus.yml"
    config.write_text(CONFIG.format(rules=DEPLOY / "prometheus" / "rules.yml", port=worker))
    flags = [
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with group.worker("--http", str(worker)), (folder / "prometheus.log").open("wb") as log:
        prometheus = subprocess.Popen([program, *flags], stdout=log, stderr=log)
        try:
            yield Watched(worker, port)
        finally:
            prometheus.kill()
            prometheus.wait()


@pytest.fixture
async def drained(watched: Watched) -> Watched:
    await wait_for(watched.is_scraped, LIMIT_S)

    def is_drained() -> bool:
        lag = metrics(watched.worker, "lag_records")
        return bool(lag) and not any(lag.values())

    await wait_for(is_drained, LIMIT_S)
    return watched


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
async def test_every_query_of_a_panel_has_an_answer(drained: Watched, panel: Panel) -> None:
    for query in panel.queries.values():
        concrete = query.replace('job=~"$job"', 'job="keepline"').replace("$__rate_interval", "1m")
        await wait_for(lambda concrete=concrete: bool(drained.query(concrete)), LIMIT_S)  # type: ignore[misc]


async def test_every_metric_of_the_list_is_there_and_no_other(drained: Watched) -> None:
    found = drained.query('last_over_time({__name__=~"keepline_.*"}[1m])')  # a busy machine may miss a scrape
    names = {str(one["metric"]["__name__"]) for one in found}  # type: ignore[index]
    assert {one.series for one in METRICS} - names <= SERIES_THAT_NEED_A_CAUSE
    ours = {re.sub("_(bucket|sum|count)$", "_count", name) for name in names}
    assert ours - {one.series for one in METRICS} == set()


async def test_names_types_and_units_follow_the_conventions(drained: Watched) -> None:
    assert promtool("check", "metrics", given=drained.page(drained.worker, "/metrics")) == (0, "")


async def test_every_rule_can_be_evaluated_and_nobody_is_paged_for_a_worker_that_works(drained: Watched) -> None:
    for rule in RULES:
        drained.query(rule.expression)
    groups = json.loads(drained.page(drained.port, "/api/v1/rules"))["data"]["groups"]
    assert [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")] == []
    firing = drained.query('ALERTS{alertstate="firing", severity="page"}')
    assert firing == []


async def test_a_topic_that_keeps_its_records_for_ever_has_an_infinite_margin(drained: Watched) -> None:
    assert set(metrics(drained.worker, "retention_margin_seconds").values()) == {float("inf")}


async def test_how_long_a_topic_keeps_its_records_is_read_from_the_brokers(brokers: str, tmp_path: Path) -> None:
    settings = new_group(brokers, 1, tmp_path).city.settings
    changed = ConfigResource(ConfigResourceType.TOPIC, settings.topic("surveys"), {"retention.ms": str(DAY_MS)})
    async with topics.admin(settings) as client:
        await client.alter_configs([changed])
    kept = await topics.retention_us(settings)
    assert kept[settings.topic("surveys")] == DAY_MS * 1000
    assert kept[settings.topic("service-visits")] == kept[settings.topic("customer-profiles")] == float("inf")
