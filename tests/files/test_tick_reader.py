"""What a publisher sends: every row once, events by tick, rows that will be refused in file order."""

from __future__ import annotations

from pathlib import Path

from schemas.instants import DAY_US
from streams.files.file_sources import FileSources
from streams.files.survey import Terms
from streams.files.tick_reader import Ticks

NOW_US = 1_800_000_000_000_000
GOOD = (
    b'{"kind":"service_visit","event_id":"%d","event_time":"2024-03-0%dT12:00:00Z","customer_id":"c","producer":"p",'
    b'"schema_version":1}'
)


def ticks(folder: Path, *lines: bytes) -> list[tuple[bool, list[bytes]]]:
    """Returns (whether it is a tick, its rows) of a file with these lines."""
    path = folder / "log.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    found = Ticks(FileSources([str(path)], Terms(NOW_US, 0)), DAY_US)
    return [(start_us is not None, [row.value for row in rows]) for start_us, rows in found]


def test_events_are_grouped_by_tick(tmp_path: Path) -> None:
    lines = [GOOD % (1, 1), GOOD % (2, 1), GOOD % (3, 4)]
    assert ticks(tmp_path, *lines) == [(True, lines[:2]), (True, lines[2:])]


def test_rows_that_will_be_refused_are_sent_all_the_same(tmp_path: Path) -> None:
    sent = [value for _, rows in ticks(tmp_path, b"{", GOOD % (1, 1), b"[]") for value in rows]
    assert sorted(sent) == sorted([b"{", GOOD % (1, 1), b"[]"])


def test_a_file_of_refused_rows_alone_is_sent_too(tmp_path: Path) -> None:
    assert ticks(tmp_path, b"{", b"[]") == [(False, [b"{", b"[]"])]
