"""Promotion of a challenger, and rollback: the same versions for any number of partitions, reads and restarts."""

from __future__ import annotations

from functools import cache

import orjson
import pytest

from online_model.registry import Command
from online_model.snapshot import MODEL, Reason, Snapshot
from schemas.instants import DAY_US
from schemas.internal_messages import LabelledExamples, Mark, ModelSnapshot, Observations, ReportMark
from streams.profile.learning_sections import Challenger, Promotion
from streams.units.sources import LABELLED
from tests.units import topics as logs
from tests.units.topics import Topics

PARTITIONS, STIFF = 2, "stiff"
PROFILE = logs.PROFILE.model_copy(
    update={
        "challengers": (
            Challenger(name=STIFF, prior_precision=1000.0),
            Challenger(name="tree", river="tree.HoeffdingAdaptiveTreeClassifier(grace_period=50)"),
        ),
        "promotion": Promotion(alpha=0.9, least_gain=0.0, most_a_week=0.02),  # ten weeks show little
        "label": logs.PROFILE.label.model_copy(update={"horizon_us": 10 * DAY_US}),
    }
)


@cache
def calm(partitions: int = PARTITIONS) -> Topics:
    topics = logs.filled(partitions)
    logs.finish(logs.owners(topics, PROFILE))
    return topics


def commanded(command: Command) -> list[Snapshot]:
    topics = logs.filled(PARTITIONS)
    topics.append(LABELLED, 0, [(None, command.dumps())])
    logs.finish(logs.owners(topics, PROFILE))
    return versions(topics)


def versions(topics: Topics) -> list[Snapshot]:
    return [Snapshot.loads(record.value or b"") for record in topics.records["models", 0]]


def promoted() -> Snapshot:
    (found,) = (one for one in versions(calm()) if one.lineage.reason is Reason.EARNED)
    return found


def test_the_challenger_earns_its_place_and_the_record_says_by_what() -> None:
    evidence = promoted().lineage.evidence
    assert evidence is not None
    assert (promoted().model, evidence["champion"], evidence["challenger"]) == (STIFF, MODEL, STIFF)
    assert evidence["evidence"] >= evidence["needed"]
    assert promoted().lineage.profile == PROFILE.version
    assert {one.model for one in versions(calm()) if one.instant_us >= promoted().instant_us} == {STIFF}


def test_each_observation_carries_what_every_model_said() -> None:
    version = {one.version: one for one in versions(calm())}
    blocks = [orjson.loads(value or b"") for value in calm().values(LABELLED) if b'"customers"' in (value or b"")]
    for block in blocks:
        served = version.get(block["model_version"])
        assert sorted(block["said"]) == (sorted(served.learning) if served else [])
    assert {MODEL, STIFF} in [set(block["said"]) for block in blocks]


def test_one_and_three_partitions_serve_the_same_versions() -> None:
    assert set(calm(1).values("models")) == set(calm().values("models")) == set(calm(3).values("models"))


@pytest.mark.parametrize("most", [1, 17, 1000])
def test_a_new_owner_after_every_checkpoint_serves_the_same(most: int) -> None:
    topics = logs.filled(PARTITIONS)
    logs.finish_by_new_owners(logs.owners(topics, PROFILE), most * 10)
    assert topics.values("models") == calm().values("models")
    assert topics.values("interventions") == calm().values("interventions")


def test_while_an_earlier_version_is_served_nobody_is_promoted_by_the_rule() -> None:
    target = next(one for one in versions(calm()) if one.learned)
    found = commanded(Command(promoted().instant_us - DAY_US, "wait", target))
    assert Reason.EARNED not in [one.lineage.reason for one in found]
    for one, wanted in zip(found, versions(calm()), strict=True):
        assert sorted(one.learning) == sorted(wanted.learning)
        assert [name for name in one.learning if one.learning[name].packed() != wanted.learning[name].packed()] == []
    assert found[-1].model == MODEL
    assert found[-1].trials[STIFF]["rounds"] > 2  # the challenger goes on


def test_examples_kept_for_a_classifier_of_river_are_written_once() -> None:
    keys = [record.key for record in calm().records["learner-state", 0] if b":kept:" in (record.key or b"")]
    assert len(keys) == len(set(keys)) > 2
    assert versions(calm())[-1].trials["tree"]["rounds"] > 0


def test_a_command_may_promote_a_challenger() -> None:
    first = next(one for one in versions(calm()) if STIFF in one.shadow)
    command = Command(first.instant_us + DAY_US, "I know better", None, STIFF)
    found = next(one for one in commanded(command) if one.model == STIFF)
    assert (found.version, found.lineage.reason) == (first.version + 1, Reason.PROMOTION)
    assert found.lineage.evidence is not None
    assert (found.lineage.evidence["why"], found.lineage.evidence["challenger"]) == ("I know better", STIFF)


@pytest.mark.parametrize(
    ("topic", "schema", "kind"),
    [
        ("observations", Observations, b'"kind":"observations"'),
        ("observations", Mark, b'"kind":"mark"'),
        (LABELLED, LabelledExamples, b'"kind":"labelled_examples"'),
        (LABELLED, ReportMark, b'"kind":"mark"'),
        ("models", ModelSnapshot, b""),
    ],
)
def test_what_is_written_is_what_its_schema_says(topic: str, schema: type[Observations], kind: bytes) -> None:
    found = [value or b"" for value in calm().values(topic) if kind in (value or b"")]
    assert found
    for value in found:
        schema.model_validate_json(value)
