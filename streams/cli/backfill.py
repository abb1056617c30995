"""`keepline backfill FILE...`: a company's history into the topics and into the state of its group, in event time.

All of it counts as history (`case.opens_from`): models learn from it, and nobody is told or asked anything. The live
workers that start next have the model and all features, and find the customers at risk in the backlog.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from schemas.errors import Failure
from streams.cli import publish as publishing
from streams.cli.file_options import add_allow_refused, add_file_options
from streams.cli.interruption import sigterm_as_ctrl_c
from streams.cli.options import add_profile_options, count, profile_of
from streams.cli.progress import Progress, State
from streams.kafka import publications, publish, settings, status, topics
from streams.kafka.publications import Publication
from streams.kafka.settings import Settings

NEVER_OPENS = "case.opens_from=9999-12-31"
Workers = Sequence[tuple[subprocess.Popen[bytes], Path]]  # with their logs


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds options and example."""
    parser.epilog = "example: keepline backfill service_visits.csv.gz app_activity.jsonl customer_profiles.jsonl"
    add_file_options(parser)
    add_allow_refused(parser)
    parser.add_argument(
        "--workers", type=count, metavar="N", help="processes that work it off (default: one a core of this machine)"
    )
    add_profile_options(parser)


def run(args: argparse.Namespace) -> int:
    """Publishes the files, works them off and says what the live workers start with."""
    sigterm_as_ctrl_c()  # so that the workers end, too
    profile, known = profile_of(args), settings.from_environment()
    for name in asyncio.run(topics.create(known)):
        print(f"created {name}")
    _refuse_workers(known)
    published = _published(known, publishing.send(args, profile, publish.Options(profile.time.latest_us, end=True)))
    partitions = asyncio.run(topics.partition_count(known))
    many = min(args.workers or os.cpu_count() or 1, partitions)
    words = ["--profile", args.profile, *(f"--set={one}" for one in (*args.set, NEVER_OPENS))]
    with _working(words, many) as workers, Progress("backfill", lambda: _state(known, published.events)):
        now = _wait(known, workers, partitions)
    print(_result(now))
    return 0


def _refuse_workers(known: Settings) -> None:
    if members := asyncio.run(status.read(known)).members:
        raise Failure(
            f"{members} workers run in group {known.group}: a backfill comes before them; stop them (those of a "
            "backfill that was killed end by themselves), or choose another KEEPLINE_TOPIC_PREFIX"
        )


def _published(known: Settings, digest: str) -> Publication:
    """Returns what has been published of the files."""
    found = asyncio.run(publications.read(known, print))[digest]
    if found.reached_us is None:
        raise Failure("the files have no event that is accepted: there is no history to work off")
    return found


@contextmanager
def _working(words: Sequence[str], many: int) -> Iterator[Workers]:
    """Yields workers in event time; they are stopped when this command is."""
    command = [sys.executable, "-m", "streams.cli", "worker", "--clock", "event", "--exit-at-end", *words]
    with TemporaryDirectory(prefix="keepline-backfill-") as folder:
        logs = [Path(folder) / f"worker-{number}.log" for number in range(many)]
        workers = [(subprocess.Popen([*command, "--instance", log.stem], stderr=log.open("wb")), log) for log in logs]
        try:
            yield workers
        finally:
            for process, _ in workers:
                process.terminate()
            for process, _ in workers:
                process.wait()


def _wait(known: Settings, workers: Workers, partitions: int) -> status.Status:
    """Waits for the end of all; what one leaves undone, the others take over. Raises Failure when not all is done."""
    codes = [process.wait() for process, _ in workers]
    now = asyncio.run(status.read(known))
    done = sum(unit.done for unit in now.units)
    if done < max(len(now.units), partitions + 1):  # an engine a partition, and the learner
        said = [f"{code}: {_last_words(log)}" for code, (_, log) in zip(codes, workers, strict=True) if code]
        raise Failure(f"the history is not worked off; a worker ended with {'; another with '.join(said)}")
    return now


def _last_words(log: Path) -> str:
    """Returns the message of the last line, which is JSON unless the worker did not begin."""
    line = (log.read_text(errors="replace").splitlines() or ["it has said nothing"])[-1]
    try:
        return str(orjson.loads(line)["message"])
    except (orjson.JSONDecodeError, TypeError, KeyError):
        return line


def _state(known: Settings, events: int) -> State:
    """How much has been worked off, and up to when by the slowest engine."""
    try:
        now = asyncio.run(status.read(known))
    except Failure as error:
        return 0.0, str(error)
    frontiers = [unit.frontier or "" for unit in now.units if unit.unit.startswith("engine-")]
    return now.counts.get("applied", 0) / events, f"up to {min(frontiers, default='') or 'the first day'}"


def _result(now: status.Status) -> str:
    """Says what the live workers start with."""
    applied, model = now.counts.get("applied", 0), now.model
    if model is None:
        said = "no model yet: the history ends before the first Monday"
    elif model.ready:
        said = f"model {model.version} is ready, from {model.labels or 0:,} labels (AUC {model.auc or 0.5:.3f})"
    else:
        said = f"model {model.version} is not ready ({model.hold.lower()}), from {model.labels or 0:,} labels"
    return f"worked off: {applied:,} events; {said}\nnext: keepline worker"
