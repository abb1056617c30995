"""The simulated city as the input of a benchmark: 20,000 customers over two years at full scale."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Scale
from schemas.instants import parse_instant
from streams.simulation import write_city
from streams.simulation.files import EVENT_FILES

START_US = parse_instant("2023-01-02T00:00:00Z")
CUSTOMERS = {"small": 4_000, "full": 20_000}
DAYS = 730


@dataclass(frozen=True, slots=True)
class CityFiles:
    """Files of events and how many there are in them."""

    folder: Path
    events: int

    @property
    def paths(self) -> list[Path]:
        """Visits, activity, surveys."""
        return [self.folder / f"{name}.jsonl" for name in EVENT_FILES]


@contextmanager
def city_files(scale: Scale, seed: int, days: int = DAYS) -> Iterator[CityFiles]:
    """The city of a scale; deleted afterwards."""
    with TemporaryDirectory(prefix="keepline-city-") as folder:
        rows = write_city(Path(folder), CUSTOMERS[scale], days, START_US, seed)
        yield CityFiles(Path(folder), sum(rows[f"{name}.jsonl"] for name in EVENT_FILES))
