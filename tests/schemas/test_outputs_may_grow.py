"""Outputs carry `schema_version`, and may gain fields: the published schemas and Keepline's readers accept them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.examples import EXAMPLES
from schemas.export import _name, files
from schemas.outputs import Outgoing
from schemas.topics import INTERNAL, OUTPUTS
from streams.operations.cases.parsing import MODELS, parse

OUTGOING = sorted({_name(model) for models in OUTPUTS.values() for model in models if issubclass(model, Outgoing)})
SCHEMAS = {name: json.loads(files()[f"{name}.json"]) for name in OUTGOING}


COUNTS = ("events", "missing", "schema_versions")  # of a publisher score: maps of names to numbers, no objects


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """The schemas of all objects in a schema."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for inner in schema.values():
            yield from objects(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from objects(inner)


def grown(value: Any) -> Any:
    """The value with a further field in each object."""
    if isinstance(value, list):
        return [grown(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: one if name in COUNTS else grown(one) for name, one in value.items()} | {"new": {"a": 1}}


def test_these_are_the_messages_to_other_systems() -> None:
    assert OUTGOING == [
        "churn_score", "console_audit", "dead_letter", "intervention", "intervention_update", "publisher_score", "task",
        "touch", "withheld_intervention",
    ]  # fmt: skip


@pytest.mark.parametrize("name", OUTGOING)
def test_a_message_with_further_fields_is_valid_by_the_published_schema(name: str) -> None:
    validator = Draft202012Validator(SCHEMAS[name])
    assert list(validator.iter_errors(EXAMPLES[name])) == []
    assert list(validator.iter_errors(grown(EXAMPLES[name]))) == []


@pytest.mark.parametrize("name", OUTGOING)
def test_no_object_of_an_output_forbids_further_fields(name: str) -> None:
    assert [one.get("additionalProperties", True) for one in objects(SCHEMAS[name])] != []
    assert all(one.get("additionalProperties", True) is not False for one in objects(SCHEMAS[name]))


@pytest.mark.parametrize("name", OUTGOING)
@pytest.mark.parametrize("version", [None, 2, "1"])
def test_the_version_is_required_and_is_1(name: str, version: object) -> None:
    message = {key: value for key, value in EXAMPLES[name].items() if key != "schema_version"}
    message |= {} if version is None else {"schema_version": version}
    assert not Draft202012Validator(SCHEMAS[name]).is_valid(message)


@pytest.mark.parametrize("topic", MODELS)
def test_readers_ignore_further_fields_and_read_messages_from_before_the_version(topic: str) -> None:
    example = EXAMPLES[_name(MODELS[topic])]
    before = {name: value for name, value in example.items() if name != "schema_version"}
    for message in (grown(example), before):
        assert parse(topic, json.dumps(message).encode()) == message


def test_channels_are_told_apart_as_public_or_internal() -> None:
    channels = json.loads(files()["asyncapi.json"])["channels"]
    tags = {name: [tag["name"] for tag in channel["tags"]] for name, channel in channels.items()}
    assert {name for name, found in tags.items() if found == ["internal"]} == set(INTERNAL)
    assert {name for name, found in tags.items() if found == ["public"]} == set(channels) - set(INTERNAL)
    assert {"service-visits", "interventions", "churn-scores", "dead-letters"} <= set(channels) - set(INTERNAL)
