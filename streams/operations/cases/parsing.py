"""Values of the case topics to messages. Whatever else lies in a topic is left out and counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

import orjson
from pydantic import BaseModel, ValidationError

from schemas.instants import parse_instant
from schemas.outputs import Intervention, InterventionUpdate, WithheldIntervention
from streams.operations.cases.fold import Message, Messages

MODELS: dict[str, type[BaseModel]] = {
    "interventions": Intervention,
    "interventions-withheld": WithheldIntervention,
    "intervention-updates": InterventionUpdate,
}
INSTANTS = ("crossed_at", "decided_at", "window_ends_at", "updated_at")  # those that are read


def messages(values: Mapping[str, Sequence[bytes]]) -> tuple[Messages, list[str]]:
    """Returns the messages, and a sentence for each topic that holds others. values: by the keys of MODELS."""
    read = {topic: list(_readable(topic, values[topic])) for topic in MODELS}
    strange = {topic: len(values[topic]) - len(read[topic]) for topic in MODELS}
    wrong = [
        f"{count:,} records of {topic} are no such messages and were left out; something else writes to this topic"
        for topic, count in strange.items()
        if count
    ]
    return Messages(*(read[topic] for topic in MODELS)), wrong


def parse(topic: str, value: bytes) -> Message:
    """Returns a message, with the fields of later releases; raises ValueError for anything else."""
    body: Message = orjson.loads(value)
    try:
        MODELS[topic].model_validate(body, extra="ignore")
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    for name in INSTANTS:
        if body.get(name) is not None:
            parse_instant(body[name])
    return body


def _readable(topic: str, values: Sequence[bytes]) -> Iterator[Message]:
    for value in values:
        with suppress(ValueError):
            yield parse(topic, value)
