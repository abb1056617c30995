"""What clients put around an event: the header of a schema registry, Connect's envelope, a CloudEvent.

What holds the event as JSON is taken off: a zero byte and a four-byte id, then `payload` of an object that has `schema`
and `payload` alone, then `data` of an object with `specversion`. Each is taken off once and in this order, so the work
is bounded. Whatever else holds it is named, with the setting of the client that sends the event itself. An object with
a `kind` is an event and never an envelope.
"""

from __future__ import annotations

from typing import Any

import orjson

Object = dict[str, Any]
HEADER = 5  # bytes of a schema registry's header: zero, and the id of the schema
CONNECT = {"schema", "payload"}
JSON_SPACE = b" \t\n\r"


def is_framed(value: bytes) -> bool:
    """Returns whether a value has the header of a schema registry."""
    return value[:1] == b"\0" and len(value) > HEADER


def json_of(value: bytes) -> bytes:
    """Returns a value without the header of a schema registry."""
    return value[HEADER:] if is_framed(value) else value


def may_wrap(shape: tuple[str, ...]) -> bool:
    """Returns whether an object with these fields may be an envelope that `unwrapped` takes off."""
    return "kind" not in shape and ("payload" in shape or "specversion" in shape)


def unwrapped(found: Object) -> Object:
    """Returns the event in Connect's envelope, in a CloudEvent, or in the second in the first; else the object."""
    found = _inside(found, "payload", found.keys() == CONNECT)
    return _inside(found, "data", "specversion" in found and "kind" not in found)


def _inside(found: Object, name: str, is_envelope: bool) -> Object:
    inner = found.get(name)
    return inner if is_envelope and isinstance(inner, dict) else found


def other_format(value: bytes) -> str | None:
    """Returns the sentence for a value with a registry's header that holds no JSON; None: it has none, or holds it."""
    if not is_framed(value) or value[HEADER:].lstrip(JSON_SPACE).startswith(b"{"):
        return None
    return (
        f"has the header of a schema registry (id {int.from_bytes(value[1:HEADER], 'big')}) and is not JSON, as Avro "
        "and Protobuf serializers write it; use the registry's JSON Schema serializer, or send plain JSON"
    )


def other_envelope(found: Object) -> str | None:
    """Returns the sentence for an object that is an envelope still after `unwrapped`; None: it is none."""
    if "kind" in found:
        return None
    if "op" in found and ("after" in found or "before" in found):
        return (
            "is a change event of Debezium; add the transform ExtractNewRecordState to the connector "
            "(transforms=unwrap, transforms.unwrap.type=io.debezium.transforms.ExtractNewRecordState), on rows "
            "with the fields of an event"
        )
    if found.keys() == CONNECT:
        return (
            "is an envelope of Kafka Connect, and its payload is not an event as one object; send the event as "
            "payload, or set value.converter.schemas.enable=false"
        )
    if "specversion" in found:
        return "is a CloudEvent without an event in data; send it there as a JSON object, not as text or data_base64"
    return None


def other_key(key: bytes | None, customer: str) -> str | None:
    """Returns the sentence for a record's key that has something around the customer's id; None: it is no such key.
    These keys are not read, since the client has chosen the partition by all bytes of the key.
    """
    plain, quoted = customer.encode(), orjson.dumps(customer)
    if not key or key == plain:
        return None
    if is_framed(key) and key.endswith((plain, quoted)):
        form = "behind the header of a schema registry"
    elif key == quoted or (is_json(key) and quoted in key):
        form = "as JSON"
    else:
        return None
    return (
        f"the record's key is customer_id {form}, which puts it into another partition; send the plain text: "
        "key.serializer=org.apache.kafka.common.serialization.StringSerializer, for Connect "
        "key.converter=org.apache.kafka.connect.storage.StringConverter"
    )


def is_json(key: bytes) -> bool:
    """Returns whether a key is a JSON text or object."""
    try:
        return key[:1] in (b'"', b"{") and isinstance(orjson.loads(key), str | dict)
    except orjson.JSONDecodeError:
        return False
