"""Lag as tools see it that know nothing of Keepline: the group's committed offsets against the ends of its topics."""

from __future__ import annotations

from pathlib import Path

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from tests.kafka.group import new_group


def lag(brokers: str, group: str) -> dict[tuple[str, int], int]:
    """Returns high watermark less committed offset, by topic and partition."""
    admin = AdminClient({"bootstrap.servers": brokers})
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
    committed = asked[group].result().topic_partitions
    reader = Consumer({"bootstrap.servers": brokers, "group.id": "lag-tool"})
    found = {(at.topic, at.partition): reader.get_watermark_offsets(at)[1] - at.offset for at in committed}
    reader.close()
    return found


def test_every_topic_of_the_group_has_no_lag_after_a_drain(brokers: str, log: Path, tmp_path: Path) -> None:
    group = new_group(brokers, 2, tmp_path)
    group.publish(log)
    group.finish()
    behind = lag(brokers, group.city.settings.group)
    assert len(behind) > 10
    assert {place: offsets for place, offsets in behind.items() if offsets} == {}
