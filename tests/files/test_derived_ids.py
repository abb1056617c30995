"""Ids of rows that have none: the same at every reading and in every format, different for equal rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.files.derived_ids import DerivedIds
from tests.files.logs import VISIT, Event, as_csv, as_jsonl, as_parquet, decoded, rows_of, written

TIMES = st.sampled_from([f"2024-03-01T0{hour}:00:00Z" for hour in range(4)])
EVENTS = st.lists(
    st.fixed_dictionaries(
        {"customer_id": st.sampled_from(["c1", "c2"]), "event_time": TIMES},
        optional={
            "amount": st.one_of(st.integers(0, 3), st.floats(0, 3)),
            "items": st.integers(0, 2),
            "store_id": st.sampled_from(["s", 'a,"b"', "\u00e9"]),
        },
    ),
    min_size=1,
    max_size=30,
)


def ids_of(path: str) -> list[str]:
    return [row["event_id"] for row in rows_of(path)]


def in_chunks_of(rows: int, path: str) -> list[str]:
    with (
        patch("streams.files.csv_rows.CHUNK_ROWS", rows),
        patch("streams.files.json_lines.CHUNK_ROWS", rows),
        patch("streams.files.parquet.CHUNK_ROWS", rows),
        patch("streams.files.compression.BLOCK_BYTES", 17 * rows),
    ):
        return ids_of(path)


def files(folder: Path, events: Sequence[Event]) -> list[str]:
    return [
        written(folder, "service_visits.csv", as_csv(events)),
        written(folder, "service_visits.jsonl", as_jsonl(events)),
        written(folder, "service_visits.parquet", as_parquet(events)),
    ]


@settings(max_examples=60)
@given(EVENTS, st.integers(1, 12))
def test_derived_ids_do_not_depend_on_chunking(events: list[Event], rows: int) -> None:
    with TemporaryDirectory() as folder:
        for path in files(Path(folder), events):
            assert in_chunks_of(rows, path) == ids_of(path)


@settings(max_examples=60)
@given(EVENTS)
def test_csv_jsonl_and_parquet_of_the_same_events_are_the_same_objects(events: list[Event]) -> None:
    with TemporaryDirectory() as folder:
        read = [[row | {"producer": ""} for row in rows_of(path)] for path in files(Path(folder), events)]
    assert read[0] == read[1] == read[2]


@settings(max_examples=60)
@given(EVENTS)
def test_derived_ids_are_unique_and_accepted(events: list[Event]) -> None:
    with TemporaryDirectory() as folder:
        path = files(Path(folder), events)[0]
        rows = [row for chunk in decoded(path) for row in chunk.decoded.events.rows["id"].tolist()]
    assert len(set(rows)) == len(events)


def test_the_order_of_the_columns_does_not_matter(tmp_path: Path) -> None:
    turned = dict(reversed(VISIT.items()))
    assert ids_of(written(tmp_path, "service_visits.csv", as_csv([turned]))) == ids_of(
        written(tmp_path, "service_visits.csv", as_csv([VISIT]))
    )


def test_every_column_counts(tmp_path: Path) -> None:
    rows = [VISIT | {"note": "a"}, VISIT | {"note": "b"}]
    first, second = ids_of(written(tmp_path, "service_visits.csv", as_csv(rows)))
    assert first.split("-")[0] != second.split("-")[0]


def test_equal_rows_are_numbered(tmp_path: Path) -> None:
    ids = ids_of(written(tmp_path, "service_visits.csv", as_csv([VISIT] * 3)))
    assert [one.split("-")[1] for one in ids] == ["0", "1", "2"]


def test_the_name_of_the_file_does_not_matter(tmp_path: Path) -> None:
    kept = written(tmp_path, "service_visits.csv", as_csv([VISIT]))
    assert ids_of(kept) == ids_of(written(tmp_path, "service-visit.csv", as_csv([VISIT])))


def test_no_more_rows_are_kept_than_allowed() -> None:
    ids = DerivedIds(most=100)
    for second in range(10_000):
        ids.of([{"event_time": f"{second:05}", "n": second}])
    assert sum(map(len, ids.times.values())) == ids.counted <= 100


def test_the_newest_time_is_never_dropped() -> None:
    ids = DerivedIds(most=10)
    first = ids.of([{"event_time": "2", "n": n} for n in range(50)])
    again = ids.of([{"event_time": "2", "n": n} for n in range(50)])
    assert set(first).isdisjoint(again)


def test_ids_stay_what_they_were(tmp_path: Path) -> None:
    """Other ids would make every file published before count twice when it is published again."""
    assert ids_of(written(tmp_path, "service_visits.csv", as_csv([VISIT]))) == ["599ab42f075c1896-0"]
