"""The steps of the demo."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from schemas.errors import Failure
from schemas.instants import DAY_US, parse_instant
from streams.demo import page, story
from streams.demo.broker import embedded_broker
from streams.demo.screen import Screen
from streams.demo.watch import Seen, Watcher
from streams.engine.units import tick_us
from streams.files.sources import FileSources
from streams.files.ticks import Ticks
from streams.interventions.profile import load_profile
from streams.kafka import publish, topics
from streams.kafka.settings import Settings, from_environment
from streams.simulation import write_city

START_US = parse_instant("2023-01-02T00:00:00Z")
SEED = 1
PARTITIONS = 4
PROFILE = "after-sales"
WORKER = ("-m", "streams.cli", "worker")
FILES = ("service_visits", "app_activity", "surveys")
LEAVE_LIMIT_S = 10.0


@dataclass(frozen=True)
class Tour:
    """Where the results go and how large the city is."""

    out: Path
    customers: int
    days: int
    console: Console

    @property
    def end_us(self) -> int:
        return START_US + self.days * DAY_US

    @property
    def city(self) -> Path:
        return self.out / "city"

    def run(self) -> None:
        """All steps; raises Failure or UsageError."""
        started = time.monotonic()
        rows = write_city(self.city, self.customers, self.days, START_US, SEED)
        events = sum(rows[f"{name}.jsonl"] for name in FILES)
        self.console.print(
            f"An invented city: {self.customers:,} customers, {self.days} days, {events:,} events (seed {SEED})."
        )
        with _brokers(self.console) as environment:
            seen = asyncio.run(self._through_kafka(environment))
        told = story.tell(self.city, seen, self.end_us)
        seconds = time.monotonic() - started
        facts = [
            (f"{events:,}", "events"),
            (f"{self.customers:,}", "customers"),
            (f"{len(seen.interventions):,}", "interventions"),
            (f"{seen.judge.get().auc or 0.5:.2f}", "AUC of what the model served"),
            (f"{seconds:.0f} s", "from nothing to here"),
        ]
        path = self.out / "index.html"
        page.write(path, self.city, told, seen, START_US, facts)
        for sentence in told.sentences():
            self.console.print(sentence)
        self.console.print(f"Done in {seconds:.0f} s. Open [bold]{path}[/bold] in a browser.")

    async def _through_kafka(self, environment: dict[str, str]) -> Seen:
        settings = from_environment(environment)
        await topics.create(settings, PARTITIONS)
        profile = load_profile(PROFILE)
        paths = [str(self.city / f"{name}.jsonl") for name in FILES]
        sources = FileSources(paths, time.time_ns() // 1000, profile.time.max_skew_us)
        await publish.publish(settings, Ticks(sources, tick_us(profile, "event")), end=True, rate=None)
        self.console.print("Published to three topics; the worker starts.")
        return await self._watch(settings, environment)

    async def _watch(self, settings: Settings, environment: dict[str, str]) -> Seen:
        """Until the worker is at the end and everything that it wrote is read."""
        with (self.out / "worker.log").open("wb") as log, Screen(self.console, START_US, self.end_us) as screen:
            worker = await asyncio.create_subprocess_exec(
                *(sys.executable, *WORKER, "--profile", PROFILE),
                *("--clock", "event", "--exit-at-end", "--instance", f"{settings.group}-0"),
                env=environment,
                stdout=log,
                stderr=log,
            )
            try:
                async with Watcher(settings) as watcher:
                    ended = False
                    while await watcher.read(250) or not ended:
                        screen.show(watcher.seen)
                        ended = worker.returncode is not None
                    screen.show(watcher.seen)
            finally:
                await _leave(worker)
        if worker.returncode != 0:
            raise Failure(f"the worker ended with code {worker.returncode}; see {self.out / 'worker.log'}")
        return watcher.seen


@contextmanager
def _brokers(console: Console) -> Iterator[dict[str, str]]:
    """The environment of a worker: the user's Kafka under names of its own, or the embedded broker."""
    name = f"demo-{int(time.time())}"
    known = os.environ.get("KEEPLINE_BROKERS")
    console.print(
        f"Kafka at {known}." if known else "An embedded broker, for the demo only; KEEPLINE_BROKERS names a real one."
    )
    with nullcontext(known) if known else embedded_broker() as brokers:
        own = {"KEEPLINE_BROKERS": brokers, "KEEPLINE_TOPIC_PREFIX": f"{name}-", "KEEPLINE_GROUP": name}
        yield {**os.environ, **own}


async def _leave(worker: asyncio.subprocess.Process) -> None:
    if worker.returncode is None:
        worker.terminate()
        try:
            await asyncio.wait_for(worker.wait(), LEAVE_LIMIT_S)
        except TimeoutError:
            worker.kill()
            await worker.wait()
