"""What was committed against what the replay of the same files says, byte for byte."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from features.catalogue import NAMES
from streams.files.folder import ReplayFolder
from streams.files.sources import FileSources
from streams.interventions.profile import Profile
from streams.kafka.settings import Settings
from streams.replay import Replay

Said = dict[str, Counter[bytes]]
TOPICS = ("interventions", "interventions-withheld", "models")


class Listening(Replay):
    """A replay that also keeps the models."""

    models: list[bytes]

    def _send(self, topic: str, values: list[bytes], feed: object) -> None:
        if topic == "models":
            self.models = [*getattr(self, "models", []), *values]
        super()._send(topic, values, feed)  # type: ignore[arg-type]  # as it came


def truth(profile: Profile, files: Sequence[str], folder: Path, partitions: int) -> Said:
    """What a calm replay says; models come once a partition."""
    sources = FileSources(files, time.time_ns() // 1000, profile.time.max_skew_us)
    with ReplayFolder(str(folder), NAMES) as out:
        replay = Listening(profile, sources, out)
        replay.run()
        out.close(replay.summary())
    said = {name: Counter((folder / f"{name}.jsonl").read_bytes().splitlines()) for name in TOPICS[:2]}
    return said | {"models": Counter(dict.fromkeys(replay.models, partitions))}


async def committed(settings: Settings) -> Said:
    """What a committed reader finds."""
    return {name: await _values(settings, settings.topic(name)) for name in TOPICS}


def differences(found: Said, wanted: Said) -> list[str]:
    """One line a topic that is not equal."""
    lines = []
    for name in TOPICS:
        missing, extra = wanted[name] - found[name], found[name] - wanted[name]
        if missing or extra:
            lines.append(f"{name}: {missing.total()} missing, {extra.total()} too many of {wanted[name].total()}")
    return lines


async def _values(settings: Settings, topic: str) -> Counter[bytes]:
    consumer = AIOKafkaConsumer(**settings.client, isolation_level="read_committed", auto_offset_reset="earliest")
    values: Counter[bytes] = Counter()
    async with consumer:
        consumer.subscribe([topic])
        await consumer.getmany(timeout_ms=1000)
        places = consumer.assignment()
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning()
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                values.update(record.value for record in records)
    return values
