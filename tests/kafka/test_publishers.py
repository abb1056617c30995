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


async def test_the_scorecard_of_a_producer_is_read_from_the_topics_and_sent_to_one(
    brokers: str, tmp_path: Path
) -> None:
    group, log, page = new_group(brokers, PARTITIONS, tmp_path), tmp_path / "visits.jsonl", tmp_path / "page.html"
    event = {"kind": "service_visit", "customer_id": "c-1", "event_time": "2026-01-05T10:00:00Z", "producer": "till 7"}
    log.write_text("".join(json.dumps(event | {"event_id": f"v-{i}"}) + "\n" for i in range(3)))
    group.run("publish", str(log))
    code, said = group.tried("publishers", "list", "--last", "1d", "--json", "--send", "--html", str(page))
    cards = {one["producer"]: one for one in json.loads(said)["publishers"]}
    assert (code, cards["till 7"]["events"]) == (0, {"service_visit": 3})
    assert cards["keepline-publish"]["heartbeats"] > 0
    assert "till 7" in page.read_text()
    sent = [(place, json.loads(value)) for place, value in await group.city.read("publisher-scores")]
    assert {body["producer"]: body["events"] for _, body in sent} == {
        name: one["events"] for name, one in cards.items()
    }
