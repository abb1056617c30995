"""Names from outside do not fill the state: a position stays small and can be sent, whatever publishers make up."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import orjson
import pytest

from online_model.drift import MOST_PRODUCERS
from schemas.instants import DAY_US, format_instant
from streams.engine import quality as quality_module
from streams.inputs.names import MOST_BYTES, OTHERS, short_name
from streams.kafka.lease import RECORD_BYTES
from streams.profile.loading import load_profile
from streams.units.engine_rows import MODEL, PRODUCERS, QUALITY, UNKNOWN_FIELDS
from streams.units.engine_unit import EngineUnit
from streams.units.seal import without_seal
from streams.units.sources import INPUTS
from streams.units.unit import POSITION, Clock, Output
from tests.units.shops import silence_model
from tests.units.topics import Record

PROFILE = load_profile("after-sales")
START_US = 20_003 * DAY_US  # a Monday: nothing is reported before the next one
POSITION_BYTES = 64 << 10
ROW_BYTES = 512 << 10
LONGEST = "\U0001f600" * 120  # 128 characters with a number behind them, four bytes each


def new_unit(clock: Clock = "event") -> EngineUnit:
    unit = EngineUnit(PROFILE, 0, clock)
    unit.position = dict.fromkeys(unit.sources, 0)
    return unit


def visit(number: int, producer: str, day: float = 0.0, **more: Any) -> bytes:
    body = {
        "event_id": f"v{number}",
        "kind": "service_visit",
        "schema_version": 1,
        "customer_id": f"c{number % 50}",
        "event_time": format_instant(START_US + int(day * DAY_US)),
        "producer": producer,
    }
    return json.dumps(body | more).encode()


def heartbeat(producer: str, day: float, **more: Any) -> bytes:
    at = format_instant(START_US + int(day * DAY_US))
    return json.dumps({"kind": "heartbeat", "event_time": at, "producer": producer} | more).encode()


class Sender:
    """Gives records to a unit in chunks, and keeps the rows of its changelog as compaction leaves them."""

    def __init__(self, unit: EngineUnit) -> None:
        self.unit, self.rows = unit, dict[bytes, bytes | None]()
        self.outputs: list[Output] = []
        unit.loaded()
        self.feed, self.offsets = unit.open_feed(), dict.fromkeys(INPUTS, 0)

    def send(self, source: str, values: list[bytes], chunk: int = 2_000, now_day: float = 400.0) -> None:
        for start in range(0, len(values), chunk):
            part = values[start : start + chunk]
            records = [
                Record(
                    self.offsets[source] + i,
                    key.encode() if (key := json.loads(value).get("customer_id")) else None,
                    value,
                )
                for i, value in enumerate(part)
            ]
            self.feed.offer(source, self.offsets[source], records, START_US + int(now_day * DAY_US))
            self.offsets[source] += len(part)
            self.work()

    def beat(self, day: float) -> None:
        for source in INPUTS:
            self.send(source, [heartbeat("all", day)])

    def work(self) -> None:
        while (batch := self.feed.take()) is not None:
            self.unit.apply(batch)
            self.save()

    def save(self) -> None:
        state, *outputs = self.unit.take()
        self.outputs += outputs
        for key, value in state.pairs:
            assert len(value or b"") < ROW_BYTES < RECORD_BYTES
            self.rows[key or b""] = value

    def size(self, key: bytes) -> int:
        return len(self.rows[key] or b"")


def test_a_name_is_kept_short_and_different_ones_stay_different() -> None:
    names = [f"{LONGEST}{number}" for number in range(1000)] + ['"' * 128, "shop-17", "x" * 64, "x" * 65]
    short = [short_name(name) for name in names]
    assert len(set(short)) == len(names)
    assert max(len(orjson.dumps(name)) - 2 for name in short) <= MOST_BYTES
    assert short[-3:-1] == ["shop-17", "x" * 64]
    assert list(map(short_name, short)) == short


@pytest.mark.parametrize("clock", ["event", "wall"])
def test_10_000_producers_with_unknown_fields_leave_a_small_position(clock: Clock) -> None:
    sender = Sender(new_unit(clock))
    sender.beat(0.1)
    names = [f"{LONGEST}{number}" for number in range(10_000)]
    sender.send("service-visits", [visit(i, name, 0.5, **{f"f{i}": 1}) for i, name in enumerate(names)])
    sender.beat(1.5)
    sender.save()
    assert sender.unit.counts["applied"] == len(names)
    assert sender.size(POSITION) < POSITION_BYTES
    assert {sender.size(key) < 128 << 10 for key in (PRODUCERS, QUALITY, UNKNOWN_FIELDS)} == {True}
    assert len(sender.unit.engine.quality.state()) == MOST_PRODUCERS + 1
    assert (len(sender.unit.unknown_fields), sender.unit.unknown_fields.total()) == (MOST_PRODUCERS + 1, len(names))


def test_live_heartbeats_of_ever_new_producers_and_scopes_leave_a_small_position() -> None:
    sender = Sender(new_unit("wall"))
    sender.beat(0.1)
    sender.send("service-visits", [heartbeat(f"{LONGEST}{i}", 0.5, scope=f"{LONGEST}{i}" * 2) for i in range(10_000)])
    sender.beat(1.5)
    sender.save()
    assert sender.size(POSITION) < POSITION_BYTES
    assert sender.size(PRODUCERS) < POSITION_BYTES


def test_a_producer_beyond_the_cap_neither_speaks_for_a_scope_nor_leaves_for_the_others() -> None:
    sender = Sender(new_unit("wall"))
    sender.beat(0.1)
    sender.send("service-visits", [heartbeat(f"p{i}", 0.5, scope=f"s{i}") for i in range(60)])
    sender.send("service-visits", [heartbeat("p59", 0.6, scope="s59", final=True)])
    sender.beat(1.5)
    *_, rest = sender.unit.engine.hearing.producers.all
    assert (rest.name, rest.scope, rest.final) == ("(others)", None, False)


def crowd(days: int = 4) -> list[bytes]:
    """More producers than have counts of their own: some all the time, others on one day alone, in order of time."""
    rng, values = random.Random(7), []
    for day in range(days):
        for number in range(150):
            names = [f"steady{number}", f"day{day}-{number}"]
            values += [
                visit(len(values) + i, name, day + 0.2, **({"amount": 1.0} if rng.random() < 0.5 else {}))
                for i, name in enumerate(names * (2 if number < 20 else 1))
            ]
    return values


@pytest.mark.parametrize("chunk", [7, 333])
def test_which_producers_are_counted_each_depends_on_the_log_alone(chunk: int) -> None:
    def counted(chunk: int) -> bytes:
        sender = Sender(new_unit())
        for source in INPUTS:
            if source != "service-visits":
                sender.send(source, [heartbeat("all", 6.5)])
        sender.send("service-visits", crowd(), chunk)
        sender.send("service-visits", [heartbeat("all", 6.5)])
        return orjson.dumps(sender.unit.engine.quality.state(), option=orjson.OPT_SORT_KEYS)

    found = counted(chunk)
    assert found == counted(2_000)
    state = json.loads(found)
    assert len(state) == MOST_PRODUCERS + 1
    assert {f"steady{number}" for number in range(20)} < state.keys()
    assert sum(fields["service_visit.amount"][0] for fields in state.values()) == len(crowd())


def test_names_that_no_waiting_event_has_make_room_for_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    def counted() -> dict[str, Any]:
        sender = Sender(new_unit())
        for source in INPUTS:
            if source != "service-visits":
                sender.send(source, [heartbeat("all", 6.5)])
        sender.send("service-visits", [visit(i, f"p{i % 150}", i / 100) for i in range(600)], 20)
        sender.send("service-visits", [heartbeat("all", 6.5)])
        return sender.unit.engine.quality.state()

    with_room = counted()
    monkeypatch.setattr(quality_module, "MOST_NAMES", 130)
    assert counted() == with_room
    assert OTHERS not in with_room


def test_the_state_of_the_release_before_is_read_and_written_in_rows_of_their_own() -> None:
    sender = Sender(new_unit("wall"))
    sender.beat(0.1)
    sender.send("service-visits", [visit(i, f"p{i % 3}", 0.2, more=1) for i in range(60)])
    sender.beat(1.5)
    body = orjson.loads(without_seal(sender.rows[POSITION] or b""))
    long = {"x" * 128: {"service_visit.amount": [5, 1]}}
    body |= {"producers": orjson.loads(without_seal(sender.rows[PRODUCERS] or b"")), "quality": long}
    body["model"] = orjson.loads(without_seal(sender.rows[MODEL] or b""))
    again = new_unit("wall")
    again.load([Record(0, POSITION, orjson.dumps(body))])
    again.loaded()
    assert again.engine.hearing.producers.state() == sender.unit.engine.hearing.producers.state()
    assert again.engine.quality.state() == {short_name("x" * 128): {"service_visit.amount": (5, 1)}}
    rows = dict(again.take()[0].pairs)
    third = new_unit("wall")
    third.load([Record(i, key, value) for i, (key, value) in enumerate(rows.items())])
    third.loaded()
    assert third.engine.quality.state() == again.engine.quality.state()
    assert third.engine.hearing.producers.state() == again.engine.hearing.producers.state()


def test_a_model_has_a_row_of_its_own_that_is_written_when_it_changes() -> None:
    unit = new_unit("wall")
    unit.engine.serve_model(silence_model())
    first, second = dict(unit.take()[0].pairs), dict(unit.take()[0].pairs)
    assert b"population" in (first[MODEL] or b"")
    assert b"population" not in (first[POSITION] or b"")
    assert MODEL not in second
    again = new_unit("wall")
    again.load([Record(i, key, value) for i, (key, value) in enumerate({**first, **second}.items())])
    again.loaded()
    assert again.engine.scorer.snapshot.dumps() == silence_model().dumps()


def profile_of(number: int, customer: str, day: float) -> bytes:
    body = {
        "event_id": f"p{number}",
        "kind": "customer_profile",
        "schema_version": 1,
        "customer_id": customer,
        "event_time": format_instant(START_US + int(day * DAY_US)),
        "producer": "crm",
        "agent_id": f"agent-{number}",
    }
    return json.dumps(body).encode()


def test_attributes_that_no_customer_has_any_more_are_freed() -> None:
    sender = Sender(new_unit())
    sender.beat(0.1)
    for source in INPUTS:
        if source != "customer-profiles":
            sender.send(source, [heartbeat("all", 6.5)])
    sender.send("customer-profiles", [profile_of(i, "often", 1 + i / 1000) for i in range(4_000)])
    sender.send("customer-profiles", [profile_of(9_000 + i, f"c{i}", 5.5) for i in range(5)])
    sender.send("customer-profiles", [heartbeat("all", 6.5)])
    table = sender.unit.engine.attributes_table
    assert len(table.all) < 2_600
    kept = {key: value for key, value in sender.rows.items() if value is not None}
    assert sum(key.startswith(b"\0persona:") for key in kept) == len(table.all) - 1
    again = new_unit()
    again.load([Record(i, key, value) for i, (key, value) in enumerate(kept.items())])
    again.loaded()
    for unit in (sender.unit, again):
        slots = unit.engine.table.slots(["often", "c4"])
        numbers = unit.engine.table.rows[slots, unit.engine.columns.index("persona")]
        agents = [unit.engine.attributes_table[number].agent_id for number in numbers]
        assert agents == ["agent-3999", "agent-9004"]
    assert np.array_equal(list(again.engine.attributes_table.all), sorted(table.all))
