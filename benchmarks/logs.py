"""Public event logs, and samples of them with other labels. Constants of the model were chosen on all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from benchmarks.process import ROOT, Finished, keepline
from streams.profile.loading import load_profile
from streams.profile.profile import Profile

DATA = Path(os.environ.get("KEEPLINE_DATA") or ROOT.parent / "shared" / "data")
CDNOW = (DATA / "cdnow" / "service_visits.csv.gz",)
OULAD = tuple(DATA / "oulad" / f"{name}.csv.gz" for name in ("app_activity", "service_visits", "surveys"))
SHOP = "e-commerce"
PARTS = 1000  # of customers, by their hash


@dataclass(frozen=True, slots=True)
class Log:
    """A log, and how it is replayed."""

    name: str
    files: Sequence[Path]
    horizon_days: int
    lapsed_after_days: int
    retention: str  # events
    most_ece: float | None = None  # claimed; None: no claim
    parts: int = PARTS  # how many of the PARTS are used

    @property
    def is_there(self) -> bool:
        """Whether its files exist."""
        return all(file.exists() for file in self.files)

    @property
    def settings(self) -> list[str]:
        """Overrides of the profile."""
        return [
            f"label.horizon={self.horizon_days}d",
            f"label.lapsed_after={self.lapsed_after_days}d",
            f"label.retention_events={self.retention}",
        ]

    @property
    def profile(self) -> Profile:
        """The policy profile of the replay."""
        return load_profile(SHOP, self.settings)


WHOLE = (
    Log("cdnow", CDNOW, 90, 180, "service_visit", most_ece=0.02),
    Log("oulad", OULAD, 28, 60, "service_visit,app_activity", most_ece=0.03),
)
SAMPLES = (
    Log("cdnow 60 d", CDNOW, 60, 120, "service_visit", parts=400),
    Log("oulad 14 d", OULAD, 14, 30, "service_visit,app_activity", parts=400),
    Log("oulad activity", OULAD, 28, 60, "app_activity", parts=400),
    Log("oulad visits", OULAD, 28, 60, "service_visit", parts=400),
)


@contextmanager
def replayed(log: Log) -> Iterator[tuple[Path, Finished]]:
    """Yields the folder of a replay, deleted at the end, with time and memory of the command."""
    with TemporaryDirectory(prefix="keepline-learning-") as name:
        folder = Path(name)
        files = log.files if log.parts == PARTS else [_thinned(file, folder, log.parts) for file in log.files]
        options = [word for setting in log.settings for word in ("--set", setting)]
        took = keepline("replay", *files, "--profile", SHOP, "--out", folder / "out", *options)
        yield folder / "out", took


def _thinned(file: Path, folder: Path, parts: int) -> Path:
    """Writes the lines of the customers of the first `parts` parts, the same in every file."""
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    part = pd.util.hash_pandas_object(rows["customer_id"], index=False).to_numpy() % PARTS
    thinned = folder / file.name.removesuffix(".gz")
    rows[part < parts].to_csv(thinned, index=False)
    return thinned
