"""Market signals in the engine of a partition: what messages and observations say of them, counts and refusals."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from features.catalogue import NAMES
from online_model.array_codec import unpack_array
from schemas.instants import DAY_US, format_instant
from schemas.partitioner import partition_of
from streams.interventions import market_signals
from streams.interventions.market_signals import PRESSURE
from streams.profile.loading import load_profile
from streams.units.engine_unit import EngineUnit
from streams.units.seal import without_seal
from streams.units.sources import INPUTS, MODELS, OBSERVATIONS, SIGNALS
from streams.units.unit import Output
from tests.units import topics as logs
from tests.units.shops import START_US, VISITS, Visit, event
from tests.units.topics import Record, mark

PARTITIONS = 4
# a customer of each
HOMES = [next(f"c{i}" for i in range(99) if partition_of(f"c{i}", PARTITIONS) == p) for p in range(PARTITIONS)]


def sent(name: str, day: int = 0, **fields: object) -> tuple[bytes, bytes]:
    body: dict[str, Any] = {"kind": "market_signal", "producer": "planning", "name": name, "level": 2.0}
    body |= {"event_time": format_instant(START_US + day * DAY_US), "from": format_instant(START_US)}
    return name.encode(), json.dumps(body | fields).encode()


def worked(
    pairs: list[tuple[bytes, bytes | None]], visits: int = 0, partition: int = 0
) -> tuple[EngineUnit, list[Output]]:
    """A partition that has read these signals, some visits of one customer, and marks of three days."""
    unit = EngineUnit(load_profile("after-sales"), partition, "event", PARTITIONS)
    unit.position = dict.fromkeys((*INPUTS, MODELS, OBSERVATIONS), 0)
    feed, end = unit.open_feed(), mark("end", START_US + 3 * DAY_US)
    home = HOMES[partition]
    of = {SIGNALS: pairs, VISITS: [(home.encode(), event(i, Visit(START_US + i, "e", home, 0))) for i in range(visits)]}
    for source in INPUTS:
        records = [*of.get(source, []), (None, end)]
        feed.offer(source, 0, [Record(i, *pair) for i, pair in enumerate(records)], START_US + 9 * DAY_US)
    while (batch := feed.take()) is not None:
        unit.apply(batch)
    return unit, unit.outputs()


def letters(outputs: list[Output]) -> list[dict[str, Any]]:
    return [json.loads(value or b"") for out in outputs if out.topic == "dead-letters" for _, value in out.pairs]


def test_messages_name_the_signals_in_force_and_have_a_note_whatever_it_contributes() -> None:
    topics = logs.calm(2)
    bodies = [
        json.loads(value or b"")
        for name in ("interventions", "interventions-withheld")
        for value in topics.values(name)
    ]
    under = [body for body in bodies if body["signals"]]
    assert 0 < len(under) < len(bodies)
    assert {signal["name"] for body in under for signal in body["signals"]} == {"strike", "tariff"}
    of_scope = [body for body in under if "strike" in {signal["name"] for signal in body["signals"]}]
    assert {body["scope"] for body in of_scope} == {"pilot"}
    noted = [body for body in under if body["reasons"] and body["crossed_at"] == body["decided_at"]]
    assert noted
    for body in noted:
        [note] = [reason for reason in (*body["reasons"], *body["reasons_against"]) if reason["topic"] == "market"]
        name, level = body["signals"][0]["name"], body["signals"][0]["level"]
        assert f"{name}, level {level:.0f}" in note["sentence"]
        assert f"{name}，强度 {level:.0f}" in note["sentence_zh"]
        [fact] = note["facts"]
        assert (fact["measure"], fact["value"]) == ("signal_level", level)


def test_observations_have_the_level_of_the_customer_s_scope_at_their_instant() -> None:
    topics, levels = logs.calm(1), set()
    for value in topics.values(OBSERVATIONS):
        body = json.loads(without_seal(value or b""))
        if "customers" in body:
            features = unpack_array(body["features"], "f8").reshape(len(NAMES), -1)
            levels |= set(features[PRESSURE].tolist())
    assert {0.0} < levels <= {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}


def test_without_a_signal_the_feature_is_0() -> None:
    unit, _ = worked([], visits=3)
    [slot] = unit.engine.table.slots([HOMES[0]])
    scored = unit.engine.scoring.features(
        unit.engine.table.gather(np.array([slot])), np.array([START_US + 3.0 * DAY_US])
    )
    assert scored[PRESSURE].tolist() == [0.0]


def test_a_signal_is_no_customer_and_counts_in_the_partition_of_its_key_alone() -> None:
    pairs = [sent("strike"), sent("strike"), sent("tariff", scope="north"), (b"tariff", None)]
    pairs[2] = b"north/tariff", pairs[2][1]
    home = {key: partition_of(key.decode(), PARTITIONS) for key, _ in pairs}
    counts = []
    for partition in range(PARTITIONS):
        unit, outputs = worked(pairs, partition=partition)
        assert (len(unit.engine.table), letters(outputs)) == (0, [])
        counts.append({name: unit.counts[name] for name in ("applied", "duplicate") if unit.counts.get(name)})
        assert len(unit.engine.emitter.signals.in_force("north", START_US + 2 * DAY_US)) == 2
    assert sum(one.get("applied", 0) for one in counts) == 3
    assert counts[home[b"strike"]]["duplicate"] == 1
    assert sum(one.get("duplicate", 0) for one in counts) == 1


def test_what_is_one_too_many_is_a_dead_letter_with_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_signals, "MOST", 2)
    unit, outputs = worked([sent(name) for name in ("a", "b", "c")])
    [letter] = letters(outputs)
    assert (letter["rule"], letter["topic"], letter["offset"]) == ("too_many", SIGNALS, 2)
    assert unit.counts["rejected"] == 1


def test_a_signal_of_last_year_is_taken_as_a_customer_profile_is() -> None:
    unit, outputs = worked([sent("strike", day=0), sent("tariff", day=-400)], visits=1)
    assert letters(outputs) == []
    assert {one.name for one in unit.engine.emitter.signals.in_force(None, START_US + 2 * DAY_US)} == {
        "strike",
        "tariff",
    }
