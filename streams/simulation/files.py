"""The city as files: one JSON object a line, as publishers send it, the truth and a manifest beside."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import numpy as np
import orjson

from schemas.columns import ACTIVITY_TYPES, CAUSES, SURVEY_TYPES
from schemas.errors import UsageError
from schemas.instants import DAY_US, format_instant
from streams.simulation.blocks import SERVICE_TYPES, Block, Rows
from streams.simulation.city import City
from streams.simulation.leaving import monthly_hazard
from streams.simulation.people import Ints

EVENT_FILES = ("service_visits.jsonl", "app_activity.jsonl", "surveys.jsonl")
MANIFEST = "manifest.json"
TRUTH = "truth.jsonl"
TRUTH_CHUNK = 65_536  # customers at a time, so that memory stays that of the columns
NOTE = (
    "Everything here is simulated. No person, customer or workshop behind it exists, and no figure measured "
    "on it is evidence about real customers."
)

HEAD = (
    '{"event_id":"%s-%d-%%d","kind":"%s","schema_version":1,"customer_id":"c%%07d",'
    '"event_time":"%%sZ","producer":"simulator",'
)
VISIT_TAIL = '"service_type":"%s","store_id":"s%02d","amount":%.2f,"currency":"CNY","items":%d,"wait_minutes":%d}\n'
ACTIVITY_TAIL = '"activity_type":"%s","count":%d%s}\n'
SURVEY_TAIL = '"survey_type":"%s","score":%d%s}\n'


def customer_id(customer: int) -> str:
    """The id in events of the customer with this index."""
    return f"c{customer:07d}"


def _causes_text(mask: int) -> str:
    named = [name for bit, name in enumerate(CAUSES) if mask >> bit & 1]
    return f',"causes":{orjson.dumps(named).decode()}' if named else ""


CAUSES_TEXT = [_causes_text(mask) for mask in range(1 << len(CAUSES))]


def visit_lines(block: Block) -> bytes:
    """The visits of a day, one JSON object a line; event ids are unique over all days."""
    rows = block.visits
    service = [SERVICE_TYPES[code] for code in rows["service"].tolist()]
    columns = (rows[name].tolist() for name in ("store", "amount", "items", "wait_minutes"))
    template = HEAD % ("v", block.day, "service_visit") + VISIT_TAIL
    return _lines(template, rows, service, *columns)


def activity_lines(block: Block) -> bytes:
    """The app activity of a day, one JSON object a line."""
    rows = block.activity
    types = [ACTIVITY_TYPES[code] for code in rows["code"].tolist()]
    lasts = [f',"duration_seconds":{s}' if s >= 0 else "" for s in rows["duration_seconds"].tolist()]
    template = HEAD % ("a", block.day, "app_activity") + ACTIVITY_TAIL
    return _lines(template, rows, types, rows["count"].tolist(), lasts)


def survey_lines(block: Block) -> bytes:
    """The surveys of a day, one JSON object a line."""
    rows = block.surveys
    types = [SURVEY_TYPES[code] for code in rows["code"].tolist()]
    causes = [CAUSES_TEXT[mask] for mask in rows["causes"].tolist()]
    template = HEAD % ("s", block.day, "survey") + SURVEY_TAIL
    return _lines(template, rows, types, rows["score"].tolist(), causes)


def _lines(template: str, rows: Rows, *columns: Iterable[object]) -> bytes:
    times = np.datetime_as_string(rows["time_us"].view("M8[us]").astype("M8[s]")).tolist()
    values = zip(range(len(rows)), rows["customer"].tolist(), times, *columns, strict=True)
    return "".join(map(template.__mod__, values)).encode()


def write_city(folder: Path, customers: int, days: int, start_us: int, seed: int) -> dict[str, int]:
    """Writes the files of a city into `folder` and returns how many lines each has.

    Same arguments, same bytes. The manifest is written last: a folder without it was not finished. UsageError
    where `folder` cannot be one.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"--out {folder}: cannot be written to ({error.strerror}); name a folder") from None
    simulated = City(customers, start_us, seed)
    lines = dict(zip(EVENT_FILES, _write_events(folder, simulated, days), strict=True))
    lines[TRUTH] = _write_truth(folder / TRUTH, simulated)
    (folder / MANIFEST).write_bytes(_manifest(simulated, lines))
    return lines


def _write_events(folder: Path, simulated: City, days: int) -> list[int]:
    counts = np.zeros(len(EVENT_FILES), np.int64)
    with ExitStack() as stack:
        visits, activity, surveys = (stack.enter_context((folder / name).open("wb")) for name in EVENT_FILES)
        for _ in range(days):
            block = simulated.next_day()
            visits.write(visit_lines(block))
            activity.write(activity_lines(block))
            surveys.write(survey_lines(block))
            counts += len(block.visits), len(block.activity), len(block.surveys)
    return counts.tolist()


def _write_truth(path: Path, simulated: City) -> int:
    """One line for each customer who has joined; what lies after the last day is not told."""
    joined = np.flatnonzero(simulated.people.joined_us)
    with path.open("wb") as file:
        for first in range(0, len(joined), TRUTH_CHUNK):
            columns = _truth(simulated, joined[first : first + TRUTH_CHUNK])
            for row in zip(*columns.values(), strict=True):
                file.write(orjson.dumps(dict(zip(columns, row, strict=True)), option=orjson.OPT_APPEND_NEWLINE))
    return len(joined)


def _truth(simulated: City, who: Ints) -> dict[str, list[object]]:
    """Columns of the truth about the customers `who`; null where it has not come to that."""
    people, rules = simulated.people, simulated.rules
    hazard = monthly_hazard(people, people.base_satisfaction, rules)[who]
    left = (people.left_us[who] != 0).tolist()
    causes, signs = people.cause[who].tolist(), people.with_signs[who].tolist()
    return {
        "customer_id": [customer_id(index) for index in who.tolist()],
        "joined_at": _instants(people.joined_us[who]),
        "left_at": _instants(people.left_us[who]),
        "returned_at": _instants(people.returned_us[who]),
        "cause": [CAUSES[cause] if gone else None for cause, gone in zip(causes, left, strict=True)],
        "with_signs": [sign if gone else None for sign, gone in zip(signs, left, strict=True)],
        "monthly_hazard": np.round(hazard, 6).tolist(),
        "satisfaction": np.round(people.base_satisfaction[who], 4).tolist(),
        "distance_km": np.round(people.distance_km[who], 2).tolist(),
        "price_sensitivity": np.round(people.price_sensitivity[who], 4).tolist(),
        "gap_days": np.round(people.gap_days[who], 2).tolist(),
        "sessions_a_day": np.round(people.sessions_a_day[who], 5).tolist(),
    }


def _instants(times_us: Ints) -> list[object]:
    return [format_instant(us) if us else None for us in times_us.tolist()]


def _manifest(simulated: City, lines: dict[str, int]) -> bytes:
    """What the folder is: simulated from the first byte to the last."""
    manifest = {
        "simulated": True,
        "note": NOTE,
        "generator": "keepline simulate",
        "customers": len(simulated.people),
        "days": simulated.day,
        "start": format_instant(simulated.start_us),
        "end": format_instant(simulated.start_us + simulated.day * DAY_US),
        "seed": simulated.seed,
        "lines": lines,
        "rules": asdict(simulated.rules),
    }
    return orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
