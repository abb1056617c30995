"""The steps of the demo."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import orjson
from rich.console import Console
from rich.text import Text

from schemas.errors import Failure
from schemas.instants import DAY_US, format_instant, parse_instant
from streams.demo import case_outcomes, ground_truth, pacing, page, saved_pages, tables
from streams.demo.broker import embedded_broker
from streams.demo.closed_loop import ClosedLoop
from streams.demo.console import Console as ConsoleProcess
from streams.demo.processes import guarded, stop
from streams.demo.terminal import Screen
from streams.demo.topic_watcher import TopicRecords, Watcher
from streams.kafka import topics
from streams.kafka.settings import from_environment
from streams.profile.loading import load_profile
from streams.simulation.city import City
from streams.simulation.crm import Crm
from streams.simulation.files import CityFolder

START_US = parse_instant("2023-01-02T00:00:00Z")
SEED = 1
PARTITIONS = 2  # a worker each
PROFILE = "after-sales"
WORKER = ("-m", "streams.cli", "worker")
SETTINGS = [
    "case.acknowledge_within=2d",  # the CRM gets the cases of a night a day later (pacing.AHEAD_US)
    "case.backlog_a_day=5",  # the shipped pace is that of a company with 200,000 customers
]
HISTORY_SHARE = 0.75  # of the days: what a company has when it begins; the model learns from it, and no case opens
CONSOLE_PAGES, CONSOLE_LOG = "console", "console.log"


@dataclass(frozen=True)
class Demo:
    """The demo: where the results go and how large the city is. stays: the city lives on after `days`, until Ctrl-C."""

    out: Path
    customers: int
    days: int
    console: Console
    stays: bool = False

    @property
    def end_us(self) -> int:
        return START_US + self.days * DAY_US

    @property
    def opens_us(self) -> int:
        """When the history ends."""
        return START_US + int(HISTORY_SHARE * self.days) * DAY_US

    @property
    def settings(self) -> list[str]:
        """The settings of the worker; a replay with them gives the same."""
        return [*SETTINGS, f"case.opens_from={format_instant(self.opens_us)[:10]}"]

    @property
    def _set_options(self) -> list[str]:
        return [f"--set={setting}" for setting in self.settings]

    @property
    def city(self) -> Path:
        return self.out / "city"

    def run(self) -> None:
        """Runs all steps; raises Failure or UsageError."""
        started = time.monotonic()
        self.console.print(
            f"A simulated city: {self.customers:,} customers, {self.days} days (seed {SEED}). The first "
            f"{(self.opens_us - START_US) // DAY_US} days are its history, taken at once: the model learns, and nobody "
            f"is called. Then a day takes {pacing.LIVE_DAY_S:g} s."
        )
        with _brokers(self.console) as environment, CityFolder(self.city) as files:
            closed_loop = ClosedLoop(City(self.customers, START_US, SEED), Crm(SEED), files)
            records, console_pages = asyncio.run(self._through_kafka(environment, closed_loop))
            events = sum(files.rows.values())
            files.finish(closed_loop.city)
        opens_us = max(self.opens_us, records.ready_us or self.end_us)
        truth = ground_truth.read_truth(self.city, records, opens_us, closed_loop.now_us)
        seconds = time.monotonic() - started
        facts = [
            (f"{events:,}", "events"),
            (f"{self.customers:,}", "customers"),
            (f"{len(records.interventions):,}", "interventions"),
            (f"{records.judge.get().auc or 0.5:.2f}", "AUC of the served probabilities"),
            (f"{seconds:.0f} s", "from start to this page"),
        ]
        path = self.out / "index.html"
        case_tables = self._case_tables(records, closed_loop)
        page.write(path, self.city, truth, records, START_US, facts, case_tables)
        for sentence in truth.sentences():
            self.console.print(sentence)
        for grid in case_tables:
            self.console.print(grid.rich())
        self._say(f"Done in {seconds:.0f} s. Open", path, "in a browser.")
        if console_pages:
            self._say("The console's pages, as they were at the end:", self._write(console_pages))
        else:
            self._say("The console did not give its pages; see", self.out / CONSOLE_LOG)

    def _say(self, what: str, path: Path, *more: str) -> None:
        self.console.print(what, Text(str(path), "bold"), *more, soft_wrap=True)

    def _case_tables(self, records: TopicRecords, closed_loop: ClosedLoop) -> list[tables.Grid]:
        """Returns the tables of the cases and writes the messages to files, as a replay does."""
        for name, bodies in (
            ("interventions", records.interventions),
            ("intervention-updates", records.updates),
            ("interventions-withheld", records.withheld),
        ):
            (self.out / f"{name}.jsonl").write_bytes(b"".join(orjson.dumps(body) + b"\n" for body in bodies))
        profile, known = (
            load_profile(PROFILE, self.settings),
            case_outcomes.fold(records.interventions, records.updates),
        )
        example = case_outcomes.example_case(known.values())
        grids = [
            tables.tiers(case_outcomes.by_tier(profile, known.values())),
            tables.delays(case_outcomes.by_delay(profile, known, closed_loop.calls)),
        ]
        return [*grids, tables.history(example)] if example else grids

    def _write(self, console_pages: dict[str, str]) -> Path:
        """Writes pages of the console; returns the first one."""
        folder = self.out / CONSOLE_PAGES
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, text in console_pages.items():
            (folder / name).write_text(text)
        return folder / saved_pages.FIRST

    async def _through_kafka(
        self, environment: dict[str, str], closed_loop: ClosedLoop
    ) -> tuple[TopicRecords, dict[str, str]]:
        """Runs city, workers and console to the end of the input; returns all records of the workers, and the console's
        pages by names of files.
        """
        settings = from_environment(environment)
        await topics.create(settings, PARTITIONS)
        with (
            (self.out / "worker.log").open("wb") as log,
            Screen(self.console, START_US, self.opens_us, self.end_us) as screen,
        ):
            workers = [await self._worker(environment, log, instance) for instance in range(PARTITIONS)]
            console = ConsoleProcess(self.out / CONSOLE_LOG, self.console.print)
            pace = pacing.Pace(self.opens_us, self._is_over(), pacing.LIVE_DAY_S)
            try:
                await console.start(environment, ["--profile", PROFILE, *self._set_options])
                async with Watcher(settings) as watcher:

                    def look() -> None:
                        screen.show(watcher.records)
                        self._check(workers)

                    await pacing.run_days(settings, closed_loop, pace, watcher, look)
                    ended = False
                    while await watcher.read(250) or not ended:
                        screen.show(watcher.records)
                        ended = all(worker.returncode is not None for worker in workers)
                    screen.show(watcher.records)
                pages = await console.pages()
            finally:
                await asyncio.gather(console.stop(), *map(stop, workers))
        self._check(workers, 0)
        return watcher.records, pages

    def _is_over(self) -> Callable[[int], bool]:
        """Returns what says whether no day comes after a midnight: after `days`, or if it stays, after Ctrl-C."""
        if not self.stays:
            return lambda midnight_us: midnight_us >= self.end_us
        stopped, loop = asyncio.Event(), asyncio.get_running_loop()

        def end(number: signal.Signals) -> None:
            stopped.set()
            loop.remove_signal_handler(number)  # the second one ends it at once

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, end, number)
        return lambda _: stopped.is_set()

    async def _worker(self, environment: dict[str, str], log: BinaryIO, instance: int) -> asyncio.subprocess.Process:
        """Starts one of the workers."""
        return await asyncio.create_subprocess_exec(
            *guarded(sys.executable, *WORKER),
            *("--profile", PROFILE, "--instance", f"demo-{instance}"),
            *self._set_options,
            *("--clock", "event", "--exit-at-end", "--checkpoint-every", "0.1"),
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
        )

    def _check(self, workers: Sequence[asyncio.subprocess.Process], *expected: int) -> None:
        """Raises Failure when a worker ended with a code that is not expected: none while it should run."""
        for worker in workers:
            if worker.returncode not in (expected or (None, 0)):
                raise Failure(f"a worker ended with code {worker.returncode}; see {self.out / 'worker.log'}")


@contextmanager
def _brokers(console: Console) -> Iterator[dict[str, str]]:
    """Yields the environment of a worker: the user's Kafka with topic names of its own, or the embedded broker."""
    name = f"demo-{int(time.time())}"
    known = os.environ.get("KEEPLINE_BROKERS")
    console.print(
        f"Kafka at {known}."
        if known
        else "Embedded broker, for the demo only; set KEEPLINE_BROKERS to use Apache Kafka."
    )
    with nullcontext(known) if known else embedded_broker() as brokers:
        own = {"KEEPLINE_BROKERS": brokers, "KEEPLINE_TOPIC_PREFIX": f"{name}-", "KEEPLINE_GROUP": name}
        yield {**os.environ, **own}
