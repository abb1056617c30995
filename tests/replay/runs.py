"""Small logs and replays of them, for the tests here."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from features.catalogue import NAMES
from schemas.instants import parse_instant
from streams.cli import main
from streams.files.file_sources import FileSources
from streams.files.read_options import ReadOptions
from streams.files.replay_folder import ReplayFolder
from streams.files.survey import Terms
from streams.profile.loading import load_profile
from streams.replay import Replay
from streams.simulation import write_city

Event = dict[str, Any]
SHORT = (
    "label.horizon=14d",
    "label.lapsed_after=60d",
    "model.min_labels=200",
    "model.min_labels_of_a_class=20",
    "model.least_auc=0",
    "gate.consent_when_unknown=true",  # many logs have no customer profiles
)
MEASURED = ("seconds", "processor_seconds", "events_per_second", "peak_memory_bytes")
LINES = ("interventions.jsonl", "interventions-withheld.jsonl", "dead-letters.jsonl", "intervention-updates.jsonl")


@dataclass(frozen=True)
class Run:
    """The folder of a replay."""

    folder: Path

    @cached_property
    def summary(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads((self.folder / "summary.json").read_bytes())
        return body

    @property
    def measures(self) -> dict[str, Any]:
        """The summary without time and memory."""
        return {name: value for name, value in self.summary.items() if name not in MEASURED}

    @property
    def tables(self) -> dict[str, bytes]:
        """Every file but the summary, to the byte."""
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.name != "summary.json"}

    @property
    def decisions(self) -> dict[str, bytes]:
        """Sent and withheld messages, to the byte."""
        return {name: (self.folder / name).read_bytes() for name in LINES[:2]}

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / name).read_bytes().splitlines()]

    @cached_property
    def examples(self) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "examples.parquet")

    @cached_property
    def scores(self) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "scores.parquet")


def same_facts(a: Run, b: Run) -> bool:
    """Decisions to the byte, counts and metrics, and every score and example to the bit, in any order."""
    if (a.decisions, a.measures) != (b.decisions, b.measures):
        return False
    pd.testing.assert_frame_equal(_sorted(a.scores), _sorted(b.scores), check_exact=True)
    pd.testing.assert_frame_equal(_sorted(a.examples), _sorted(b.examples), check_exact=True)
    return True


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values([table.columns[1], "customer_id"], ignore_index=True)


def replay(
    out: Path,
    files: Sequence[Path],
    settings: Sequence[str] = SHORT,
    profile: str = "after-sales",
    *,
    scores: bool = True,
    more: Sequence[str] = (),
) -> Run:
    """`keepline replay` with more options, and with every customer's scores if need be."""
    options = [word for setting in settings for word in ("--set", setting)] + ["--scores"] * scores + list(more)
    command = ["replay", *map(str, files), "--profile", profile, "--out", str(out), *options]
    assert main(command) == 0
    return Run(out)


def replay_unsorted(out: Path, log: Path) -> Run:
    """A replay in which rows out of order are late, as they are in a topic."""
    profile = load_profile("after-sales", SHORT)
    sources = FileSources(
        [str(log)],
        Terms(time.time_ns() // 1000, profile.time.max_skew_us, options=ReadOptions(currency=profile.currency)),
    )
    with ReplayFolder(str(out), NAMES, with_scores=True) as folder:
        run = Replay(profile, sources, folder, keeps_sweeps=True)
        run.run()
        folder.close(run.summary())
    return Run(out)


def write_jsonl(path: Path, events: Sequence[Event | str]) -> Path:
    """An event a line; a text stands as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((e if isinstance(e, str) else json.dumps(e)) + "\n" for e in events))
    return path


def city(folder: Path, customers: int, days: int, seed: int = 1) -> list[Event]:
    """All events of a simulated city in the order of their times."""
    write_city(folder, customers, days, parse_instant("2024-01-01T00:00:00Z"), seed)
    names = ("app_activity", "service_visits", "surveys")
    lines = [line for name in names for line in (folder / f"{name}.jsonl").read_text().splitlines()]
    return sorted(map(json.loads, lines), key=lambda event: event["event_time"])


def visit(customer: str, time: str, **fields: Any) -> Event:
    """A visit as a publisher sends it."""
    names = {"event_id": f"{customer}@{time}", "kind": "service_visit", "schema_version": 1}
    return names | {"customer_id": customer, "event_time": time, "producer": "test"} | fields
