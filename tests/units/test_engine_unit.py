"""Units: after any take-over the new owner writes the same outputs, rows and models, to the byte."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from online_model.learner import MEMORY
from online_model.snapshot import MODEL
from schemas.errors import Failure
from streams.engine.observations import examples_of
from streams.inputs.merge import OffsetGap
from streams.units.engine_unit import EngineUnit
from streams.units.learner_unit import LEARNER, LearnerUnit
from streams.units.seal import seal
from streams.units.sources import STATE
from streams.units.unit import POSITION
from tests.units import topics as logs
from tests.units.topics import KINDS, Owner, Topics

OUTPUTS = (
    "interventions",
    "interventions-withheld",
    "intervention-updates",
    "touches",
    "tasks",
    "models",
    "dead-letters",
)
BLOCKS = ("observations", "labelled-examples")
PARTITIONS = 2


@cache
def calm(partitions: int = PARTITIONS) -> Topics:
    return logs.calm(partitions)


def parsed(topic: str, topics: Topics) -> list[dict[str, Any]]:
    return [json.loads(value or b"") for value in topics.values(topic)]


def rows_of(topic: str, topics: Topics) -> list[str]:
    """Observations by customer (within a block they are in the order of first events), and marks."""
    rows = []
    for body in parsed(topic, topics):
        if "customers" not in body:
            rows.append(str(body))
            continue
        e = examples_of(body)
        columns = zip(e.customers, e.probability.tolist(), e.label.tolist(), e.features.T.tolist(), strict=True)
        rows += [f"{body['kind']} {e.observed_us} {e.model_version} {row}" for row in columns]
    return sorted(rows)


def same(topics: Topics, wanted: Topics) -> None:
    """Outputs, models, customers' rows, remembered ids, the learner and the positions."""
    for topic in BLOCKS:
        assert rows_of(topic, topics) == rows_of(topic, wanted), topic
    for topic in OUTPUTS:
        assert topics.values(topic) == wanted.values(topic), topic
    for partition in range(wanted.partitions):
        assert topics.table(STATE, partition) == wanted.table(STATE, partition)
        assert topics.table("churn-scores", partition) == wanted.table("churn-scores", partition)
    states = [{key: json.loads(row) for key, row in one.table("learner-state", 0).items()} for one in (topics, wanted)]
    assert states[0] == states[1]
    assert states[0].keys() == {POSITION, LEARNER, *(LEARNER + name.encode() for name in (MEMORY, MODEL))}


def test_a_learner_state_of_another_release_is_refused() -> None:
    rows = calm().table("learner-state", 0) | {LEARNER: seal("learner-state", b'{"format":0}', LEARNER)}
    unit = LearnerUnit(logs.PROFILE, PARTITIONS, "event")
    unit.load([logs.Record(0, key, row) for key, row in rows.items()])
    with pytest.raises(Failure, match="run the release that wrote it"):
        unit.loaded()


def test_the_city_has_all_that_the_other_tests_are_about() -> None:
    topics = calm()
    counts = [json.loads(topics.table(STATE, p)[POSITION])["counts"] for p in range(PARTITIONS)]
    for name in (
        "applied",
        "duplicate",
        "late",
        "rejected",
        "cases_ignored",
        "interventions",
        "interventions_withheld",
    ):
        assert all(count[name] > 0 for count in counts), name
    reasons = {one["withheld_reason"] for one in parsed("interventions-withheld", topics)}
    assert reasons >= {"model_not_ready", "open_case", "tenure"}
    assert any(one["emitted_at"] != one["crossed_at"] for one in parsed("interventions", topics)), "none was pending"
    assert any(model["ready"] for model in parsed("models", topics))
    assert any(key and key.startswith(b"\0ids") for key in topics.table(STATE, 0))


plans = st.lists(
    st.tuples(st.integers(0, PARTITIONS), st.sampled_from(["work", "work", "commit", "die"]), st.integers(1, 90)),
    min_size=5,
    max_size=60,
)


@settings(max_examples=12, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # a run takes 0.4 s
@given(plans, st.integers(30, 300), st.booleans())
def test_after_any_restart_the_outputs_are_the_same(
    plan: list[tuple[int, str, int]], most: int, compacts: bool
) -> None:
    topics = logs.filled(PARTITIONS)
    owners = logs.owners(topics)
    for number, action, records in plan:
        owner = owners[number]
        if action == "work":
            owner.work(records)
        elif action == "commit":
            owner.commit()
        else:
            if compacts:
                topics.compact(*owner.unit.changelog)
            owner.die()
    logs.finish(owners, most)
    same(topics, calm())


@pytest.mark.parametrize("most", [1, 17])
def test_a_new_owner_after_every_checkpoint_gives_the_same(most: int) -> None:
    topics = logs.filled(PARTITIONS)
    owners = logs.owners(topics)
    steps = 0
    while sum([owner.work(most * 10) for owner in owners]):
        for owner in owners:
            if owner.unit.steps:
                owner.commit()
                owner.die()
                steps += 1
    assert steps > 20
    same(topics, calm())


def test_a_topic_of_nothing_but_refused_records_is_passed_before_any_event_has_come() -> None:
    topics = Topics(1)
    topics.append("surveys", 0, [(b"c1", b"{")] * 3)
    owner = logs.owners(topics)[0]
    owner.work(2)
    owner.commit()
    owner.die()
    assert owner.unit.position["surveys"] == 2
    owner.work(2)
    owner.commit()
    assert [letter["offset"] for letter in parsed("dead-letters", topics)] == [0, 1, 2]


def test_refused_records_behind_an_event_that_waits_are_out_once_though_the_event_is_read_again() -> None:
    topics = Topics(1)
    event = KINDS["surveys"] | {"event_id": "e", "customer_id": "c1", "event_time": "2024-01-03T08:00:00Z"}
    topics.append("surveys", 0, [(b"c1", json.dumps(event | {"producer": "p"}).encode()), (b"c1", b"{"), (b"c1", b"[")])
    owner = logs.owners(topics)[0]
    for _ in range(2):
        owner.work(2)
        owner.commit()
        owner.die()
        assert owner.unit.position["surveys"] == 0
    owner.work(3)
    owner.commit()
    assert [letter["offset"] for letter in parsed("dead-letters", topics)] == [1, 2]


def test_a_refused_record_behind_the_end_does_not_open_it_again() -> None:
    topics = logs.filled(1)
    owners = logs.owners(topics)
    logs.finish(owners)
    topics.append("surveys", 0, [(b"c1", b"{")])
    owners[0].work(10)
    assert owners[0].unit.done


def waiting_engine() -> tuple[Topics, list[Owner]]:
    """An engine that waits at a grid instant for its model, with everything committed."""
    topics = logs.filled(PARTITIONS)
    owners = logs.owners(topics)
    while not owners[0].unit.waiting:
        owners[0].work(5)
    owners[0].commit()
    return topics, owners


def test_an_engine_that_waits_for_its_model_still_waits_under_its_next_owner() -> None:
    topics, owners = waiting_engine()
    before = owners[0].unit
    owners[0].die()
    assert isinstance(before, EngineUnit)
    assert owners[0].unit.waiting
    assert owners[0].unit.frontier == before.frontier
    owners[0].work(1000)
    assert owners[0].unit.frontier == before.frontier
    logs.finish(owners)
    same(topics, calm())


def test_how_many_partitions_there_are_does_not_show() -> None:
    for partitions in (1, 3):
        for topic in ("interventions", "interventions-withheld", "dead-letters"):
            wanted, got = (parsed(topic, calm(n)) for n in (PARTITIONS, partitions))
            for letter in (*wanted, *got):
                letter.pop("partition", None)
                letter.pop("offset", None)
            assert sorted(map(str, got)) == sorted(map(str, wanted))
        assert set(calm(partitions).values("models")) == set(calm().values("models"))


def test_a_batch_that_was_lost_is_a_hole() -> None:
    topics = logs.filled(PARTITIONS)
    owner = logs.owners(topics)[0]
    owner.work(3)
    batches = []
    for source in owner.unit.sources:
        records = topics.records[source, 0][owner.read[source] :][:200]
        if records:
            owner.feed.offer(source, owner.read[source], records, logs.NOW_US)
    while (batch := owner.feed.take()) is not None:
        batches.append(batch)
        topics.append("models", 0, [])
    assert batches
    owner.unit.position = owner.unit.position | {"surveys": 10_000}
    with pytest.raises(OffsetGap, match="engine-0"):
        owner.unit.apply(batches[-1])  # type: ignore[arg-type]


def test_records_read_from_too_far_on_are_a_hole() -> None:
    owner = logs.owners(logs.filled(PARTITIONS))[0]
    with pytest.raises(OffsetGap, match="read from 7, expected 0"):
        owner.feed.offer("surveys", 7, [logs.Record(7, None, b"{}")], logs.NOW_US)


def test_taking_twice_gives_nothing_but_the_position_again() -> None:
    topics = logs.filled(PARTITIONS)
    for owner in logs.owners(topics):
        owner.work(300)
        first, second = owner.unit.take(), owner.unit.take()
        assert [key for output in second for key, _ in output.pairs] == [POSITION]
        assert first[0].pairs[-1] == second[0].pairs[-1]


def test_a_learner_restored_in_the_middle_has_learned_as_much() -> None:
    topics = logs.filled(PARTITIONS)
    owners = logs.owners(topics)
    for _ in range(8):
        for owner in owners:
            owner.work(40)
            owner.commit()
    learner = owners[-1].unit
    owners[-1].die()
    again = owners[-1].unit
    assert isinstance(learner, LearnerUnit)
    assert isinstance(again, LearnerUnit)
    assert learner.until_us == again.until_us > 0
    assert learner.learner.dumps() == again.learner.dumps()


def test_a_customer_silent_for_long_leaves_the_state_and_the_scores() -> None:
    topics = calm()
    sent = {r.key for p in range(PARTITIONS) for source in KINDS for r in topics.records[source, p]} - {None}
    kept = {key for p in range(PARTITIONS) for key in topics.table(STATE, p) if key and not key.startswith(b"\0")}
    scored = {key for p in range(PARTITIONS) for key in topics.table("churn-scores", p)}
    assert set() < kept < sent
    assert scored <= kept


def test_a_forgotten_customer_stays_forgotten_after_a_crash() -> None:
    topics = logs.filled(PARTITIONS)
    owners = logs.owners(topics)
    logs.finish(owners)
    assert isinstance(owners[0].unit, EngineUnit)
    before = known(owners[0])
    assert len(before) < len(owners[0].unit.engine.table)
    owners[0].die()
    assert known(owners[0]) == before


def known(owner: Owner) -> set[str]:
    """The customers who are not forgotten."""
    assert isinstance(owner.unit, EngineUnit)
    engine = owner.unit.engine
    gone = engine.lifespans.is_forgotten(np.arange(len(engine.table)))
    return {name for name, is_gone in zip(engine.table.names, gone.tolist(), strict=True) if not is_gone}
