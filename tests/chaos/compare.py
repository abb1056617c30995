"""Committed records against the output of a replay of the same files, byte for byte."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from features.catalogue import NAMES
from online_model.registry import Command
from streams.files.file_sources import FileSources
from streams.files.read_options import ReadOptions
from streams.files.replay_folder import ReplayFolder
from streams.files.survey import Terms
from streams.kafka.settings import Settings
from streams.profile.profile import Profile
from streams.replay import Replay
from streams.units.unit import Feed, Output, Pair

Records = dict[str, Counter[bytes]]
FILES = ("interventions", "interventions-withheld", "intervention-updates", "touches", "tasks")
SCORES, MODELS = "churn-scores", "models"
TOPICS = (*FILES, SCORES, MODELS)


class RecordingReplay(Replay):
    """A replay that also records the models and the latest score of each customer."""

    def __init__(
        self, profile: Profile, sources: FileSources, folder: ReplayFolder, commands: Sequence[Command]
    ) -> None:
        super().__init__(profile, sources, folder, commands=[command.dumps() for command in commands])
        self.unit.publishes_scores = True
        self.models: list[bytes] = []
        self.scores: dict[bytes, bytes | None] = {}

    def _route(self, outputs: Sequence[Output]) -> None:
        self.scores.update(pair for output in outputs if output.topic == SCORES for pair in output.pairs)  # type: ignore[misc]  # they have keys
        super()._route([output for output in outputs if output.topic != SCORES])

    def _send(self, topic: str, values: list[bytes], feed: Feed) -> None:
        if topic == MODELS:
            self.models += values
        super()._send(topic, values, feed)


def replay_records(
    profile: Profile, files: Sequence[str], folder: Path, partitions: int, commands: Sequence[Command] = ()
) -> Records:
    """Returns the records of a replay with `commands`, by topic; models count once a partition."""
    sources = FileSources(
        files, Terms(time.time_ns() // 1000, profile.time.max_skew_us, options=ReadOptions(currency=profile.currency))
    )
    with ReplayFolder(str(folder), NAMES) as out:
        replay = RecordingReplay(profile, sources, out, commands)
        replay.run()
        out.close(replay.summary())
    records = {name: Counter((folder / f"{name}.jsonl").read_bytes().splitlines()) for name in FILES}
    scores = Counter(value for value in replay.scores.values() if value)
    return records | {SCORES: scores, MODELS: Counter(dict.fromkeys(replay.models, partitions))}


async def committed(settings: Settings) -> Records:
    """Returns the committed records by topic; of the scores the latest of each customer."""
    read = {name: await _pairs(settings, settings.topic(name)) for name in TOPICS}
    latest = Counter(value for value in dict(read[SCORES]).values() if value)
    records = {name: Counter(value for _, value in read[name] if value) for name in TOPICS}
    return records | {SCORES: latest}


def differences(found: Records, wanted: Records) -> list[str]:
    """Returns a line for each topic that is not equal."""
    lines = []
    for name in TOPICS:
        missing, extra = wanted[name] - found[name], found[name] - wanted[name]
        if missing or extra:
            lines.append(f"{name}: {missing.total()} missing, {extra.total()} too many of {wanted[name].total()}")
    return lines


async def _pairs(settings: Settings, topic: str) -> list[Pair]:
    consumer = AIOKafkaConsumer(**settings.client, isolation_level="read_committed", auto_offset_reset="earliest")
    pairs: list[Pair] = []
    async with consumer:
        consumer.subscribe([topic])
        await consumer.getmany(timeout_ms=1000)
        places = consumer.assignment()
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning()
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                pairs += [(record.key, record.value) for record in records]
    return pairs
