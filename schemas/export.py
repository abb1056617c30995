"""Generates a JSON Schema for each message and one AsyncAPI document of all topics from the models."""

from __future__ import annotations

import re
from inspect import cleandoc
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel

from schemas.events import KINDS, MARKS, MAX_ID, TOPIC_OF_KIND
from schemas.examples import EXAMPLES
from schemas.page import page
from schemas.topics import COMPACTED, INTERNAL, OUTPUTS, SINGLE

FOLDER = Path(__file__).parent / "v1"
PARTITIONS = 4  # the default of `keepline topics create`
BINDING = {"bindingVersion": "0.5.0"}
PLACED = (
    "A record lies in the partition murmur2(key) mod partitions, as the Java client places it by default (librdkafka: "
    "partitioner=murmur2_random). All topics that are keyed by customer have the same number of partitions; 4 is the "
    "default of `keepline topics create`."
)
READ_INSIDE = (
    "An event may stand behind the header of a schema registry's JSON Schema serializer (a zero byte, a four-byte id), "
    "as `payload` of Kafka Connect's JSON envelope (`schema`, `payload`), or as `data` of a CloudEvent (structured "
    "JSON). The schemas here describe the event itself. Keys are plain text."
)
CUSTOMER_KEY = {"type": "string", "minLength": 1, "maxLength": MAX_ID, "description": "customer_id, in UTF-8"}
CUSTOMER_TOPICS = (
    "interventions",
    "interventions-withheld",
    "intervention-updates",
    "touches",
    "tasks",
    "churn-scores",
)
OWN_KEYS = {
    "model_snapshot": {"const": "model"},
    "dispatch": {"const": "dispatch"},
    "market_signal": {"type": "string", "description": "name, or scope/name if it has a scope, in UTF-8"},
    "publisher_score": {"type": "string", "description": "producer, in UTF-8"},
    "console_audit": {"type": "string", "description": "name, in UTF-8; empty: nobody had signed in"},
}
SECURITY = {
    "SASL_PLAIN": {"type": "plain", "description": "KEEPLINE_SASL_MECHANISM=PLAIN, over TLS"},
    "SASL_SCRAM_SHA_256": {"type": "scramSha256", "description": "KEEPLINE_SASL_MECHANISM=SCRAM-SHA-256"},
    "SASL_SCRAM_SHA_512": {"type": "scramSha512", "description": "KEEPLINE_SASL_MECHANISM=SCRAM-SHA-512"},
    "MUTUAL_TLS": {"type": "X509", "description": "KEEPLINE_SSL_CERTFILE and KEEPLINE_SSL_KEYFILE"},
}
BROKERS = {
    "host": "{brokers}",
    "variables": {"brokers": {"description": "host:port, as in KEEPLINE_BROKERS", "default": "localhost:9092"}},
}
SERVERS = {
    "plaintext": BROKERS | {"protocol": "kafka", "description": "brokers in a network of their own"},
    "tls": BROKERS
    | {
        "protocol": "kafka-secure",
        "description": "brokers that clients prove themselves to: the variables KEEPLINE_SASL_* and KEEPLINE_SSL_*",
        "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in SECURITY],
    },
}
PUBLIC_TAG = {"name": "public", "description": "for publishers, the CRM and other systems: stable, may gain fields"}
INTERNAL_TAG = {"name": "internal", "description": "between Keepline's own units: may change with any release"}
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def files() -> dict[str, bytes]:
    """Returns the content of each file in v1/ by file name."""
    schemas = {_name(model): _schema(model) for model in _messages()}
    documents: dict[str, Any] = {f"{name}.json": schema for name, schema in schemas.items()}
    documents["asyncapi.json"] = _asyncapi(list(schemas))
    written = {name: orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n" for name, body in documents.items()}
    return written | {"asyncapi.html": page(documents["asyncapi.json"], schemas)}


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
    found = {path.name: path.read_bytes() for kind in ("*.json", "*.html") for path in folder.glob(kind)}
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
            "description": "Input: customer events. Output: interventions. JSON records, keyed by customer_id (UTF-8). "
            f"KEEPLINE_TOPIC_PREFIX, empty by default, stands before each address. {READ_INSIDE}",
        },
        "defaultContentType": "application/json",
        "servers": SERVERS,
        "channels": {topic: _channel(topic, models) for topic, models in (received | sent).items()},
        "operations": {
            **{f"receive-{topic}": _operation("receive", topic) for topic in received},
            **{f"send-{topic}": _operation("send", topic) for topic in sent},
        },
        "components": {
            "messages": {name: _message(name) for name in names},
            "securitySchemes": SECURITY,
        },
    }


def _message(name: str) -> dict[str, Any]:
    key = _key(name)
    return {
        "name": name,
        "payload": {"$ref": f"./{name}.json"},
        "bindings": {"kafka": ({"key": key} if key else {}) | BINDING},
        "examples": [{"payload": EXAMPLES[name]}] if name in EXAMPLES else [],
    }


def _key(name: str) -> dict[str, Any] | None:
    """Returns the schema of the records' key; None: they have none."""
    if name in MARKS:
        return {"type": "string", "const": f"\0{name}", "description": "needed on compacted topics; elsewhere optional"}
    keyed = {_name(model) for topic in CUSTOMER_TOPICS for model in OUTPUTS[topic]} | set(KINDS)
    return OWN_KEYS.get(name) or (CUSTOMER_KEY if name in keyed else None)


def _kafka(topic: str) -> dict[str, Any]:
    """Returns the binding of a topic."""
    retention = {"cleanup.policy": ["delete"], "retention.ms": -1, "retention.bytes": -1}
    config = {"cleanup.policy": ["compact"]} if topic in COMPACTED else retention
    return {"partitions": 1 if topic in SINGLE else PARTITIONS, "topicConfiguration": config} | BINDING


def _where(topic: str) -> str:
    """Returns a sentence on the partitions of a topic."""
    if topic in SINGLE:
        return "One partition."
    if topic == TOPIC_OF_KIND["market_signal"]:
        return "All input topics have the same number of partitions."
    return PLACED if topic in (*TOPIC_OF_KIND.values(), *CUSTOMER_TOPICS) else "Its partitions are those of the inputs."


def _channel(topic: str, models: list[Any]) -> dict[str, Any]:
    names = [_name(model) for model in models]
    return {
        "address": topic,
        # Python before 3.13 leaves the indentation in
        "description": f"{cleandoc(models[0].__doc__ or '')} {_where(topic)}",
        "tags": [INTERNAL_TAG if topic in INTERNAL else PUBLIC_TAG],
        "bindings": {"kafka": _kafka(topic)},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }


def _operation(action: str, topic: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{topic}"}}
