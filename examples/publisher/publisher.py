"""A publisher to copy: sends customers' events to Keepline, each to its customer's partition, and heartbeats.

    tail -F events.jsonl | python publisher.py --name shop-17           # a JSON object a line
    python publisher.py --name shop-17 --leave < /dev/null              # this shop has closed for good

Needs confluent-kafka (librdkafka), nothing of Keepline. For history use `keepline publish`.
"""

import argparse
import json
import os
import queue
import signal
import sys
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from confluent_kafka import Producer

BROKERS = os.environ.get("KEEPLINE_BROKERS", "localhost:9092")
PREFIX = os.environ.get("KEEPLINE_TOPIC_PREFIX", "")
TOPICS = {"service_visit": "service-visits", "app_activity": "app-activity", "survey": "surveys"}
SETTINGS = {
    "bootstrap.servers": BROKERS,
    "partitioner": "murmur2_random",  # librdkafka's default is another hash: Keepline refuses its records
    "enable.idempotence": True,  # no record twice and none overtaken by a later one, also when a broker goes away
}
FLUSH_LIMIT_S = 30.0


class Shop:
    """One producer of events, with the topics that it speaks for."""

    def __init__(self, name: str, delay_s: float) -> None:
        """delay_s: how long an event may take from happening to being sent."""
        self.name, self.delay_s, self.failed = name, delay_s, 0
        self.producer = Producer(SETTINGS)

    def send(self, event: dict[str, Any]) -> None:
        """Sends one event; without an id it gets one of its content, so that sent twice it counts once."""
        body = {"event_time": instant(time.time())} | event | {"producer": self.name}
        body.setdefault("event_id", str(uuid5(NAMESPACE_URL, json.dumps(body, sort_keys=True))))
        self._put(TOPICS[body["kind"]], body, body["customer_id"])

    def beat(self, **more: Any) -> None:
        """Sends a heartbeat to every partition, behind all events: nothing older than its time follows from here."""
        at = time.time() - self.delay_s
        self.flush()
        body = {"kind": "heartbeat", "event_time": instant(at), "producer": self.name} | more
        for topic in TOPICS.values():
            for partition in self.producer.list_topics(PREFIX + topic, FLUSH_LIMIT_S).topics[PREFIX + topic].partitions:
                self._put(topic, body, "\0heartbeat", partition)
        self.flush()

    def flush(self) -> None:
        """Returns when the brokers have everything; ends the process when they do not take it."""
        if self.producer.flush(FLUSH_LIMIT_S) or self.failed:
            sys.exit(f"{self.failed or 'some'} records were not accepted; start again from the last line that was sent")

    def _put(self, topic: str, body: dict[str, Any], key: str, partition: int = -1) -> None:
        value = json.dumps(body).encode()
        self.producer.produce(PREFIX + topic, value, key.encode(), partition, on_delivery=self._delivered)
        self.producer.poll(0)

    def _delivered(self, error: Any, record: Any) -> None:
        self.failed += error is not None


def instant(seconds: float) -> str:
    """Returns a time as RFC 3339."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def run(shop: Shop, every_s: float) -> None:
    """Sends the lines of standard input as they come, and a heartbeat every `every_s`, until the input ends."""
    lines: queue.Queue[str | None] = queue.Queue(10_000)
    threading.Thread(target=lambda: [*map(lines.put, sys.stdin), lines.put(None)], daemon=True).start()
    due = time.monotonic()
    while True:
        if time.monotonic() >= due:
            shop.beat()
            due = time.monotonic() + every_s
        try:
            line = lines.get(timeout=max(due - time.monotonic(), 0.001))
        except queue.Empty:
            continue
        if line is None:
            return
        shop.send(json.loads(line))


def main() -> None:
    """Reads the options and runs; SIGTERM ends it as the end of the input does."""
    parser = argparse.ArgumentParser(description="Sends events to Keepline.")
    parser.add_argument("--name", required=True, help="the producer: alerts of Keepline name it")
    parser.add_argument("--every", type=float, default=15.0, metavar="SECONDS", help="between two heartbeats")
    parser.add_argument("--delay", type=float, default=0.0, metavar="SECONDS", help="how late an event may come")
    parser.add_argument("--leave", action="store_true", help="at the end say that this producer has left for good")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    shop = Shop(args.name, args.delay)
    with suppress(KeyboardInterrupt):
        run(shop, args.every)
    shop.beat(**({"final": True} if args.leave else {}))


if __name__ == "__main__":
    main()
