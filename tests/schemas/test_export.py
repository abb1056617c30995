"""The schemas in v1/ are those of the models."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from schemas.events import KINDS, MARKS
from schemas.export import FOLDER, export, files, stale
from schemas.topics import OUTPUTS
from streams.cli import main


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


def test_export_writes_changed_files_and_deletes_files_without_a_model(tmp_path: Path) -> None:
    export(tmp_path)
    (tmp_path / "survey.json").write_bytes(b"{}")
    (tmp_path / "gone.json").write_bytes(b"{}")
    assert export(tmp_path) == ["gone.json", "survey.json"]
    assert stale(tmp_path) == []


def test_the_command_names_the_files_that_are_not_current(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schemas", "export", "--check", "--out", str(tmp_path)]) == 1
    assert "survey.json" in capsys.readouterr().out
