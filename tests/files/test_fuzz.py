"""Any bytes in a file, and any damage to a good one, end as accepted and refused rows or as one sentence."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import Failure, UsageError
from streams.files.file_sources import FileSources
from streams.files.read_options import ReadOptions
from streams.files.survey import Plan, Survey, Terms
from streams.files.tick_reader import Ticks
from tests.files.logs import NOW_US, as_csv, as_jsonl, as_parquet, gz, zst

UNCHECKED = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]  # each example writes its own file
DAMAGED = settings(max_examples=60, suppress_health_check=UNCHECKED)
CELLS = [
    "",
    "NULL",
    "17850.0",
    "1.2E+05",
    "2024-03-01 08:30",
    "2024-03-01T08:30:00Z",
    "1709281800000",
    '"',
    "1,5",
    "\0",
    "é",
]
ROW = {"customer_id": "c", "event_time": "2024-03-01T08:30:00Z", "amount": 1.5, "items": 2, "store_id": "s"}
GOOD = [ROW | {"customer_id": f"c{i}", "event_time": f"2024-03-{1 + i % 28:02}T08:30:00Z"} for i in range(60)]
FORMS = {"csv": as_csv, "jsonl": as_jsonl, "parquet": as_parquet}
OPTIONS = st.builds(
    ReadOptions,
    encoding=st.sampled_from([None, "gbk", "utf-16", "cp1252"]),
    delimiter=st.sampled_from([",", ";", "\t"]),
    decimal=st.sampled_from([".", ","]),
    time_zone=st.sampled_from([None, "Europe/Madrid"]),
    epoch=st.sampled_from([None, "s", "ms"]),
)


def answered(path: Path, options: ReadOptions) -> None:
    """Surveys and sends a file as the commands do, as it is and sorted; each row is counted once."""
    terms = Terms(NOW_US, 0, options=options)
    try:
        survey = Survey([str(path)], terms)
        plan = survey.plan()
        found = [sent(path, terms, one) for one in (plan, replace(plan, unsorted=frozenset({0})))]
    except (UsageError, Failure) as error:
        found = [] if path.name in str(error) else [str(error)]
    expected = (survey.tallies[0].rows, survey.tallies[0].refused) if found else ()
    assert [one[:2] for one in found] == [expected] * len(found)
    assert len(set(found)) <= 1


def sent(path: Path, terms: Terms, plan: Plan) -> tuple[int, int, int]:
    """Returns the numbers of rows that were read, refused, and sent."""
    sources = FileSources([str(path)], terms, plan)
    rows = sum(len(rows) for _, rows in Ticks(sources, terms.tick_us))
    return sources.tallies[0].rows, sources.tallies[0].refused, rows


@pytest.mark.parametrize("form", FORMS)
@given(data=st.binary(max_size=300), options=OPTIONS)
@DAMAGED
def test_any_bytes_are_answered(tmp_path: Path, form: str, data: bytes, options: ReadOptions) -> None:
    path = tmp_path / f"service_visits.{form}"
    path.write_bytes(data)
    answered(path, options)


@pytest.mark.parametrize("pack", [bytes, gz, zst], ids=["plain", "gz", "zst"])
@pytest.mark.parametrize("form", FORMS)
@given(seed=st.integers(0, 2**32), options=OPTIONS)
@DAMAGED
def test_a_damaged_file_is_answered(tmp_path: Path, form: str, pack, seed: int, options: ReadOptions) -> None:
    chance = random.Random(seed)
    data = bytearray(pack(FORMS[form](GOOD)))
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(data))
        data[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
    path = tmp_path / f"service_visits.{form}"
    path.write_bytes(bytes(data))
    answered(path, options)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@given(
    rows=st.lists(st.fixed_dictionaries({name: st.sampled_from(CELLS) | st.text(max_size=6) for name in ROW})),
    options=OPTIONS,
)
@DAMAGED
def test_any_cells_are_answered(tmp_path: Path, form: str, rows: list[dict[str, str]], options: ReadOptions) -> None:
    path = tmp_path / f"service_visits.{form}"
    path.write_bytes(FORMS[form](rows))
    answered(path, options)
