"""A customer lives in one partition: records of customers of another one are refused, with an alert."""

from __future__ import annotations

import orjson
import pytest

from schemas.errors import Failure
from schemas.instants import DAY_US
from schemas.partitioner import partition_of
from streams.profile.loading import load_profile
from streams.units.engine_unit import EngineUnit
from streams.units.sources import INPUTS, MODELS, OBSERVATIONS
from streams.units.unit import POSITION
from tests.units.shops import START_US, VISITS, Visit, event
from tests.units.topics import Record, mark

PARTITIONS = 4
PROFILES = "customer-profiles"
NAMES = [f"c{number}" for number in range(40)]
MINE = [name for name in NAMES if partition_of(name, PARTITIONS) == 1]


def unit(partitions: int | None = PARTITIONS) -> EngineUnit:
    made = EngineUnit(load_profile("after-sales"), 1, "event", partitions)
    made.position = dict.fromkeys((*INPUTS, MODELS, OBSERVATIONS), 0)
    return made


def visits(names: list[str]) -> list[Record]:
    found = [event(i, Visit(START_US + i, "east", name, START_US + i)) for i, name in enumerate(names)]
    return [Record(i, name.encode(), value) for i, (name, value) in enumerate(zip(names, found, strict=True))]


def letters(made: EngineUnit, source: str, records: list[Record]) -> list[dict[str, object]]:
    """The dead letters of a day with these records."""
    feed, end = made.open_feed(), mark("end", START_US + DAY_US)
    feed.offer(source, 0, [*records, Record(len(records), None, end)], START_US + DAY_US)
    for other in INPUTS:
        if other != source:
            feed.offer(other, 0, [Record(0, None, end)], START_US + DAY_US)
    while (batch := feed.take()) is not None:
        made.apply(batch)
    return [
        orjson.loads(value or b"")
        for output in made.outputs()
        if output.topic == "dead-letters"
        for _, value in output.pairs
    ]


def test_who_lives_here_is_applied_and_who_does_not_is_refused_with_both_partitions_and_the_setting() -> None:
    made = unit()
    refused = letters(made, VISITS, visits(NAMES))
    assert len(refused) == len(NAMES) - len(MINE)
    assert {letter["rule"] for letter in refused} == {"partition"}
    assert all("partitioner=murmur2_random" in str(letter["sentence"]) for letter in refused)
    assert all("east sent a customer of partition" in str(letter["sentence"]) for letter in refused)
    assert made.counts["applied"] == len(MINE)
    assert sorted(made.engine.table.names) == sorted(MINE)


def test_the_first_one_is_an_alert() -> None:
    made = unit()
    letters(made, VISITS, visits([name for name in NAMES if name not in MINE][:1]))
    (alert,) = made.alerts
    assert "producer east sends records to other partitions than murmur2" in alert.text


def profile(name: str) -> bytes:
    body = {"event_id": name, "kind": "customer_profile", "schema_version": 1, "customer_id": name, "scope": name}
    return orjson.dumps(body | {"producer": "crm", "event_time": "2024-10-04T00:00:00Z"})


def test_profiles_and_deletions_of_strangers_are_refused_too() -> None:
    stranger = next(name for name in NAMES if name not in MINE)
    records = [Record(0, stranger.encode(), profile(stranger)), Record(1, stranger.encode(), None)]
    made = unit()
    assert [letter["rule"] for letter in letters(made, PROFILES, records)] == ["partition", "partition"]
    assert list(made.engine.table.names) == []


def test_details_of_those_who_stay_are_still_theirs() -> None:
    made = unit()
    letters(made, PROFILES, [Record(i, name.encode(), profile(name)) for i, name in enumerate(NAMES)])
    assert {one.scope for one in made.engine.attributes_table.all.values()} == {None, *MINE}


def test_another_number_of_partitions_is_refused_at_the_start() -> None:
    made, more = unit(), unit(5)
    letters(made, VISITS, visits(MINE))
    (row,) = [pair for pair in made.take()[0].pairs if pair[0] == POSITION]
    more.load([Record(0, *row)])
    with pytest.raises(Failure, match="written when there were 4 partitions, now there are 5"):
        more.loaded()
