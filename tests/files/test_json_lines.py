"""Lines of events of any kind: missing fields are added, lines that are no event are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from schemas.columns import KINDS
from schemas.instants import parse_instant
from tests.files.logs import VISIT, accepted, as_jsonl, decoded, letters, rows_of, written

SURVEY = {"customer_id": "c2", "event_time": "2024-03-01T09:00:00Z", "survey_type": "nps", "score": 3}
OPEN = {"customer_id": "c3", "event_time": "2024-03-01T10:00:00Z", "activity_type": "app_open"}


def log(tmp_path: Path, *lines: bytes, name: str = "log.jsonl") -> str:
    return written(tmp_path, name, b"\n".join(lines))


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (b"{", "json"),
        (b"[1]", "object"),
        (b"7", "object"),
        (b"null", "object"),
        (b"{}", "missing"),
        (b'{"kind": 5}', "missing"),
        (b'{"kind": "visit"}', "wrong_kind"),
        (b'{"kind": "customer_profile", "customer_id": "c"}', "missing"),
        (b'{"kind": "survey", "score": NaN}', "json"),
        (b'{"kind": "survey", "causes": "\xff"}', "json"),
        (b"\x00\x00", "json"),
        (json.dumps(VISIT | {"kind": "service_visit"}).encode()[:-1] + b', "amount": 1}', "duplicate_key"),
    ],
)
def test_a_line_that_is_no_event_is_refused_alone(tmp_path: Path, line: bytes, rule: str) -> None:
    good = json.dumps(VISIT | {"kind": "service_visit"}).encode()
    path = log(tmp_path, good, line, good)
    assert [(number, why) for number, _, why in letters(path)] == [(2, rule)]
    assert list(accepted(path)) == ["c1", "c1"]


def test_a_file_of_refused_lines_alone_is_read_to_its_end(tmp_path: Path) -> None:
    assert len(letters(log(tmp_path, *[b"{"] * 10_000))) == 10_000


def test_blank_lines_are_skipped_and_counted_as_lines(tmp_path: Path) -> None:
    assert letters(log(tmp_path, b"", b"  ", b"{", b"", name="surveys.jsonl")) == [(3, "value", "json")]


def test_lines_are_counted_across_blocks(tmp_path: Path) -> None:
    assert letters(log(tmp_path, *[b""] * 1_000_000, b"{")) == [(1_000_001, "value", "json")]


def test_an_empty_object_is_completed_too(tmp_path: Path) -> None:
    [row] = rows_of(log(tmp_path, b"{}", name="surveys.jsonl"))
    assert row["kind"] == "survey"


def test_mixed_kinds_come_in_the_order_of_the_lines(tmp_path: Path) -> None:
    events = [VISIT | {"kind": "service_visit"}, SURVEY | {"kind": "survey"}, OPEN | {"kind": "app_activity"}]
    [chunk] = decoded(log(tmp_path, as_jsonl(events * 2)))
    assert chunk.decoded.events.customers == ["c1", "c2", "c3"] * 2
    assert (
        chunk.decoded.events.rows["kind"].tolist()
        == [KINDS.index(kind) for kind in ("service_visit", "survey", "app_activity")] * 2
    )
    assert np.array_equal(chunk.decoded.index, np.arange(6))


def test_the_stem_is_the_kind_of_lines_without_one(tmp_path: Path) -> None:
    path = log(tmp_path, as_jsonl([SURVEY, OPEN | {"kind": "app_activity"}]), name="surveys.jsonl")
    assert [row["kind"] for row in rows_of(path)] == ["survey", "app_activity"]
    assert list(accepted(path)) == ["c2", "c3"]


def test_what_is_missing_is_added_and_nothing_else_changes(tmp_path: Path) -> None:
    line = b'{ "customer_id":"c1","event_time":"2024-03-01T08:30:00Z", "amount":12.500, "n": {"a": [1]} }'
    [value] = [v for chunk in decoded(log(tmp_path, line, name="service_visits.jsonl")) for v in chunk.values()]
    assert value.startswith(line[:-1].rstrip())
    assert set(json.loads(value)) - set(json.loads(line)) == {
        "kind",
        "schema_version",
        "event_id",
        "producer",
    }


def test_a_complete_line_is_passed_on_as_it_is(tmp_path: Path) -> None:
    full = VISIT | {"kind": "service_visit", "schema_version": 1, "event_id": "e", "producer": "p"}
    line = json.dumps(full).encode()
    assert [v for chunk in decoded(log(tmp_path, line)) for v in chunk.values()] == [line]


def test_heartbeats_are_marks_at_their_index(tmp_path: Path) -> None:
    beat = b'{"kind": "heartbeat", "event_time": "2024-03-01T12:00:00Z", "producer": "dms"}'
    [chunk] = decoded(log(tmp_path, as_jsonl([VISIT | {"kind": "service_visit"}]).strip(), beat, b""))
    assert [(m.index, m.time_us) for m in chunk.decoded.marks] == [(1, parse_instant("2024-03-01T12:00:00Z"))]


def test_the_end_marker_of_a_file_does_not_end_the_input(tmp_path: Path) -> None:
    end = b'{"kind": "end", "event_time": "2024-03-01T12:00:00Z", "producer": "dms"}'
    [chunk] = decoded(log(tmp_path, end))
    assert [mark.kind for mark in chunk.decoded.marks] == ["heartbeat"]


def test_a_line_may_be_longer_than_a_block(tmp_path: Path) -> None:
    long = json.dumps(VISIT | {"kind": "service_visit", "note": "x" * (5 << 20)}).encode()
    good = json.dumps(VISIT | {"kind": "service_visit"}).encode()
    path = log(tmp_path, good, long, good)
    assert letters(path) == [(2, "value", "too_large")]
    assert list(accepted(path)) == ["c1", "c1"]
