"""State of the release before is read: a small city that it began is gone on with to the end.

`release_before.json.gz` has what the units of commit 0cd3c0d had written to changelogs and topics in the middle of the
city of `tests/units/topics.py`.
"""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

from schemas.instants import DAY_US, format_instant
from tests.units import topics as logs
from tests.units.topics import Record, Topics

FIXTURE = Path(__file__).with_name("release_before.json.gz")
PARTITIONS = 2
END_US = logs.START_US + logs.DAYS * DAY_US - 1


def begun() -> Topics:
    """The inputs of the whole city, and what the release before has written."""
    topics = logs.filled(PARTITIONS)
    for place, pairs in json.loads(gzip.decompress(FIXTURE.read_bytes())).items():
        topic, _, partition = place.partition("/")
        topics.records[topic, int(partition)] = [
            Record(offset, *(None if part is None else base64.b64decode(part) for part in pair))
            for offset, pair in enumerate(pairs)
        ]
    return topics


def ids(topics: Topics) -> list[str]:
    return [json.loads(value or b"")["intervention_id"] for value in topics.values("interventions")]


def test_a_city_that_the_release_before_began_is_gone_on_with_to_its_end() -> None:
    topics = begun()
    before = ids(topics)
    owners = logs.owners(topics)
    assert before
    assert all(owner.unit.position for owner in owners)
    logs.finish(owners)
    assert set(ids(topics)) > set(before)
    assert len(set(ids(topics))) == len(ids(topics))  # none is opened by both releases
    assert {owner.unit.frontier for owner in owners[:PARTITIONS]} == {format_instant(END_US)}
    for owner in owners[:PARTITIONS]:
        assert owner.unit.counts["applied"] > 0


def test_its_rows_get_the_columns_of_this_release() -> None:
    owner = logs.owners(begun())[0]
    table = owner.unit.engine.table  # type: ignore[union-attr]
    assert len(table) > 5
    assert table.rows.shape[1] == len(owner.unit.engine.columns)  # type: ignore[union-attr]
