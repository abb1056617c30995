"""`keepline publishers release`: a producer that left without a final heartbeat is let go."""

from __future__ import annotations

import json
from pathlib import Path

from tests.kafka.group import new_group

PARTITIONS = 2


async def test_a_final_heartbeat_in_its_name_goes_to_every_partition_that_customers_publish_to(
    brokers: str, tmp_path: Path
) -> None:
    group = new_group(brokers, PARTITIONS, tmp_path)
    group.run("publishers", "release", "shop-17")
    for topic in ("service-visits", "app-activity", "surveys"):
        records = await group.city.read(topic)
        assert sorted(place.partition for place, _ in records) == list(range(PARTITIONS))
        for _, value in records:
            body = json.loads(value)
            assert (body["kind"], body["producer"], body["final"]) == ("heartbeat", "shop-17", True)
