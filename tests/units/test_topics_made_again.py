"""What a unit does when the topic of one of its sources was deleted and made again."""

from __future__ import annotations

import json

import numpy as np
import orjson
import pytest

from schemas.errors import Failure
from schemas.instants import DAY_US, parse_instant
from streams.cases.columns import PENDING, RETRY, WIDTH
from streams.units.dispatcher_unit import DispatcherUnit
from streams.units.engine_unit import EngineUnit
from streams.units.learner_unit import LearnerUnit
from streams.units.seal import seal, without_seal
from streams.units.sources import CANDIDATES, DISPATCHES, LABELLED, MODELS, OBSERVATIONS, REFUSED
from streams.units.unit import POSITION
from tests.units.shops import START_US, VISITS, Partition, Shop, Town
from tests.units.topics import PROFILE, Record

LIMITED = "label.horizon=14d"


def frontier_days(partition: Partition) -> float:
    return (parse_instant(partition.unit.frontier or "") - START_US) / DAY_US


def test_records_refused_in_the_new_topic_are_dead_letters_again() -> None:
    partition = Partition()
    broken = Record(0, b"c1", b"{")

    def letters() -> int:
        for source in partition.unit.sources[:5]:
            partition.feed.caught_up(source, START_US)
        partition.feed.offer(VISITS, 0, [broken], START_US)
        partition.take([], START_US, caught_up=True)
        return len(partition.letters)

    assert letters() == 1
    partition.feed = partition.unit.open_feed()
    assert letters() == 1  # the same record, by the next owner
    partition.unit.start_over(VISITS, 0)
    assert REFUSED + VISITS not in partition.unit.position
    partition.feed = partition.unit.open_feed()
    assert letters() == 2


def test_live_the_engine_does_not_wait_for_observations_that_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Partition, "_read_again", lambda self, blocks, now_us: None)
    town, partition = Town([Shop("east", ["c1", "c2"])], 60), Partition(LIMITED)
    partition.run(town.messages(), START_US, START_US + 30 * DAY_US)
    assert frontier_days(partition) < 21  # it waits for the observations of its first Monday
    partition.unit.start_over(OBSERVATIONS, 0)
    partition.feed = partition.unit.open_feed()
    partition.take([], START_US + 30 * DAY_US, caught_up=True)
    assert frontier_days(partition) > 29


@pytest.mark.parametrize("source", [MODELS, DISPATCHES])
def test_live_the_engine_goes_on_with_the_model_and_the_cases_of_its_state(source: str) -> None:
    unit = Partition().unit
    version = unit.engine.scorer.snapshot.version
    unit.position[source] = 812
    unit.start_over(source, 3)
    assert (unit.position[source], unit.engine.scorer.snapshot.version) == (3, version)


def test_live_candidates_whose_answers_are_gone_are_decided_again() -> None:
    unit = Partition().unit
    table = unit.engine.table
    slots = table.slots(["waits", "retries", "calm"])
    table.rows[slots, PENDING - WIDTH] = [START_US, START_US, -np.inf]
    table.rows[slots, RETRY - WIDTH] = [np.inf, START_US + DAY_US, -np.inf]
    unit.take()
    unit.start_over(DISPATCHES, 0)
    assert table.rows[slots, RETRY - WIDTH].tolist() == [-np.inf, START_US + DAY_US, -np.inf]
    assert b"waits" in dict(unit.take()[0].pairs)


def test_live_learner_and_dispatcher_go_on() -> None:
    for unit, source in ((LearnerUnit(PROFILE, 2, "wall"), LABELLED), (DispatcherUnit(PROFILE, 2, "wall"), CANDIDATES)):
        unit.position = {source: 812}
        unit.start_over(source, 0)
        assert unit.position == {source: 0}


@pytest.mark.parametrize("source", [MODELS, OBSERVATIONS, DISPATCHES])
def test_in_event_time_an_engine_cannot_do_without_its_own_topics(source: str) -> None:
    with pytest.raises(Failure, match="keepline repartition"):
        EngineUnit(PROFILE, 0, "event").start_over(source, 0)


def test_in_event_time_learner_and_dispatcher_cannot_either() -> None:
    for unit, source in (
        (LearnerUnit(PROFILE, 2, "event"), LABELLED),
        (DispatcherUnit(PROFILE, 2, "event"), CANDIDATES),
    ):
        with pytest.raises(Failure, match="was deleted and made again"):
            unit.start_over(source, 0)


@pytest.mark.parametrize("clock", ["event", "wall"])
def test_the_ids_lie_in_the_row_of_the_position_and_a_row_of_the_release_before_has_none(clock: str) -> None:
    for make in (
        lambda: EngineUnit(PROFILE, 0, clock),  # type: ignore[arg-type]
        lambda: LearnerUnit(PROFILE, 2, clock),  # type: ignore[arg-type]
        lambda: DispatcherUnit(PROFILE, 2, clock),  # type: ignore[arg-type]
    ):
        unit = make()
        unit.topics = {"surveys": "id"}
        rows = dict(unit.take()[0].pairs)
        body = json.loads(without_seal(rows[POSITION] or b""))
        for topics, expected in ((body.pop("topics"), {"surveys": "id"}), (None, {})):
            heir = make()
            row = orjson.dumps(body | ({} if topics is None else {"topics": topics}))
            row = seal(heir.changelog[0], row, POSITION)
            heir.load([Record(i, key, value) for i, (key, value) in enumerate((rows | {POSITION: row}).items())])
            heir.loaded()
            assert heir.topics == expected
