"""The schemas in v1/ are those of the models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.decode import Decoder
from schemas.events import KINDS, MARKS, MAX_ID, TOPIC_OF_KIND
from schemas.examples import EXAMPLES
from schemas.export import FOLDER, _messages, _name, export, files, stale
from schemas.topics import OUTPUTS
from streams.cli import main
from streams.kafka import topics
from streams.kafka.settings import MECHANISMS


def test_the_schemas_in_the_tree_are_current() -> None:
    assert stale() == []


def test_every_message_has_a_schema_that_names_its_draft() -> None:
    names = {path.stem for path in FOLDER.glob("*.json")}
    assert names >= set(MARKS) | set(KINDS)
    for path in FOLDER.glob("*.json"):
        if path.stem != "asyncapi":
            assert orjson.loads(path.read_bytes())["$schema"].endswith("2020-12/schema")


def test_every_topic_has_a_channel_whose_messages_exist() -> None:
    document = orjson.loads(files()["asyncapi.json"])
    assert set(document["channels"]) >= set(OUTPUTS)
    for channel in document["channels"].values():
        for name in channel["messages"]:
            assert document["components"]["messages"][name]["payload"]["$ref"].removeprefix("./") in files()


DOCUMENT = orjson.loads(files()["asyncapi.json"])
MESSAGES = DOCUMENT["components"]["messages"]
MODELS = {_name(model): model for model in _messages()}


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_has_an_example_that_its_model_accepts(name: str) -> None:
    (example,) = MESSAGES[name]["examples"]
    MODELS[name].model_validate_json(orjson.dumps(example["payload"]))


def test_examples_of_events_are_accepted_as_records() -> None:
    for kind in KINDS:
        value = orjson.dumps(EXAMPLES[kind])
        key = EXAMPLES[kind].get("customer_id", "north/strike")
        decoded = Decoder(kind).decode([value], [key.encode()], 1 << 60)
        assert (decoded.refused, len(decoded.events)) == ([], 1), kind


def test_every_channel_says_how_its_topic_is_made() -> None:
    made = {topic.name: topic for topic in topics.TOPICS}
    for name, channel in DOCUMENT["channels"].items():
        kafka, topic = channel["bindings"]["kafka"], made[name]
        assert kafka["bindingVersion"] == "0.5.0"
        assert kafka["partitions"] == (1 if topic.single else topics.DEFAULT_PARTITIONS)
        said = {key: value[0] if key == "cleanup.policy" else str(value) for key, value in _config(channel).items()}
        assert said.items() <= topic.config.items()
        assert said["cleanup.policy"] == topic.config["cleanup.policy"]


def test_every_channel_of_customers_names_the_partitioner_and_its_messages_the_key() -> None:
    for name in ({*TOPIC_OF_KIND.values()} - {"market-signals"}) | {"interventions", "churn-scores"}:
        channel = DOCUMENT["channels"][name]
        assert "murmur2(key) mod partitions" in channel["description"]
        for message in set(channel["messages"]) - set(MARKS):
            assert MESSAGES[message]["bindings"]["kafka"]["key"]["maxLength"] == MAX_ID


def test_marks_have_the_key_that_publish_sends() -> None:
    assert [MESSAGES[mark]["bindings"]["kafka"]["key"]["const"] for mark in MARKS] == ["\0heartbeat", "\0end"]


def test_every_reference_within_the_document_leads_somewhere() -> None:
    text = files()["asyncapi.json"].decode()
    for path in re.findall(r'"\$ref": "#/([^"]+)"', text):
        found = DOCUMENT
        for part in path.split("/"):
            found = found[part]
        assert found


def test_servers_are_those_that_the_environment_can_name() -> None:
    plaintext, tls = DOCUMENT["servers"].values()
    assert (plaintext["protocol"], tls["protocol"]) == ("kafka", "kafka-secure")
    schemes = DOCUMENT["components"]["securitySchemes"]
    described = " ".join(scheme["description"] for scheme in schemes.values())
    assert all(f"KEEPLINE_SASL_MECHANISM={mechanism}" in described for mechanism in MECHANISMS)
    assert len(tls["security"]) == len(schemes)


def _config(channel: dict[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = channel["bindings"]["kafka"]["topicConfiguration"]
    return config


def test_export_writes_changed_files_and_deletes_files_without_a_model(tmp_path: Path) -> None:
    export(tmp_path)
    (tmp_path / "survey.json").write_bytes(b"{}")
    (tmp_path / "gone.json").write_bytes(b"{}")
    assert export(tmp_path) == ["gone.json", "survey.json"]
    assert stale(tmp_path) == []


def test_the_command_names_the_files_that_are_not_current(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schemas", "export", "--check", "--out", str(tmp_path)]) == 1
    assert "survey.json" in capsys.readouterr().out


def test_the_page_names_every_topic_message_and_field_and_shows_the_examples() -> None:
    page = files()["asyncapi.html"].decode()
    assert all(f'<h2 id="{topic}">' in page for topic in DOCUMENT["channels"])
    for name in DOCUMENT["components"]["messages"]:
        assert f"<h3>{name}</h3>" in page
        assert all(f"<td>{field}</td>" in page for field in orjson.loads(files()[f"{name}.json"])["properties"])
    assert "&quot;event_id&quot;: &quot;a-1&quot;" in page
