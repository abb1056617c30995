"""Partitions that no broker leads: nothing can be read from them or written to them until a broker is back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aiokafka import TopicPartition

from schemas.alerts import Alert, AlertKind
from streams.kafka.requests import Described


def leaderless(topics: Mapping[str, Described]) -> dict[TopicPartition, Alert]:
    """Returns the partitions of topics that no broker leads."""
    return {
        place: _alert(place, copies)
        for name, topic in topics.items()
        for number, copies in topic.leaderless.items()
        for place in [TopicPartition(name, number)]
    }


def _alert(place: TopicPartition, copies: Iterable[int]) -> Alert:
    """For on-call. copies: the brokers that have one."""
    text = (
        f"{place.topic}/{place.partition} has no leader, so the units that need it wait: no broker that has a copy of "
        f"it is there (node.id {', '.join(map(str, copies)) or 'unknown'}); start one, its own log says why it stopped"
    )
    return Alert(AlertKind.NO_LEADER, f"{place.topic}/{place.partition}", text)
