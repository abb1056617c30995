"""Live, a roll-back is obeyed when it comes, not at the next grid instant."""

from __future__ import annotations

import orjson

from online_model.registry import Command
from online_model.snapshot import Reason, Snapshot
from schemas.instants import HOUR_US
from streams.profile.loading import load_profile
from streams.units.learner_unit import LearnerUnit
from streams.units.sources import LABELLED, MODELS
from tests.units import topics as logs
from tests.units.topics import START_US

PARTITIONS = 2
NOW_US = START_US + HOUR_US


class Live:
    """A learner on the wall clock, and its log."""

    def __init__(self) -> None:
        self.log: list[logs.Record] = []
        self.unit = LearnerUnit(load_profile("e-commerce"), PARTITIONS, "wall")
        self.unit.position = {LABELLED: 0}
        self.feed = self.unit.open_feed()

    def hear(self, *commands: Command) -> list[Snapshot]:
        """Returns what is served after them."""
        new = [logs.Record(len(self.log) + i, None, command.dumps()) for i, command in enumerate(commands)]
        self.feed.offer(LABELLED, len(self.log), new, NOW_US)
        self.log += new
        return self.served()

    def served(self) -> list[Snapshot]:
        while (batch := self.feed.take()) is not None:
            self.unit.apply(batch)
        (first, second) = [output.pairs for output in self.unit.outputs() if output.topic == MODELS]
        assert first == second
        return [Snapshot.loads(value or b"") for _, value in first]


def back(at_us: int = NOW_US) -> Command:
    return Command(at_us, "it went wrong", served_once())


def served_once() -> Snapshot:
    return next(
        one for record in logs.calm(PARTITIONS).records[MODELS, 0] if (one := Snapshot.loads(record.value or b"")).ready
    )


def test_every_partition_is_told_at_once() -> None:
    (served,) = Live().hear(back())
    assert served.lineage.reason == Reason.ROLLBACK
    assert served.parameters.packed() == served_once().parameters.packed()


def test_a_promotion_takes_it_back_at_once() -> None:
    live = Live()
    (rolled_back,) = live.hear(back())
    (promoted,) = live.hear(Command(NOW_US, "well again", None))
    assert (promoted.lineage.reason, promoted.version) == (Reason.PROMOTION, rolled_back.version + 1)


def test_the_same_command_again_serves_nothing_new_and_is_passed() -> None:
    live = Live()
    live.hear(back())
    assert live.hear(back()) == []
    assert live.unit.position == {LABELLED: 2}


def test_a_command_for_later_waits() -> None:
    live = Live()
    assert live.hear(back(NOW_US + 1)) == []
    assert live.unit.position == {LABELLED: 0}


def test_a_command_of_another_release_is_passed_and_told_and_the_next_one_is_obeyed() -> None:
    live = Live()
    strange = orjson.dumps(orjson.loads(back().dumps()) | {"model": {"format": 99}})
    live.feed.offer(LABELLED, 0, [logs.Record(0, None, strange)], NOW_US)
    live.log.append(logs.Record(0, None, strange))
    assert live.served() == []
    assert live.unit.position == {LABELLED: 1}
    assert "at offset 0 was not carried out: model snapshot of format 99" in live.unit.alerts[0].text
    assert len(live.hear(back())) == 1
    assert live.unit.alerts == []


def test_who_takes_over_serves_what_a_command_chose() -> None:
    live, after = Live(), Live()
    live.hear(back())
    after.unit.load([logs.Record(0, key, value) for key, value in live.unit.take()[0].pairs])
    after.unit.loaded()
    assert after.unit.position == live.unit.position
    assert after.unit.serving.dumps() == live.unit.serving.dumps()
