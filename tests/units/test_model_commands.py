"""Rollback and promotion: the same versions for any number of partitions, reads and restarts."""

from __future__ import annotations

from functools import cache

import pytest

from online_model.registry import Command
from online_model.snapshot import MODEL, Reason, Snapshot
from schemas.instants import DAY_US
from schemas.internal_messages import ModelCommand
from streams.units.sources import LABELLED
from tests.units import topics as logs
from tests.units.topics import START_US, Topics

PARTITIONS = 2
BACK_US, ON_US = START_US + 46 * DAY_US, START_US + 60 * DAY_US


def versions(topics: Topics) -> list[Snapshot]:
    return [Snapshot.loads(record.value or b"") for record in topics.records["models", 0]]


@cache
def untouched() -> list[Snapshot]:
    return versions(logs.calm(PARTITIONS))


def target() -> Snapshot:
    """An early version that may serve: the first but one that may open cases."""
    return next(one for one in untouched() if one.ready)


def commanded(partitions: int) -> Topics:
    """The city with a rollback in the middle and a promotion later, both sent before the first event."""
    topics = logs.filled(partitions)
    for command in (Command(ON_US, "the world is back", None), Command(BACK_US, "it went wrong", target())):
        topics.append(LABELLED, 0, [(None, command.dumps())])
    return topics


@cache
def calm(partitions: int = PARTITIONS) -> Topics:
    topics = commanded(partitions)
    logs.finish(logs.owners(topics))
    return topics


def test_one_and_three_partitions_serve_the_same_versions() -> None:
    assert set(calm(1).values("models")) == set(calm().values("models")) == set(calm(3).values("models"))


def test_a_rollback_holds_from_its_grid_instant_until_the_promotion() -> None:
    restored = [one for one in versions(calm()) if one.lineage.reason in (Reason.ROLLBACK, Reason.RESTORED)]
    assert restored[0].lineage.reason == Reason.ROLLBACK
    assert [one.instant_us for one in restored] == [
        one.instant_us for one in untouched() if BACK_US <= one.instant_us < ON_US
    ]
    assert len(restored) == 2


def test_what_is_served_then_are_the_version_s_parameters() -> None:
    wanted = target().parameters.packed()
    for one in versions(calm()):
        if one.lineage.reason in (Reason.ROLLBACK, Reason.RESTORED):
            assert (one.parameters.packed(), one.lineage.parent) == (wanted, target().version)


def test_the_record_says_why_and_on_which_data() -> None:
    (first,) = (one for one in versions(calm()) if one.lineage.reason == Reason.ROLLBACK)
    assert first.lineage.evidence is not None
    assert first.lineage.evidence["why"] == "it went wrong"
    assert first.lineage.observed == target().lineage.observed


def test_learning_goes_on_in_the_shadow_as_if_nothing_had_happened() -> None:
    for one, wanted in zip(versions(calm()), untouched(), strict=True):
        assert wanted.learned is (MODEL in one.learning)
        if wanted.learned:
            assert one.learning[MODEL].packed() == wanted.parameters.packed()


def test_the_promotion_brings_back_the_learner_s_own() -> None:
    last, wanted = versions(calm())[-1], untouched()[-1]
    assert last.parameters.packed() == wanted.parameters.packed()
    assert last.shadow == {}


@pytest.mark.parametrize("most", [1, 17, 1000])
def test_a_new_owner_after_every_checkpoint_serves_the_same(most: int) -> None:
    topics = commanded(PARTITIONS)
    logs.finish_by_new_owners(logs.owners(topics), most * 10)
    assert topics.values("models") == calm().values("models")


@pytest.mark.parametrize("most", [1, 40, 5000])
def test_a_command_that_comes_late_is_obeyed_from_the_same_instant_however_it_is_read(most: int) -> None:
    topics, learner = late()
    logs.finish_by_new_owners([learner], most)
    found = [one for one in versions(topics) if one.lineage.reason == Reason.ROLLBACK]
    assert [one.instant_us for one in found] == [untouched()[-3].instant_us]


def late() -> tuple[Topics, logs.Owner]:
    """The log of labelled examples of a whole run, a command for long ago behind the report before the last three."""
    topics = logs.calm(PARTITIONS)
    del topics.records["models", 0], topics.records["models", 1], topics.records["learner-state", 0]
    records = topics.records.pop((LABELLED, 0))
    complete = [i for i, record in enumerate(records) if b'"kind":"mark"' in (record.value or b"")]
    place = complete[-3 * PARTITIONS]
    for i, record in enumerate(records):
        if i == place:
            topics.append(LABELLED, 0, [(None, Command(START_US, "late", target()).dumps())])
        topics.append(LABELLED, 0, [(record.key, record.value)])
    return topics, logs.owners(topics)[-1]


def test_the_same_command_twice_is_one() -> None:
    topics = commanded(PARTITIONS)
    topics.append(LABELLED, 0, [(None, Command(BACK_US, "it went wrong", target()).dumps())])
    logs.finish(logs.owners(topics))
    assert topics.values("models") == calm().values("models")


@pytest.mark.parametrize(("model", "challenger"), [(None, None), (Snapshot.initial(0.25), None), (None, "other")])
def test_a_command_is_what_its_schema_says_and_reads_back(model: Snapshot | None, challenger: str | None) -> None:
    command = Command(START_US, "why", model, challenger)
    ModelCommand.model_validate_json(command.dumps())
    assert Command.loads(command.dumps()).dumps() == command.dumps()
