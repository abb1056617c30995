"""Makes the faults and prints the table."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

from tests.alerts.scenes import NO_MODEL, SCENES, Scene, Stage
from tests.kafka.apache import ApacheKafka, free_ports
from tests.kafka.city import wait_for
from tests.kafka.group import metrics, new_group
from tests.operations.monitoring.promtool import DEPLOY, tool

RULES = DEPLOY / "prometheus" / "rules.yml"
SHORT_S = 300  # rules that wait for an hour do so for five minutes here
STEP_S, READY_LIMIT_S, STOP_LIMIT_S = 2.0, 180.0, 60.0
CONFIG = """\
global: {{scrape_interval: 5s, scrape_timeout: 5s, evaluation_interval: 5s}}
rule_files: [{rules}]
scrape_configs:
"""
JOB = "- {{job_name: {name}, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n"

HEAD = """\
| fault | rule | fires after | promised within | others | what ends it | over after |
|---|---|---|---|---|---|---|"""


def main() -> int:
    """Returns 1 when a rule does not fire in time, another one fires, or the end of a fault does not end the alert."""
    with ExitStack() as end:
        folder = Path(end.enter_context(tempfile.TemporaryDirectory(prefix="keepline-alerts-")))
        kafka = end.enter_context(ApacheKafka(folder / "kafka"))
        stages = [end.enter_context(stage(kafka.brokers, folder / scene.name, scene)) for scene in SCENES]
        port = end.enter_context(prometheus(folder, stages))
        return asyncio.run(run(stages, port))


@contextmanager
def stage(brokers: str, folder: Path, scene: Scene) -> Iterator[Stage]:
    """Yields the group of a fault with its worker."""
    folder.mkdir()
    group = new_group(brokers, 1, folder)
    (port,) = free_ports(1)
    with group.worker("--http", str(port), "--supervise") as worker:
        try:
            yield Stage(scene, group, worker, port)
        finally:
            worker.terminate()  # the supervisor ends its worker
            worker.wait(STOP_LIMIT_S)


@contextmanager
def prometheus(folder: Path, stages: Sequence[Stage]) -> Iterator[int]:
    """Yields the port of a Prometheus with the rules that are shipped; each fault is a job."""
    program = tool("prometheus")
    rules, config, (port,) = folder / "rules.yml", folder / "prometheus.yml", free_ports(1)
    rules.write_text(RULES.read_text().replace("for: 1h", f"for: {SHORT_S}s"))
    config.write_text(
        CONFIG.format(rules=rules) + "".join(JOB.format(name=one.scene.job, port=one.port) for one in stages)
    )
    flags = [
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([program, *flags], stdout=log, stderr=log)
        try:
            yield port
        finally:
            process.kill()
            process.wait()


async def run(stages: Sequence[Stage], port: int) -> int:
    """Waits until all are well, makes all faults, ends each when its rule has fired; prints the table."""
    publishing = [asyncio.ensure_future(one.publish()) for one in stages]
    try:
        for one in stages:
            await wait_for(lambda one=one: any(metrics(one.port, "unit_ready").values()), READY_LIMIT_S)  # type: ignore[misc]
        await asyncio.sleep(60.0)  # rhythms of the publishers are known
        print("all are ready; the faults begin", file=sys.stderr, flush=True)
        results = await asyncio.gather(*[suffer(one, port) for one in stages])
    finally:
        for task in publishing:
            task.cancel()
    print(HEAD)
    print("\n".join(line for line, _ in results))
    wrong = [problem for _, problems in results for problem in problems]
    print("".join(f"WRONG: {problem}\n" for problem in wrong), end="")
    return 1 if wrong else 0


async def suffer(one: Stage, port: int) -> tuple[str, list[str]]:
    """Makes a fault, waits for its rule, does what ends it; returns the row of the table and what was wrong."""
    scene, seen = one.scene, dict[str, float]()
    began = time.monotonic()
    await scene.begin(one)
    expected = set(scene.alerts)
    while not (expected and expected <= seen.keys()) and time.monotonic() - began < scene.within_s + 60.0:
        await look(scene, port, seen, began)
    print(f"{scene.name}: {seen}", file=sys.stderr, flush=True)
    ended = time.monotonic()
    await scene.end(one)
    over = None if scene.heals_within_s else 0.0
    while over is None and time.monotonic() - ended < scene.heals_within_s:
        if not await look(scene, port, seen, began):
            over = time.monotonic() - ended
    others = sorted(seen.keys() - set(scene.alerts))
    fired = ", ".join(f"{seen[name]:.0f} s" if name in seen else "never" for name in scene.alerts)
    after = "never" if over is None else f"{over:.0f} s" if scene.heals_within_s else "not waited for"
    cells = (
        scene.title,
        ", ".join(scene.alerts),
        fired,
        f"{scene.within_s:.0f} s",
        ", ".join(others) or "none",
        scene.how,
    )
    problems = [f"{scene.name}: {name} did not fire" for name in scene.alerts if name not in seen]
    problems += [
        f"{scene.name}: {name} fired too late" for name in scene.alerts if seen.get(name, 0.0) > scene.within_s
    ]
    problems += [f"{scene.name}: {name} fired, too" for name in others]
    problems += [f"{scene.name}: not over after {scene.heals_within_s:.0f} s"] * (over is None)
    return f"| {' | '.join((*cells, after))} |", problems


async def look(scene: Scene, port: int, seen: dict[str, float], began: float) -> set[str]:
    """Notes what fires, after a step; returns the alerts of the fault that do."""
    await asyncio.sleep(STEP_S)
    firing = await asyncio.to_thread(alerts, port, scene.job)
    for name in firing:
        seen.setdefault(name, time.monotonic() - began)
    return firing & set(scene.alerts)


def alerts(port: int, job: str) -> set[str]:
    """Returns the names of the alerts that fire for a job. No scene has a model: only one of them is about that."""
    with urlopen(f"http://127.0.0.1:{port}/api/v1/alerts", timeout=10) as page:
        known = json.loads(page.read())["data"]["alerts"]
    found = {
        one["labels"]["alertname"] for one in known if one["state"] == "firing" and one["labels"].get("job") == job
    }
    return found if job == NO_MODEL else found - {"KeeplineModelNotReady"}


if __name__ == "__main__":
    sys.exit(main())
