"""The simulated city as the input of a benchmark: as it is, or with an event a customer and day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Scale
from schemas.instants import parse_instant
from streams.simulation import City
from streams.simulation.line_templates import FORMATS, activity_lines, survey_lines, visit_lines
from streams.simulation.rules import Rules

START_US = parse_instant("2023-01-02T00:00:00Z")
CUSTOMERS = {"small": 4_000, "full": 20_000}
LINES = {"service_visits": visit_lines, "app_activity": activity_lines, "surveys": survey_lines}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of city: its rules, its length, and overrides of the profile."""

    rules: Rules
    days: int
    settings: Sequence[str]


EVERYBODY = "gate.consent_when_unknown=true"  # the files have no customer profiles
KINDS = {
    # the pilot city: an event a customer every ten days, all customers scored every day
    "pilot": Kind(Rules(), 730, [EVERYBODY]),
    # an event a customer and day, as the design assumes at scale
    "daily": Kind(Rules(sessions_median=0.5), 90, ["label.horizon=28d", EVERYBODY]),
}


@dataclass(frozen=True, slots=True)
class CityFiles:
    """Files of events, and the number of events in them."""

    folder: Path
    events: int

    @property
    def paths(self) -> list[Path]:
        """The files of visits, activity and surveys."""
        return [self.folder / f"{name}.jsonl" for name in LINES]


@contextmanager
def city_files(scale: Scale, seed: int, kind: Kind = KINDS["pilot"]) -> Iterator[CityFiles]:
    """Yields the files of a city; deletes them afterwards."""
    with TemporaryDirectory(prefix="keepline-city-") as folder:
        yield write(Path(folder), CUSTOMERS[scale], kind.days, seed, kind.rules)


def write(folder: Path, customers: int, days: int, seed: int, rules: Rules) -> CityFiles:
    """Writes the files of a city with `rules`, which the command `simulate` cannot set."""
    city, events = City(customers, START_US, seed, rules), 0
    with ExitStack() as stack:
        files = {name: stack.enter_context((folder / f"{name}.jsonl").open("wb")) for name in LINES}
        for _ in range(days):
            block = city.next_day()
            events += len(block)
            for name, lines in LINES.items():
                files[name].write(lines(block, FORMATS["jsonl"]))
    return CityFiles(folder, events)


def options(kind: Kind) -> list[str]:
    """Returns the settings as arguments of a command."""
    return [word for setting in kind.settings for word in ("--set", setting)]
