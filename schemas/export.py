"""Generates a JSON Schema for each message and one AsyncAPI document of all topics from the models."""

from __future__ import annotations

import re
from inspect import cleandoc
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel

from schemas.events import KINDS, MARKS, TOPIC_OF_KIND
from schemas.topics import OUTPUTS

FOLDER = Path(__file__).parent / "v1"
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def files() -> dict[str, bytes]:
    """Returns the content of each file in v1/ by file name."""
    schemas = {_name(model): _schema(model) for model in _messages()}
    documents: dict[str, Any] = {f"{name}.json": schema for name, schema in schemas.items()}
    documents["asyncapi.json"] = _asyncapi(list(schemas))
    return {name: orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n" for name, body in documents.items()}


def export(folder: Path = FOLDER) -> list[str]:
    """Writes changed files, deletes files without a model, and returns the names of both."""
    changed = stale(folder)
    folder.mkdir(parents=True, exist_ok=True)
    current = files()
    for name in changed:
        if name in current:
            (folder / name).write_bytes(current[name])
        else:
            (folder / name).unlink()
    return changed


def stale(folder: Path = FOLDER) -> list[str]:
    """Returns the names of files that are missing, differ from the models, or have no model."""
    found = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    current = files()
    return sorted(name for name in found.keys() | current.keys() if found.get(name) != current.get(name))


def _messages() -> list[type[BaseModel]]:
    written = {model: None for models in OUTPUTS.values() for model in models}
    return [*KINDS.values(), *MARKS.values(), *written]


def _name(model: type[BaseModel]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", model.__name__).lower()


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return {"$schema": DRAFT, **model.model_json_schema()}


def _asyncapi(names: list[str]) -> dict[str, Any]:
    """Returns the AsyncAPI 3.0 document: messages from publishers, to the CRM, and between Keepline's units."""
    received = {TOPIC_OF_KIND[kind]: [model, *MARKS.values()] for kind, model in KINDS.items()}
    sent = {topic: list(models) for topic, models in OUTPUTS.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Keepline",
            "version": "1",
            "description": "Input: customer events. Output: interventions. JSON records, keyed by customer_id (UTF-8).",
        },
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic, models) for topic, models in (received | sent).items()},
        "operations": {
            **{f"receive-{topic}": _operation("receive", topic) for topic in received},
            **{f"send-{topic}": _operation("send", topic) for topic in sent},
        },
        "components": {
            "messages": {name: {"name": name, "payload": {"$ref": f"./{name}.json"}} for name in names},
        },
    }


def _channel(topic: str, models: list[Any]) -> dict[str, Any]:
    names = [_name(model) for model in models]
    return {
        "address": topic,
        "description": cleandoc(models[0].__doc__ or ""),  # Python before 3.13 leaves the indentation in
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }


def _operation(action: str, topic: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{topic}"}}
