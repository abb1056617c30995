"""A consumer for a CRM, to copy: keeps interventions and their updates in a store of its own, and sends outcomes.

    python crm.py run                                              # reads and sends until it is stopped
    python crm.py list                                             # open cases, highest expected net value first
    python crm.py answer ID contacted --agent anna --channel phone # an outcome; `run` sends it

Needs aiokafka and orjson, nothing of Keepline. The store is SQLite; replace it with a table of your CRM.
"""

import argparse
import asyncio
import os
import signal
import sqlite3
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

BROKERS = os.environ.get("KEEPLINE_BROKERS", "localhost:9092")
PREFIX = os.environ.get("KEEPLINE_TOPIC_PREFIX", "")
INTERVENTIONS, UPDATES = PREFIX + "interventions", PREFIX + "intervention-updates"
OUTCOMES = PREFIX + "intervention-outcomes"
PRODUCER, HEARTBEAT_EVERY_S = "example-crm", 5.0
STATUSES = ("acknowledged", "contacted", "responded", "declined", "saved", "lost")
ENDED = ("saved", "lost", "expired", "withdrawn")

# message: the intervention as received, null: not received yet; changes: the fields that its updates have changed
TABLES = """
CREATE TABLE IF NOT EXISTS cases (intervention_id TEXT PRIMARY KEY, customer_id TEXT, message TEXT, changes TEXT);
CREATE TABLE IF NOT EXISTS positions (topic TEXT, part INTEGER, next INTEGER, PRIMARY KEY (topic, part));
CREATE TABLE IF NOT EXISTS outbox (event_id TEXT PRIMARY KEY, customer_id TEXT, event BLOB, sent INTEGER DEFAULT 0);
"""
INTERVENTION = """INSERT INTO cases VALUES (?, ?, ?, '{}')
    ON CONFLICT DO UPDATE SET message = excluded.message"""
UPDATE = """INSERT INTO cases VALUES (?, ?, NULL, ?)
    ON CONFLICT DO UPDATE SET changes = json_patch(changes, excluded.changes)"""
POSITION = "INSERT INTO positions VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next = excluded.next"


def open_store(path: str) -> sqlite3.Connection:
    """Opens the store and creates missing tables."""
    store = sqlite3.connect(path, isolation_level=None, timeout=30)  # BEGIN is explicit below
    store.executescript("PRAGMA journal_mode = WAL;" + TABLES)
    return store


def position(store: sqlite3.Connection, place: TopicPartition) -> int | None:
    """Returns the offset of the next record to apply; None: none was applied."""
    row = store.execute("SELECT next FROM positions WHERE topic = ? AND part = ?", place).fetchone()
    return row[0] if row else None


def apply(store: sqlite3.Connection, place: TopicPartition, records: list[Any], next_offset: int) -> None:
    """Writes rows and position in one transaction: a crash leaves both or neither, so nothing is lost or duplicated."""
    with store:  # commits at its end, or rolls back
        store.execute("BEGIN IMMEDIATE")
        done = position(store, place) or 0
        for record in records:
            if record.offset >= done:  # lower: applied already, by another process that owned the partition
                take(store, place.topic, record.value)
        store.execute(POSITION, (*place, max(done, next_offset)))


def take(store: sqlite3.Connection, topic: str, value: bytes) -> None:
    """Applies one message. Duplicates change nothing; an update may come before its intervention, in another topic."""
    message = orjson.loads(value)
    if message.get("holdout"):  # these customers are withheld on purpose: do not contact them
        return
    statement = INTERVENTION if topic == INTERVENTIONS else UPDATE
    store.execute(statement, (message["intervention_id"], message["customer_id"], value.decode()))


class Resume(ConsumerRebalanceListener):
    """The consumer group assigns partitions; the store has the positions to read from."""

    def __init__(self, consumer: AIOKafkaConsumer, store: sqlite3.Connection) -> None:
        self.consumer, self.store = consumer, store

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Nothing to do: what was applied is in the store."""

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Seeks to the positions in the store; a partition without one is read from its beginning."""
        beginnings = await self.consumer.beginning_offsets(assigned) if assigned else {}
        for place, beginning in beginnings.items():
            self.consumer.seek(place, max(position(self.store, place) or 0, beginning))


async def read(consumer: AIOKafkaConsumer, store: sqlite3.Connection) -> None:
    """Applies records as they arrive. Commits `position()`, not the last offset + 1: a transaction ends with a marker,
    an offset without a record, which would otherwise count as a lag of 1 forever.
    """
    while True:
        batches = await consumer.getmany(timeout_ms=500)
        try:
            ends = {place: await consumer.position(place) for place in consumer.assignment()}
            for place, end in ends.items():
                if batches.get(place) or end != position(store, place):
                    apply(store, place, batches.get(place, []), end)
            await consumer.commit(ends)  # for tools that show the lag; `Resume` does not read it
        except (CommitFailedError, IllegalStateError):
            continue  # a rebalance is in progress; the store has what was applied


async def send(producer: AIOKafkaProducer, store: sqlite3.Connection) -> None:
    """Sends outcomes, then heartbeats: no older outcome follows. Without them Keepline in event time waits for us."""
    partitions, heartbeat_due = await producer.partitions_for(OUTCOMES), 0.0
    while True:
        with store:
            # outcomes get their event time in a transaction too, so one that is not visible yet is not older
            store.execute("BEGIN IMMEDIATE")
            now = instant()
            waiting = store.execute("SELECT event_id, customer_id, event FROM outbox WHERE NOT sent").fetchall()
        for event_id, customer_id, event in waiting:
            await producer.send_and_wait(OUTCOMES, event, customer_id.encode())
            store.execute("UPDATE outbox SET sent = 1 WHERE event_id = ?", (event_id,))
        if time.monotonic() >= heartbeat_due:
            heartbeat_due = time.monotonic() + HEARTBEAT_EVERY_S
            mark = orjson.dumps({"kind": "heartbeat", "event_time": now, "producer": PRODUCER})
            for partition in partitions:
                await producer.send_and_wait(OUTCOMES, mark, partition=partition)
        await asyncio.sleep(0.5)


async def run(store: sqlite3.Connection) -> None:
    """Reads and sends until it is stopped; any error ends it, and a restart resumes from the store."""
    committed = {"isolation_level": "read_committed", "auto_offset_reset": "earliest", "enable_auto_commit": False}
    consumer = AIOKafkaConsumer(bootstrap_servers=BROKERS, group_id=f"{PREFIX}crm", **committed)
    consumer.subscribe([INTERVENTIONS, UPDATES], listener=Resume(consumer, store))
    producer = AIOKafkaProducer(bootstrap_servers=BROKERS, enable_idempotence=True, acks="all")
    # as Ctrl-C: leaves the group, so that another process need not wait for the session timeout
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    async with consumer, producer, asyncio.TaskGroup() as both:
        both.create_task(read(consumer, store))
        both.create_task(send(producer, store))


def answer(store: sqlite3.Connection, intervention_id: str, status: str, fields: dict[str, Any]) -> str:
    """Puts an outcome into the outbox. The id is a hash of the content: a repeated outcome is the same event."""
    row = store.execute("SELECT customer_id FROM cases WHERE intervention_id = ?", (intervention_id,)).fetchone()
    if row is None:
        raise SystemExit(f"no intervention {intervention_id}; `python crm.py list` shows those that are open")
    fields = {name: value for name, value in fields.items() if value}
    event_id = str(uuid5(NAMESPACE_URL, "/".join(map(str, (intervention_id, status, *fields.items())))))
    event = {"kind": "intervention_outcome", "schema_version": 1, "event_id": event_id, "producer": PRODUCER}
    event |= {"customer_id": row[0], "intervention_id": intervention_id, "status": status} | fields
    with store:
        store.execute("BEGIN IMMEDIATE")
        event["event_time"] = instant()
        store.execute("INSERT OR IGNORE INTO outbox VALUES (?, ?, ?, 0)", (event_id, row[0], orjson.dumps(event)))
    return event_id


def open_cases(store: sqlite3.Connection) -> list[dict[str, Any]]:
    """Returns open cases with all their updates applied, highest expected net value first."""
    rows = store.execute("SELECT json_patch(message, changes) FROM cases WHERE message IS NOT NULL")
    cases = [{"state": "open"} | orjson.loads(text) for (text,) in rows]
    live = [case for case in cases if case["state"] not in ENDED]
    return sorted(live, key=lambda case: (-case["expected_net_value"], case["intervention_id"]))


def instant() -> str:
    """Returns now in RFC 3339."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def main() -> None:
    """Runs one of the three commands."""
    parser = argparse.ArgumentParser(description="An example of a CRM that works with Keepline.")
    parser.add_argument("--store", default="crm.sqlite", help="file of the store (default: crm.sqlite)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="read interventions and updates, send outcomes")
    commands.add_parser("list", help="list open cases")
    reply = commands.add_parser("answer", help="record the outcome of an intervention")
    reply.add_argument("intervention_id")
    reply.add_argument("status", choices=STATUSES)
    for name, kind in (("agent", str), ("channel", str), ("cost", float)):
        reply.add_argument(f"--{name}", type=kind)
    reply.add_argument("--cause", action="append", help="may be repeated")
    args = parser.parse_args()
    store = open_store(args.store)
    if args.command == "run":
        with suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(run(store))
    elif args.command == "answer":
        fields = {"agent_id": args.agent, "channel": args.channel, "cost": args.cost, "causes": args.cause}
        print(answer(store, args.intervention_id, args.status, fields))
    for case in open_cases(store) if args.command == "list" else ():
        print(*(case[name] for name in ("intervention_id", "customer_id", "tier", "state", "window_ends_at")))


if __name__ == "__main__":
    main()
