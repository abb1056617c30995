"""Sends a visit and a heartbeat to Keepline with aiokafka: pip install aiokafka

    python publisher.py c-17 320

KEEPLINE_BROKERS (host:port,...) and KEEPLINE_TOPIC_PREFIX as everywhere.
"""

import asyncio
import json
import os
import sys
import uuid
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaProducer

BROKERS = os.environ.get("KEEPLINE_BROKERS", "localhost:9092")
PREFIX = os.environ.get("KEEPLINE_TOPIC_PREFIX", "")
NAME = "shop-17"
TOPICS = ("service-visits", "app-activity", "surveys")


def event(kind: str, **fields: Any) -> bytes:
    """What every message has: its kind, when it happened (RFC 3339 with an offset), and who sends it."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({"kind": kind, "event_time": now, "producer": NAME} | fields).encode()


async def main(customer: str, amount: float) -> None:
    """Sends the visit, then to every partition: nothing older than now follows from here."""
    # aiokafka's partitioner is murmur2 of the key, as Keepline expects
    async with AIOKafkaProducer(bootstrap_servers=BROKERS, acks="all", enable_idempotence=True) as producer:
        visit = event("service_visit", event_id=str(uuid.uuid4()), customer_id=customer, amount=amount)
        await producer.send_and_wait(PREFIX + "service-visits", visit, customer.encode())
        beat = event("heartbeat")
        for topic in TOPICS:
            for partition in await producer.partitions_for(PREFIX + topic):
                await producer.send_and_wait(PREFIX + topic, beat, b"\0heartbeat", partition)


asyncio.run(main(sys.argv[1], float(sys.argv[2])))
