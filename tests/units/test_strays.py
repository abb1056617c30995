"""Records that are not ours, in each topic that units write and read again: what a healthy run gives stays the same."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import orjson
import pytest

from schemas.errors import Failure, NewerRecord
from streams.profile.contact_sections import BudgetLimit
from streams.units.dispatcher_unit import DispatcherUnit
from streams.units.engine_rows import CASE, PARTS, SIGNALS
from streams.units.engine_unit import EngineUnit
from streams.units.learner_unit import LEARNER, LearnerUnit
from streams.units.seal import GONE, seal, version_of, without_seal
from streams.units.sources import CANDIDATES, DISPATCHES, LABELLED, MODELS, OBSERVATIONS, STATE
from streams.units.strays import Strays
from streams.units.unit import POSITION, Pair
from tests.units import topics as logs
from tests.units.test_engine_unit import OUTPUTS, rows_of
from tests.units.topics import Owner, Record, Topics

PARTITIONS = 2
BUDGET = BudgetLimit(name="all", amount=3000.0, period="week")
PROFILE = logs.PROFILE.model_copy(update={"limits": logs.PROFILE.limits.model_copy(update={"budgets": (BUDGET,)})})
LOGS = (MODELS, OBSERVATIONS, LABELLED, CANDIDATES, DISPATCHES)
CHANGELOGS = (STATE, "learner-state", "dispatcher-state")
KEYS = {
    STATE: (POSITION, b"c6", b"c9", CASE, b"\0persona:1", b"\0ids:", b"\0other", b"\xff", None),
    "learner-state": (POSITION, LEARNER, LEARNER + b"model", b"\0other", b"\xff", None),
    "dispatcher-state": (POSITION, b"\0other", None),
}
EVENT = {"event_id": "e", "kind": "service_visit", "schema_version": 1, "customer_id": "c1", "producer": "p"}
MARK = {"kind": "mark", "instant": "2024-02-05T00:00:00Z", "partition": 7}
OF_ANOTHER = {topic: (LOGS * 2)[place + 1] for place, topic in enumerate(LOGS)}
KINDS: dict[str, bytes | None] = {
    "garbage": b"\x00\xff\x13garbage",
    "nothing": b"",
    "null": None,
    "object": b"{}",
    "list": b"[]",
    "number": b"7",
    "text": b'"text"',
    "event": json.dumps(EVENT | {"event_time": "2024-02-05T00:00:00Z"}).encode(),
    "like a mark": json.dumps(MARK | {"kind": "report"}).encode(),
    "another version": b'{"format":5,"version":3,"instant_us":1706745600000000}',
}


def damaged(ours: bytes, topic: str, key: bytes = b"") -> dict[str, bytes]:
    """What comes of a record of ours that is broken, cut, or belongs elsewhere."""
    return {
        "broken checksum": ours[:-4] + (b'0"}' if ours[-4:-2] != b'0"' else b'1"}')[-4:].rjust(4, b"x"),
        "changed": ours[: len(ours) // 2] + bytes([ours[len(ours) // 2] ^ 1]) + ours[len(ours) // 2 + 1 :],
        "cut": ours[:-10],
        "cut in the middle": ours[: len(ours) // 2],
        "elsewhere": seal("elsewhere", without_seal(ours), key),
        "under another key": seal(topic, without_seal(ours), b"another"),
    }


def owners(topics: Topics) -> list[Owner]:
    """Engines, learner and dispatcher."""
    n = topics.partitions
    made: list[Any] = [lambda p=p: EngineUnit(PROFILE, p, "event") for p in range(n)]
    made += [lambda: LearnerUnit(PROFILE, n, "event"), lambda: DispatcherUnit(PROFILE, n, "event")]
    return [Owner(make, topics) for make in made]


def owner_of(number: int) -> Owner:
    """A new owner of the first unit that has a changelog of this number."""
    return owners(Topics(PARTITIONS))[(0, PARTITIONS, PARTITIONS + 1)[number]]


@cache
def healthy() -> Topics:
    topics = logs.filled(PARTITIONS)
    logs.finish(owners(topics))
    return topics


def same(topics: Topics, wanted: Topics) -> None:
    """All outputs, and what units tell each other."""
    for topic in (OBSERVATIONS, LABELLED, CANDIDATES, DISPATCHES):
        assert rows_of(topic, ours_of(topics)) == rows_of(topic, ours_of(wanted)), topic
    for topic in OUTPUTS:
        assert ours_of(topics).values(topic) == ours_of(wanted).values(topic), topic
    for partition in range(PARTITIONS):
        assert topics.table("churn-scores", partition) == wanted.table("churn-scores", partition)


def ours_of(topics: Topics) -> Topics:
    """The topics without strays."""
    if not isinstance(topics, Littered):
        return topics
    left = Topics(topics.partitions)
    for place, records in topics.records.items():
        left.records[place] = [record for record in records if record.offset not in topics.strays[place]]
    return left


def last_key(topics: Topics, topic: str, partition: int, key: bytes | None) -> bytes | None:
    """The last key with a row that begins with a prefix (ends with a colon), or the key itself."""
    known = topics.table(topic, partition) if key and key.endswith(b":") else {}
    return max((one for one in known if one and key and one.startswith(key)), default=key)


@dataclass
class Littered(Topics):
    """Topics in which somebody else writes too: something strange follows each of our first writes."""

    strays: dict[tuple[str, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    turn: int = 0

    def append(self, topic: str, partition: int, pairs: list[Pair]) -> None:
        super().append(topic, partition, pairs)
        if topic not in (*LOGS, *CHANGELOGS) or not pairs:
            return
        for key in KEYS.get(topic, (None,)):
            self.turn += 1
            key = last_key(self, topic, partition, key)
            key_bytes, ours = key or b"", next(value for _, value in reversed(pairs) if value)
            values = [*KINDS.values(), *damaged(ours, topic, key_bytes).values()]
            log = self.records[topic, partition]
            self.strays[topic, partition].append(len(log))
            log.append(Record(len(log), key, values[self.turn % len(values)]))


def test_a_run_among_strays_gives_what_a_healthy_one_gives_and_tells_of_each() -> None:
    topics = Littered(PARTITIONS, logs.filled(PARTITIONS).records)
    running = owners(topics)
    logs.finish(running)
    assert all(healthy().values(topic) for topic in LOGS)
    same(topics, healthy())
    for owner in running:
        for (topic, partition), found in owner.unit.strays.found.items():
            wanted = topics.strays[topic, partition]
            assert (found.count, found.first, found.last) == (len(wanted), wanted[0], wanted[-1]), (topic, partition)
            sentence = f"{topic}/{partition} holds records that Keepline has not written, they are skipped; "
            assert any(alert.text.startswith(sentence) for alert in owner.unit.alerts)
        assert {topic for topic, _ in owner.unit.strays.found} == set(owner.unit.sources) & set(LOGS)


def test_owners_that_are_restored_from_changelogs_among_strays_give_the_same() -> None:
    topics = Littered(PARTITIONS, logs.filled(PARTITIONS).records)
    running = owners(topics)
    logs.finish_by_new_owners(running, 170)
    same(topics, healthy())
    for owner in running:
        found = owner.unit.strays.found[owner.unit.changelog]
        assert found.count > 0.8 * len(
            topics.strays[owner.unit.changelog]
        )  # a deletion of what is not there is nothing
        assert getattr(owner.unit, "lost", {}) == {}


@pytest.mark.parametrize("topic", LOGS)
@pytest.mark.parametrize("kind", [*KINDS, *damaged(b"{}" * 30, ""), "of another topic", "unsealed, of another topic"])
def test_a_stray_in_a_log_is_none_of_ours_and_is_told_with_its_offset(topic: str, kind: str) -> None:
    ours = next(record.value or b"" for record in healthy().records[topic, 0])
    foreign = next(record.value or b"" for record in healthy().records[OF_ANOTHER[topic], 0])
    kinds = KINDS | damaged(ours, topic)
    kinds |= {"of another topic": foreign, "unsealed, of another topic": without_seal(foreign)}
    strays = Strays()
    assert strays.body(topic, 0, Record(3, None, ours)) == without_seal(ours)
    assert strays.body(topic, 0, Record(4, None, kinds[kind])) is None
    (alert,) = strays.alerts
    assert f"{topic}/0 " in alert.text
    assert "1 so far, from offset 4 to 4" in alert.text


def test_ten_thousand_strays_are_one_sentence_and_one_place_in_memory() -> None:
    unit = EngineUnit(PROFILE, 0, "event", PARTITIONS)
    unit.position = dict.fromkeys(unit.sources, 0)
    feed = unit.open_feed()
    feed.offer(MODELS, 0, [Record(i, None, b"{}") for i in range(10_000)], 0)
    assert len(feed.models) + len(feed.behind_strays) == 1
    (alert,) = [alert for alert in unit.alerts if alert.text.startswith(MODELS)]
    assert "; 10000 so far, from offset 0 to 9999" in alert.text


@pytest.mark.parametrize("topic", LOGS)
def test_a_newer_record_in_a_log_stops_its_reader_with_the_release_to_run(topic: str) -> None:
    reader = next(owner for owner in owners(Topics(1)) if topic in owner.unit.sources)
    known = version_of(topic)
    value = seal(topic, b'{"what":"comes later"}', version=known + 1)
    with pytest.raises(NewerRecord) as error:
        reader.feed.offer(topic, 0, [Record(0, None, value)], 0)
    wanted = f"{topic}/0, offset 0: a record of format {known + 1}, this release knows formats up to {known}: a newer "
    assert str(error.value) == wanted + "release wrote it; run that release"


@pytest.mark.parametrize("number", range(3))
def test_a_newer_row_in_a_changelog_stops_its_unit_with_the_release_to_run(number: int) -> None:
    unit = owners(Topics(1))[number].unit
    topic = unit.changelog[0]
    newer = version_of(topic) + 1
    with pytest.raises(NewerRecord, match=f"{topic}/0, offset 5: a record of format {newer}"):
        unit.load([Record(5, POSITION, seal(topic, b"{}", POSITION, version=newer))])


def test_a_newer_row_of_a_customer_stops_its_unit_with_the_release_to_run() -> None:
    records = healthy().records[STATE, 0]
    at, row = next((at, r.value) for at, r in enumerate(records) if r.key and r.key[0] and r.value and r.value[0] == 1)
    unit = EngineUnit(PROFILE, 0, "event")
    with pytest.raises(NewerRecord, match="state/0, offset 99: a state row of format 2"):
        unit.load([*records[:at], Record(99, b"c1", b"\x02" + row[1:])])


@pytest.mark.parametrize("kind", [*KINDS, *damaged(b"{}" * 30, ""), "without its seal"])
@pytest.mark.parametrize(("topic", "key"), [(topic, key) for topic in CHANGELOGS for key in KEYS[topic] if key])
def test_a_stray_under_a_key_of_ours_does_not_replace_our_row(topic: str, key: bytes, kind: str) -> None:
    number = CHANGELOGS.index(topic)
    records, make = healthy().records[topic, 0], owner_of(number).make
    key = last_of(topic, key)
    ours = [record.value for record in records if record.key == key and record.value]
    last = ours[-1] if ours else records[-1].value or b""
    value = (KINDS | damaged(last, topic, key) | {"without its seal": without_seal(last)})[kind]
    wanted, unit = make(), make()
    wanted.load(records)
    unit.load([*records, Record(len(records), key, value)])
    for one in (wanted, unit):
        one.loaded()
    assert everything(unit) == everything(wanted)
    assert (topic, 0) in unit.strays.found or (value is None and not ours) or value == last


@pytest.mark.parametrize("topic", CHANGELOGS)
def test_a_unit_whose_changelog_has_nothing_but_strays_starts_as_a_new_one(topic: str) -> None:
    make = owner_of(CHANGELOGS.index(topic)).make
    keys, values = [key for key in KEYS[topic] if key], [*KINDS.values(), seal("elsewhere", b"{}")]
    unit, new = make(), make()
    unit.load([Record(i, *pair) for i, pair in enumerate(itertools.product(keys, values))])
    for one in (unit, new):
        one.loaded()
    assert everything(unit) == everything(new)


def last_of(topic: str, key: bytes) -> bytes:
    """A key of partition 0 that begins so and has a row at the end, if one has."""
    return last_key(healthy(), topic, 0, key) or b""


def everything(unit: Any) -> dict[str, Any]:
    """What a unit has in memory, as far as a state keeps it."""
    found = {"position": unit.position, "done": unit.done, "frontier": unit.frontier, "lost": getattr(unit, "lost", {})}
    if isinstance(unit, EngineUnit):
        table = unit.engine.table
        rows = {name: table.rows[slot].tobytes() for slot, name in enumerate(table.names)}
        return found | {"rows": rows, "counts": unit.counts, "stored": unit._row_counts()}
    return found | {"state": str(unit._state()), "learned": str(getattr(unit, "learner", unit).__class__)}


def compacted(topic: str, stray: Record) -> list[Record]:
    """A changelog of ours, compacted after a stray had been written to it."""
    topics = replace(healthy(), records=defaultdict(list, {(topic, 0): [*healthy().records[topic, 0], stray]}))
    topics.compact(topic, 0)
    return [record for record in topics.records[topic, 0] if record.key != b"\0gone"]


@pytest.mark.parametrize("number", range(3))
def test_a_position_that_compaction_took_away_gives_the_unit_up_with_what_to_do(number: int) -> None:
    topic, unit = CHANGELOGS[number], owner_of(number).make()
    rows = compacted(topic, Record(99_999, POSITION, b"{}"))
    if number == 2:  # the dispatcher's state is this row alone
        rows.append(Record(99_998, b"\0later", seal(topic, b"{}", b"\0later")))
    unit.load(rows)
    with pytest.raises(Failure, match=rf"{topic}/0: the row of the position is lost.* delete {topic}, run `keepline"):
        unit.loaded()


@pytest.mark.parametrize(("key", "what"), [(b"c6", "customers"), (CASE, "cases"), (b"\0persona:1", "attributes")])
@pytest.mark.parametrize("value", [None, b"garbage"])
def test_another_row_that_compaction_took_away_is_told_for_good(key: bytes, what: str, value: bytes | None) -> None:
    key = last_of(STATE, key)
    unit = EngineUnit(PROFILE, 0, "event")
    unit.load(compacted(STATE, Record(99_999, key, value)))
    unit.loaded()
    assert unit.lost == {what: 1}
    (alert,) = [alert for alert in unit.alerts if "are lost" in alert.text]
    assert f"1 of {what}" in alert.text
    again = EngineUnit(PROFILE, 0, "event")
    again.load([Record(i, *pair) for i, pair in enumerate(unit.take()[0].pairs)])
    again.loaded()
    assert again.lost[what] >= 1


def test_a_row_of_the_learner_that_compaction_took_away_gives_it_up_with_what_to_do() -> None:
    unit = LearnerUnit(PROFILE, PARTITIONS, "event")
    unit.load(compacted("learner-state", Record(99_999, LEARNER, b"{}")))
    with pytest.raises(Failure, match="learner-state/0: rows of this state are lost"):
        unit.loaded()


class Older(Topics):
    """Topics that the release before has written: without seals, deletions come unannounced, and names from outside are
    in the position.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.parts: dict[int, dict[str, Any]] = {}

    def append(self, topic: str, partition: int, pairs: list[Pair]) -> None:
        kept: list[Pair] = []
        parts = self.parts.setdefault(partition, {}) if topic == STATE else {}
        for key, value in pairs:
            is_new = (key or b"").startswith(SIGNALS)  # the release before had no such rows
            body = value if value is None or is_new else without_seal(value)
            if topic == STATE and key in PARTS:
                parts[key[1:].decode()] = orjson.loads(body or b"null")
            elif key == POSITION:
                kept.append((key, orjson.dumps(orjson.loads(body or b"null") | parts)))
            elif body != GONE:
                kept.append((key, body))
        super().append(topic, partition, kept)


@pytest.mark.parametrize("steps", [3, 9])
def test_what_the_release_before_has_written_is_read_and_sealed_from_the_first_checkpoint_on(steps: int) -> None:
    topics = Older(PARTITIONS, logs.filled(PARTITIONS).records)
    older = owners(topics)
    for _ in range(steps):
        for owner in older:
            owner.work(60)
            owner.commit()
    now = Topics(PARTITIONS, topics.records)
    running = owners(now)
    first = {place: len(now.records[place]) for place in now.records}
    logs.finish(running)
    for topic in OUTPUTS:
        bodies = [[without_seal(v or b"") for v in one.values(topic)] for one in (now, healthy())]
        assert sorted(bodies[0]) == sorted(bodies[1]), topic
    for owner in running:
        assert owner.unit.strays.found == {}
        place = owner.unit.changelog
        left = {record.key: record for record in now.records[place]}
        reserved = [record for key, record in left.items() if key and key[0] == 0 and record.value is not None]
        assert all(record.offset >= first[place] for record in reserved), "not every row was written again"
