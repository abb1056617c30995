"""The city as files: events, the truth and a manifest."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import numpy as np
import orjson

from schemas.columns import CAUSES
from schemas.errors import UsageError
from schemas.instants import DAY_US, format_instant
from streams.simulation.blocks import Block
from streams.simulation.churn import hazard_by_traits
from streams.simulation.city import City
from streams.simulation.customers import Ints
from streams.simulation.line_templates import FILES, FORMATS

EVENT_FILES = ("service_visits", "app_activity", "surveys")  # what customers did
MANIFEST = "manifest.json"
TRUTH = "truth.jsonl"
TRUTH_CHUNK = 65_536  # customers at a time, so that memory stays that of the columns
NOTE = (
    "Everything here is simulated. No person, customer or workshop behind it exists, and no figure measured "
    "on it is evidence about real customers."
)


def customer_id(customer: int) -> str:
    """Returns the id of the customer with this index."""
    return f"c{customer:07d}"


def customer_index(name: str) -> int:
    """Returns the index of the customer with this id."""
    return int(name.removeprefix("c"))


def write_city(
    folder: Path, customers: int, days: int, start_us: int, seed: int, form: str = "jsonl"
) -> dict[str, int]:
    """Writes the files of a city into `folder` and returns how many rows each has.

    `form` is one of FORMATS. Same arguments, same bytes. The manifest is written last: a folder without it is not
    complete. Raises UsageError where `folder` cannot be written, or has a city in another format.
    """
    simulated = City(customers, start_us, seed)
    with CityFolder(folder, form) as files:
        for _ in range(days):
            files.write(simulated.next_day())
        return files.finish(simulated)


class CityFolder:
    """Writes the files of a city, a day at a time. Raises UsageError where `folder` cannot be written, or has a city in
    another format.
    """

    def __init__(self, folder: Path, form: str = "jsonl") -> None:
        _prepare(folder, form)
        self.folder, self.form = folder, FORMATS[form]
        self._names = {name: f"{name}.{form}" for name in FILES}
        self.rows = dict.fromkeys(self._names.values(), 0)
        self._open = ExitStack()

    def __enter__(self) -> CityFolder:
        with ExitStack() as stack:
            paths = {name: self.folder / full for name, full in self._names.items()}
            self._files = {name: stack.enter_context(path.open("wb")) for name, path in paths.items()}
            self._open = stack.pop_all()
        for file, title in zip(self._files.values(), self.form.titles, strict=True):
            file.write(title)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def write(self, block: Block) -> dict[str, bytes]:
        """Appends a day and returns its lines by file name, in the order of the block's rows."""
        lines = {name: write(block, self.form) for name, write in FILES.items()}
        counts = (len(block.visits), len(block.activity), len(block.surveys), len(block.profiles))
        for (name, text), count in zip(lines.items(), counts, strict=True):
            self._files[name].write(text)
            self.rows[self._names[name]] += count
        return lines

    def finish(self, simulated: City) -> dict[str, int]:
        """Writes truth and manifest; returns how many rows each file has."""
        self._open.close()
        self.rows[TRUTH] = _write_truth(self.folder / TRUTH, simulated)
        (self.folder / MANIFEST).write_bytes(_manifest(simulated, self.rows))
        return self.rows


def _prepare(folder: Path, form: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ours = {MANIFEST, *(f"{name}.{ending}" for name in FILES for ending in FORMATS)}
        others = sorted(one.name for one in folder.iterdir())
        if others and ours.isdisjoint(others):
            raise UsageError(
                f"--out {folder}: has files that no simulation wrote ({others[0]}, ...); name a new folder"
            )
        # an error, since deleting them may lose data, and keeping them would leave two cities in one folder
        for other in (folder / f"{name}.{ending}" for name in FILES for ending in FORMATS if ending != form):
            if other.exists():
                raise UsageError(f"--out {folder}: has a file {other.name}; remove it or name another folder")
        (folder / MANIFEST).unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"--out {folder}: cannot be written to ({error.strerror}); name a folder") from None


def _write_truth(path: Path, simulated: City) -> int:
    """Writes a line for each customer who has joined; nothing after the last day is in it."""
    joined = np.flatnonzero(simulated.people.joined_us)
    with path.open("wb") as file:
        for first in range(0, len(joined), TRUTH_CHUNK):
            columns = _truth(simulated, joined[first : first + TRUTH_CHUNK])
            for row in zip(*columns.values(), strict=True):
                file.write(orjson.dumps(dict(zip(columns, row, strict=True)), option=orjson.OPT_APPEND_NEWLINE))
    return len(joined)


def _truth(simulated: City, who: Ints) -> dict[str, list[object]]:
    """Returns columns of the truth about the customers `who`; null for what has not happened."""
    people, rules = simulated.people, simulated.rules
    hazard = hazard_by_traits(people, rules)[who]
    left = people.left_us[who] != 0
    decided = (left | (people.saved_us[who] != 0)).tolist()
    causes, signs = people.cause[who].tolist(), people.with_signs[who].tolist()
    return {
        "customer_id": [customer_id(index) for index in who.tolist()],
        "joined_at": _instants(people.joined_us[who]),
        "left_at": _instants(people.left_us[who]),
        "returned_at": _instants(people.returned_us[who]),
        "saved_at": _instants(people.saved_us[who]),
        "cause": [CAUSES[cause] if known else None for cause, known in zip(causes, decided, strict=True)],
        "with_signs": [sign if known else None for sign, known in zip(signs, decided, strict=True)],
        "monthly_hazard": np.round(hazard, 6).tolist(),
        "satisfaction": np.round(people.base_satisfaction[who], 4).tolist(),
        "distance_km": np.round(people.distance_km[who], 2).tolist(),
        "price_sensitivity": np.round(people.price_sensitivity[who], 4).tolist(),
        "gap_days": np.round(people.gap_days[who], 2).tolist(),
        "sessions_a_day": np.round(people.sessions_a_day[who], 5).tolist(),
    }


def _instants(times_us: Ints) -> list[object]:
    return [format_instant(us) if us else None for us in times_us.tolist()]


def _manifest(simulated: City, rows: dict[str, int]) -> bytes:
    """Returns the manifest, which states that all data is simulated."""
    manifest = {
        "simulated": True,
        "note": NOTE,
        "generator": "keepline simulate",
        "customers": len(simulated.people),
        "days": simulated.day,
        "start": format_instant(simulated.start_us),
        "end": format_instant(simulated.start_us + simulated.day * DAY_US),
        "seed": simulated.seed,
        "rows": rows,
        "rules": asdict(simulated.rules),
    }
    return orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
