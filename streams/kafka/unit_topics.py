"""The topics of a unit: whether they are those that its state belongs to, and where a new owner begins to read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiokafka import TopicPartition

from schemas.alerts import Alert, AlertKind
from schemas.errors import Failure
from streams.kafka import topics
from streams.kafka.commits import wait_for_coordinator
from streams.kafka.settings import Settings
from streams.units.unit import Blueprint, Unit

Earliest = Callable[[Sequence[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]


class UnitTopics:
    """`names`: short names of its sources and of its changelog; `ids` below are by them."""

    def __init__(self, settings: Settings, blueprint: Blueprint, unit: Unit) -> None:
        self.settings, self.unit, self.name = settings, unit, blueprint.name
        partition = blueprint.partition
        self.inputs = {source: TopicPartition(settings.topic(source), partition) for source in blueprint.sources}
        short, partition = unit.changelog
        self.names = (*blueprint.sources, short)
        self.changelog = settings.topic(short), partition

    def made_again(self, ids: Mapping[str, str]) -> list[str]:
        """Returns the topics, by short name, that have another id than when the position was written."""
        return [short for short, id_ in ids.items() if self.unit.topics.get(short, id_) != id_]

    def refuse_missing(self, ids: Mapping[str, str]) -> None:
        """Raises Failure naming topics that were deleted: writing to one would only time out."""
        missing = set(self.names) - ids.keys() if ids else set()
        if missing:
            names = ", ".join(sorted(map(self.settings.topic, missing)))
            raise Failure(
                f"{names}: the topic is missing or may not be read; `keepline topics create` makes what was deleted, "
                "without its records"
            )

    async def find_start(self, ids: Mapping[str, str], earliest: Earliest) -> list[Alert]:
        """Gives the unit a position in every source; sources without one, and those whose topic was made again, are
        read from their beginning. Returns what on-call must know of that; raises Failure where retention deleted
        records that are still needed.
        """
        again, first = self.made_again(ids), await earliest(list(self.inputs.values()))
        news = [] if self.unit.position else await self._read_before()
        if self.unit.changelog[0] in again:
            raise Failure(_incomplete(self.name, *self.changelog))
        for source, place in self.inputs.items():
            if source in again:
                news.append(_from_beginning(place, self.unit.position.get(source, 0), first[place]))
                self.unit.start_over(source, first[place])
            position = self.unit.position.setdefault(source, first[place])
            if position < first[place]:
                raise Failure(
                    f"{place.topic}/{place.partition} begins at {first[place]}, the state of {self.name} ends at "
                    f"{position}: retention deleted the records between; restore the topic or start from an empty state"
                )
        self.unit.topics |= ids
        return news

    async def _read_before(self) -> list[Alert]:
        """An empty state: an alert if the group has read the sources before, so that the changelog was lost."""
        async with topics.admin(self.settings) as client:
            await wait_for_coordinator(client, self.settings.group)
            offsets = await client.list_consumer_group_offsets(self.settings.group, partitions=[*self.inputs.values()])
        read = [f"{place.topic}/{place.partition}" for place, committed in offsets.items() if committed.offset > 0]
        return [_empty(*self.changelog, self.settings.group, read)] if read else []


def _from_beginning(place: TopicPartition, read: int, first: int) -> Alert:
    text = (
        f"{place.topic}/{place.partition} was deleted and made again (another topic id): it had been read up to offset "
        f"{read}, now it is read from offset {first}, its beginning; events that were applied before and are published "
        "again are recognized for seven days"
    )
    figures = {"read": read, "first": first}
    return Alert(AlertKind.TOPIC_MADE_AGAIN, f"{place.topic}/{place.partition}", text, figures)


def _empty(topic: str, partition: int, group: str, read: Sequence[str]) -> Alert:
    text = (
        f"{topic}/{partition} is empty although the group {group} has read {', '.join(read)} before: it was deleted "
        "and made again; all inputs are read from their beginning, and live no case opens for what is past"
    )
    return Alert(AlertKind.CHANGELOG_LOST, f"{topic}/{partition}", text)


def _incomplete(name: str, topic: str, partition: int) -> str:
    return (
        f"{topic}/{partition} was deleted and made again while a worker wrote to it: the state of {name} in it is not "
        f"complete; stop the workers, delete {topic}, run `keepline topics create` and start them: all inputs are read "
        "from their beginning"
    )
